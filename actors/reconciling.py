"""Answers who wants a broker's book held against Ordo's orders now."""

import trio

from actors.line import Line
from actors.mailbox import Request
from actors.messages import Denial, FetchFailed, Looked, Reconcile, Reconciled
from actors.ownership import Ownership
from actors.reads import failure, millis
from actors.reconciler import Reconciler
from actors.round import Round
from actors.untagged import Untagged
from adapters import BrokerError


class Reconciling:
    """Reconciles one broker when asked to.

    Args:
        line: to the broker.
        reconciler: has its book read.
        ownership: tells which rows are Ordo's.
        untagged: tells which rows may be.
    """

    def __init__(
        self,
        line: Line,
        reconciler: Reconciler,
        ownership: Ownership,
        untagged: Untagged,
    ) -> None:
        self._line = line
        self._reconciler = reconciler
        self._ownership = ownership
        self._untagged = untagged

    async def answer(self, request: Request) -> None:
        """Carry out a `Reconcile`, inside its deadline; who asked is on record."""
        message: Reconcile = request.message
        name, session = self._line.name, self._line.session
        with request:
            self._line.note(
                "broker.reconcile_requested", {}, message.by, message.request_id
            )
            if not session.usable:
                words = f"{name} wants a login ({session.reason})"
                request.reply(self._refused("login_required", words))
                return
            with trio.move_on_at(request.deadline):
                round_ = await self._reconciler.fresh_round()
                request.reply(self._told(round_))
                return
            request.reply(self._refused("deadline_exceeded", "no answer in time"))

    async def look(self, request: Request) -> None:
        """Carry out a `LookAtBook`, inside its deadline."""
        with request, trio.move_on_at(request.deadline):
            await self._reconciler.look()
            request.reply(Looked())

    def _told(self, round_: Round) -> Reconciled:
        failed = None
        if isinstance(round_.error, BrokerError | trio.TooSlowError):
            failed = failure(self._line.name, round_.error, round_.tries)
        shown = self._ownership.shown(round_.book or (), self._untagged.may_be)
        return Reconciled(
            broker=self._line.name,
            orders_checked=round_.compared,
            rows_checked=None if round_.book is None else len(round_.book),
            differences=tuple(round_.differences),
            orders=tuple(row for row in shown if row.external is not False),
            attempts=round_.tries.made,
            latency_ms=millis(round_.tries),
            failure=failed,
        )

    def _refused(self, code: str, words: str) -> Reconciled:
        denial = Denial(code=code, message=words)
        failed = FetchFailed(broker=self._line.name, denial=denial)
        return Reconciled(broker=self._line.name, failure=failed)
