"""How fast Ordo is, against a venue on the same machine: `make bench`."""
