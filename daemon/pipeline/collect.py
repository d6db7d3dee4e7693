"""Collect: read a step's open errors page by page, judge what is new, and keep it (P5).

A read that is cut short raises out of here before anything is concluded from it: no watermark moves, nothing is taken
for gone. What its pages had already told stays, each page being one transaction.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.decisions import Verb
from daemon.core.exceptions import RefusedError
from daemon.core.judgements import Gone, Judged, Known
from daemon.core.reads import Read, Recheck, Sight
from daemon.core.recordings import Recorded
from daemon.core.records import ErrorRecord, Mark, Step, StepRef
from daemon.core.tally import Tally
from daemon.core.windows import SWEEP_DUE, StepProgress, Window, mark_after
from daemon.pipeline.found import Found
from daemon.pipeline.judge import Judge, Judgement
from daemon.pipeline.pages import ErrorLister, ErrorsPage
from daemon.pipeline.record import Recorder
from daemon.pipeline.survey import StepWork


class CollectStore(Protocol):
    """What collecting asks of the store."""

    async def progress(self, ref: StepRef) -> StepProgress:
        """Return how far a step has been read."""

    async def known(self, ref: StepRef, error_ids: Sequence[str]) -> Mapping[str, Known]:
        """Return what is held of those errors."""

    async def begin_read(self, ref: StepRef, *, full: bool) -> Read:
        """Start a read; a full one notes what it sees."""

    async def see(self, read: Read, error_ids: Sequence[str]) -> Sight:
        """Return what a page shows; a full read notes it."""

    async def save_page(self, read: Read, judged: Sequence[Judged], recorded: Sequence[Recorded] = ()) -> int:
        """Keep what was judged of a page's errors in one transaction."""

    async def end_read(self, read: Read, *, trusted: bool) -> Sequence[Gone]:
        """End a read; of a full one return what is no longer open."""

    async def open_again(self, ref: StepRef, case_keys: Sequence[str]) -> Recheck | None:
        """Return where the open errors of those cases lie that occurred after one of theirs that left without us."""

    async def save_progress(
        self, ref: StepRef, *, mark: Mark | None, watermark_at: datetime, swept_at: datetime | None, judged_with: str
    ) -> None:
        """Remember how far the step has been read."""


WholeRead = Callable[[Read, bool], Awaitable[None]]
"""Called with a read whose pages are all in, and whether what it did not show is surely not open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one whole read showed: how many errors that the summary may have counted, on how many pages."""

    errors: int
    pages: int

    def trusted(self, summary: Mark) -> bool:
        """Tell whether what was not shown is surely not open.

        A list that moves while it is paged through can hide an open error between two pages. A single page cannot, nor
        can a list that shows as many errors as the summary counted. What came after the summary stands for none of them.
        """
        return self.pages <= 1 or self.errors >= summary.num_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Read steps of one account; *basis* names what every stored error must have been judged with.

    Without a *recorder* nothing of what is judged is recorded.
    """

    client: ErrorLister
    store: CollectStore
    judge: Judge
    basis: str
    log: FilteringBoundLogger
    recorder: Recorder | None = None

    async def read(self, work: StepWork, tally: Tally, now: datetime, *, whole: WholeRead | None = None) -> bool:
        """Read one step through its window to the end and remember how far that was.

        Return whether that is as far as its summary goes, so that nothing is left to be read.
        *whole* is called once every page has been read and kept, before anything is taken for gone.
        """
        ref = work.step.ref
        reading = await self.store.begin_read(ref, full=work.window.full)
        before = reading.before
        rejudge = before.judged_with != self.basis or work.reason == SWEEP_DUE
        try:
            seen = await self.pages(work.step, work.window, reading, tally, now, rejudge=rejudge)
        except RefusedError as refused:
            if refused.status != HTTPStatus.NOT_FOUND or work.summary.num_error:
                raise
            seen = Seen(errors=0, pages=0)  # the step is gone, and its flow does not count it any more either
        if whole is not None:
            await whole(reading, seen.trusted(work.summary))
        gone = await self.store.end_read(reading, trusted=seen.trusted(work.summary))
        count_gone(tally, gone)
        after = await self.store.progress(ref)
        first = before.watermark_at is None
        # what has not changed is judged again by a sweep only, so no other full read may stand for one
        swept = (work.window.full and rejudge) or (first and after.open == work.summary.num_error)
        mark = mark_after(work.summary, open_now=after.open, in_flight=after.in_flight, window=work.window)
        await self.store.save_progress(
            ref,
            mark=mark,
            watermark_at=work.window.until or now,
            swept_at=now if swept else before.swept_at,
            judged_with=self.basis if first or work.window.full else before.judged_with,
        )
        tally.steps_read += 1
        self.log.info(
            "step.read",
            flow_id=ref.flow_id,
            step_id=ref.step_id,
            reason=work.reason,
            pages=seen.pages,
            errors=seen.errors,
            open=after.open,
            gone=len(gone),
            new=tally.totals.untold_seen.pop(ref, 0),  # with those of reads that were cut short before it
        )
        again = await self.store.open_again(ref, sorted({each.case_key for each in gone})) if gone else None
        if again is not None:  # judged before it was known that another error of its case has left: somebody's retry?
            await self.recheck(work.step, Window(since=again.since, until=again.until), tally, now)
        if not work.window.full and not after.in_flight and after.open > work.summary.num_error:
            # some have left, perhaps retried by others; it must be known which before anything is sent
            full = Window(settled_at=work.window.until)
            return await self.read(replace(work, window=full, reason="some left"), tally, now)
        return mark is not None

    async def pages(
        self, step: Step, window: Window, reading: Read, tally: Tally, now: datetime, *, rejudge: bool = False
    ) -> Seen:
        """Read all pages of *window*, judge what is new or changed (everything where *rejudge*), and keep it."""
        errors = pages = 0
        async for page in self.client.errors(step.ref, since=window.since, until=window.until):
            pages += 1
            sight = await self.store.see(reading, page.error_ids)
            errors += sight.fresh
            # Where a list is read whole to find out what has left, a page of known errors is done with its ids. Should
            # one of them say something else by now, the next sweep finds that; before it is acted on it is read again.
            if sight.unknown or rejudge or not window.full:
                async with self.judge.turn.taken():
                    found = await self._judged(step, page, sight, now, rejudge=rejudge)
                await self.store.save_page(reading, found.kept, found.recorded)
                found.count(tally, step.ref)
                self._tell(step.ref, found.told)
                errors -= found.came_later(window)
                del found  # the next page may be long in coming
        return Seen(errors=errors, pages=pages)

    async def _judged(self, step: Step, page: ErrorsPage, sight: Sight, now: datetime, *, rejudge: bool) -> Found:
        """Judge what a page shows."""
        none_known = sight.unknown == len(page.error_ids)
        known = {} if none_known else await self.store.known(step.ref, page.error_ids)
        listed = page.records()
        wanted = to_judge(listed, known, rejudge=rejudge)
        found = Found()
        async for some in self.judge.some_at_a_time(step, wanted, now, listed=listed):
            new = found.add(some, known)
            if self.recorder is not None:
                found.recorded += self.recorder.of(step, some, now)
            if self.log.is_enabled_for(logging.DEBUG):
                found.told += new
        return found

    def _tell(self, ref: StepRef, new: Sequence[Judgement]) -> None:
        """Tell of each error that was not known before what its rule wants done with it."""
        for each in new:
            decision, record = each.decision, each.record
            named = {"flow_id": ref.flow_id, "step_id": ref.step_id, "error_id": record.error_id}
            if decision.verb is Verb.NONE:
                self.log.debug("error.unmatched", **named, message=record.message)
                continue
            self.log.debug(
                "error.matched",
                **named,
                rule=decision.rule_id,
                action=decision.verb.value,
                reason=decision.reason,
                message=record.message,
            )

    async def recheck(self, step: Step, window: Window, tally: Tally, now: datetime) -> None:
        """Judge all errors of *window* again, because time alone may have changed the answer for some of them."""
        reading = await self.store.begin_read(step.ref, full=False)
        await self.pages(step, window, reading, tally, now, rejudge=True)
        await self.store.end_read(reading, trusted=False)


def to_judge(records: Iterable[ErrorRecord], known: Mapping[str, Known], *, rejudge: bool) -> list[ErrorRecord]:
    """Return the records that need judging: new ones, changed ones, all where *rejudge*; none that is being acted on."""
    wanted: list[ErrorRecord] = []
    listed = {record.error_id: record for record in records}
    if not known:
        return list(listed.values())
    for record in listed.values():
        before = known.get(record.error_id)
        if before is None or (not before.in_flight and (rejudge or before.fingerprint != record.fingerprint())):
            wanted.append(record)
    return wanted


def count_gone(tally: Tally, gone: Sequence[Gone]) -> None:
    """Count errors that left without us; what may have left by a retry of ours is counted as unknown already."""
    for each in gone:
        tally.add("vanished", int(not each.unknown), rule_id=each.rule_id)
