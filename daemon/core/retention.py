"""Retention: how long what the store keeps can still change a decision, and by which clock its age is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.core.cases import MEMORY

LATE_JOBS = timedelta(days=2)
"""How much longer attempts are kept than anything asks for them: the retry jobs that an error may have come out of are
looked for from a day before it occurred, and one that no attempt accounts for is taken for another's."""

STRIDE = timedelta(days=7)
"""How much time can have passed between two clearings, at most, whatever the clock says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Before which moments what is kept may be forgotten.

    *details*: the data around patches, plans, rule files. *gone*: that an error left without us. *attempts*: what was
    tried on a case of which nothing is open or unknown. *recordings*: what was judged.
    """

    details: datetime
    gone: datetime
    attempts: datetime
    recordings: datetime


def retention(now: datetime, *, keep: timedelta, recordings: timedelta, retry_max_age: timedelta) -> Retention:
    """Return what may be forgotten as of *now*.

    An attempt counts for `MEMORY` after the last of its case, and a cure for as long as an error from before it may be
    retried: *retry_max_age*. How recorded errors left is read from the attempts, so these outlive *recordings*.
    """
    longest = max(keep, recordings, retry_max_age, MEMORY) + LATE_JOBS
    return Retention(details=now - keep, gone=now - MEMORY, attempts=now - longest, recordings=now - recordings)


def steady(now: datetime, last: datetime | None) -> datetime:
    """Return the moment to clear as of: *now*, but no more than a `STRIDE` after the *last* one.

    What is forgotten does not come back when a clock that was ahead is put right. So one that jumps ahead must stay
    there for hours before it makes anything old that is not.
    """
    return now if last is None else min(now, last + STRIDE)
