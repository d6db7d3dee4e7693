"""What the store tells for a report: counts, already added up, by rule and day.

A day is one of the 24-hour days counted from the beginning of what was asked for: 0 is the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.core.batches import Act
from daemon.core.records import StepRef

NOT_KNOWN = "?"
"""Stands for the rule of an error that left after its recordings had been forgotten. No rule can have this id."""

BEFORE = -1
"""Stands for every day before what was asked for."""


class End(StrEnum):
    """What is known of one error that was sent: an outcome (P4), what a *person* has said of it, or nothing yet."""

    CONFIRMED = "confirmed"
    CAME_BACK = "came_back"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    VANISHED = "vanished"
    PERSON = "said_by_people"
    OPEN = "under_way"


class IncidentKind(StrEnum):
    """What an incident is about: a breaker of a step or of a connection that opened, or one rule on a step."""

    STEP = "step"
    CONNECTION = "connection"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """*count* errors that were first seen on a *day* and taken by a rule then, "" for no rule."""

    rule_id: str
    day: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Errors by when they were first seen, as far as is recorded, with those `BEFORE`; *since* is the first of all."""

    since: datetime | None = None
    found: Sequence[Arrived] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """*count* errors that left without us on a *day*; *how* is a `Fate`, "" while nobody has asked."""

    rule_id: str
    day: int
    how: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """*count* errors that were retried or resolved (*act*) on a *day* by a rule, and how that *end*ed."""

    rule_id: str
    day: int
    act: Act
    end: End
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStep:
    """What is open on one step now: *count* errors, of which no rule takes *unmatched*; *in_flight* ones come on top.

    *oldest_at* is when the oldest of them occurred. *expiring* are those, in flight or not, that are so old that the
    platform will soon delete them with their retry data.
    """

    step: StepRef
    count: int
    in_flight: int = 0
    unmatched: int = 0
    oldest_at: datetime | None = None
    expiring: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Retries that did not help, or could not, told once however many records they were.

    *target* is ``flow/step`` or the connection's id. *ended_at* is None while a breaker is not closed again, and for
    a rule, of which nobody notes it.
    """

    kind: IncidentKind
    target: str
    rule_id: str = ""
    reason: str = ""
    began_at: datetime
    ended_at: datetime | None = None
