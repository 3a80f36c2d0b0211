"""How to reach an upstream: one file per transport."""
