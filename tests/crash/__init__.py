"""Kill -9 at random moments under load, restart, compare with the venue.

`python -m tests.crash --kills 100` is `make crash`; `make test` runs a few kills.
"""
