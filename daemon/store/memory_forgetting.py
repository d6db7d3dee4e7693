"""The store without a database: what housekeeping takes away."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.store.memory_people import MemoryPeople
from daemon.store.memory_rows import Entry, Item
from daemon.store.memory_writes import MemoryJournal


class MemoryForgetting(MemoryJournal, MemoryPeople):
    """What is so old that nobody needs it any more."""

    async def prune(self, before: datetime, gone_before: datetime) -> int:
        """Clear what is older than *before*: envelopes around patches, plans, rule files; return how many of the first two."""
        cleared = sum(_empty(each) for each in self.entries.values() if each.ended_at and each.ended_at < before)
        old = [plan_id for plan_id, one in self.frozen.items() if one.plan.expires_at < before]
        for plan_id in old:
            del self.frozen[plan_id]
        self.loads = [each for each in self.loads if each.loaded_at >= before or each is self.loads[-1]]
        self.gone = {name: at for name, at in self.gone.items() if at >= gone_before}
        return cleared + len(old)

    async def forget_attempts(self, before: datetime) -> int:
        """Forget the attempts on cases of which nothing is from *before* or later, and return how many."""
        kept = set(self._recent(before)) | set(self._open())
        kept |= {(step, f"t:{trace_key}") for step, trace_key in self.shared}
        busy = {entry.written.batch.step for entry in self.entries.values() if entry.ended_at is None}
        forgotten = 0
        for batch_id, entry in list(self.entries.items()):
            step = entry.written.batch.step
            if step in busy or not _is_old(entry, before):
                continue
            old = [error_id for error_id, item in entry.items.items() if (step, item.root) not in kept]
            for error_id in old:
                del entry.items[error_id]
            entry.forgotten += len(old)
            forgotten += len(old)
            if not entry.items:
                del self.entries[batch_id]
        return forgotten + self._forget_others(before)

    def _recent(self, before: datetime) -> Iterator[tuple[StepRef, str]]:
        """Yield the cases with an attempt that is recent, under way or unknown."""
        for entry in self.entries.values():
            step = entry.written.batch.step
            for item in entry.items.values():
                if not _is_old(entry, before) or not _is_known(item, before):
                    yield step, item.root
        for (step, _), (root, seen_at) in self.others.items():
            if seen_at >= before:
                yield step, root

    def _open(self) -> Iterator[tuple[StepRef, str]]:
        """Yield the cases with an open error that was judged since an attempt."""
        for step, row in self.of(None):
            if row.tried:
                yield step, self.root(step, row.judged.case_key)

    def _forget_others(self, before: datetime) -> int:
        """Forget old retries of others, and the second names of cases of which nothing is known any more."""
        ours = {
            (entry.written.batch.step, item.root) for entry in self.entries.values() for item in entry.items.values()
        }
        kept = ours | {(step, f"t:{trace_key}") for step, trace_key in self.shared}
        kept |= {(step, root) for (step, _), (root, seen_at) in self.others.items() if seen_at >= before}
        old = [
            (step, error_id)
            for (step, error_id), (root, _) in self.others.items()
            if (step, root) not in kept and error_id not in self.rows.get(step, {})
        ]
        for name in old:
            del self.others[name]
        known = ours | {(step, root) for (step, _), (root, _) in self.others.items()} | self.gone.keys()
        known |= {(step, row.judged.case_key) for step, row in self.of(None)}
        self.aliases = {
            (step, alias): root for (step, alias), root in self.aliases.items() if known & {(step, alias), (step, root)}
        }
        return len(old)


def _is_old(entry: Entry, before: datetime) -> bool:
    return entry.ended_at is not None and max(entry.ended_at, entry.written.intended_at) < before


def _is_known(item: Item, before: datetime) -> bool:
    """Tell whether it has been known for long what came of an item, if anybody ever asked."""
    return item.outcome is not Outcome.UNKNOWN and (item.settled_at is None or item.settled_at < before)


def _empty(entry: Entry) -> int:
    """Clear the envelopes of an entry and return how many patches had any."""
    batch = entry.written.batch
    patched = sum(bool(item.before or item.after) for item in batch.items)
    items = tuple(replace(item, before=b"", after=b"") for item in batch.items)
    entry.written = replace(entry.written, batch=replace(batch, items=items))
    return patched
