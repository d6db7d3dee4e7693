"""The statements of the journal, and how its entries are written and read back."""

import json
from datetime import datetime
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from daemon.core.batches import Act, Batch, BatchItem, UnderWay, WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.store.cases import HAPPENED, NAMES, UNDECIDED
from daemon.store.columns import Moment
from daemon.store.judged import STEP, case_root, former_key
from daemon.store.past import past_of
from daemon.store.sqlite import document, each, fields, insert, packed
from daemon.store.steps import ADDRESSED, REF, AnyRow, add_numbered, address, ref_of
from daemon.store.tables import batch_items, batches, errors, held, patches, steps, verdicts

BATCH = bindparam("batch", type_=batches.c.batch_no.type)
DUE_AT = bindparam("due", type_=errors.c.due_at.type)

_ids = each("ids")
_items_named = and_(batch_items.c.batch_no == BATCH, batch_items.c.error_id.in_(select(_ids.c.value)))
_errors_named = and_(errors.c.step_no == STEP, errors.c.error_id.in_(select(_ids.c.value)))

_given = fields(
    "items",
    batch_items.c.error_id,
    batch_items.c.position,
    batch_items.c.case_key,
    batch_items.c.alias,
    batch_items.c.retry_key,
)
ADD_ITEMS = insert(batch_items).from_select(
    ["batch_no", "step_no", *_given.c.keys(), "case_root", "missed"],
    select(BATCH, STEP, *_given.c, case_root(_given.c.case_key), literal(0)).where(true()),
)
TAKE_OFF = update(errors).where(_errors_named, errors.c.batch_no.is_(None)).values(batch_no=BATCH, due_at=None)
GROUNDED = select(_ids.c.value).where(
    _ids.c.value.not_in(select(errors.c.error_id).where(errors.c.step_no == STEP, errors.c.batch_no == BATCH))
)
"""Errors of a batch that `TAKE_OFF` could not put in flight."""

_mine = batch_items.alias("mine")
RIVALS = (
    select(_mine.c.case_key, batch_items.c.batch_no)
    .join_from(
        _mine,
        batch_items,
        and_(
            batch_items.c.step_no == _mine.c.step_no,
            batch_items.c.case_root == _mine.c.case_root,
            or_(batch_items.c.batch_no != _mine.c.batch_no, batch_items.c.error_id != _mine.c.error_id),
        ),
    )
    .join(batches, batches.c.batch_no == batch_items.c.batch_no)
    .where(_mine.c.batch_no == BATCH, HAPPENED, UNDECIDED)
)
"""Attempts on the cases of a batch, other than its own, of which nobody knows what came of them."""

REMOVE_ITEMS = delete(batch_items).where(_items_named)
MISS_ITEMS = update(batch_items).where(_items_named, batch_items.c.outcome.is_(None)).values(missed=True)
SETTLE_ITEMS = (
    update(batch_items)
    .where(_items_named, batch_items.c.outcome.is_(None))
    .values(
        outcome=bindparam("came_of_it"),
        settled_at=bindparam("now", type_=batch_items.c.settled_at.type),
        settled_why=bindparam("why"),
    )
)
SETTLE_ALL = (
    update(batch_items)
    .where(batch_items.c.batch_no == BATCH)
    .values(outcome=bindparam("came_of_it"), settled_at=bindparam("now", type_=batch_items.c.settled_at.type))
)
CASE_KEYS = select(batch_items.c.case_key).where(_items_named)

_flying = and_(errors.c.step_no == STEP, errors.c.batch_no == BATCH)
_flying_named = and_(_flying, errors.c.error_id.in_(select(_ids.c.value)))
PAST_NAMED = past_of(errors, _flying_named, until=bindparam("now", type_=Moment()))
END_NAMED = delete(errors).where(_flying_named)
FREE_NAMED = update(errors).where(_flying_named).values(batch_no=None, due_at=DUE_AT)
FREE_ALL = update(errors).where(_flying).values(batch_no=None, due_at=DUE_AT)
_of_the_cases = errors.c.case_key.in_(select(NAMES.c.name))


def _judged(reason: str) -> ColumnElement[bool]:
    return errors.c.verdict_no.in_(select(verdicts.c.verdict_no).where(verdicts.c.reason == reason))


WAKE = (
    update(errors)
    .where(errors.c.step_no == STEP, errors.c.due_at.is_not(None), _judged("in-flight"), _of_the_cases)
    .values(due_at=DUE_AT)
)
"""Judge again what waits for the outcome of another attempt on its case."""

_keys = each("keys")
WAKE_HELD = (
    update(errors)
    .where(
        errors.c.step_no == STEP,
        errors.c.error_id.in_(select(held.c.error_id).where(held.c.step_no == STEP)),
        errors.c.batch_no.is_(None),
        _judged("unknown"),
        or_(_of_the_cases, former_key(errors.c.case_key).in_(select(_keys.c.value))),
    )
    .values(due_at=DUE_AT)
)
"""Judge again what is held because an outcome is unknown, also one from before the trace key was known to be shared."""

_open = (
    steps.c.account == bindparam("account"),
    batches.c.ended_at.is_(None),
    batches.c.act.in_((Act.RETRY, Act.RESOLVE)),
)
COUNTED = (Outcome.CONFIRMED, Outcome.CAME_BACK)
"""The outcomes that are held against the counts of a retry job."""

OPEN_COUNT = select(func.count()).join_from(batches, steps).where(*_open)
OPEN_BATCHES = select(batches, *REF).join_from(batches, steps).where(*_open).order_by(batches.c.batch_no)
OPEN_ON_STEP = OPEN_BATCHES.where(ADDRESSED)
OPEN_ITEMS = (
    select(
        batch_items.c.batch_no,
        packed(
            batch_items.c.error_id,
            batch_items.c.position,
            batch_items.c.case_key,
            batch_items.c.retry_key,
            batch_items.c.alias,
            batch_items.c.missed,
            batch_items.c.outcome,
        ).label("items"),
    )
    .where(
        batch_items.c.batch_no.in_(select(_ids.c.value)),
        or_(batch_items.c.outcome.is_(None), batch_items.c.outcome.in_(COUNTED)),
    )
    .group_by(batch_items.c.batch_no)
)
BY_DATA = (
    select(literal(1))
    .join_from(batch_items, batches, batches.c.batch_no == batch_items.c.batch_no)
    .join(steps, steps.c.step_no == batches.c.step_no)
    .where(*_open, batch_items.c.outcome.is_(None), func.substr(batch_items.c.case_key, 1, 2).in_(("d:", "c:")))
    .limit(1)
)
"""Whether any error under way is of a case that only its retry data names."""


ENTRY = select(batches).where(batches.c.batch_no == BATCH)
MOVABLE = (batches.c.size, batches.c.state, batches.c.ended_at, batches.c.job_id, batches.c.reason)
MOVE = (
    update(batches)
    .where(batches.c.batch_no == BATCH)
    .values({each: func.coalesce(bindparam(f"to_{each.name}", type_=each.type), each) for each in MOVABLE})
)
UNMOVED = dict.fromkeys(f"to_{each.name}" for each in MOVABLE)
"""The parameters of `MOVE` that leave an entry as it is."""


def add_batch(connection: Connection, batch: Batch, step_no: int, now: datetime) -> int:
    """Write the head of a new entry and return its number."""
    row = {
        "step_no": step_no,
        "act": batch.act.value,
        "rule_id": batch.rule_id,
        "rules": batch.rules,
        "plan_id": batch.plan_id,
        "detail": batch.detail,
        "size": len(batch),
        "state": WriteState.INTENDED,
        "intended_at": now,
        "job_id": "",
        "reason": "",
    }
    return add_numbered(connection, batches, row)


def add_items(connection: Connection, batch: Batch, step_no: int, batch_no: int) -> None:
    """Write the items of a new entry, and the envelopes of those that are patched."""
    items = [
        (item.error_id, position, item.case_key, item.alias, item.retry_key)
        for position, item in enumerate(batch.items)
    ]
    connection.execute(ADD_ITEMS, {"batch": batch_no, "step": step_no, "items": document(items)})
    envelopes = [
        {
            "batch_no": batch_no,
            "error_id": item.error_id,
            "step_no": step_no,
            "retry_key": item.retry_key,
            "before_digest": _digest(item.before),
            "after_digest": _digest(item.after),
            "before": item.before or None,
            "after": item.after or None,
        }
        for item in batch.items
        if item.before or item.after
    ]
    if envelopes:
        connection.execute(insert(patches), envelopes)


def root_of(connection: Connection, step_no: int, case_key: str) -> str:
    """Return the case that *case_key* stands for now."""
    return connection.execute(select(case_root(literal(case_key))), {"step": step_no}).scalar_one()


def open_heads(connection: Connection, account: str) -> list[UnderWay]:
    """Return what names the entries that may still be at work, oldest first."""
    return [
        UnderWay(
            batch_id=row.batch_no,
            step=ref_of(row),
            act=Act(row.act),
            rule_id=row.rule_id,
            plan_id=row.plan_id,
            intended_at=row.intended_at,
        )
        for row in connection.execute(OPEN_BATCHES, {"account": account})
    ]


def open_entries(connection: Connection, account: str, step: StepRef | None) -> list[Written]:
    """Return the entries that may still be at work (None: on any step), oldest first."""
    asked = (OPEN_BATCHES, {"account": account}) if step is None else (OPEN_ON_STEP, address(step))
    heads = connection.execute(*asked).all()
    rows = connection.execute(OPEN_ITEMS, {"ids": document([head.batch_no for head in heads])})
    items = {row.batch_no: row.items for row in rows}
    return [_written(head, items.get(head.batch_no, "{}")) for head in heads]


class _Row(NamedTuple):
    """What is read of an item."""

    error_id: str
    position: int
    case_key: str
    retry_key: str
    alias: str
    missed: int
    outcome: str | None


def _written(head: AnyRow, items: str) -> Written:
    rows = sorted((_Row(name, *row) for name, row in json.loads(items).items()), key=attrgetter("position"))
    left = [row for row in rows if row.outcome is None]
    batch = Batch(
        step=ref_of(head),
        act=Act(head.act),
        rule_id=head.rule_id,
        rules=head.rules,
        plan_id=head.plan_id,
        items=tuple(
            BatchItem(error_id=row.error_id, case_key=row.case_key, retry_key=row.retry_key, alias=row.alias)
            for row in left
        ),
        detail=head.detail,
    )
    return Written(
        batch_id=head.batch_no,
        batch=batch,
        state=WriteState(head.state),
        intended_at=head.intended_at,
        sent=head.size,
        job_id=head.job_id,
        reason=head.reason,
        missed=frozenset(row.error_id for row in left if row.missed),
        confirmed=sum(row.outcome == Outcome.CONFIRMED for row in rows),
        came_back=sum(row.outcome == Outcome.CAME_BACK for row in rows),
    )


def _digest(envelope: bytes) -> str:
    return blake2b(envelope, digest_size=8).hexdigest()
