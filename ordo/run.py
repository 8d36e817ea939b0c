"""`ordo serve`: open the data directory, build the system, run the tree."""

from __future__ import annotations

import functools
import gc
import logging
import os
import random
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import trio

from actors.clockwork import Clockwork, Ids, utc_now
from actors.supervisor import RestartIntensityExceeded, Supervisor
from adapters import BrokerPort, OrderQuery, OrdoError
from adapters.catalogue import Surroundings, factory
from adapters.grants import seal_grant
from adapters.stores.sqlite import SqliteStore
from adapters.trust import usual_trust
from ordo import logs, tls
from ordo.checks import clock_of, echoes
from ordo.config import Settings, address
from ordo.data import keyring_of, opened
from ordo.doors import Doors, halt_at_start
from ordo.grants import Sessions, grants_at_start
from ordo.http.server import HttpServer
from ordo.masters import MasterStore, parsers
from ordo.progress import Progress
from ordo.publishing import channels_of, publishers_of
from ordo.system import System
from ordo.telemetry import sender_of, telemetry_of
from ordo.tokens import TokenBook
from ordo.tree import tree_of

log = logging.getLogger("ordo")

SWITCH_EVERY = 0.0005
"""Seconds a thread may keep the interpreter while another wants it. A commit wants it
after each statement: at Python's 5 ms a busy loop would make each of them wait."""
EXIT_FAILED = 70
"""The tree gave up, or the store was failing at the end: a restart is called for."""


class Endpoint(NamedTuple):
    """Where clients reach Ordo, and the CA they need to trust; None without TLS."""

    url: str
    ca: Path | None
    fingerprint: str | None


def serve(
    settings: Settings, *, ready: Callable[[Endpoint], None] | None = None
) -> int:
    """Run until told to stop.

    Args:
        settings: checked.
        ready: told where clients find Ordo, once it answers there.

    Returns:
        The exit status: 0 after an orderly stop.

    Raises:
        OrdoError: it cannot start; one line says why.
    """
    with logs.kept(settings.log), opened(settings) as store:
        return trio.run(_main, settings, store, ready or _announce)


async def _main(
    settings: Settings, store: SqliteStore, ready: Callable[[Endpoint], None]
) -> int:
    keys = keyring_of(settings, store)
    rng = random.SystemRandom()
    # Ids are no secrets, and an order takes four: the kernel is not asked for each.
    chance = random.Random(rng.getrandbits(128))  # noqa: S311
    ids = Ids(utc_now, chance, after=_newest_id(store))
    clockwork = Clockwork(wall=utc_now, ids=ids, rng=rng)
    adapters = dict.fromkeys(table.adapter for table in settings.brokers.values())
    instruments = MasterStore(
        settings.data.path / "instruments", parsers(adapters), run_sync=_in_thread()
    )
    ports = _ports(settings, clockwork, instruments)
    addresses = echoes(settings)
    tokens = TokenBook(settings.data.path / "tokens.json", settings.auth.token)
    publishers = publishers_of(settings, clockwork.wall)
    channels = channels_of(settings, clockwork.wall)
    counts = sender_of(settings)
    bar = Progress("recovery", "orders")
    system = System(
        settings,
        store,
        tokens,
        ports,
        clockwork,
        write_sync=_in_thread(),
        read_sync=_in_thread(),
        long_sync=_in_thread(abandoned=True),
        instruments=instruments,
        grants=grants_at_start(settings, ports, Sessions(store, keys), utc_now()),
        seal=functools.partial(seal_grant, keys),
        looks={name: echo.ask for name, echo in addresses.items()},
        publishers=publishers,
        channels=channels,
        clock=clock_of(settings, clockwork.wall),
        took_up=lambda broker, done, total: bar.at(done, total=total, doing=broker),
    )
    system.telemetry = telemetry_of(settings, system.records, counts, clockwork)
    system.started_at = trio.current_time()
    trio.lowlevel.add_instrument(system.loop)
    _settle_memory()
    sys.setswitchinterval(SWITCH_EVERY)
    http, endpoint = _http(system)

    def up(url: str) -> None:
        bar.close()
        ready(endpoint(url))

    server = http(up)
    halt_at_start(system.door, system.killswitch)
    gave_up = False
    try:
        # From here on SIGUSR1 halts; before, it ends a process that sends nothing yet.
        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            doors = Doors(system.door, signals, system.killswitch, system.trading)
            tree = tree_of(system, server.run, server.stop, doors.run)
            await _until_stopped(system, tree)
    except* RestartIntensityExceeded as error:
        log.critical("the tree gave up", exc_info=error, extra={"event": "ordo.failed"})
        gave_up = True
    finally:
        with trio.move_on_after(5, shield=True):  # sockets left open would leak
            for port in ports.values():
                await port.aclose()
            for echo in addresses.values():
                await echo.aclose()
            for publisher in publishers:
                await publisher.aclose()
            for channel in channels:
                await channel.aclose()
            if counts is not None:
                await counts.aclose()
        instruments.close()
    return EXIT_FAILED if gave_up or not system.store.ok else 0


def _newest_id(store: SqliteStore) -> str:
    """The last id of an earlier run: orders are listed and paged by their ids."""
    newest = store.orders(OrderQuery(limit=1))
    return max(newest[0].order_id, newest[0].batch_id) if newest else "0"


def _settle_memory() -> None:
    """Keep the collector from walking, again and again, over what was loaded for good.

    Messages and requests are freed by counting; the cycles that remain are few.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _until_stopped(system: System, tree: Supervisor) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_on_signal, system, tree)
        await tree.run()
        nursery.cancel_scope.cancel(reason="the tree has stopped")


async def _on_signal(system: System, tree: Supervisor) -> None:
    """The first signal begins an orderly stop; a second one ends it at once."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            name = signal.Signals(number).name
            if system.stopping:
                log.warning(
                    "%s again: ending at once", name, extra={"event": "ordo.ended"}
                )
                logs.flush()
                os._exit(EXIT_FAILED)  # safe by design: the store knows everything
            log.info("%s: stopping", name, extra={"event": "ordo.stopping"})
            system.stopping = True
            tree.stop()


def _in_thread(*, abandoned: bool = False) -> Callable[..., object]:
    """Calls in a thread of their own, one at a time.

    Args:
        abandoned: a stop does not wait for a call; for what only reads, and for long.
    """
    limiter = trio.CapacityLimiter(1)
    return functools.partial(
        trio.to_thread.run_sync, limiter=limiter, abandon_on_cancel=abandoned
    )


def _ports(
    settings: Settings, clockwork: Clockwork, instruments: MasterStore
) -> Mapping[str, BrokerPort]:
    ports, trust = {}, functools.cache(usual_trust)
    for name, table in settings.brokers.items():
        around = Surroundings(
            name=name,
            base_url=table.base_url,
            egress=table.egress,
            access_token=table.access_token,
            data=settings.data.path,
            wall=clockwork.wall,
            rng=clockwork.rng,
            instruments=instruments.indexes.of(table.adapter),
            trust=trust,
        )
        ports[name] = factory(table.adapter)(table.own, around)
    return ports


def _http(
    system: System,
) -> tuple[Callable[[Callable[[str], None]], HttpServer], Callable[[str], Endpoint]]:
    """How to make the server, and what its URL is to clients."""
    settings = system.settings.server
    cert = key = ca = fingerprint = None
    if settings.tls == "auto":
        files = tls.ensure(settings_dir(system), address(settings.bind).host)
        cert, key, ca, fingerprint = files.cert, files.key, files.ca, files.fingerprint
    elif settings.tls == "files":
        cert, key = Path(settings.cert).expanduser(), Path(settings.key).expanduser()
    client_ca = Path(settings.client_ca).expanduser() if settings.client_ca else None

    def make(ready: Callable[[str], None]) -> HttpServer:
        return HttpServer(
            system,
            settings.bind,
            cert=cert,
            key=key,
            client_ca=client_ca,
            ready=ready,
        )

    def endpoint(url: str) -> Endpoint:
        return Endpoint(url=url, ca=ca, fingerprint=fingerprint)

    return make, endpoint


def settings_dir(system: System) -> Path:
    """`DATA/tls`."""
    return system.settings.data.path / "tls"


def _announce(endpoint: Endpoint) -> None:
    """One line on standard output: programs that start Ordo wait for it."""
    lines = [f"Ordo is ready at {endpoint.url}"]
    if endpoint.ca is not None:
        lines.append(f"CA {endpoint.ca} SHA-256 {endpoint.fingerprint}")
    with suppress(BrokenPipeError):
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


__all__ = ["Endpoint", "OrdoError", "serve"]
