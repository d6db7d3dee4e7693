"""Keeping what was judged: rows of errors, written a page at a time, and taken away when an error has left."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    true,
)

from daemon.core.decisions import Verb
from daemon.core.judgements import Gone, Judged
from daemon.store.columns import clean, to_ms
from daemon.store.control_tables import gone_cases
from daemon.store.recording_tables import departures, recordings
from daemon.store.scratch import unseen
from daemon.store.sqlite import document, each, fields, insert
from daemon.store.steps import count_stored
from daemon.store.tables import (
    UNSURE,
    WANTS_ASSIGN,
    WANTS_TAG,
    aliases,
    batch_items,
    batches,
    errors,
    held,
    verdicts,
)

STEP = bindparam("step", type_=errors.c.step_no.type)

WORDS = (verdicts.c.verb, verdicts.c.rule_id, verdicts.c.reason, verdicts.c.detail)
_said = fields("verdicts", *WORDS)
KEEP_VERDICTS = (
    insert(verdicts)
    .from_select([column.name for column in WORDS], select(*_said.c).where(true()))
    .on_conflict_do_nothing()
)
VERDICTS = select(verdicts.c.verdict_no, *WORDS).join_from(
    _said, verdicts, and_(*(verdicts.c[column.name] == _said.c[column.name] for column in WORDS))
)

GIVEN = ("case_key", "code", "occurred_at", "fingerprint", "wants", "due_at", "verdict_no")
_page = fields("rows", errors.c.error_id, *(errors.c[name] for name in GIVEN))


def case_root(key: ColumnElement[str]) -> ColumnElement[str]:
    """Return the case that *key*, perhaps an alias, stands for on the step."""
    known = select(aliases.c.case_root).where(aliases.c.step_no == STEP, aliases.c.alias == key)
    return func.coalesce(known.correlate_except(aliases).scalar_subquery(), key)


def former_key(key: ColumnElement[str]) -> ColumnElement[str]:
    """Return what `core.cases.former_key` does; NULL where that is ""."""
    past_the_digest = func.substr(key, 3 + func.instr(func.substr(key, 3), ":"))
    return case((func.substr(key, 1, 2) == "c:", literal("t:") + past_the_digest))


_attempt = exists().where(batch_items.c.step_no == STEP, batch_items.c.case_root == case_root(_page.c.case_key))
_tried = case((_attempt.correlate_except(batch_items), 1), else_=0)
_keep = insert(errors).from_select(
    ["step_no", "error_id", *GIVEN, "tried", "seen_after", "first_seen_at"],
    select(
        STEP,
        _page.c.error_id,
        *(_page.c[name] for name in GIVEN),
        _tried,
        select(func.coalesce(func.max(batches.c.batch_no), 0)).scalar_subquery(),
        bindparam("now", type_=errors.c.first_seen_at.type),
    ).where(true()),
)
KEEP_NEW = _keep.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
REPLACE = _keep.on_conflict_do_update(
    index_elements=["step_no", "error_id"],
    set_={name: _keep.excluded[name] for name in (*GIVEN, "tried")},
    where=errors.c.batch_no.is_(None),
)

_ids = each("ids")


def _standing(error_id: Column[str] | ColumnElement[str]) -> ColumnElement[bool]:
    """Tell whether the error is stored and not in flight."""
    return (
        exists()
        .where(errors.c.step_no == STEP, errors.c.error_id == error_id, errors.c.batch_no.is_(None))
        .correlate_except(errors)
    )


LET_GO = delete(held).where(
    held.c.step_no == STEP, held.c.error_id.in_(select(_ids.c.value)), _standing(held.c.error_id)
)
_holds = fields("holds", held.c.error_id, held.c.queue, held.c.title, held.c.edit, held.c.detail)
_hold = insert(held).from_select(
    ["step_no", *_holds.c.keys(), "held_at"],
    select(STEP, *_holds.c, bindparam("now", type_=held.c.held_at.type)).where(_standing(_holds.c.error_id)),
)
PUT_ON_HOLD = _hold.on_conflict_do_update(
    index_elements=["step_no", "error_id"],
    set_={name: _hold.excluded[name] for name in ("queue", "title", "edit", "detail")},
)

NAMED: ColumnElement[bool] = errors.c.error_id.in_(select(_ids.c.value))
UNSEEN: ColumnElement[bool] = errors.c.error_id.in_(select(unseen.c.error_id).where(unseen.c.gone))
_standing_here = and_(errors.c.step_no == STEP, errors.c.batch_no.is_(None))
_unsure = exists().where(batch_items.c.step_no == STEP, batch_items.c.error_id == errors.c.error_id, UNSURE)
_unsure = _unsure.correlate(errors)
LEAVING = {
    which: select(errors.c.error_id, errors.c.case_key, verdicts.c.rule_id, verdicts.c.verb, _unsure.label("unknown"))
    .join_from(errors, verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .where(_standing_here, which)
    .order_by(errors.c.error_id)
    for which in (NAMED, UNSEEN)
}
NOTE_GONE = {
    which: insert(gone_cases)
    .from_select(
        ["step_no", "case_key", "occurred_at"],
        select(STEP, errors.c.case_key, func.max(errors.c.occurred_at))
        .where(_standing_here, which, errors.c.occurred_at.is_not(None), func.substr(errors.c.case_key, 1, 2) != "e:")
        .group_by(errors.c.case_key),
    )
    .on_conflict_do_update(
        index_elements=["step_no", "case_key"],
        set_={"occurred_at": func.max(gone_cases.c.occurred_at, literal_column("excluded.occurred_at"))},
    )
    for which in (NAMED, UNSEEN)
}
_recorded = exists().where(recordings.c.step_no == STEP, recordings.c.error_id == errors.c.error_id)
NOTE_LEFT = {
    which: insert(departures)
    .from_select(
        ["step_no", "error_id", "left_at", "how"],
        select(
            STEP,
            errors.c.error_id,
            bindparam("now", type_=departures.c.left_at.type),
            literal("", departures.c.how.type),
        ).where(_standing_here, which, _recorded.correlate(errors)),
    )
    .on_conflict_do_update(
        index_elements=["step_no", "error_id"],
        set_={"left_at": literal_column("excluded.left_at"), "how": literal_column("excluded.how")},
    )
    for which in (NAMED, UNSEEN)
}
FORGET = {which: delete(errors).where(_standing_here, which) for which in (NAMED, UNSEEN)}


def keep(connection: Connection, step_no: int, judged: Sequence[Judged], now: datetime) -> int:
    """Insert or replace the rows of *judged* and return how many are new; a row in flight stays as it is."""
    newest = sorted({each_one.error_id: each_one for each_one in judged}.values(), key=lambda one: one.error_id)
    if not newest:
        return 0
    numbers = _verdict_numbers(connection, {_verdict(one) for one in newest})
    rows = [_row(one, numbers[_verdict(one)]) for one in newest]
    parameters = {"step": step_no, "now": now, "rows": document(rows)}
    new = connection.execute(KEEP_NEW, parameters).rowcount
    count_stored(connection, step_no, new)
    if new < len(newest):
        connection.execute(REPLACE, parameters)
        free = [one.error_id for one in newest if one.hold is None]
        connection.execute(LET_GO, {"step": step_no, "ids": document(free)})
    holds = [_hold_row(one) for one in newest if one.hold is not None]
    if holds:
        connection.execute(PUT_ON_HOLD, parameters | {"holds": document(holds)})
    return new


def forget(
    connection: Connection, step_no: int, which: ColumnElement[bool], now: datetime, ids: Sequence[str] = ()
) -> list[Gone]:
    """Delete the errors that *which* chooses (`NAMED` in *ids*, or `UNSEEN`) and are not in flight; return them.

    That their cases were open is remembered: where one is open again under another id, somebody may have retried it.
    So is that they left, of those with a recording.
    """
    parameters: dict[str, Any] = {"step": step_no}
    if which is NAMED:
        parameters["ids"] = document(ids)
    gone = [
        Gone(
            error_id=row.error_id,
            case_key=row.case_key,
            rule_id=row.rule_id,
            verb=Verb(row.verb),
            unknown=bool(row.unknown),
        )
        for row in connection.execute(LEAVING[which], parameters)
    ]
    if gone:
        connection.execute(NOTE_GONE[which], parameters)
        connection.execute(NOTE_LEFT[which], parameters | {"now": now})
        connection.execute(FORGET[which], parameters)
        count_stored(connection, step_no, -len(gone))
    return gone


Verdict = tuple[str, str, str, str]


def _verdict(one: Judged) -> Verdict:
    """Return what was decided; the sentence of a held error, often its own, is kept with the hold."""
    return one.verb.value, one.rule_id, one.reason, one.detail if one.hold is None else ""


def _verdict_numbers(connection: Connection, wanted: set[Verdict]) -> dict[Verdict, int]:
    """Return the numbers of verdicts; one never given before gets its number now."""
    said = {"verdicts": document(sorted(wanted))}
    known = _numbered(connection, said)
    if not wanted <= known.keys():
        connection.execute(KEEP_VERDICTS, said)
        known = _numbered(connection, said)
    return {verdict: known[*map(clean, verdict)] for verdict in wanted}


def _numbered(connection: Connection, said: dict[str, str]) -> dict[tuple[str, ...], int]:
    rows = connection.execute(VERDICTS, said)
    return {(row.verb, row.rule_id, row.reason, row.detail): row.verdict_no for row in rows}


def _row(one: Judged, verdict_no: int) -> tuple[object, ...]:
    wants = WANTS_TAG * one.tag + WANTS_ASSIGN * one.assign
    occurred, due = to_ms(one.occurred_at), to_ms(one.due_at)
    return one.error_id, one.case_key, one.code, occurred, one.fingerprint, wants, due, verdict_no


def _hold_row(one: Judged) -> tuple[object, ...]:
    if one.hold is None:
        raise AssertionError
    edit = json.dumps([asdict(field) for field in one.hold.edit])
    return one.error_id, one.hold.queue, one.hold.title, edit, one.detail
