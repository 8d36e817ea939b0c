"""`ordo demo`: three paper brokers and everything made on the spot, to be tried out."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from adapters.brokers.paper import PaperSettings
from ordo.config import Broker, Log, Settings
from ordo.files import replace
from ordo.run import Endpoint, serve
from ordo.tokens import Scope, TokenBook

PAPERS = {
    "alpha": PaperSettings(seed=1),
    "beta": PaperSettings(seed=2),
    "slow": PaperSettings(seed=3, delay=0.8, jitter=0.4, refuse_rate=0.5),
}
"""Two that answer at once, and one that is slow and refuses every other order."""


def run(settings: Settings) -> int:
    """Serve the demo until told to stop.

    Args:
        settings: where to listen and where to keep the data; brokers are not read.

    Returns:
        The exit status.
    """
    demo = msgspec.structs.replace(
        settings,
        log=Log(level="WARNING", format="console"),
        brokers={
            name: Broker(name=name, adapter="paper", own=own)
            for name, own in PAPERS.items()
        },
    )
    data = demo.data.path
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = _admin_token(data)
    return serve(demo, ready=lambda endpoint: _invite(endpoint, data, token))


def _admin_token(data: Path) -> str:
    """The token of an earlier run if it is still good, else a new one."""
    file, book = data / "admin.token", TokenBook(data / "tokens.json")
    if file.exists():
        token = file.read_text().strip()
        if book.principal(token) is not None:
            return token
    token = book.new(Scope.ADMIN, name="demo")
    replace(file, f"{token}\n".encode(), mode=0o600)
    return token


def _invite(endpoint: Endpoint, data: Path, token: str) -> None:
    """What to type next."""
    order = (
        '{"brokers": ["alpha", "beta", "slow"], "orders": [{"symbol": "NSE:SBIN", '
        '"side": "BUY", "quantity": 10, "type": "LIMIT", "price": 815, '
        '"product": "CNC"}]}'
    )
    trust = f"--cacert {endpoint.ca} " if endpoint.ca else ""
    sys.stdout.write(
        f"""
Ordo is ready at {endpoint.url}, with the paper brokers {", ".join(PAPERS)}.
`slow` takes its time and refuses every other order, so that you see partial success.

Admin token (also in {data / "admin.token"}): {token}
CA {endpoint.ca} SHA-256 {endpoint.fingerprint}

Send an order to all three, in another terminal:

curl -s {trust}-H 'Authorization: Bearer {token}' \\
  -H "Idempotency-Key: try-$(date +%s)" \\
  -d '{order}' {endpoint.url}/api/v1/orders

Stop with Ctrl-C.
"""
    )
    sys.stdout.flush()
