"""What a rule may ask beyond the error itself, and what asking can answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class NoData(Enum):
    """Why there is no retry data: it was not read yet, or the error has none."""

    NOT_READ = "not read"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known beside the error: the time, retries of its case so far, and its retry data's ``data``."""

    now: datetime
    attempts: int | Callable[[], int] = 0
    data: object = NoData.NOT_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsData:
    """Only a condition on the retry data is left to decide whether *rule_id* wins: read it and ask again."""

    rule_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """The retry data's ``data`` after a rule's patch."""

    data: object


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRefused:
    """A patch that cannot be applied whole, so nothing of it is: *reason* is a stable word, *detail* a sentence."""

    reason: str
    detail: str
