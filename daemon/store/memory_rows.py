"""What the store without a database keeps: errors, journalled writes, reads under way."""

from dataclasses import dataclass, field
from datetime import datetime

from daemon.core.batches import BatchItem, WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.judgements import Judged
from daemon.core.recordings import Recorded, trace_in
from daemon.core.records import StepRef
from daemon.store.recording_texts import case_text


@dataclass(slots=True)
class Row:
    """One stored error; *batch_id* is the write that it is in flight with, *recorded* how it is judged now."""

    judged: Judged
    first_seen_at: datetime
    recorded: Recorded | None = None
    held_at: datetime | None = None
    tried: bool = False
    seen_after: int = 0
    batch_id: int | None = None

    @property
    def due_at(self) -> datetime | None:
        """Return when it is due; never while in flight."""
        return None if self.batch_id is not None else self.judged.due_at

    @property
    def waits(self) -> bool:
        """Tell whether it is to be judged again once another attempt on its case has its outcome."""
        return self.due_at is not None and self.judged.reason == "in-flight"

    @property
    def waits_for_people(self) -> bool:
        """Tell whether it is held until somebody has said what came of another attempt on its case."""
        return self.batch_id is None and self.held_at is not None and self.judged.reason == "unknown"

    def told(self, recorded: Recorded, until: datetime | None) -> Recorded:
        """Return its recording as one that was so until then, as far as is known."""
        last_at = max(recorded.judged_at, until or recorded.judged_at)
        trace, occurred_at = trace_in(self.judged.case_key), self.judged.occurred_at
        return recorded._replace(trace=trace, occurred_at=occurred_at, last_at=last_at)

    def free(self, due_at: datetime) -> None:
        """Let go of it; it is due at *due_at*."""
        self.batch_id = None
        self.judged = self.judged._replace(due_at=due_at)


@dataclass(slots=True)
class Item:
    """One error of a journalled write: an attempt on the case *root*, if it is a retry; *why* its outcome is what it is."""

    item: BatchItem
    root: str
    patch: str = ""
    outcome: Outcome | None = None
    settled_at: datetime | None = None
    settled_by: str = ""
    why: str = ""
    missed: bool = False

    @property
    def undecided(self) -> bool:
        """Tell whether nobody knows what came of it."""
        return self.outcome in (None, Outcome.UNKNOWN)


@dataclass(slots=True)
class Entry:
    """One journalled write; *forgotten* of its items are not there any more."""

    written: Written
    items: dict[str, Item]
    ended_at: datetime | None = None
    forgotten: int = 0

    @property
    def happened(self) -> bool:
        """Tell whether it was sent, as far as is known."""
        return self.written.state not in (WriteState.REFUSED, WriteState.NOT_SENT)


@dataclass(slots=True)
class FullRead:
    """A full read that has not ended."""

    step: StepRef
    seen: set[str] = field(default_factory=set)


def judged_alike(one: Recorded, other: Recorded) -> bool:
    """Tell whether two recordings of an error say the same."""
    one_of_case, other_of_case = (case_text(each.case, each.retry_at) for each in (one, other))
    return (one.said, one.ruling, one_of_case) == (other.said, other.ruling, other_of_case)
