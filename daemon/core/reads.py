"""What the store and the collector hand to each other while the errors of a step are read."""

from dataclasses import dataclass
from datetime import datetime

from daemon.core.records import StepRef
from daemon.core.windows import StepProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A read that has begun; *step_no* and *read_no* belong to the store. A step has one full read at a time.

    *before* is how far the step had been read when it began.
    """

    step: StepRef
    full: bool
    step_no: int
    read_no: int
    before: StepProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How many errors of one page this read had not shown before, and how many the store does not hold."""

    fresh: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """*count* errors of a step that are to be judged again now; they occurred from *since* to *until*, both included."""

    step: StepRef
    since: datetime
    until: datetime
    count: int
