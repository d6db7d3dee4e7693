"""Breakers: where retries only come back nothing more is sent, until one probe has been seen to help (P15).

The ramp asks whether a *rule* helps on a step; a breaker asks whether the step, or the connection behind many steps, is
able to take any record at all. There is one for each step and one for each connection: *closed* (all may go), *open*
(nothing may go) or *half open* (one record may go, the probe, and all others wait for what comes of it).
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from daemon.core.ramp import Allowance
from daemon.core.signs import NEWEST, RetryRun, Signs, fresh, signs_in

STORM = Fraction(4, 5)
"""The share that must have failed. Not all: where a target lets one in ten through, a thousand more make it worse."""

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
"""How long a breaker stays open the first time, and at most: the wait doubles with each time in a row."""

OFFLINE = "connection-offline"
"""Why nothing goes where a connection is offline: the one reason to ask the platform again and not just to wait."""

PROBES = "breaker-probes"
"""Why no more than one record goes where a breaker is half open."""


class Kind(StrEnum):
    """What a breaker is for."""

    STEP = "step"
    CONNECTION = "connection"


class BreakerState(StrEnum):
    """What may go."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


Key = tuple[Kind, str]
"""What names a breaker within its account: its kind and its target."""

ENOUGH = {Kind.STEP: NEWEST, Kind.CONNECTION: 2 * NEWEST}
"""How many records must have been tried before anything is concluded.

A step: more than three rules' first stages, or one rule that goes without a ramp. A connection: what two rules weigh at
least, since one rule that helps nowhere says nothing about the connection of its steps.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """One breaker. *target* is ``flow/step`` or the connection's id.

    *since* is when it came into its state (None: it has never been open), *reason* a sentence on why it opened,
    *probe_at* when an open one lets a probe through (None: once its connection is seen online again). *trips* counts
    how often it opened since a probe last helped.
    """

    kind: Kind
    target: str
    state: BreakerState = BreakerState.CLOSED
    reason: str = ""
    since: datetime | None = None
    probe_at: datetime | None = None
    trips: int = 0

    @property
    def key(self) -> Key:
        """Return what names it."""
        return self.kind, self.target

    @property
    def offline(self) -> bool:
        """Tell whether it waits for its connection to come back online."""
        return self.state is BreakerState.OPEN and self.probe_at is None


def signs_for(breaker: Breaker, runs: Iterable[RetryRun], now: datetime) -> Signs:
    """Read the signs for *breaker* in the *runs* of its step or connection, in any order.

    What was sent before it came into its state says nothing about that, nor what was sent before the clock jumped back
    behind it. A half-open one looks at all since, any other at the newest of each rule within the last hour.
    """
    since = [run for run in runs if (breaker.since is None or run.sent_at >= breaker.since) and run.sent_at <= now]
    return signs_in(since if breaker.state is BreakerState.HALF_OPEN else fresh(since, now))


def is_storm(signs: Signs, kind: Kind) -> bool:
    """Tell whether enough is known, and nearly all of it is bad; of a connection from two steps at least."""
    if kind is Kind.CONNECTION and signs.steps < 2:
        return False
    return signs.weight >= ENOUGH[kind] and signs.bad >= STORM * signs.weight


def turned(breaker: Breaker, signs: Signs, now: datetime) -> Breaker:
    """Return *breaker* as it must be after what has come of retries and of time; itself where nothing changes.

    Where the clock has jumped back behind it, it counts from now on.
    """
    if breaker.since is not None and now < breaker.since:
        return replace(breaker, since=now, probe_at=now + wait(breaker.trips) if breaker.probe_at else None)
    match breaker.state:
        case BreakerState.CLOSED if is_storm(signs, breaker.kind):
            return _opened(breaker, f"{signs.failed} of {signs.of} retries did not help", now)
        case BreakerState.OPEN if breaker.probe_at is not None and now >= breaker.probe_at:
            return replace(breaker, state=BreakerState.HALF_OPEN, since=now, probe_at=None)
        case BreakerState.HALF_OPEN if signs.failed:
            return _opened(breaker, "the probe did not help", now)
        case BreakerState.HALF_OPEN if signs.confirmed:
            return Breaker(kind=breaker.kind, target=breaker.target, since=now)
    return breaker


def seen(breaker: Breaker, *, offline: bool, now: datetime) -> Breaker:
    """Return a connection's *breaker* as it must be after the connection was seen; itself where nothing changes.

    One that is online again is not trusted yet: it is half open.
    """
    if offline and not breaker.offline:
        return replace(_opened(breaker, "the connection is offline", now), probe_at=None)
    if breaker.offline and not offline:
        return replace(breaker, state=BreakerState.HALF_OPEN, since=now)
    return breaker


def _opened(breaker: Breaker, reason: str, now: datetime) -> Breaker:
    trips = breaker.trips + 1
    state, probe_at = BreakerState.OPEN, now + wait(trips)
    return replace(breaker, state=state, reason=reason, since=now, probe_at=probe_at, trips=trips)


def wait(trips: int) -> timedelta:
    """Return how long a breaker stays open that has opened *trips* times in a row: 5, 10, 20, 40, then 60 minutes."""
    doubled = FIRST_WAIT
    for _ in range(trips - 1):
        doubled = min(2 * doubled, LONGEST_WAIT)
    return doubled


def gate(breakers: Sequence[Breaker], busy: Container[Key]) -> Allowance:
    """Return what may go past all of *breakers*, those of one step; *busy* have a retry without an outcome."""
    for breaker in breakers:
        if breaker.offline:
            return Allowance(most=0, reason=OFFLINE, detail=breaker.reason)
        if breaker.probe_at is not None:
            detail = f"{_said(breaker)}; a probe goes at {breaker.probe_at:%H:%M} UTC"
            return Allowance(most=0, reason="breaker-open", detail=detail)
    half_open = [breaker for breaker in breakers if breaker.state is BreakerState.HALF_OPEN]
    if not half_open:
        return Allowance(most=None)
    free = not any(breaker.key in busy for breaker in half_open)
    return Allowance(most=int(free), reason=PROBES, detail=f"{_said(half_open[0])}; one probe goes first")


def _said(breaker: Breaker) -> str:
    return f"{breaker.kind} {breaker.target}: {breaker.reason}"
