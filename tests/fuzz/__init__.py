"""Hostile input: generated requests, and bytes that no decent client sends."""
