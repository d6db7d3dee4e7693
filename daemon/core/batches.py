"""Batches: decisions of one step and one action, sent in one call, and what the journal knows of each (P11)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from daemon.core.records import StepRef

T = TypeVar("T")

HARD_CAP = 1000
"""The most ids in one call; no limit is documented, the platform's own clients send at most this many."""


class Act(StrEnum):
    """What is written to the platform, in the order in which one rule's acts are sent."""

    TAG = "tag"
    ASSIGN = "assign"
    RETRY = "retry"
    RESOLVE = "resolve"


class WriteState(StrEnum):
    """How far a journalled write has come.

    ``intended``: durable, perhaps sent · ``accepted``: the platform took it · ``unknown``: sent, the answer is lost ·
    ``refused`` and ``not_sent``: it did not happen · ``settled``: every item has its outcome.
    """

    INTENDED = "intended"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One error of a batch.

    *before* and *after* are the raw JSON envelopes around a patch, empty without one. *alias* is the case key under
    which a record without a usable trace key would come back after its patch, "" where that is *case_key*.
    """

    error_id: str
    case_key: str
    retry_key: str = ""
    before: bytes = field(default=b"", repr=False)
    after: bytes = field(default=b"", repr=False)
    alias: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one call sends. *detail* is the reason of a resolve, the tag ids of a tag, the e-mail of an assignment."""

    step: StepRef
    act: Act
    rule_id: str
    rules: str
    plan_id: int
    items: tuple[BatchItem, ...]
    detail: str = ""

    def __len__(self) -> int:
        """Return the number of errors."""
        return len(self.items)

    @property
    def error_ids(self) -> list[str]:
        """Return the error ids in the order of the items."""
        return [item.error_id for item in self.items]

    @property
    def retry_keys(self) -> list[str]:
        """Return the retry data keys in the order of the items."""
        return [item.retry_key for item in self.items]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One entry of the journal; *batch* holds only the items that have no outcome yet, of the *sent* it had.

    *missed* are items that one complete but unsteady read did not show. *confirmed* and *came_back* count those that
    are known to have.
    """

    batch_id: int
    batch: Batch
    state: WriteState
    intended_at: datetime
    sent: int
    job_id: str = ""
    reason: str = ""
    missed: frozenset[str] = frozenset()
    confirmed: int = 0
    came_back: int = 0

    @property
    def answered(self) -> bool:
        """Tell whether the platform's answer named the job; one that was looked for may be somebody else's."""
        return self.state is WriteState.ACCEPTED and not self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """What names an entry of the journal that may still be at work, without its items: there may be very many."""

    batch_id: int
    step: StepRef
    act: Act
    rule_id: str
    plan_id: int
    intended_at: datetime


def split(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut *items* into runs of at most *size*, in their order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
