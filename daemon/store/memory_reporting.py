"""The store without a database: what a report is made of."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from daemon.core.batches import Act, WriteState
from daemon.core.decisions import Verb
from daemon.core.recordings import Recorded
from daemon.core.records import StepRef
from daemon.core.report_rows import (
    BEFORE,
    NOT_KNOWN,
    Arrivals,
    Arrived,
    End,
    Left,
    OpenStep,
    Sent,
)
from daemon.store.memory_recordings import MemoryRecordings
from daemon.store.memory_rows import Entry, Item
from daemon.store.memory_writes import MOVING

DAY = timedelta(days=1)


class MemoryReporting(MemoryRecordings):
    """The past in numbers."""

    async def arrivals(self, account: str, since: datetime, until: datetime) -> Arrivals:
        """Return how many errors were first seen before *until*, by rule and day; all days before *since* are one."""
        firsts = [each[0] for each in self._recorded(account).values() if each[0].judged_at < until]
        found = Counter((one.ruling.rule_id, _day(one.judged_at, since)) for one in firsts)
        return Arrivals(
            since=min((one.judged_at for one in firsts), default=None),
            found=[Arrived(rule_id=rule, day=day, count=count) for (rule, day), count in sorted(found.items())],
        )

    async def left(self, account: str, since: datetime, until: datetime) -> list[Left]:
        """Return how many recorded errors left without us in that time, by the rule that took them last, day and fate."""
        found = Counter[tuple[str, int, str]]()
        recorded = self._recorded(account)
        for (ref, error_id), (left_at, how) in self.departures.items():
            if ref.account == account and since <= left_at < until:
                kept = recorded.get((ref, error_id), ())
                rule_id = kept[-1].ruling.rule_id if kept else NOT_KNOWN
                found[rule_id, _day(left_at, since), how] += 1
        return [Left(rule_id=rule, day=day, how=how, count=n) for (rule, day, how), n in sorted(found.items())]

    async def sent(self, account: str, since: datetime, until: datetime) -> list[Sent]:
        """Return how many errors were retried or resolved in that time, by rule, day, act and how it ended."""
        found = Counter(
            (
                entry.written.batch.rule_id,
                _day(entry.written.intended_at, since),
                entry.written.batch.act,
                _end(entry, item),
            )
            for entry, item in self._journalled(account, since, until)
        )
        return [
            Sent(rule_id=rule, day=day, act=act, end=end, count=n) for (rule, day, act, end), n in sorted(found.items())
        ]

    async def times_to_fix(self, account: str, since: datetime, until: datetime) -> dict[str, timedelta]:
        """Return the median time from an error to its confirmed retry, by rule, of those retried in that time."""
        recorded, took = self._recorded(account), dict[str, list[timedelta]]()
        for entry, item in self._journalled(account, since, until):
            batch = entry.written.batch
            kept = recorded.get((batch.step, item.item.error_id), ())
            occurred = min((one.occurred_at for one in kept if one.occurred_at), default=None)
            ended = _end(entry, item) is End.CONFIRMED and batch.act is Act.RETRY
            if ended and occurred is not None and item.settled_at is not None:
                took.setdefault(batch.rule_id, []).append(item.settled_at - occurred)
        return {rule_id: _median(sorted(times)) for rule_id, times in took.items()}

    async def open_steps(self, account: str, expiring_before: datetime) -> list[OpenStep]:
        """Return what is stored of each step that has any error; what occurred before *expiring_before* is expiring."""
        steps: dict[StepRef, OpenStep] = {}
        for ref, row in self.of(account):
            known, at = steps.get(ref, OpenStep(step=ref, count=0)), row.judged.occurred_at
            stands = row.batch_id is None
            steps[ref] = replace(
                known,
                count=known.count + stands,
                in_flight=known.in_flight + (not stands),
                unmatched=known.unmatched + (stands and row.judged.verb is Verb.NONE),
                oldest_at=min((each for each in (known.oldest_at, at) if each), default=None),
                expiring=known.expiring + (at is not None and at < expiring_before),
            )
        return [steps[ref] for ref in sorted(steps)]

    def _recorded(self, account: str) -> dict[tuple[StepRef, str], list[Recorded]]:
        """Return the recordings of each error, the earliest first."""
        found: dict[tuple[StepRef, str], list[Recorded]] = {}
        for ref in {*self.past, *self.rows}:
            for one in sorted(self.recorded(ref), key=lambda each: each.judged_at) if ref.account == account else ():
                found.setdefault((ref, one.error_id), []).append(one)
        return found

    def _journalled(self, account: str, since: datetime, until: datetime) -> Iterator[tuple[Entry, Item]]:
        for entry in self.entries.values():
            written, batch = entry.written, entry.written.batch
            mine = batch.step.account == account and batch.act in MOVING
            if mine and since <= written.intended_at < until and written.state is not WriteState.NOT_SENT:
                yield from ((entry, item) for item in entry.items.values())


def _day(at: datetime, since: datetime) -> int:
    return BEFORE if at < since else (at - since) // DAY


def _median(times: list[timedelta]) -> timedelta:
    return (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2


def _end(entry: Entry, item: Item) -> End:
    if entry.written.state is WriteState.REFUSED:
        return End.REFUSED
    if item.settled_by:
        return End.PERSON
    return End(item.outcome.value) if item.outcome else End.OPEN
