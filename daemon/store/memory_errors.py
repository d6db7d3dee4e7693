"""The store without a database: catalogue, steps and their errors."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from daemon.core.catalogue import Catalogue
from daemon.core.decisions import Outcome, Verb
from daemon.core.exceptions import StoreError
from daemon.core.judgements import Gone, Judged, Known
from daemon.core.reads import Read, Recheck, Sight
from daemon.core.recordings import Recorded
from daemon.core.records import Flow, Integration, Mark, Step, StepRef
from daemon.core.windows import NEVER_READ, StepProgress
from daemon.store.memory_rows import Entry, FullRead, Row, judged_alike


class Shelves:
    """Where everything lies."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self.now = now
        self.numbers = count(1)
        self.catalogues: dict[str, Catalogue] = {}
        self.marks: dict[str, dict[str, Mark | None]] = {}
        self.described: dict[StepRef, Step] = {}
        self.read_so_far: dict[StepRef, StepProgress] = {}
        self.rows: dict[StepRef, dict[str, Row]] = {}
        self.missed: dict[StepRef, dict[str, datetime | None]] = {}
        self.full_reads: dict[int, FullRead] = {}
        self.entries: dict[int, Entry] = {}
        self.aliases: dict[tuple[StepRef, str], str] = {}
        self.gone: dict[tuple[StepRef, str], datetime] = {}
        self.shared: set[tuple[StepRef, str]] = set()
        self.past: dict[StepRef, dict[tuple[str, datetime], Recorded]] = {}
        self.departures: dict[tuple[StepRef, str], tuple[datetime, str]] = {}
        self.others: dict[tuple[StepRef, str], tuple[str, datetime]] = {}

    def root(self, ref: StepRef, key: str) -> str:
        """Return the case that *key*, perhaps an alias, stands for."""
        return self.aliases.get((ref, key), key)

    def names(self, ref: StepRef, key: str) -> set[str]:
        """Return every name of the case of *key*."""
        root = self.root(ref, key)
        return {key, root} | {alias for (step, alias), known in self.aliases.items() if step == ref and known == root}

    def keep(self, ref: StepRef, judged: Iterable[Judged], recorded: Iterable[Recorded] = ()) -> int:
        """Insert or replace rows and return how many are new."""
        rows, now, new = self.rows.setdefault(ref, {}), self.now(), 0
        recordings = {one.error_id: one for one in recorded}
        for one in {each.error_id: each for each in judged}.values():
            row = rows.get(one.error_id)
            if row is None:
                row = rows[one.error_id] = Row(judged=one, first_seen_at=now, seen_after=max(self.entries, default=0))
                new += 1
            if row.batch_id is None:
                self._record(row, recordings.get(one.error_id))
                self._record(row, recordings.get(one.error_id))
                held_since = row.held_at or now
                row.judged, row.held_at = one, held_since if one.hold else None
                row.tried = self._tried(ref, one.case_key)
        return new

    def _record(self, row: Row, one: Recorded | None) -> None:
        """Let *one* be how an open error is judged now, and what was there before its past."""
        if one is None:
            return
        before = row.recorded
        if before is not None and judged_alike(before, one):
            row.recorded = one._replace(judged_at=before.judged_at)
            return
        if before is not None and before.judged_at != one.judged_at:
            self.end_recording(row, one.judged_at)
        row.recorded = one

    def shown_at(self, ref: StepRef, row: Row) -> datetime | None:
        """Return when a sweep last showed the error."""
        shown_at = self.read_so_far.get(ref, NEVER_READ).swept_at
        shown_at = self.missed.get(ref, {}).get(row.judged.error_id, shown_at)
        return shown_at and min(shown_at, self.now())

    def end_recording(self, row: Row, until: datetime | None) -> None:
        """Keep how an error was judged until then."""
        one = row.recorded
        if one is not None:
            past = row.told(one, until)
            self.past.setdefault(one.step, {})[one.error_id, one.judged_at] = past

    def _tried(self, ref: StepRef, key: str) -> bool:
        mine = (entry for entry in self.entries.values() if entry.written.batch.step == ref)
        return any(item.root == self.root(ref, key) for entry in mine for item in entry.items.values())

    def forget(self, ref: StepRef, error_ids: Iterable[str]) -> list[Gone]:
        """Delete and return those of the errors that are stored and not in flight."""
        rows = self.rows.get(ref, {})
        going = sorted(each for each in set(error_ids) if each in rows and rows[each].batch_id is None)
        leaving = [rows.pop(error_id) for error_id in going]
        gone = [row.judged for row in leaving]
        missed, now = self.missed.get(ref, {}), self.now()
        self.departures |= {(ref, row.judged.error_id): (now, "") for row in leaving if row.recorded}
        for row in leaving:
            self.end_recording(row, self.shown_at(ref, row))
            missed.pop(row.judged.error_id, None)
        for one in gone:
            if one.occurred_at is not None and not one.case_key.startswith("e:"):
                at = self.gone.get((ref, one.case_key), one.occurred_at)
                self.gone[ref, one.case_key] = max(at, one.occurred_at)
        unsure = {
            error_id
            for entry in self.entries.values()
            if entry.written.batch.step == ref
            for error_id, item in entry.items.items()
            if item.outcome is Outcome.UNKNOWN
        }
        return [
            Gone(error_id=j.error_id, case_key=j.case_key, rule_id=j.rule_id, verb=j.verb, unknown=j.error_id in unsure)
            for j in gone
        ]

    def of(self, account: str | None) -> list[tuple[StepRef, Row]]:
        """Return the rows of an account (None: of all), by step."""
        steps = sorted(ref for ref in self.rows if account in (None, ref.account))
        return [(ref, row) for ref in steps for row in self.rows[ref].values()]


class MemoryCatalogue(Shelves):
    """What an account consists of."""

    async def save_catalogue(
        self, account: str, integrations: Sequence[Integration], flows: Sequence[Flow], at: datetime
    ) -> None:
        """Replace the account's lists by what was read at *at*."""
        self.catalogues[account] = Catalogue(
            integrations={each.integration_id: each for each in integrations},
            flows={each.flow_id: each for each in flows},
            read_at=at,
        )

    async def save_flow(self, account: str, flow: Flow) -> None:
        """Replace one flow by its fresh state."""
        known = self.catalogues.get(account, Catalogue())
        self.catalogues[account] = replace(known, flows={**known.flows, flow.flow_id: flow})

    async def catalogue(self, account: str) -> Catalogue:
        """Return the account's integrations and flows."""
        return self.catalogues.get(account, Catalogue())

    async def flow_marks(self, account: str) -> dict[str, Mark | None]:
        """Return the mark as of which each flow has been read to the end; None where it must be read again."""
        return dict(self.marks.get(account, {}))

    async def save_flow_mark(self, account: str, flow_id: str, mark: Mark | None) -> None:
        """Remember that the flow has been read to the end as of *mark*, or (None) that it must be read again."""
        self.marks.setdefault(account, {})[flow_id] = mark

    async def save_step(self, step: Step) -> None:
        """Remember a step's names and connection."""
        self.described[step.ref] = step

    async def steps(self, account: str) -> dict[StepRef, Step]:
        """Return the steps that have been described."""
        return {ref: self.described[ref] for ref in sorted(self.described) if ref.account == account}


class MemoryReading(Shelves):
    """The errors of each step, and how far each step has been read."""

    async def progress(self, ref: StepRef) -> StepProgress:
        """Return how far a step has been read."""
        rows = self.rows.get(ref, {}).values()
        flying = sum(row.batch_id is not None for row in rows)
        return replace(self.read_so_far.get(ref, NEVER_READ), open=len(rows) - flying, in_flight=flying)

    async def all_progress(self, account: str) -> dict[StepRef, StepProgress]:
        """Return how far each step of the account has been read."""
        met = {*self.described, *self.rows, *self.read_so_far}
        return {ref: await self.progress(ref) for ref in met if ref.account == account}

    async def save_progress(
        self,
        ref: StepRef,
        *,
        mark: Mark | None,
        watermark_at: datetime | None,
        swept_at: datetime | None,
        judged_with: str,
    ) -> None:
        """Remember how far a step has been read; the watermark does not move back, and None leaves what was there."""
        known = self.read_so_far.get(ref, NEVER_READ)
        self.read_so_far[ref] = StepProgress(
            mark=mark,
            watermark_at=_later(known.watermark_at, watermark_at),
            swept_at=swept_at or known.swept_at,
            judged_with=judged_with,
        )

    async def stale_steps(self, account: str, rules: str, swept_before: datetime) -> list[StepRef]:
        """Return the steps with errors that other rules judged, or that were not swept between *swept_before* and now.

        Errors that are stored, or that the summary counted when the step was last read to the end.
        """
        return [
            ref
            for ref, known in sorted((await self.all_progress(account)).items())
            if (known.open or (known.mark and known.mark.num_error))
            and (
                known.judged_with != rules or known.swept_at is None or not swept_before <= known.swept_at <= self.now()
            )
        ]

    async def open_counts(self, account: str) -> dict[StepRef, int]:
        """Return how many errors are open and not in flight on each step that has any."""
        return {ref: known.open for ref, known in (await self.all_progress(account)).items() if known.open}

    async def known(self, ref: StepRef, error_ids: Sequence[str]) -> dict[str, Known]:
        """Return what is held of those of the errors that are stored."""
        rows = self.rows.get(ref, {})
        return {
            each: Known(
                fingerprint=rows[each].judged.fingerprint,
                case_key=rows[each].judged.case_key,
                in_flight=rows[each].batch_id is not None,
                held=rows[each].held_at is not None,
            )
            for each in error_ids
            if each in rows
        }

    async def begin_read(self, ref: StepRef, *, full: bool) -> Read:
        """Start a read; a full one notes what it sees, and takes the place of any unfinished one of the step."""
        self.rows.setdefault(ref, {})
        read_no = next(self.numbers) if full else 0
        if full:
            self._drop_reads(ref)
            self.full_reads[read_no] = FullRead(step=ref)
        return Read(step=ref, full=full, step_no=0, read_no=read_no, before=await self.progress(ref))

    async def see(self, read: Read, error_ids: Sequence[str]) -> Sight:
        """Return what a page shows; a full read notes it."""
        fresh = set(error_ids)
        if read.full:
            before = self.full_reads[read.read_no].seen if read.read_no in self.full_reads else fresh
            fresh = fresh - before
            before |= fresh
        return Sight(fresh=len(fresh), unknown=sum(each not in self.rows[read.step] for each in error_ids))

    async def save_page(self, read: Read, judged: Sequence[Judged], recorded: Sequence[Recorded] = ()) -> int:
        """Keep what was judged of a page's errors, and the recordings; rows in flight stay. Return how many are new."""
        return self.keep(read.step, judged, recorded)

    async def was_seen(self, read: Read, error_ids: Sequence[str]) -> set[str]:
        """Return which of the errors a full read that has not ended has shown so far."""
        return self.full_reads[read.read_no].seen & set(error_ids) if read.read_no in self.full_reads else set()

    async def end_read(self, read: Read, *, trusted: bool) -> list[Gone]:
        """End a read; of a full one, forget and return the errors that are no longer open."""
        if not read.full:
            return []
        if read.read_no not in self.full_reads:
            raise StoreError(
                f"the full read of step {read.step.step_id} has ended or was overtaken: nothing was concluded"
            )
        seen = self.full_reads[read.read_no].seen
        standing = {each for each, row in self.rows[read.step].items() if row.batch_id is None}
        unseen = standing - seen
        gone = unseen if trusted else unseen & self.missed.get(read.step, {}).keys()
        self._drop_reads(read.step)
        forgotten = self.forget(read.step, gone)
        self.missed[read.step] = dict.fromkeys(unseen - gone, self.read_so_far.get(read.step, NEVER_READ).swept_at)
        return forgotten

    async def rechecks(self, account: str, now: datetime, limit: int = 1000) -> list[Recheck]:
        """Return the steps with errors, neither to retry nor to resolve, that are due to be judged again."""
        due: dict[StepRef, list[Judged]] = {}
        for ref, row in self.of(account):
            other = row.judged.verb not in (Verb.RETRY, Verb.RESOLVE) and row.judged.occurred_at is not None
            if other and row.due_at is not None and row.due_at <= now:
                due.setdefault(ref, []).append(row.judged)
        return [_recheck(ref, sorted(found, key=_by_age)[:limit]) for ref, found in due.items()]

    def _drop_reads(self, ref: StepRef) -> None:
        self.full_reads = {number: each for number, each in self.full_reads.items() if each.step != ref}


def _recheck(ref: StepRef, oldest: Sequence[Judged]) -> Recheck:
    moments = [each.occurred_at for each in oldest if each.occurred_at is not None]
    return Recheck(step=ref, since=min(moments), until=max(moments), count=len(oldest))


def _by_age(judged: Judged) -> tuple[float, str]:
    return judged.occurred_at.timestamp() if judged.occurred_at else 0.0, judged.error_id


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
