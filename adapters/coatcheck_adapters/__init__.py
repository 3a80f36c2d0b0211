"""One file per outside thing that coatcheck knows: servers, results, clients, stores."""
