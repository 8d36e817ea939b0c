"""`docs/reference`, out of the code: `python -m tests.reference` writes it anew."""
