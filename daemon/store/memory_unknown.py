"""The store without a database: retries of which nobody knows what came of them."""

from collections.abc import Iterator
from datetime import datetime

from daemon.core.batches import Act
from daemon.core.cases import former_key
from daemon.core.decisions import Outcome
from daemon.core.rows import UnknownRow
from daemon.store.memory_people import MemoryPeople
from daemon.store.memory_rows import Entry, Item


class MemoryUnknown(MemoryPeople):
    """What waits for a person to look into the target."""

    async def unknown_items(
        self, account: str | None = None, *, flow: str | None = None, step: str | None = None, rule: str | None = None
    ) -> list[UnknownRow]:
        """Return the retried errors whose outcome is unknown, those sent first first; None asks for any."""
        found = [
            _unknown_row(entry, item)
            for entry, item in self._retried(account)
            if item.outcome is Outcome.UNKNOWN
            and flow in (None, entry.written.batch.step.flow_id)
            and step in (None, entry.written.batch.step.step_id)
            and rule in (None, entry.written.batch.rule_id)
        ]
        return sorted(found, key=lambda row: (row.sent_at, row.batch_id))

    async def unknown_count(self, account: str | None = None) -> int:
        """Return how many there are."""
        return len(await self.unknown_items(account))

    async def unknown_of_case(self, account: str | None, trace_key: str) -> list[UnknownRow]:
        """Return those of one record, and those of it that people have settled, the newest outcome last."""
        names = self.names_of(trace_key)
        found = [
            _unknown_row(entry, item)
            for entry, item in self._retried(account)
            if item.root in names and (item.outcome is Outcome.UNKNOWN or item.settled_by)
        ]
        return sorted(found, key=lambda row: (row.settled_at, row.batch_id))

    async def settle_unknown(
        self, batch_id: int, error_id: str, outcome: Outcome, *, by: str, why: str, now: datetime
    ) -> bool:
        """Write down what a person says came of one retry; False where its outcome is not unknown (any more)."""
        entry = self.entries.get(batch_id)
        item = entry.items.get(error_id) if entry else None
        if entry is None or item is None or item.outcome is not Outcome.UNKNOWN:
            return False
        item.outcome, item.settled_at, item.settled_by, item.why = outcome, now, by, why
        step = entry.written.batch.step
        names = self.names(step, item.item.case_key)
        for row in self.rows.get(step, {}).values():
            key = row.judged.case_key
            mine, formerly = key in names, former_key(key) == item.item.case_key
            if (mine and row.waits) or ((mine or formerly) and row.waits_for_people):
                row.judged = row.judged._replace(due_at=now)
        return True

    def _retried(self, account: str | None) -> Iterator[tuple[Entry, Item]]:
        for entry in self.entries.values():
            batch = entry.written.batch
            if batch.act is Act.RETRY and account in (None, batch.step.account):
                yield from ((entry, item) for item in entry.items.values())


def _unknown_row(entry: Entry, item: Item) -> UnknownRow:
    written = entry.written
    if item.outcome is None or item.settled_at is None:
        raise AssertionError
    return UnknownRow(
        step=written.batch.step,
        batch_id=written.batch_id,
        error_id=item.item.error_id,
        case_key=item.root,
        rule_id=written.batch.rule_id,
        sent_at=written.intended_at,
        job_id=written.job_id,
        outcome=item.outcome,
        settled_at=item.settled_at,
        settled_by=item.settled_by,
        why=item.why or written.reason,
    )
