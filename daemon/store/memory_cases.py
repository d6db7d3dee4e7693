"""The store without a database: what has been tried on each case."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from daemon.core.batches import Act
from daemon.core.cases import Attempt, CaseHistory, former_key, history_of
from daemon.core.reads import Recheck
from daemon.core.records import StepRef
from daemon.store.memory_errors import Shelves
from daemon.store.memory_rows import Entry, Item


class MemoryCases(Shelves):
    """What has been tried on each case."""

    def attempts_on(self, ref: StepRef) -> Iterator[tuple[Entry, Item]]:
        """Yield the items of the step's retries that happened, or may have."""
        for entry in self.entries.values():
            batch = entry.written.batch
            if batch.step == ref and batch.act is Act.RETRY and entry.happened:
                yield from ((entry, item) for item in entry.items.values())

    async def case_histories(
        self, ref: StepRef, keys: Sequence[str], now: datetime
    ) -> dict[str, tuple[str, CaseHistory]]:
        """Return for each of *keys* the case's own key and its history as of *now*."""
        histories: dict[str, tuple[str, CaseHistory]] = {}
        for key in keys:
            root, former = self.root(ref, key), former_key(key)
            attempts = [*self._made(ref, root)]
            if former:
                attempts += self._made(ref, self.root(ref, former))
            shared = key.startswith("t:") and (ref, key.removeprefix("t:")) in self.shared
            gone_at = self.gone.get((ref, root))
            histories[key] = (root, history_of(attempts, now, shared=shared, gone_at=gone_at))
        return histories

    def _made(self, ref: StepRef, root: str) -> Iterator[Attempt]:
        for entry, item in self.attempts_on(ref):
            if item.root == root:
                written = entry.written
                said_at = item.settled_at if item.settled_by else None
                rule_id = written.batch.rule_id
                yield Attempt(at=written.intended_at, rule_id=rule_id, outcome=item.outcome, said_at=said_at)
        for (step, _), (known, seen_at) in self.others.items():
            if (step, known) == (ref, root):
                yield Attempt(at=seen_at)

    async def note_shared(self, ref: StepRef, trace_key: str, at: datetime) -> bool:
        """Remember for good that several records share *trace_key*; False where that was known."""
        if (ref, trace_key) in self.shared:
            return False
        self.shared.add((ref, trace_key))
        for row in self.rows.get(ref, {}).values():
            mine = row.judged.case_key == f"t:{trace_key}" and row.tried and row.batch_id is None
            if mine and row.judged.due_at is None:
                row.judged = row.judged._replace(due_at=at)
        return True

    async def open_again(self, ref: StepRef, case_keys: Sequence[str]) -> Recheck | None:
        """Return where the open errors of those cases lie that occurred after one of theirs that left without us."""
        moments = [
            row.judged.occurred_at
            for row in self.rows.get(ref, {}).values()
            if row.batch_id is None
            and row.judged.case_key in case_keys
            and row.judged.occurred_at is not None
            and self.gone.get((ref, row.judged.case_key), row.judged.occurred_at) < row.judged.occurred_at
        ]
        return Recheck(step=ref, since=min(moments), until=max(moments), count=len(moments)) if moments else None

    async def returned(self, ref: StepRef, case_keys: Sequence[str], batch_id: int) -> dict[str, datetime | None]:
        """Return which of the cases have an error, not in flight, that was not known yet when the batch was intended.

        With each, when the newest of these errors occurred.
        """
        rows = [row for row in self.rows.get(ref, {}).values() if row.tried and row.batch_id is None]
        late = [row.judged for row in rows if row.seen_after >= batch_id]
        back: dict[str, datetime | None] = {}
        for key in case_keys:
            names = self.names(ref, key)
            moments = [each.occurred_at for each in late if each.case_key in names]
            if moments:
                back[key] = max((moment for moment in moments if moment is not None), default=None)
        return back

    async def claimed_jobs(self, ref: StepRef, job_ids: Collection[str]) -> set[str]:
        """Return those of the jobs of the step that entries of the journal are known to have started."""
        mine = (entry.written for entry in self.entries.values() if entry.written.batch.step == ref)
        return {written.job_id for written in mine} & {*job_ids} - {""}

    async def jobless(self, ref: StepRef, since: datetime) -> list[datetime]:
        """Return when those retries of the step were written down, since then, that may have started a job unknown to us."""
        mine = (entry for entry in self.entries.values() if entry.written.batch.step == ref and entry.happened)
        retries = (entry.written for entry in mine if entry.written.batch.act is Act.RETRY and not entry.written.job_id)
        return [written.intended_at for written in retries if written.intended_at >= since]

    async def note_others(self, ref: StepRef, came_back: Mapping[str, str], at: datetime) -> None:
        """Count one attempt of others for each error that came back without us, given as error id → case key."""
        for error_id, key in came_back.items():
            self.others.setdefault((ref, error_id), (self.root(ref, key), at))
