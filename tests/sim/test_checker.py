"""The checker's own teeth: each invariant is broken on purpose, and is told."""

from decimal import Decimal

import msgspec

from actors import breaker
from actors.journal import Journal
from actors.landings import Landings
from actors.trading import TradingState
from tests.sim import run
from tests.sim.plan import HaltPlan, calm, make
from tests.sim.port import Port
from tests.sim.run import play
from tests.sim.store import SimStore
from tests.sim.venue import Venue
from tests.sim.world import World


def quiet(seed=3):
    """A seed in which nothing goes wrong by itself."""
    plan = make(seed)
    plan.mode = "liveness"
    calm(plan)
    return plan


def broken(plan):
    """The invariants that a plan breaks."""
    return {line.split()[1] for line in play(plan).breaks}


def some_seed_tells(invariant, change):
    """Whether it is broken by one of some quiet seeds, changed so."""
    for seed in range(12):
        plan = quiet(seed)
        change(plan)
        if invariant in broken(plan):
            return True
    return False


def test_a_quiet_plan_breaks_nothing():
    assert broken(quiet()) == set()


def test_an_order_booked_twice_is_told(monkeypatch):
    book = Venue.book

    def twice(self, order, tag, now, fault):
        book(self, order, tag, now, fault)
        return book(self, order, tag, now, fault)

    monkeypatch.setattr(Venue, "book", twice)
    assert "I1" in broken(quiet())


def test_an_order_that_nobody_here_knows_is_told(monkeypatch):
    book = Venue.book

    def foreign(self, order, tag, now, fault):
        return book(self, order, f"X{tag}", now, fault)

    monkeypatch.setattr(Venue, "book", foreign)
    assert "I2" in broken(quiet())


def test_a_store_that_forgets_is_told(monkeypatch):
    written = SimStore.bytes

    def forgetful(self):
        copy = written(self)
        copy._orders.clear()
        copy._batches.clear()
        copy._keys.clear()
        return copy

    monkeypatch.setattr(SimStore, "bytes", forgetful)
    plan = quiet()
    plan.crashes = [600]
    assert {"I2", "I3"} <= broken(plan)


def test_a_fill_that_the_store_does_not_know_is_told(monkeypatch):
    monkeypatch.setattr(run.check, "check_liveness", _cheated(run.check.check_liveness))
    assert "I8" in broken(quiet())


def _cheated(check):
    def checked(world):
        for venue in world.venues.values():
            for entry in venue.entries.values():
                entry.fills = [*entry.fills, *entry.fills[:1]]
        check(world)

    return checked


def test_a_burst_beyond_the_broker_s_limit_is_told(monkeypatch):
    depart = Venue.depart

    def eleven(self, *args):
        for _ in range(11):
            depart(self, *args)

    monkeypatch.setattr(Venue, "depart", eleven)
    assert "I6" in broken(quiet())


def test_an_order_that_leaves_after_the_kill_switch_answered_is_told(monkeypatch):
    monkeypatch.setattr(TradingState, "check", lambda self, closes_for=None: None)
    assert some_seed_tells("I7", halted)


def test_what_is_on_the_wire_and_not_named_is_told(monkeypatch):
    monkeypatch.setattr(TradingState, "on_the_wire", ())

    def slow(plan):
        halted(plan)
        plan.only = frozenset({"very_slow"})
        for broker in plan.brokers.values():
            broker.share = 1.0

    assert some_seed_tells("I7", slow)


def halted(plan):
    """The kill-switch is engaged while baskets of orders come in."""
    plan.halts = [HaltPlan(at, 8.0, cancel_open=False) for at in (5.001, 20.001)]


def test_a_denial_of_what_the_broker_has_is_told(monkeypatch):
    def denied(self, flight, answer):
        return self.denied(flight, "not_sent", "a lie")

    monkeypatch.setattr(Landings, "answered", denied)
    assert "I4" in broken(quiet())


def test_a_change_without_its_audit_record_is_told(monkeypatch):
    queue = Journal._queue

    def silent(self, write):
        queue(self, msgspec.structs.replace(write, audit=()))

    monkeypatch.setattr(Journal, "_queue", silent)
    assert "I9" in broken(quiet())


def test_a_breaker_that_counts_rejects_is_told(monkeypatch):
    verdicts = dict(breaker.VERDICTS)
    verdicts[breaker.CallResult.REJECTED] = breaker.Verdict.FAILED
    monkeypatch.setattr("actors.breaker.VERDICTS", verdicts)
    monkeypatch.setattr("actors.line.VERDICTS", verdicts)

    def rejected(plan):
        plan.only = frozenset({"reject"})
        for broker in plan.brokers.values():
            broker.share = 1.0

    assert some_seed_tells("I12", rejected)


def test_an_order_taken_for_another_is_told(monkeypatch):
    place = Port.place

    async def mistaken(self, order, tag, last_look):
        answer = await place(self, order, tag, last_look)
        return msgspec.structs.replace(answer, broker_order_id="9999")

    monkeypatch.setattr(Port, "place", mistaken)
    plan = quiet()
    for broker in plan.brokers.values():
        broker.tagged = False  # else the book would put it right
    assert "I3" in broken(plan)


def test_fills_that_were_told_wrongly_are_told(monkeypatch):
    monkeypatch.setattr("actors.lifecycle._fill_price", lambda record, row: Decimal(1))
    assert broken(quiet()) == {"I8"}


def test_a_token_stored_in_the_clear_is_told(monkeypatch):
    monkeypatch.setattr(
        "tests.sim.world._sealed", lambda name, grant: grant.access_token.reveal()
    )
    plan = quiet()
    plan.only = frozenset({"session"})
    for broker in plan.brokers.values():
        broker.login, broker.share = "unattended", 0.5
    assert "I10" in broken(plan)


def test_a_broker_left_shut_out_is_told(monkeypatch):
    monkeypatch.setattr(
        "actors.breaker.Breaker.state", lambda self, now: breaker.BreakerState.OPEN
    )
    plan = quiet()
    plan.batches = []
    told = {" ".join(line.split()[1:7]) for line in play(plan).breaks}
    assert told == {f"I3 {name} takes no order any" for name in plan.brokers}


def test_a_message_left_in_a_queue_is_told(monkeypatch):
    class Box:
        name, depth, urgent_depth = "forgotten", 1, 0

    check = run.check.check_liveness

    def with_one(world: World) -> None:
        assert world.system is not None
        world.system.writer = Box()
        check(world)

    monkeypatch.setattr(run.check, "check_liveness", with_one)
    assert broken(quiet()) == {"I11"}


def test_two_batches_of_one_key_are_told(monkeypatch):
    accept = SimStore._accept

    def blind(self, write):
        self._keys.clear()
        return accept(self, write)

    monkeypatch.setattr(SimStore, "_accept", blind)

    def repeated(plan):
        for batch in plan.batches:
            batch.again = [batch.at + 0.5, batch.at + 30]

    assert some_seed_tells("I5", repeated)


def test_a_world_that_goes_round_in_circles_is_ended(monkeypatch):
    monkeypatch.setattr(run, "MOST_STEPS", 500)
    assert play(quiet()).breaks[0].endswith("I11 more than 500 steps")
