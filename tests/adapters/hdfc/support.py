"""What HDFC's tests share: the samples, the addresses, an order."""

from pathlib import Path

import httpx

from adapters.brokers.hdfc import HdfcSettings
from adapters.secret import Secret

SAMPLES = Path(__file__).parents[2] / "samples" / "hdfc"
API = "https://developer.hdfcsec.com/oapi/v1"
PLACE = f"{API}/orders/regular"
PROFILE = "https://developer.hdfcsec.com/oapi/v3/user/profile"
REF = "1" * 15
SETTINGS = HdfcSettings(
    api_key=Secret("KEY"),
    secret=Secret("SECRET"),
    username="1234567",
    password=Secret("hunter2"),
)

TLS = httpx.create_ssl_context(trust_env=False)
"""One for all tests: to read the authorities takes longer than a test."""


def look():
    """A last look that agrees."""


def sample(name):
    return (SAMPLES / f"{name}.json").read_bytes()


def answer(name, status=200):
    kind = {"Content-Type": "application/json"}
    return httpx.Response(status, content=sample(name), headers=kind)


def good(data):
    return httpx.Response(200, json={"status": "success", "data": data})


def no(words, status=200):
    return httpx.Response(status, json={"status": "error", "message": words})
