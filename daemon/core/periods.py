"""A period in numbers: what came, what was tried and how it ended, what left. Of a day, a rule, an account, or of all.

Periods add up. What is not kept is None, never 0; added to what is known it leaves that as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Self

from daemon.core.batches import Act
from daemon.core.rates import Rate
from daemon.core.recordings import Fate
from daemon.core.report_rows import End


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """Errors counted in fields, each in exactly one."""

    def _all(self) -> int:
        return sum(getattr(self, each.name) for each in fields(self))

    def __add__(self, other: Self) -> Self:
        return replace(
            self, **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends(_Counts):
    """Errors sent, by how that ended as far as is known now: each is in exactly one of the fields.

    ``confirmed``: its job has ended and a complete later read shows it no longer open. ``came_back``: it, or another
    error of the same record, was open again. ``refused``: the platform did not take it, or a resolve did not close it.
    ``unknown``: nobody knows, a person must look. ``vanished``: it left without us meanwhile.
    ``said_by_people``: it was unknown until a person said what came of it. ``under_way``: not known yet.
    """

    confirmed: int = 0
    came_back: int = 0
    refused: int = 0
    unknown: int = 0
    vanished: int = 0
    said_by_people: int = 0
    under_way: int = 0

    @property
    def sent(self) -> int:
        """Return how many were sent."""
        return self._all()

    @property
    def other(self) -> int:
        """Return how many neither helped nor failed, as far as is known."""
        return self.sent - self.confirmed - self.came_back

    @property
    def rate(self) -> Rate:
        """Return how many of those helped of which reading has shown whether they did."""
        return Rate(helped=self.confirmed, tried=self.confirmed + self.came_back)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone(_Counts):
    """Errors that left the open list without us, by how, as the platform tells; each is in exactly one of the fields.

    ``person_resolved`` and ``person_retried``: people did it; whether their retry helped is not known. ``platform``: it
    resolved or retried the error by itself. ``vanished``: purged, or nobody can tell. ``not_asked``: not asked yet.
    """

    person_resolved: int = 0
    person_retried: int = 0
    platform: int = 0
    vanished: int = 0
    not_asked: int = 0

    @property
    def by_people(self) -> int:
        """Return how many people dealt with."""
        return self.person_resolved + self.person_retried

    @property
    def left(self) -> int:
        """Return how many left."""
        return self._all()


FIELD_OF_FATE = {
    "": "not_asked",
    Fate.PERSON_RESOLVED: "person_resolved",
    Fate.PERSON_RETRIED: "person_retried",
    Fate.PLATFORM: "platform",
}


def gone(how: str, count: int) -> Gone:
    """Return *count* errors that left as *how* says, a `Fate` or ""."""
    return Gone(**{FIELD_OF_FATE.get(how, "vanished"): count})


def ends(end: End, count: int) -> Ends:
    """Return *count* errors that ended so."""
    return Ends(**{end.value: count})


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What happened in one period. What is not kept of it is None: *new* and *gone*, or *retries* and *resolves*.

    *new* errors were first seen in it; a record that failed again comes as a new error. *retries* and *resolves* were
    sent in it, whenever their outcome became known.
    """

    new: int | None = 0
    gone: Gone | None = Gone()
    retries: Ends | None = Ends()
    resolves: Ends | None = Ends()

    @property
    def by_people(self) -> int | None:
        """Return how many errors people dealt with, None where nobody recorded it."""
        return None if self.gone is None else self.gone.by_people

    @property
    def rate(self) -> Rate:
        """Return how often retries helped; of nothing where none are known."""
        return (self.retries or Ends()).rate

    def retried(self, end: str) -> int | None:
        """Return how many retries ended so, a figure of `Ends`; None where they are not kept."""
        return None if self.retries is None else int(getattr(self.retries, end))

    def resolved(self, end: str) -> int | None:
        """Return the same of resolves."""
        return None if self.resolves is None else int(getattr(self.resolves, end))

    def __add__(self, other: "Period") -> "Period":
        return Period(
            new=other.new if self.new is None else self.new + (other.new or 0),
            gone=other.gone if self.gone is None else self.gone + (other.gone or Gone()),
            retries=other.retries if self.retries is None else self.retries + (other.retries or Ends()),
            resolves=other.resolves if self.resolves is None else self.resolves + (other.resolves or Ends()),
        )

    def kept(self, *, records: bool, sends: bool) -> "Period":
        """Return the period without what is not kept, or not all of it."""
        known = self if records else replace(self, new=None, gone=None)
        return known if sends else replace(known, retries=None, resolves=None)


NOT_KEPT = Period().kept(records=False, sends=False)


def sent(act: Act, end: End, count: int) -> Period:
    """Return the period of *count* errors that were sent in it."""
    return Period(retries=ends(end, count)) if act is Act.RETRY else Period(resolves=ends(end, count))


def total(periods: Iterable[Period]) -> Period:
    """Add up; what is kept of none of *periods* is not known."""
    return sum(periods, NOT_KEPT)
