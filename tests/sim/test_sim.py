"""The simulation: some seeds, the checker's own teeth, and that a seed is a seed."""

import subprocess
import sys

import pytest

from tests.sim import run, sweep
from tests.sim.__main__ import corpus
from tests.sim.plan import make, recoverable
from tests.sim.run import play, simulate
from tests.sim.store import SimStore
from tests.sim.venue import Venue
from tests.sim.world import World

SEEDS = 40


@pytest.mark.parametrize("start", range(0, SEEDS, 10))
def test_no_seed_breaks_an_invariant(start):
    for seed in range(start, start + 10):
        assert (seed, simulate(seed).breaks) == (seed, [])


def test_seeds_that_failed_once_hold():
    for seed in corpus():
        assert (seed, simulate(seed).breaks) == (seed, [])


def test_the_seeds_meet_faults_crashes_and_all_outcomes():
    results = [simulate(seed) for seed in range(20)]
    faults = {name for result in results for name in result.faults}
    statuses = {name for result in results for name in result.statuses}
    assert len(faults - {"none"}) >= 12
    assert statuses >= {"acked", "filled", "cancelled", "rejected", "denied", "unknown"}
    assert sum(result.crashes for result in results) >= 10
    assert {result.mode for result in results} == {"liveness", "safety"}


def test_what_can_be_recovered_mostly_is():
    ends = [play(recoverable(seed)).transients for seed in range(20)]
    good, met = (sum(column) for column in zip(*ends, strict=True))
    assert met >= 20
    assert good / met >= 0.9


def test_the_same_seed_goes_the_same_way_in_another_process():
    seeds = range(5)
    code = "from tests.sim.run import simulate\n"
    code += f"print([simulate(seed).trace for seed in {list(seeds)}])"
    outputs = set()
    for hashing in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hashing, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert outputs == {f"{[simulate(seed).trace for seed in seeds]}\n"}


def test_another_seed_goes_another_way():
    assert simulate(1).trace != simulate(2).trace


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
@pytest.mark.parametrize("make_plan", sweep.SCENARIOS, ids=lambda f: f.__name__)
def test_a_crash_at_any_step_of_a_scenario_is_survived(make_plan, lost):
    first, last = sweep.points(make_plan, lost=lost)
    assert last - first >= 25
    for step in range(first, last + 1, 13):
        result = sweep.crash_at(make_plan, lost, step)
        assert (step, result.crashes, result.breaks) == (step, 1, [])


# The checker's own teeth --------------------------------------------------------------


def quiet(seed=3):
    """A seed without faults of its own."""
    plan = make(seed)
    plan.mode = "liveness"
    plan.crashes, plan.halts, plan.disk_failures = [], [], []
    for broker in plan.brokers.values():
        broker.share, broker.outages = 0.0, []
    return plan


def broken(plan):
    """The invariants that a plan breaks."""
    return {line.split()[1] for line in play(plan).breaks}


def test_a_quiet_plan_breaks_nothing():
    assert broken(quiet()) == set()


def test_an_order_booked_twice_is_told(monkeypatch):
    book = Venue.book

    def twice(self, order, tag, now, hidden):
        book(self, order, tag, now, hidden)
        return book(self, order, tag, now, hidden)

    monkeypatch.setattr(Venue, "book", twice)
    assert "I1" in broken(quiet())


def test_an_order_that_nobody_here_knows_is_told(monkeypatch):
    book = Venue.book

    def foreign(self, order, tag, now, hidden):
        return book(self, order, f"X{tag}", now, hidden)

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
    from actors.trading import TradingState

    monkeypatch.setattr(TradingState, "check", lambda self, closes_for=None: None)
    hits = set()
    for seed in range(12):
        plan = quiet(seed)
        plan.halts = [run_halt(at) for at in (4.0, 19.0)]
        hits |= broken(plan)
    assert "I7" in hits


def run_halt(at):
    from tests.sim.plan import HaltPlan

    return HaltPlan(at, 8.0, cancel_open=False)


def test_a_denial_of_what_the_broker_has_is_told(monkeypatch):
    from actors.sender import Sender

    def denied(self, flight, answer):
        return self._denied(flight, "not_sent", "a lie")

    monkeypatch.setattr(Sender, "_answered", denied)
    assert "I4" in broken(quiet())


def test_a_change_without_its_audit_record_is_told(monkeypatch):
    import msgspec

    from actors.journal import Journal

    make_write = Journal._make

    def silent(self, write):
        make_write(self, msgspec.structs.replace(write, audit=()))

    monkeypatch.setattr(Journal, "_make", silent)
    assert "I9" in broken(quiet())


def test_a_breaker_that_counts_rejects_is_told(monkeypatch):
    from actors import breaker

    verdicts = dict(breaker.VERDICTS)
    verdicts[breaker.CallResult.REJECTED] = breaker.Verdict.FAILED
    monkeypatch.setattr("actors.breaker.VERDICTS", verdicts)
    monkeypatch.setattr("actors.line.VERDICTS", verdicts)
    hits = set()
    for seed in range(12):
        plan = quiet(seed)
        plan.only = frozenset({"reject"})
        for broker in plan.brokers.values():
            broker.share = 1.0
        hits |= broken(plan)
    assert "I12" in hits


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
    hits = set()
    for seed in range(10):
        plan = quiet(seed)
        for batch in plan.batches:
            batch.again = [batch.at + 0.5, batch.at + 30]
        hits |= broken(plan)
    assert "I5" in hits


def test_a_world_that_goes_round_in_circles_is_ended(monkeypatch):
    monkeypatch.setattr(run, "MOST_STEPS", 500)
    assert play(quiet()).breaks[0].endswith("I11 more than 500 steps")
