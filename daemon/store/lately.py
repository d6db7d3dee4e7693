"""What has been sent lately, kept in mind: guards weigh it at every cycle, and a day has many batches.

A batch that has ended does not change any more, unless a person says what came of it. So what is new and what had not
ended is read again, and that only if anything was written. Everything is read anew where that is not enough: after a
person has settled something or batches were forgotten (in any process: `note_changed`), and every few hours.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, bindparam, cast, func, literal, or_, select, type_coerce

from daemon.core.batches import Act
from daemon.core.ramp import Stage
from daemon.core.records import StepRef
from daemon.core.usage import Usage
from daemon.store.cases import SENT
from daemon.store.columns import from_ms
from daemon.store.sqlite import document, each, insert, packed_rows, raw
from daemon.store.steps import REF
from daemon.store.tables import batches, meta, steps

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEPT_MS = 6 * HOUR_MS
"""For how long more than was asked for is kept, before everything is read anew."""

_KEPT = "lately"


class Head(NamedTuple):
    """A batch; *counts* tells whether it was sent, *told_ms* is its newest outcome."""

    batch_no: int
    account: str
    flow_id: str
    step_id: str
    rule_id: str
    act: str
    plan_id: int
    size: int
    counts: int
    sent_ms: int
    ended: int
    told: int
    confirmed: int
    came_back: int
    unknown: int
    refused: int
    told_ms: int | None

    @property
    def rule(self) -> tuple[str, str, str]:
        """Return what limits are about."""
        return self.account, self.rule_id, self.act


_ms = {name: type_coerce(batches.c[name], BigInteger) for name in ("intended_at", "told_at")}
_columns = (
    *(batches.c.batch_no, *REF, batches.c.rule_id, batches.c.act, batches.c.plan_id, batches.c.size, SENT),
    *(_ms["intended_at"], batches.c.ended_at.is_not(None), batches.c.told, batches.c.confirmed),
    *(batches.c.came_back, batches.c.unknown, batches.c.refused, _ms["told_at"]),
)
_heads = select(packed_rows(*_columns)).join_from(steps, batches, batches.c.step_no == steps.c.step_no)
SINCE = _heads.where(batches.c.intended_at >= bindparam("since", type_=BigInteger))
NEWER = _heads.where(or_(batches.c.batch_no > bindparam("last"), batches.c.batch_no.in_(select(each("open").c.value))))
CHANGED = select(meta.c.value).where(meta.c.key == literal("ended_batches_changed"))
_change = insert(meta).values(key="ended_batches_changed", value="1")
NOTE_CHANGED = _change.on_conflict_do_update(index_elements=["key"], set_={"value": cast(meta.c.value, BigInteger) + 1})
NEWEST = select(func.coalesce(func.max(batches.c.batch_no), 0))
_READ = msgspec.json.Decoder(list[Head])


@dataclass(slots=True, kw_only=True)
class _Hour:
    """What was sent within an hour of the clock: by batch, and how many errors in all by rule."""

    heads: dict[int, Head] = field(default_factory=dict)
    resolves: dict[int, Head] = field(default_factory=dict)
    sizes: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class _Plans:
    """The retries of one rule on one step by plan; *live* may still be told of, as of *since_ms*."""

    heads: dict[int, dict[int, Head]] = field(default_factory=dict)
    live: dict[int, Stage | None] = field(default_factory=dict)
    since_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Lately:
    """All batches since *since_ms*, *open* those of them that have not ended; *written* and *changed* say as of when."""

    since_ms: int
    written: tuple[int, int]
    changed: str | None
    last: int
    open: set[int] = field(default_factory=set)
    hours: dict[int, _Hour] = field(default_factory=dict)
    plans: dict[tuple[StepRef, str], _Plans] = field(default_factory=dict)

    def holds(self, since_ms: int) -> bool:
        """Tell whether all batches since then are here, and not too many from before."""
        return self.since_ms <= since_ms <= self.since_ms + KEPT_MS

    def take(self, head: Head) -> None:
        """Let a batch be as it is now."""
        self.last = max(self.last, head.batch_no)
        if head.ended:
            self.open.discard(head.batch_no)
        else:
            self.open.add(head.batch_no)
        hour = self.hours.setdefault(head.sent_ms // HOUR_MS, _Hour())
        before = hour.heads.pop(head.batch_no, None)
        hour.resolves.pop(head.batch_no, None)
        if before is not None:
            hour.sizes[before.rule] -= before.size
        if head.counts:
            hour.heads[head.batch_no] = head
            hour.sizes[head.rule] += head.size
            if head.act == Act.RESOLVE:
                hour.resolves[head.batch_no] = head
        if head.act == Act.RETRY:
            step = StepRef(account=head.account, flow_id=head.flow_id, step_id=head.step_id)
            plans = self.plans.setdefault((step, head.rule_id), _Plans())
            plans.heads.setdefault(head.plan_id, {})[head.batch_no] = head
            plans.live[head.plan_id] = None

    def usage(self, account: str, now_ms: int) -> Usage:
        """Return how many errors of the account were sent in the hour and the day before."""
        last_day, last_hour = self._sent(account, now_ms - DAY_MS), self._sent(account, now_ms - HOUR_MS)
        resolved: Counter[tuple[str, StepRef]] = Counter()
        for head in (head for hour in self.hours.values() for head in hour.resolves.values()):
            if head.account == account and head.sent_ms > now_ms - HOUR_MS:
                step = StepRef(account=account, flow_id=head.flow_id, step_id=head.step_id)
                resolved[head.rule_id, step] += head.size - head.came_back - head.refused
        return Usage(
            hour=last_hour,
            day=last_day,
            resolved={key: taken for key, taken in resolved.items() if taken > 0},
        )

    def stages(self, step: StepRef, rule_id: str, since_ms: int, sent_since_ms: int) -> list[Stage]:
        """Return what each plan has retried that has no outcome, or had its last since then, oldest first."""
        plans = self.plans.get((step, rule_id), _Plans())
        if since_ms < plans.since_ms:  # the clock was put back
            plans.live = dict.fromkeys(plans.heads)
        plans.since_ms = since_ms
        since, sent_since = from_ms(since_ms), from_ms(sent_since_ms)
        found: list[Stage] = []
        for plan_id, known in list(plans.live.items()):
            stage = known
            if stage is None or stage.sent_at < sent_since:
                stage = plans.live[plan_id] = _stage(plan_id, plans.heads[plan_id].values(), sent_since_ms)
            if stage is not None and (stage.open or (stage.settled_at is not None and stage.settled_at >= since)):
                found.append(stage)
            else:
                del plans.live[plan_id]
        return sorted(found, key=lambda stage: (stage.sent_at, stage.plan_id))

    def _sent(self, account: str, after_ms: int) -> dict[tuple[str, Act], int]:
        sizes: Counter[tuple[str, str, str]] = Counter()
        for number, hour in self.hours.items():
            if number * HOUR_MS > after_ms:
                sizes.update(hour.sizes)
            elif (number + 1) * HOUR_MS > after_ms:
                for head in hour.heads.values():
                    sizes[head.rule] += head.size if head.sent_ms > after_ms else 0
        return {(rule_id, Act(act)): size for (of, rule_id, act), size in sizes.items() if of == account and size}


def _stage(plan_id: int, heads: Collection[Head], sent_since_ms: int) -> Stage | None:
    """Return what a plan has retried since then, None where that is nothing."""
    counted = [head for head in heads if head.counts and head.sent_ms >= sent_since_ms and head.size > head.refused]
    if not counted:
        return None
    told_ms = max((head.told_ms for head in counted if head.told_ms is not None), default=None)
    return Stage(
        plan_id=plan_id,
        sent_at=from_ms(min(head.sent_ms for head in counted)),
        sent=sum(head.size - head.refused for head in counted),
        confirmed=sum(head.confirmed for head in counted),
        failed=sum(head.came_back + head.unknown for head in counted),
        open=sum(head.size - head.told for head in counted),
        settled_at=None if told_ms is None else from_ms(told_ms),
    )


def lately(connection: Connection, since_ms: int) -> Lately:
    """Return all batches since then, and some before, as they are now."""
    others = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    written = (others, raw(connection).total_changes)
    kept: Lately | None = connection.info.get(_KEPT)
    if kept is not None and kept.written == written and kept.holds(since_ms):
        return kept
    changed = connection.execute(CHANGED).scalar()
    if kept is not None and kept.changed == changed and kept.holds(since_ms):
        rows = connection.execute(NEWER, {"last": kept.last, "open": document(sorted(kept.open))}).scalar_one()
        kept.written = written
    else:
        last = connection.execute(NEWEST).scalar_one()
        since_ms -= 2 * HOUR_MS
        kept = connection.info[_KEPT] = Lately(since_ms=since_ms, written=written, changed=changed, last=last)
        rows = connection.execute(SINCE, {"since": since_ms}).scalar_one()
    for head in _READ.decode(rows):
        kept.take(_shared(head))
    return kept


def _shared(head: Head) -> Head:
    """Return the same with texts that all batches share: each of those that are read is a text of its own."""
    return head._replace(
        account=intern(head.account),
        flow_id=intern(head.flow_id),
        step_id=intern(head.step_id),
        rule_id=intern(head.rule_id),
        act=intern(head.act),
    )


def note_changed(connection: Connection) -> None:
    """Tell all processes that a batch that has ended is changed, or gone."""
    connection.execute(NOTE_CHANGED)
