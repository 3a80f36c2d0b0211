"""How the config file of an agent client is written: one file per client."""
