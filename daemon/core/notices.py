"""Notices: what people are told of by a channel, what goes into one message, and when the next one may be sent.

Nobody reads a hundred messages of one night. Equal events grow into one notice with a count; what has been told is told
again only after a while; and no channel gets more messages in an hour than a person can read.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

GATHER = timedelta(seconds=5)
"""How long a notice waits for what happens together with it: the steps behind one connection fail within seconds."""

HOUR = timedelta(hours=1)

MOST = 500
"""Notices in one message, half a megabyte: receivers refuse what is much larger. The others are in the next one."""

SCOPE = ("account", "flow_id", "step_id", "step", "kind", "target", "rule", "queue", "scope", "endpoint", "job")
"""The facts that tell whether two events of one name are about the same thing."""

DIGEST = "digest"
"""What waits for people, told as often as a channel wants it: no event of the log."""

ENDS = {"breaker.closed": "breaker.opened", "limit.cleared": "limit.reached", "writes.resumed": "writes.paused"}
"""Good news, and what it ends: whoever is told of the one is told of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Equal events that happened *times* since they were last written down; *facts* are those of the newest."""

    event: str
    scope: str
    facts: Mapping[str, object] = field(default_factory=dict)
    times: int = 1
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one channel is to be told of *noted*. *message_id* is "" while it may still grow; then its message is fixed.

    *next_at* is when the message may be sent, or sent again.
    """

    number: int
    channel: str
    noted: Noted
    message_id: str = ""
    next_at: datetime | None = None
    fixed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One notice that a channel was told of at *at*."""

    event: str
    scope: str
    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much one channel is told.

    One kind of event at most every *min_interval*, the same about the same thing at most every *repeat*, and no more
    than *per_hour* messages.
    """

    min_interval: timedelta = timedelta(minutes=5)
    repeat: timedelta = timedelta(hours=4)
    per_hour: int = 12

    @property
    def memory(self) -> timedelta:
        """Return for how long it matters what was told."""
        return max(self.min_interval, self.repeat, HOUR)


def kind_of(event: str) -> str:
    """Return the kind of an event: its name, or the name of what it ends."""
    return ENDS.get(event, event)


def wanted_by(events: Collection[str]) -> frozenset[str]:
    """Return the events that a channel for *events* is told of: these, and what ends them."""
    return frozenset(events) | {end for end, begin in ENDS.items() if begin in events}


def next_message(
    waiting: Sequence[Notice], told: Sequence[Told], pace: Pace, now: datetime, *, gather: timedelta = GATHER
) -> list[Notice]:
    """Return the notices that make up the next message, oldest first; none where it is not time for one.

    What was told by a clock that was ahead, so later than now, holds nothing back.
    """
    past = [each for each in told if each.at <= now]
    if len({each.message_id for each in past if each.at > now - HOUR}) >= pace.per_hour:
        return []
    resting = {kind_of(each.event) for each in past if each.at > now - pace.min_interval}
    ready = [each for each in waiting if kind_of(each.noted.event) not in resting]
    about, last_told = Counter(map(_about, (each.noted for each in waiting))), _last_told(past)
    worth = {
        kind_of(each.noted.event)
        for each in ready
        if not now - gather < each.noted.first_at <= now
        and (about[_about(each.noted)] > 1 or _is_news(each.noted, last_told.get(_about(each.noted), ()), pace, now))
    }
    chosen = [each for each in ready if kind_of(each.noted.event) in worth]
    return sorted(chosen, key=lambda each: (each.noted.first_at, each.number))[:MOST]


def _about(told: Noted | Told) -> tuple[str, str]:
    """Return what a notice is about; one that tells of an end is about the same as that of the beginning."""
    return kind_of(told.event), told.scope


def _last_told(past: Sequence[Told]) -> dict[tuple[str, str], list[Told]]:
    """Return what was told last of each thing: of one that begins and ends it may be both."""
    last: dict[tuple[str, str], list[Told]] = {}
    for each in sorted(past, key=lambda told: told.at):
        same = last.setdefault(_about(each), [])
        if same and same[0].at < each.at:
            same.clear()
        same.append(each)
    return last


def _is_news(noted: Noted, last: Sequence[Told], pace: Pace, now: datetime) -> bool:
    """Tell whether it was not told of within `repeat`, or what was told *last* of the same is another thing, like its end."""
    return (
        noted.event == DIGEST
        or not last
        or last[0].at <= now - pace.repeat
        or {each.event for each in last} != {noted.event}
    )
