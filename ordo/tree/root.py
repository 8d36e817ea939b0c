"""The root, and its children in the one order that everything follows.

Build, start, stop (reversed) and ask: an actor is handed only mailboxes made before its
own, so two actors never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from actors.killswitch import KillSwitch
from actors.router import Router
from actors.supervisor import Child, Start, Strategy, Supervisor
from actors.writer import COMMIT_TIMEOUT, Writer
from adapters import Write
from ordo.system import System
from ordo.tree.apart import closer, doors_of, masters
from ordo.tree.brokers import brokers
from ordo.tree.supervising import report
from ordo.tree.telling import patient, publishers
from ordo.tree.upkeep import housekeeping, settlement

ROUTER_GRACE = 2.0
"""Seconds for batches that no client waits for: `http`, stopped before, has waited
`drain_timeout` for the others. What has not left by then does not leave."""


def tree_of(
    system: System,
    http: Start | None,
    stop_http: Callable[[], None],
    doors: Start | None = None,
) -> Supervisor:
    """The whole tree, which `system.root` is from now on.

    Args:
        http: serves clients; None: there are none.
        stop_http: tells it to let them go.
        doors: watches the ways to halt that need no client; None: nobody does.
    """
    system.root = Supervisor(
        "root",
        tuple(_children(system, http, stop_http, doors)),
        strategy=Strategy.REST_FOR_ONE,
        intensity=3,
        period=60.0,
        rng=system.clockwork.rng,
        on_event=report,
    )
    return system.root


def _children(
    system: System,
    http: Start | None,
    stop_http: Callable[[], None],
    doors: Start | None,
) -> Iterator[Child]:
    yield _writer(system)
    yield _killswitch(system)
    if doors is not None:
        yield doors_of(system, doors)
    yield brokers(system)
    yield _router(system)
    yield closer(system)
    yield masters(system)
    if system.outboxes or system.means.channels:
        yield publishers(system)
    if http is not None:
        drain = system.settings.server.drain_timeout + 2.0
        yield Child("http", http, stop=stop_http, grace=drain)
    if system.clock is not None:
        yield patient("clock", system.clock.run)
    if system.telemetry is not None:
        yield patient("telemetry", system.telemetry.run)
    yield settlement(system)
    yield housekeeping(system)  # last: it begins once clients are served


def _writer(system: System) -> Child:
    def committed(writes: Sequence[Write], requests: int, seconds: float) -> None:
        system.meters.commit(writes, requests, seconds)
        system.feed.committed()

    writer = Writer(
        system.writer,
        system.means.store,
        system.store,
        run_sync=system.means.write_sync,
        committed=committed,
    )
    return Child(
        "writer",
        writer.run,
        mailbox=system.writer,
        grace=3 * COMMIT_TIMEOUT,
        suspends=True,
    )


def _killswitch(system: System) -> Child:
    switch = KillSwitch(
        system.killswitch, system.writer, system.trading, system.clockwork.wall
    )
    return Child("kill-switch", switch.run, mailbox=system.killswitch)


def _router(system: System) -> Child:
    router = Router(
        system.router,
        system.brokers,
        system.writer,
        system.records,
        system.trading,
        system.store,
        system.clockwork,
        system.pretrade,
        system.indexes,
    )
    return Child(
        "router",
        router.run,
        mailbox=system.router,
        stop=router.stop,
        grace=ROUTER_GRACE,
    )
