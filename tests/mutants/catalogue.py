"""The safety rules, and how each looks when it is gone.

A mutant takes one rule out of the code. Some test must fail for it: a rule whose
removal nobody notices is not a rule.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One rule removed.

    Args:
        rule: what does not hold any more.
        file: where it stood.
        old, new: the text that held it, once in the file, and what stands there now.
        tests: where it must be noticed.
    """

    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


SENDER = ("tests/actors/test_sender.py", "tests/actors/test_one_order.py")
BROKER = ("tests/actors/test_broker.py", "tests/actors/test_recovery.py")
LOOKS = ("tests/actors/test_reconciler.py", "tests/actors/test_doubts.py")
KEYS = ("tests/actors/test_router.py", "tests/ordo/http/test_idempotency.py")
SWITCH = ("tests/actors/test_killswitch.py", "tests/actors/test_trading.py")
STORE = ("tests/adapters/test_sqlite_store.py", "tests/adapters")
PACE = ("tests/actors/test_limiter.py", "tests/actors/test_pacer.py")
HTTP = ("tests/adapters/test_http.py",)
CANCELS = ("tests/actors/test_cancels.py",)
CONSOLE = ("tests/ordo/console/test_delivery.py",)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "an order whose answer was lost is not sent again",
        "actors/sender.py",
        "            except SentUnknown as error:\n",
        "            except SentUnknown as error:\n"
        "                if await self._try_again(flight):\n"
        "                    continue\n",
        SENDER,
    ),
    Mutant(
        "SENDING is stored before the first byte",
        "actors/sender.py",
        "if not sending and not await self._journal.save_sending(flight.order_id):",
        "if False and not await self._journal.save_sending(flight.order_id):",
        SENDER,
    ),
    Mutant(
        "what was not stored as SENDING does not leave",
        "actors/sender.py",
        'raise Stopped("not_sent", "the store could not take it")',
        "pass",
        SENDER,
    ),
    Mutant(
        "only what did not leave is tried again, three times",
        "actors/sender.py",
        "if flight.attempts >= SEND_TRIES:",
        "if flight.attempts >= 99:",
        SENDER,
    ),
    Mutant(
        "the last look is the last thing before the first byte",
        "actors/sender.py",
        "        self._may_go(flight)\n        assert flight.slot is not None",
        "        assert flight.slot is not None",
        SENDER,
    ),
    Mutant(
        "an order whose deadline passed does not leave",
        "actors/sender.py",
        "if trio.current_time() >= flight.deadline:\n            raise Stopped(",
        "if False:\n            raise Stopped(",
        SENDER,
    ),
    Mutant(
        "an order whose cancel came first does not leave",
        "actors/sender.py",
        "        if flight.cancel_wanted:\n            raise Stopped(",
        "        if False:\n            raise Stopped(",
        (*SENDER, *CANCELS),
    ),
    Mutant(
        "no order leaves through an open breaker",
        "actors/sender.py",
        "        if not self._line.closed:\n            raise self._line.unavailable",
        "        if False:\n            raise self._line.unavailable",
        SENDER,
    ),
    Mutant(
        "no order leaves from another address",
        "actors/sender.py",
        "            self._egress.check()\n",
        "            pass\n",
        ("tests/actors/test_egress.py", *SENDER),
    ),
    Mutant(
        "while halted no order leaves",
        "actors/trading.py",
        "            return not self._switch.engaged\n",
        "            return True\n",
        (*SWITCH, *SENDER),
    ),
    Mutant(
        "what is on the wire is listed",
        "actors/trading.py",
        "self._on_the_wire[order_id] = None",
        "pass",
        SWITCH,
    ),
    Mutant(
        "a state that cannot be read means halted",
        "actors/trading.py",
        "engaged=True, reason=UNREADABLE",
        "engaged=False, reason=UNREADABLE",
        (*SWITCH, "tests/e2e/test_store_failure.py"),
    ),
    Mutant(
        "the accept looks at the stored switch",
        "adapters/stores/writing.py",
        "        if not self._lets_pass(write):\n",
        "        if False:\n",
        STORE,
    ),
    Mutant(
        "what closes for a halt goes while that very halt is in force",
        "actors/trading.py",
        "        return closes_for == self.closes_for\n",
        "        return True\n",
        (*SWITCH, "tests/actors/test_closer.py"),
    ),
    Mutant(
        "a release that fails to be stored stays halted",
        "actors/killswitch.py",
        "                if down is None and self._halts == halts:\n"
        "                    self._state.change(switch)",
        "                if self._halts == halts:\n"
        "                    self._state.change(switch)",
        SWITCH,
    ),
    Mutant(
        "all parts of an order are accepted, or none is",
        "actors/placing.py",
        "        answers = whole(told)\n",
        "        answers = told\n",
        ("tests/actors/test_slicing.py",),
    ),
    Mutant(
        "the orders of a request have to be paid for together",
        "actors/basket.py",
        "                taken += needed\n",
        "                pass\n",
        ("tests/actors/test_basket.py",),
    ),
    Mutant(
        "one key, one body",
        "actors/keys.py",
        "        if known.fingerprint != message.fingerprint:\n"
        "            return KeyReused(expired=False)\n"
        "        if known.expired:",
        "        if known.expired:",
        KEYS,
    ),
    Mutant(
        "one key, one batch: the store says who is first",
        "adapters/stores/writing.py",
        "if not self._cursor.execute(_KEY, key + stored).rowcount:",
        "if self._cursor.execute(_KEY, key + stored).rowcount < 0:",
        STORE,
    ),
    Mutant(
        "an expired key is refused, not taken anew",
        "actors/keys.py",
        "        if known.expired:\n            return KeyReused(expired=True)\n",
        "",
        KEYS,
    ),
    Mutant(
        "a request that still runs is not run again",
        "actors/keys.py",
        "self._running[scope] = mine = Running(message.fingerprint)",
        "mine = self._running.setdefault(scope, Running(message.fingerprint))\n"
        "        mine = Running(message.fingerprint)\n"
        "        self._running = {scope: mine}",
        KEYS,
    ),
    Mutant(
        "after a restart, what may have left is not sent again",
        "actors/flights.py",
        "        if order_id in self._left_over:\n",
        "        if False:\n",
        BROKER,
    ),
    Mutant(
        "after a restart, what was being sent is unknown and not unsent",
        "actors/recovery.py",
        "        if record.sending_at is None:\n",
        "        if True:\n",
        BROKER,
    ),
    Mutant(
        "the gate stays shut until old orders are looked up",
        "actors/admission.py",
        "        if not self._reconciler.recovered:\n",
        "        if False:\n",
        (*BROKER, *LOOKS),
    ),
    Mutant(
        "not placed is never said before two minutes",
        "actors/doubts.py",
        "return read_at - doubt.since >= PATIENCE and len(",
        "return len(",
        LOOKS,
    ),
    Mutant(
        "not placed is never said after fewer than three reads",
        "actors/doubts.py",
        " and len(doubt.missing) >= READS",
        "",
        LOOKS,
    ),
    Mutant(
        "not placed is never said while a position is unexplained",
        "actors/comparing.py",
        "    return moved == traded\n",
        "    return True\n",
        LOOKS,
    ),
    Mutant(
        "an order on its way is never missing",
        "actors/comparing.py",
        "        if self._in_flight(order_id):\n            return False\n",
        "",
        (*LOOKS, "tests/actors/test_broker.py"),
    ),
    Mutant(
        "the next of its kind goes once it is stored that one was found",
        "actors/taking_over.py",
        "        changed = [each.before.order_id for each in taken",
        "        for each in taken:\n"
        "            self._certain(each.before.order_id)\n"
        "        changed = [each.before.order_id for each in taken",
        ("tests/actors/test_one_of_a_kind.py",),
    ),
    Mutant(
        "an order that is just being stored is stored again behind that",
        "actors/journal.py",
        "                taken.append(order_id)\n",
        "                pass\n",
        ("tests/actors/test_journal.py", "tests/actors/test_taking_over.py"),
    ),
    Mutant(
        "nothing is told that is not on disk",
        "actors/journal.py",
        "        if unsaved is None or record.status is OrderStatus.DENIED:\n",
        "        if True:\n",
        ("tests/actors/test_journal.py", *SENDER),
    ),
    Mutant(
        "what could not be stored is tried again",
        "actors/journal.py",
        "            for order_id in tuple(self._unsaved):\n",
        "            for order_id in ():\n",
        ("tests/actors/test_journal.py", *BROKER),
    ),
    Mutant(
        "a stale book takes no fill back",
        "actors/lifecycle.py",
        "    if filled < 0 or (to is record.status and filled == 0):\n",
        "    if to is record.status and filled == 0:\n",
        ("tests/actors/test_lifecycle.py",),
    ),
    Mutant(
        "the audit is written in the transaction of the change",
        "adapters/stores/writing.py",
        "        return self._put_audit(seal_with) if self._audit else []\n",
        "        return []\n",
        STORE,
    ),
    Mutant(
        "a commit is on disk before it is answered",
        "adapters/stores/opening.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        STORE,
    ),
    Mutant(
        "one process to a data directory",
        "adapters/stores/lock.py",
        "            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            pass\n",
        ("tests/adapters/test_data_lock.py",),
    ),
    Mutant(
        "business rejects do not open the breaker",
        "actors/verdicts.py",
        "CallResult.REJECTED: Verdict.SUCCEEDED",
        "CallResult.REJECTED: Verdict.FAILED",
        ("tests/actors/test_breaker.py", "tests/actors/test_breaker_codes.py"),
    ),
    Mutant(
        "a second of a broker's count is a little longer than ours",
        "actors/windows.py",
        "SLACK = 1.05\n",
        "SLACK = 0.95\n",
        PACE,
    ),
    Mutant(
        "after a restart the last second counts as full",
        "actors/recovery.py",
        "        self._limiter.pause(trio.current_time() + SECOND * SLACK)\n",
        "",
        BROKER,
    ),
    Mutant(
        "an answer that never came does not prove that nothing left",
        "adapters/http1.py",
        '            raise SentUnknown("the connection ended before the answer did")\n',
        '            raise NotSent("the connection ended before the answer did")\n',
        HTTP,
    ),
    Mutant(
        "a connection that breaks off does not prove that nothing left",
        "adapters/http1.py",
        '    return SentUnknown(f"the connection broke',
        '    return NotSent(f"the connection broke',
        HTTP,
    ),
    Mutant(
        "an answer that nobody asked for is not the next order's",
        "adapters/http1.py",
        "            self.keeps = False  # a second answer, which nobody asked for\n",
        "            pass\n",
        HTTP,
    ),
    Mutant(
        "a connection on which something waits carries no other order",
        "adapters/lanes.py",
        "                if lane.http.is_quiet():\n",
        "                if True:\n",
        HTTP,
    ),
    Mutant(
        "the cancel of an order that is not found yet is remembered",
        "actors/cancels.py",
        "        self._wanted.setdefault(order_id, by)\n",
        "        pass\n",
        CANCELS,
    ),
    Mutant(
        "a change is recorded before it leaves",
        "actors/changes.py",
        "        if not await journal.flush(order_id):\n",
        "        if False:\n",
        ("tests/actors/test_changes.py",),
    ),
    Mutant(
        "only an admin releases the kill-switch",
        "ordo/http/safety.py",
        '    if call.principal.scope != "admin":\n',
        "    if False:\n",
        ("tests/ordo/http/test_access.py", "tests/ordo/http"),
    ),
    Mutant(
        "what is sent by hand is on record before it is delivered",
        "ordo/console/delivery.py",
        "    await _record(call, actor, entry, wanted.way, form, message)\n",
        "",
        CONSOLE,
    ),
    Mutant(
        "what cannot be recorded is not delivered by hand",
        "ordo/console/delivery.py",
        "    if not entry.reads:\n",
        "    if False:\n",
        CONSOLE,
    ),
    Mutant(
        "what moves money by hand is looked at twice",
        "ordo/console/delivery.py",
        "    if words is not None and not wanted.confirmed:\n",
        "    if False:\n",
        CONSOLE,
    ),
    Mutant(
        "a revoked token delivers nothing more",
        "ordo/console/session.py",
        "        if not self._is_good():\n",
        "        if False:\n",
        ("tests/ordo/console/test_session.py",),
    ),
    Mutant(
        "a name that an actor does not know is not sent to it",
        "ordo/console/making.py",
        '    check_brokers(form.brokers, known, "$.brokers")\n',
        "",
        ("tests/ordo/console/test_no_crash.py", *CONSOLE),
    ),
    Mutant(
        "a secret does not show itself",
        "adapters/secret.py",
        '        return "***"\n',
        "        return self._text\n",
        ("tests/adapters", "tests/ordo/test_config.py"),
    ),
    Mutant(
        "an order that nobody was handed is denied, and not left placed",
        "actors/orphans.py",
        "                await self._deny(row)\n",
        "                pass\n",
        ("tests/actors/test_orphans.py",),
    ),
    Mutant(
        "a look that failed does not count as one",
        "actors/reconciler.py",
        "            self._failed(error)\n",
        "            self._failed(error)\n"
        "            self.doubts.looked(trio.current_time())\n",
        LOOKS,
    ),
    Mutant(
        "buys of a sequential batch wait until their sells are filled",
        "actors/sequence.py",
        "            if all(sell.status in FILLED for sell in sells):\n",
        "            if True:\n",
        ("tests/actors/test_sequence.py",),
    ),
    Mutant(
        "a halt ends the wait of buys for good",
        "actors/sequence.py",
        "        if switch.engaged or switch.version != version:\n",
        "        if False:\n",
        ("tests/actors/test_sequence.py",),
    ),
    Mutant(
        "an order is settled on its settlement day, not before",
        "actors/settlement.py",
        "if due_at(row, self._calendar) <= now]",
        "]",
        ("tests/actors/test_settlement.py",),
    ),
)
