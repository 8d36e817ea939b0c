"""Doors to brokers trust the same authorities, and hold them once."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import trio

from actors.clockwork import Clockwork, Ids, utc_now
from ordo import run
from ordo.config import load
from ordo.masters import MasterStore
from tests.support.processes import fyers_table, write_config

BROKERS: dict[str, dict[str, Any]] = {
    "one": fyers_table("http://127.0.0.1:9"),
    "two": fyers_table("http://127.0.0.1:9"),
    "three": {"adapter": "hdfc", "api_key": "K"},
    "four": {"adapter": "mstock", "api_type": "A", "api_key": "K"},
}


async def test_all_doors_share_one_tls_context(tmp_path: Path) -> None:
    settings = load(write_config(tmp_path, BROKERS))
    rng = random.Random(1)
    clockwork = Clockwork(wall=utc_now, ids=Ids(utc_now, rng), rng=rng)
    masters = MasterStore(tmp_path, {}, run_sync=trio.to_thread.run_sync)
    ports: dict[str, Any] = dict(run._ports(settings, clockwork, masters))
    try:
        doors = [port._http for port in ports.values()]
        assert len({id(door.tls) for door in doors}) == 1
    finally:
        for port in ports.values():
            await port.aclose()
