"""What the store without a database keeps: errors, journalled writes, reads under way."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from daemon.core.batches import BatchItem, WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.judgements import Judged
from daemon.core.recordings import Recorded
from daemon.core.records import StepRef
from daemon.store.recording_texts import case_text


@dataclass(slots=True)
class Row:
    """One stored error; *batch_id* is the write that it is in flight with."""

    judged: Judged
    first_seen_at: datetime
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


def keep_recordings(kept: dict[object, Recorded], recorded: Iterable[Recorded]) -> None:
    """Keep the recordings of one page; one that is there already was judged once more."""
    for one in recorded:
        name = (one.error_id, one.said, one.ruling, case_text(one))
        known = kept.get(name)
        if known is not None:
            one = replace(known, times=known.times + 1, last_at=max(known.last_at, one.judged_at))  # noqa: PLW2901
        kept[name] = one
