"""The broker adapters: one package each, named as in the catalogue."""
