"""For calls without TLS: httpx reads the authorities for each client otherwise."""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and costs nothing: to read whom to trust takes 30 ms of processor."""
