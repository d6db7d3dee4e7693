"""The store without a database: recordings."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from daemon.core.recordings import ACTED, Departure, Fate, Recorded, Remembered
from daemon.core.records import StepRef
from daemon.store.memory_writes import MOVING, MemoryJournal


class MemoryRecordings(MemoryJournal):
    """What was judged, and what came of it."""

    async def recorded_steps(self, account: str | None, since: datetime) -> list[StepRef]:
        """Return the steps with errors judged since then; None asks for those of all accounts."""
        return sorted(
            ref
            for ref in {*self.past, *self.rows}
            if account in (None, ref.account) and any(one.last_at >= since for one in self.recorded(ref))
        )

    async def remembered(
        self, ref: StepRef, since: datetime, *, after: str = "", limit: int = 2000
    ) -> list[Remembered]:
        """Return the recordings since then of the next *limit* errors of a step, by error id, the oldest first."""
        kept = [one for one in self.recorded(ref) if one.last_at >= since and one.error_id > after]
        ids = set(sorted({one.error_id for one in kept})[:limit])
        found = sorted((one for one in kept if one.error_id in ids), key=lambda one: (one.error_id, one.judged_at))
        return [self._remembered(one) for one in found]

    def recorded(self, ref: StepRef) -> Iterator[Recorded]:
        """Yield how errors of the step were judged before, and how open ones are judged now."""
        yield from self.past.get(ref, {}).values()
        for row in self.rows.get(ref, {}).values():
            if row.recorded is not None:
                yield row.told(row.recorded, self.shown_at(ref, row))

    def _remembered(self, one: Recorded) -> Remembered:
        left_at, how = self.departures.get((one.step, one.error_id), (None, ""))
        return Remembered(recorded=one, open=one.error_id in self.rows.get(one.step, {}), left_at=left_at, how=how)

    async def acted_on(self, ref: StepRef, since: datetime) -> dict[str, Fate]:
        """Return what came of the errors of a step that were retried or resolved since then, by error id."""
        fates: dict[str, Fate | None] = {}
        for entry in self.entries.values():
            written = entry.written
            if written.batch.step == ref and written.batch.act in MOVING and entry.happened:
                for error_id, item in entry.items.items() if written.intended_at >= since else ():
                    fates[error_id] = ACTED.get((written.batch.act, item.outcome))
        return {error_id: fate for error_id, fate in fates.items() if fate is not None}

    async def departed(self, account: str) -> list[Departure]:
        """Return the recorded errors that left without us and of which nobody has asked how, by step."""
        found: dict[StepRef, dict[str, datetime]] = {}
        for (ref, error_id), (left_at, how) in sorted(self.departures.items(), key=lambda each: each[0]):
            if ref.account == account and not how:
                kept = self.past.get(ref, {}).values()
                judged = [one.last_at for one in kept if one.error_id == error_id]
                found.setdefault(ref, {})[error_id] = max(judged, default=left_at)
        return [Departure(step=ref, error_ids=tuple(since), since=min(since.values())) for ref, since in found.items()]

    async def note_fates(self, ref: StepRef, fates: Mapping[str, Fate]) -> None:
        """Remember how errors left."""
        for error_id, fate in fates.items():
            if (ref, error_id) in self.departures:
                self.departures[ref, error_id] = (self.departures[ref, error_id][0], fate.value)

    async def forget_recordings(self, before: datetime, *, open_too: bool = False) -> int:
        """Delete the recordings of how errors were judged until before then, and return how many."""
        gone = 0
        for ref, kept in self.past.items():
            young = {name: one for name, one in kept.items() if one.last_at >= before}
            gone += len(kept) - len(young)
            self.past[ref] = young
        self.departures = {name: known for name, known in self.departures.items() if known[0] >= before}
        for _, row in self.of(None) if open_too else ():
            gone += row.recorded is not None
            row.recorded = None
        return gone
