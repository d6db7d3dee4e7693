"""The store without a database: the journal and the attempts on each case."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from daemon.core.batches import Act, Batch, BatchItem, UnderWay, WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.exceptions import StoreError
from daemon.core.records import StepRef
from daemon.store.memory_cases import MemoryCases
from daemon.store.memory_rows import Entry, Item, Row

MOVING = (Act.RETRY, Act.RESOLVE)
SENT = (WriteState.INTENDED, WriteState.ACCEPTED, WriteState.UNKNOWN)


class MemoryJournal(MemoryCases):
    """Every write to the platform, from before it is sent until its outcome is known."""

    async def intend(self, batch: Batch, now: datetime) -> int:
        """Write down what will be sent, put its errors in flight, count its attempts; return the entry's id."""
        step, rows = batch.step, self.rows.setdefault(batch.step, {})
        roots = [self.root(step, item.case_key) for item in batch.items]
        self._check(batch, roots)
        batch_id = next(self.numbers)
        written = Written(batch_id=batch_id, batch=batch, state=WriteState.INTENDED, intended_at=now, sent=len(batch))
        items = [Item(item=item, root=root, patch=_patch(item)) for item, root in zip(batch.items, roots, strict=True)]
        self.entries[batch_id] = Entry(written=written, items={each.item.error_id: each for each in items})
        for error_id in batch.error_ids if batch.act in MOVING else ():
            rows[error_id].batch_id = batch_id
        for item in batch.items if batch.act is Act.RETRY else ():
            if item.alias and item.alias != item.case_key:
                self._merge(step, item.alias, self.root(step, item.case_key))
        return batch_id

    def _check(self, batch: Batch, roots: Sequence[str]) -> None:
        step, rows = batch.step, self.rows[batch.step]
        if not batch.items or len(set(batch.error_ids)) < len(batch):
            raise StoreError(f"a batch of step {step.step_id} is empty or names an error twice: it is not written")
        for error_id in batch.error_ids if batch.act in MOVING else ():
            if error_id not in rows or rows[error_id].batch_id is not None:
                raise StoreError(f"error {error_id} of step {step.step_id} is already in flight or not stored")
        busy = {item.root for _, item in self.attempts_on(step) if item.undecided}
        for root in roots if batch.act is Act.RETRY else ():
            if root in busy:
                raise StoreError(
                    f"case {root} of step {step.step_id} is already in flight: an attempt has no outcome yet"
                )
            busy.add(root)

    def _merge(self, ref: StepRef, alias: str, root: str) -> None:
        """Let *alias* be the case *root*, with all the attempts that were counted under the alias so far."""
        merged = self.root(ref, alias)
        if merged == root:
            return
        for entry in self.entries.values():
            if entry.written.batch.step == ref:
                for item in entry.items.values():
                    item.root = root if item.root == merged else item.root
        for key, known in self.aliases.items():
            if key[0] == ref and known == merged:
                self.aliases[key] = root
        self.aliases[ref, merged] = root
        for noted, (known, seen_at) in self.others.items():
            if noted[0] == ref and known == merged:
                self.others[noted] = (root, seen_at)

    async def withdraw(self, batch_id: int, error_ids: Sequence[str], now: datetime, retry_at: datetime) -> None:
        """Take errors out of an intended batch that will not be sent with it; they are due again at *retry_at*."""
        entry = self._entry(batch_id, (WriteState.INTENDED,), "lose errors")
        if not entry.items.keys() >= set(error_ids):
            raise StoreError(f"write {batch_id} does not have all of the {len(set(error_ids))} errors to be withdrawn")
        for row in self._flying(entry, error_ids):
            row.free(retry_at)
        for error_id in set(error_ids):
            del entry.items[error_id]
        if not entry.items:
            self._move(entry, WriteState.NOT_SENT, reason="nothing was left to send")
            entry.ended_at = now

    async def accepted(self, batch_id: int, job_id: str, now: datetime) -> None:
        """Note that the platform took the batch; also where reading found this after its answer was lost."""
        entry = self._entry(batch_id, (WriteState.INTENDED, WriteState.UNKNOWN), "become accepted")
        self._move(entry, WriteState.ACCEPTED, job_id=job_id)
        self._settle_mark(entry, Outcome.CONFIRMED, now)

    async def unknown(self, batch_id: int, reason: str, now: datetime) -> None:
        """Note that the batch may have been sent and its answer is lost."""
        entry = self._entry(batch_id, (WriteState.INTENDED,), "become unknown")
        self._move(entry, WriteState.UNKNOWN, reason=reason)
        self._settle_mark(entry, Outcome.UNKNOWN, now)

    def _settle_mark(self, entry: Entry, outcome: Outcome, now: datetime) -> None:
        """Settle a tag or an assignment: there is nothing to wait for."""
        if entry.written.batch.act not in MOVING:
            for item in entry.items.values():
                item.outcome, item.settled_at = outcome, now
            self._move(entry, WriteState.SETTLED)
            entry.ended_at = now

    async def refused(self, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that the platform refused the batch: its attempts are given back, its errors due at *retry_at*."""
        self._give_back(batch_id, WriteState.REFUSED, reason, now, retry_at)

    async def not_sent(self, batch_id: int, reason: str, now: datetime, retry_at: datetime) -> None:
        """Note that nothing of the batch left the process: its attempts are given back, its errors due at *retry_at*."""
        self._give_back(batch_id, WriteState.NOT_SENT, reason, now, retry_at)

    def _give_back(self, batch_id: int, state: WriteState, reason: str, now: datetime, retry_at: datetime) -> None:
        entry = self._entry(batch_id, (WriteState.INTENDED,), f"become {state.value}")
        self._move(entry, state, reason=reason)
        entry.ended_at = now
        for row in self._flying(entry, entry.items):
            row.free(retry_at)

    async def unsettled(self, account: str, *, step: StepRef | None = None) -> list[Written]:
        """Return the retries and resolves that may still be at work, oldest first, with the items without an outcome."""
        entries = (entry for entry in self.entries.values() if _is_open(entry, account))
        return [_open_part(entry) for entry in entries if step in (None, entry.written.batch.step)]

    async def under_way(self, account: str) -> list[UnderWay]:
        """Return what names the entries that `unsettled` has, oldest first."""
        return [
            UnderWay(
                batch_id=written.batch_id,
                step=written.batch.step,
                act=written.batch.act,
                rule_id=written.batch.rule_id,
                plan_id=written.batch.plan_id,
                intended_at=written.intended_at,
            )
            for written in await self.unsettled(account)
        ]

    async def unsettled_count(self, account: str) -> int:
        """Return how many entries `unsettled` has."""
        return len(await self.unsettled(account))

    async def named_by_data_under_way(self, account: str) -> bool:
        """Tell whether an error without an outcome is of a case that only its retry data names."""
        items = (item for written in await self.unsettled(account) for item in written.batch.items)
        return any(item.case_key.startswith(("d:", "c:")) for item in items)

    async def note_missed(self, batch_id: int, error_ids: Sequence[str]) -> None:
        """Note that a complete read which may have skipped some errors did not show these."""
        entry = self._entry(batch_id, SENT, "miss errors")
        if not {each for each, item in entry.items.items() if item.outcome is None} >= set(error_ids):
            raise StoreError(f"write {batch_id} does not have all of the {len(set(error_ids))} errors that were missed")
        for error_id in error_ids:
            entry.items[error_id].missed = True

    async def settle(
        self,
        batch_id: int,
        outcomes: Mapping[str, Outcome],
        now: datetime,
        *,
        gone: Collection[str] = (),
        reason: str = "",
    ) -> None:
        """Write down what came of each error (by id) and the *reason* where there is one, and let go of it."""
        entry = self._entry(batch_id, SENT, "be settled")
        for error_id in outcomes:
            item = entry.items.get(error_id)
            if item is None or item.outcome is not None:
                raise StoreError(
                    f"write {batch_id} does not wait for the outcome of all of the {len(outcomes)} errors given"
                )
        step = entry.written.batch.step
        rows, woken = self.rows.setdefault(step, {}), set[str]()
        for error_id, outcome in outcomes.items():
            item = entry.items[error_id]
            item.outcome, item.settled_at, item.why = outcome, now, reason
            woken |= self.names(step, item.item.case_key)
            for row in self._flying(entry, [error_id]):
                row.free(now)
                if outcome in (Outcome.CONFIRMED, Outcome.VANISHED) or error_id in gone:
                    del rows[error_id]
                    self.missed.get(step, {}).pop(error_id, None)
                    self.end_recording(row, now)
        for row in rows.values():
            if row.judged.case_key in woken and row.waits:
                row.judged = row.judged._replace(due_at=now)
        if all(each.outcome for each in entry.items.values()):
            self._move(entry, WriteState.SETTLED)
            entry.ended_at = now

    def _entry(self, batch_id: int, allowed: Collection[WriteState], what: str) -> Entry:
        entry = self.entries.get(batch_id)
        if entry is None:
            raise StoreError(f"there is no write {batch_id} in the journal: it cannot {what}")
        if entry.written.state not in allowed:
            raise StoreError(f"write {batch_id} is {entry.written.state.value}: it cannot {what}")
        return entry

    def _move(self, entry: Entry, state: WriteState, *, job_id: str | None = None, reason: str | None = None) -> None:
        known = entry.written
        entry.written = replace(
            known,
            state=state,
            job_id=known.job_id if job_id is None else job_id,
            reason=known.reason if reason is None else reason,
        )

    def _flying(self, entry: Entry, error_ids: Collection[str]) -> list[Row]:
        """Return those of the errors that are in flight with the entry."""
        rows = self.rows.get(entry.written.batch.step, {})
        mine = entry.written.batch_id
        return [rows[each] for each in error_ids if each in rows and rows[each].batch_id == mine]

    async def last_patches(
        self, ref: StepRef, retry_keys: Sequence[str], *, rule_id: str | None = None
    ) -> dict[str, bytes]:
        """Return the envelope that the rule (None: any) last wrote, or is about to, for each retry data key it patched."""
        items = (item for entry in self._of_rule(ref, rule_id) for item in entry.written.batch.items)
        written = {item.retry_key: item.after for item in items if item.after}
        return {key: written[key] for key in retry_keys if key in written}

    async def last_patches_of_cases(
        self, ref: StepRef, case_keys: Sequence[str], *, rule_id: str | None = None
    ) -> dict[str, bytes]:
        """Return the same for each case it patched, whatever the retry data key."""
        items = (item for entry in self._of_rule(ref, rule_id) for item in entry.items.values())
        written = {item.root: item.item.after for item in items if item.item.after}
        return {key: written[key] for key in case_keys if key in written}

    async def last_replaced(self, ref: StepRef, retry_key: str) -> tuple[bytes, bytes] | None:
        """Return the envelopes before and after the last patch that changed anything under the key, None for none."""
        items = (item for entry in self._of_rule(ref, None) for item in entry.written.batch.items)
        changed = [(item.before, item.after) for item in items if item.retry_key == retry_key and item.before]
        return next(((before, after) for before, after in reversed(changed) if after and before != after), None)

    async def replaced_of_case(self, ref: StepRef, case_key: str) -> list[tuple[bytes, bytes]]:
        """Return the same for each patch that changed anything on the case and was not withdrawn, oldest first."""
        items = (item for entry in self._of_rule(ref, None) for item in entry.items.values() if item.root == case_key)
        changed = ((item.item.before, item.item.after) for item in items if item.item.before and item.item.after)
        return [(before, after) for before, after in changed if before != after]

    def _of_rule(self, ref: StepRef, rule_id: str | None) -> Iterator[Entry]:
        for entry in self.entries.values():
            batch = entry.written.batch
            if batch.step == ref and rule_id in (None, batch.rule_id):
                yield entry


def _patch(item: BatchItem) -> str:
    digests = (blake2b(envelope, digest_size=8).hexdigest() for envelope in (item.before, item.after))
    return " → ".join(digests) if item.before or item.after else ""


def _is_open(entry: Entry, account: str) -> bool:
    batch = entry.written.batch
    return entry.ended_at is None and batch.act in MOVING and batch.step.account == account


def _open_part(entry: Entry) -> Written:
    """Return the entry with only the items that have no outcome, and without the envelopes around patches."""
    left = [item for item in entry.items.values() if item.outcome is None]
    items = tuple(replace(item.item, before=b"", after=b"") for item in left)
    return replace(
        entry.written,
        batch=replace(entry.written.batch, items=items),
        missed=frozenset(item.item.error_id for item in left if item.missed),
        sent=len(entry.items),
        confirmed=sum(item.outcome is Outcome.CONFIRMED for item in entry.items.values()),
        came_back=sum(item.outcome is Outcome.CAME_BACK for item in entry.items.values()),
    )
