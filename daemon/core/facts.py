"""What a rule may ask beyond the error itself, and what asking can answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple


class DataState(Enum):
    """Why there is no retry data to look at."""

    MISSING = auto()
    UNAVAILABLE = auto()


MISSING = DataState.MISSING
"""Not fetched yet."""

UNAVAILABLE = DataState.UNAVAILABLE
"""The platform has none; every condition on it fails."""


class Facts(NamedTuple):
    """What is known beside the error itself; a tuple, because one is made for every error.

    *attempts* are the retries of the case so far, or a function that looks them up, called only where a rule asks.
    *data* is the decoded ``data`` of the retry data, numbers that are no integers as Decimal.
    """

    now: datetime
    attempts: Callable[[], int] | int = 0
    data: object = MISSING

    def __repr__(self) -> str:
        """Return what is known without the data (P10)."""
        return f"Facts(now={self.now!r}, attempts={self.attempts!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsData:
    """Rules of which all but a condition on the retry data holds, in their order, up to the first sure winner.

    The caller fetches the data and asks again.
    """

    rule_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """The whole new ``data``."""

    data: object = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRefused:
    """Nothing was changed. *reason* is a stable word, *detail* the sentence for people, without any of the data.

    ``patch-test-failed`` · ``patch-path-missing`` · ``value-missing`` · ``lookup-missing`` · ``transform-failed``
    """

    reason: str
    detail: str
