"""A steady load for minutes, then twice what Ordo can take: `make soak`."""
