"""Naming: which case each error of one page belongs to, where its trace key alone does not tell (P2)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.cases import NEW_CASE, CaseHistory, case_key, needs_digest
from daemon.core.exceptions import ProtocolError, RefusedError
from daemon.core.judgements import Known
from daemon.core.records import ErrorRecord, RetryData, Step, StepRef
from daemon.pipeline.others import JobReader, OthersRetries
from daemon.pipeline.retry_jobs import Claims, RetryJobs
from daemon.pipeline.survey import token_refused

NAMELESS = CaseHistory(nameless=True)


class RetryDataReader(JobReader, Protocol):
    """The client calls that naming may need."""

    async def retry_data(self, ref: StepRef, retry_key: str) -> RetryData:
        """Read the retry data of one error; `RefusedError` or `ProtocolError` where there is none to be had."""

    def parse(self, retry_key: str, envelope: bytes) -> RetryData:
        """Read an envelope that the journal kept."""


class CaseReader(Claims, Protocol):
    """What naming asks of the store."""

    async def case_histories(
        self, ref: StepRef, keys: Sequence[str], now: datetime
    ) -> Mapping[str, tuple[str, CaseHistory]]:
        """Return for each key that is known the case's own key and its history as of *now*."""

    async def known(self, ref: StepRef, error_ids: Sequence[str]) -> Mapping[str, Known]:
        """Return what is held of those errors."""

    async def note_others(self, ref: StepRef, came_back: Mapping[str, str], at: datetime) -> None:
        """Count one attempt of others for each error, given as error id → case key; each once."""

    async def note_shared(self, ref: StepRef, trace_key: str, at: datetime) -> bool:
        """Remember for good that several records share a trace key; False where that was known."""

    async def last_replaced(self, ref: StepRef, retry_key: str) -> tuple[bytes, bytes] | None:
        """Return the envelopes before and after our last patch that changed anything under the key."""

    async def replaced_of_case(self, ref: StepRef, case_key: str) -> Sequence[tuple[bytes, bytes]]:
        """Return the envelopes before and after each patch of ours that changed anything on the case, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The errors of one page while they are judged: what is known of their cases, and the retry data read so far.

    *names* are those that the list gives the errors' cases, in their order. *cases* are by such a name, *shared* the trace
    keys known to stand for several records, *filed* the cases of those errors that are named by their data and were
    judged before.
    Errors from before *since* are too old to be retried, and nobody asks who has.
    """

    step: Step
    now: datetime
    client: RetryDataReader
    store: CaseReader
    log: FilteringBoundLogger
    names: Sequence[str]
    cases: dict[str, tuple[str, CaseHistory]]
    shared: set[str]
    filed: Mapping[str, str]
    since: datetime
    others: OthersRetries
    data: dict[str, RetryData | None] = field(default_factory=dict)

    def cases_as_listed(self, records: Sequence[ErrorRecord]) -> Iterator[tuple[str, CaseHistory]]:
        """Return what `case` does for each of *records*, all errors of the page."""
        if self.cases or self.shared:
            return map(self.case, records, self.names)
        return zip(self.names, repeat(NEW_CASE))  # as on most pages of a first reading

    def case(self, record: ErrorRecord, name: str = "") -> tuple[str, CaseHistory]:
        """Return the case's own key and its history as far as the list tells them, which gives it *name*."""
        listed = name or case_key(record)
        key, history = self.cases.get(listed) or (listed, NEW_CASE)
        if record.trace_key in self.shared:
            return case_key(record, shared=True), history
        return key, history

    def needs_data(self, record: ErrorRecord) -> bool:
        """Tell whether the record's case cannot be named without its retry data."""
        return needs_digest(record, shared=record.trace_key in self.shared)

    async def case_by_data(self, record: ErrorRecord) -> tuple[str, CaseHistory]:
        """Return the case's own key and its history, by the retry data."""
        data = await self.read(record)
        if data is None:
            return self.case(record)[0], NAMELESS
        name = case_key(record, data.data_digest, shared=record.trace_key in self.shared)
        filed = self.filed.get(record.error_id, name)
        if filed != name and (await self._history(filed))[1].attempts:
            name = filed  # whatever its data has been made since then: it is the error that was tried
        key, case = await self._history(name)
        if self.came_back(record, case) and await self.others.made(record):
            await self.store.note_others(self.step.ref, {record.error_id: key}, self.now)
            return await self._history(name)
        return key, case

    async def _history(self, name: str) -> tuple[str, CaseHistory]:
        return (await self.store.case_histories(self.step.ref, [name], self.now)).get(name, (name, NEW_CASE))

    def came_back(self, record: ErrorRecord, case: CaseHistory) -> bool:
        """Tell whether the case was open before under another id, and came back without an attempt of ours."""
        at = record.occurred_at
        if case.gone_at is None or at is None or case.unsettled:
            return False
        return case.gone_at < at and self.since <= at

    async def count_others(self, records: Sequence[ErrorRecord]) -> None:
        """Count the retries of others that those errors tell of whose trace key names their case."""
        told: dict[str, str] = {}
        names: set[str] = set()
        for record in records:
            key, case = self.case(record)
            if self.came_back(record, case) and not self.needs_data(record) and await self.others.made(record):
                told[record.error_id] = key
                names.add(case_key(record))
        if told:
            await self.store.note_others(self.step.ref, told, self.now)
            self.cases.update(await self.store.case_histories(self.step.ref, sorted(names), self.now))

    async def tell_apart(self, suspects: Sequence[ErrorRecord]) -> None:
        """Find out whether errors that share a trace key and a run are of different records, from the data two failed with.

        While an attempt under that key has no outcome nothing is concluded: what comes back then is told by its name.
        """
        one, other = suspects[0], suspects[-1]
        if one.trace_key in self.shared or self.case(one)[1].unsettled:
            return
        first, second = await self.as_it_first_failed(one), await self.as_it_first_failed(other)
        if first is None or second is None or first.data_digest == second.data_digest:
            return
        self.shared.add(one.trace_key)
        ref = self.step.ref
        if await self.store.note_shared(ref, one.trace_key, self.now):
            log = self.log.bind(flow_id=ref.flow_id, step_id=ref.step_id)
            log.warning("case.separated", error_id=one.error_id, other_id=other.error_id)

    async def read(self, record: ErrorRecord) -> RetryData | None:
        """Return the retry data, read once; None where there is none to be had for us."""
        if record.error_id not in self.data:
            self.data[record.error_id] = await self._read(record)
        return self.data[record.error_id]

    async def as_it_failed(self, record: ErrorRecord) -> RetryData | None:
        """Return the retry data with which the record failed, None where there is none to be had for us.

        A patch of ours may be written and its retry not (a pause, a crash): the error is about what was there before.
        """
        data = await self.read(record)
        if data is None:
            return None
        replaced = await self.store.last_replaced(self.step.ref, record.retry_key)
        if replaced is None:
            return data
        before, after = (self.client.parse(record.retry_key, envelope) for envelope in replaced)
        return before if after.data_digest == data.data_digest else data

    async def as_it_first_failed(self, record: ErrorRecord) -> RetryData | None:
        """Return the retry data from before any patch of ours on its case, also where it came back under another key."""
        data = await self.as_it_failed(record)
        for replaced in reversed(await self.store.replaced_of_case(self.step.ref, self.case(record)[0])):
            before, after = (self.client.parse(record.retry_key, envelope) for envelope in replaced)
            if data is not None and data.data_digest == after.data_digest:
                data = before
        return data

    async def _read(self, record: ErrorRecord) -> RetryData | None:
        if not record.retryable:
            return None
        try:
            return await self.client.retry_data(self.step.ref, record.retry_key)
        except (RefusedError, ProtocolError) as refused:
            if token_refused(refused):
                raise
            return None  # gone, closed to us, or not to be read without loss: this error has no data for us


async def open_page(  # noqa: PLR0913, PLR0917 - what the judge has, and what it is asked
    client: RetryDataReader,
    store: CaseReader,
    retries: RetryJobs,
    log: FilteringBoundLogger,
    step: Step,
    records: Sequence[ErrorRecord],
    now: datetime,
    since: datetime,
) -> Page:
    """Ask the store once what is known of the cases of all *records*; those from before *since* are too old to retry."""
    names = [case_key(record) for record in records]
    histories = await store.case_histories(step.ref, list(dict.fromkeys(names)), now)
    cases = {name: found for name, found in histories.items() if found != (name, NEW_CASE)}
    known_to_share = {name for name, (_, case) in cases.items() if case.shared}
    pairs = zip(records, names, strict=True) if known_to_share else ()
    shared = {each.trace_key for each, name in pairs if name in known_to_share}
    moments = (record.occurred_at for record in records if record.occurred_at)
    oldest = min((at for at in moments if at >= since), default=now)
    others = OthersRetries(step=step, since=oldest, client=client, retries=retries, claims=store)
    return Page(
        step=step,
        now=now,
        client=client,
        store=store,
        log=log,
        names=names,
        cases=cases,
        shared=shared,
        filed=await _filed(store, step.ref, records, names, shared),
        since=since,
        others=others,
    )


async def _filed(
    store: CaseReader, ref: StepRef, records: Sequence[ErrorRecord], names: Sequence[str], shared: Collection[str]
) -> dict[str, str]:
    """Return by error id the cases of *records* that were named by their data when they were judged before."""
    asked = {
        record.error_id: record
        for record, name in zip(records, names, strict=True)
        if (shared or not name.startswith("t:")) and needs_digest(record, shared=record.trace_key in shared)
    }
    filed: dict[str, str] = {}
    for error_id, known in (await store.known(ref, list(asked)) if asked else {}).items():
        record, key = asked[error_id], known.case_key
        unnamed = case_key(record, shared=record.trace_key in shared)
        if known.fingerprint == record.fingerprint() and key[:2] in ("c:", "d:") and key != unnamed:
            filed[error_id] = key
    return filed
