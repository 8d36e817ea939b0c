"""`python -m ordo`: the same as the `ordo` command."""

from ordo.cli import main

main(prog_name="ordo")
