"""Simulated connectors: the paper broker's desk in the manner of a real broker.

Orders are taken, or refused in that broker's codes, and stay open until somebody fills
them; the same orders get the same ids.
"""
