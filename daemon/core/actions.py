"""What a rule wants done, as values: the compiled form of a rule's ``then``, ``mode`` and ``limit``.

The rulebook makes these from files; the policy reads them. Defaults are those of the rule format.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Literal


class Mode(IntEnum):
    """How far Flowmend may go; the lower of the daemon's and the rule's counts, so ``min(a, b)`` is the answer."""

    OBSERVE = 0
    APPROVE = 1
    ENFORCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How the pause between two attempts on a case grows: times *factor* each time, never over *longest*."""

    factor: float = 2.0
    longest: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditField:
    """One field that people may change on a held error: a JSON Pointer inside ``/data`` and what may stand there."""

    path: str
    type: Literal["string", "integer", "number", "boolean", ""] = ""
    min: float | None = None
    max: float | None = None
    one_of: tuple[str | int | float | bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Leave the error open on the platform and put it before people, in *queue*."""

    queue: str
    title: str = ""
    edit: tuple[EditField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Close the error as needing nothing more; *because* goes to the audit."""

    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Known, nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Run the record again.

    *after* counts from ``occurredAt``. *max_age* None means the configuration's. *ramp* () means off: all at once.
    *patched* says that the rule changes the retry data first.
    """

    after: timedelta = timedelta(0)
    max_attempts: int = 3
    backoff: Backoff = Backoff()
    max_age: timedelta | None = None
    ramp: tuple[int, ...] = (3, 30)
    exhausted: Literal["hold", "leave", "resolve"] = "hold"
    patched: bool = False


Action = Retry | Resolve | Hold | Leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A rule's own limits; None leaves the default (500 retries or 50 resolves an hour) or the configuration's."""

    per_cycle: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    share_of_open: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as the policy sees it, without its conditions.

    *takes_assigned* is true where the rule's conditions ask for ``assigned_to``: only such a rule acts on an error
    that a person has been given. *place* is "file:line" for messages.
    """

    id: str
    action: Action
    why: str = ""
    classify: str = ""
    owner: str = ""
    mode: Mode = Mode.ENFORCE
    limit: Limit = field(default_factory=Limit)
    notify: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    assign: str = ""
    takes_assigned: bool = False
    place: str = ""
