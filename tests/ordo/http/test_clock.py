"""A wrong clock in the status."""

from __future__ import annotations

import pytest

from actors.clock_watch import ClockWatch
from adapters.sntp import Reading
from tests.ordo.http.caller import calling
from tests.support.gateway import wall

SERVER = "ntp.example.org"


@pytest.mark.parametrize(("ahead", "ok"), [(30.0, False), (0.5, True)])
async def test_a_wrong_clock_is_a_warning_in_the_status(
    autojump_clock, tmp_path, ahead, ok
):
    async def ask():
        return Reading(ahead, 0.01)

    async with calling(tmp_path) as caller:
        caller.system.clock = ClockWatch(SERVER, ask, wall, limit=1.0)
        before = await caller.get("/api/v1/status", scope="read")
        assert await caller.system.clock.look()
        after = await caller.get("/api/v1/status", scope="read")
    assert before.data["clock"]["offset_ms"] is None
    assert before.data["warnings"] == []
    assert after.data["clock"] == {
        "server": SERVER,
        "ok": ok,
        "limit_ms": 1000,
        "offset_ms": ahead * 1000,
        "doubt_ms": 10,
        "checked_at": after.data["clock"]["checked_at"],
        "error": None,
    }
    words = f"our clock is 30.0 s behind {SERVER}; set it by NTP, and see: ordo doctor"
    assert after.data["warnings"] == ([] if ok else [words])
