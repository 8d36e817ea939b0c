"""When to stop calling a broker that does not answer, and how to start again."""

import random
from collections import deque
from enum import StrEnum

import msgspec

from actors.verdicts import VERDICTS, CallResult, Verdict
from actors.windows import Kind

__all__ = [
    "VERDICTS",
    "Breaker",
    "BreakerSettings",
    "BreakerState",
    "CallResult",
    "Permit",
    "Reason",
    "Transition",
    "Verdict",
]

URGENT_EVERY = 1.0
"""Seconds between urgent calls while the breaker is not closed.

Source: reliability.md section 3, "cancels and reconciliation reads still pass at 1/s".
"""
URGENT = frozenset({Kind.CANCEL, Kind.RECONCILE})
PROBES = frozenset({Kind.RECONCILE, Kind.READ})
"""What may be a probe: a read, never a customer's order and never a cancel."""


class BreakerState(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF-OPEN"


class Reason(StrEnum):
    """Why the state changed: a label for metrics, a word for the audit."""

    FAILURES = "failures"
    COOLDOWN_OVER = "cooldown_over"
    PROBE_FAILED = "probe_failed"
    PROBES_SUCCEEDED = "probes_succeeded"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"
    AUTOMATIC = "automatic"


class BreakerSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The numbers of a breaker; lengths are seconds.

    Args:
        failures: This many inside *window* open it.
        window: How long a failure is remembered.
        cooldown: How long it stays open the first time, before *jitter*.
        max_cooldown: Where doubling stops, before *jitter*.
        jitter: Each cooldown is stretched or shrunk by up to this share.
        good_probes: This many good probes close it.

    Raises:
        ValueError: A number makes no sense.

    Source: reliability.md section 3 (all but *good_probes* also in design.md).
    """

    failures: int = 5
    window: float = 30.0
    cooldown: float = 30.0
    max_cooldown: float = 300.0
    jitter: float = 0.2
    good_probes: int = 2

    def __post_init__(self) -> None:
        for name in ("failures", "window", "cooldown", "good_probes"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"{name} must be positive, was {getattr(self, name)!r}"
                )
        if not self.max_cooldown >= self.cooldown:
            raise ValueError(
                f"max_cooldown must be at least cooldown ({self.cooldown}),"
                f" was {self.max_cooldown}"
            )
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter must be in [0, 1), was {self.jitter}")


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One change of state, to be audited and published.

    Forcing a closed breaker closed changes only *forced*, and is told as well.
    """

    before: BreakerState
    after: BreakerState
    forced: bool
    reason: Reason
    at: float


class Permit:
    """Leave to make one call; hand it back with its verdict, exactly once.

    A second verdict is ignored, so `abandoned` may stand in a `finally`.
    """

    __slots__ = ("epoch", "probe", "spent")

    def __init__(self, epoch: int, probe: bool) -> None:
        self.epoch = epoch
        self.probe = probe
        self.spent = False


class Breaker:
    """CLOSED, OPEN, HALF-OPEN, for one broker account.

    A verdict counts only in the state its call was admitted in: a late one, of a
    call that began before the trip, is nobody's probe.

    Args:
        settings: See `BreakerSettings`.
        rng: For the jitter, so that replicas do not all probe at once.
    """

    def __init__(self, settings: BreakerSettings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._state = BreakerState.CLOSED
        self._resume: BreakerState | None = None  # where `auto` leads, while forced
        self._epoch = 0
        self._failures: deque[float] = deque(maxlen=settings.failures)
        self._cooldown = settings.cooldown
        self._until = 0.0  # end of the cooldown, while open
        self._probe: Permit | None = None
        self._good = 0
        self._urgent_from = 0.0
        self._transitions: list[Transition] = []

    @property
    def forced(self) -> bool:
        """A person holds it open or closed until `auto`."""
        return self._resume is not None

    def state(self, now: float) -> BreakerState:
        """The state at *now*; an open breaker becomes half-open by being looked at."""
        if self._state is BreakerState.OPEN and not self.forced and now >= self._until:
            self._move(BreakerState.HALF_OPEN, Reason.COOLDOWN_OVER, self._until)
        return self._state

    def admit(self, kind: Kind, now: float) -> Permit | None:
        """Let one call go, or not.

        Closed: all. Half-open: one read at a time, as the probe. Open or half-open:
        cancels and reconciliation reads together at one a second.
        """
        if self.retry_after(kind, now) > 0:
            return None
        half_open = self._state is BreakerState.HALF_OPEN
        probe = half_open and kind in PROBES and self._probe is None
        permit = Permit(self._epoch, probe)
        if probe:
            self._probe = permit
        elif self._state is not BreakerState.CLOSED:
            self._urgent_from = now + URGENT_EVERY
        return permit

    def retry_after(self, kind: Kind, now: float) -> float:
        """Seconds until asking again makes sense; 0 exactly when `admit` would admit.

        Forced open ends when a person says so: one cooldown is named then.
        """
        state = self.state(now)
        if state is BreakerState.CLOSED:
            return 0.0
        half_open = state is BreakerState.HALF_OPEN
        if half_open and kind in PROBES and self._probe is None:
            return 0.0
        if kind in URGENT:
            return max(0.0, self._urgent_from - now)
        if half_open:
            return URGENT_EVERY
        return self._settings.cooldown if self.forced else self._until - now

    def report(self, permit: Permit, result: CallResult, now: float) -> None:
        """Give the verdict that `VERDICTS` has for *result*."""
        verdict = VERDICTS[result]
        if verdict is Verdict.SUCCEEDED:
            self.succeeded(permit, now)
        elif verdict is Verdict.FAILED:
            self.failed(permit, now)
        else:
            self.abandoned(permit, now)

    def succeeded(self, permit: Permit, now: float) -> None:
        """The broker answered. Only a probe's success changes anything."""
        if self._take_back(permit) and permit.probe:
            self._good += 1
            if self._good >= self._settings.good_probes:
                self._move(BreakerState.CLOSED, Reason.PROBES_SUCCEEDED, now)

    def failed(self, permit: Permit, now: float) -> None:
        """The broker did not answer, or not in its right mind."""
        if not self._take_back(permit):
            return
        if permit.probe:
            self._open(now, Reason.PROBE_FAILED)
        elif self._state is BreakerState.CLOSED and not self.forced:
            self._failures.append(now)
            full = len(self._failures) == self._settings.failures
            if full and self._failures[0] > now - self._settings.window:
                self._open(now, Reason.FAILURES)

    def abandoned(self, permit: Permit, now: float) -> None:
        """The call says nothing about the broker; another probe may go."""
        self._take_back(permit)

    def force_open(self, now: float) -> None:
        """Hold it open: urgent calls pass at one a second, nothing else does."""
        state = self.state(now)
        if self.forced and state is BreakerState.OPEN:
            return
        closed = state is BreakerState.CLOSED
        self._resume = BreakerState.CLOSED if closed else BreakerState.HALF_OPEN
        self._move(BreakerState.OPEN, Reason.FORCED_OPEN, now)

    def force_closed(self, now: float) -> None:
        """Hold it closed: failures are not even listed."""
        if self.forced and self._state is BreakerState.CLOSED:
            return
        self.state(now)
        self._resume = BreakerState.CLOSED
        self._move(BreakerState.CLOSED, Reason.FORCED_CLOSED, now)

    def auto(self, now: float) -> None:
        """Let it decide again.

        It goes on closed, with a clean list; but half-open where it had tripped
        before it was forced open, for then nothing has proved the broker well.
        """
        if self._resume is not None:
            resume, self._resume = self._resume, None
            self._move(resume, Reason.AUTOMATIC, now)

    def drain_transitions(self) -> list[Transition]:
        """The changes since the last call, in order."""
        drained, self._transitions = self._transitions, []
        return drained

    def _take_back(self, permit: Permit) -> bool:
        """Whether *permit* still speaks for the present state; frees the probe."""
        stale = permit.spent or permit.epoch != self._epoch
        permit.spent = True
        if not stale and permit.probe:
            self._probe = None
        return not stale

    def _open(self, now: float, reason: Reason) -> None:
        jitter = self._settings.jitter
        self._until = now + self._cooldown * self._rng.uniform(1 - jitter, 1 + jitter)
        self._cooldown = min(self._cooldown * 2, self._settings.max_cooldown)
        self._move(BreakerState.OPEN, reason, now)

    def _move(self, after: BreakerState, reason: Reason, at: float) -> None:
        self._transitions.append(
            Transition(
                before=self._state,
                after=after,
                forced=self.forced,
                reason=reason,
                at=at,
            )
        )
        self._state = after
        self._epoch += 1
        self._probe = None
        self._good = 0
        self._failures.clear()
        if after is BreakerState.CLOSED:
            self._cooldown = self._settings.cooldown
