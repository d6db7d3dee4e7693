"""Cases: how often each has been tried, under whatever name it came back (P2).

The items of retry batches are the attempts. Attempts that were given back do not count: their batch did not happen.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    true,
    type_coerce,
    union_all,
    update,
)

from daemon.core.batches import Act, WriteState
from daemon.core.cases import NEW_CASE, CaseHistory
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.store.columns import Moment, clean
from daemon.store.judged import STEP, case_root
from daemon.store.sqlite import document, each, fields, insert
from daemon.store.steps import find_step, make_step
from daemon.store.tables import TRIED, aliases, batch_items, batches, errors, foreign_attempts
from daemon.store.transactions import Database, reads, writes_soon

SENT = batches.c.state.not_in((WriteState.REFUSED, WriteState.NOT_SENT))
"""A batch that happened, or may have."""

HAPPENED = and_(batches.c.act == Act.RETRY, SENT)
"""A retry that counts as attempts."""

UNDECIDED = or_(batch_items.c.outcome.is_(None), batch_items.c.outcome == Outcome.UNKNOWN)
"""An item of which nobody knows what came of it."""

_keys = each("keys")
_roots = select(_keys.c.value.label("key"), case_root(_keys.c.value).label("case_root")).subquery("roots")
_none = type_coerce(null(), Moment())
_aliased = select(_roots.c.key, _roots.c.case_root, null(), literal(0), _none, _none, literal(0)).where(
    _roots.c.key != _roots.c.case_root
)
_ours = (
    select(
        _roots.c.key,
        _roots.c.case_root,
        batches.c.rule_id,
        func.count(),
        func.max(batches.c.intended_at),
        func.max(case((batch_items.c.outcome == Outcome.CONFIRMED, batches.c.intended_at))),
        func.max(UNDECIDED),
    )
    .select_from(
        _roots.join(
            batch_items, and_(batch_items.c.step_no == STEP, batch_items.c.case_root == _roots.c.case_root)
        ).join(batches, batches.c.batch_no == batch_items.c.batch_no)
    )
    .where(HAPPENED)
    .group_by(_roots.c.key, _roots.c.case_root, batches.c.rule_id)
)
_others = (
    select(
        _roots.c.key, _roots.c.case_root, null(), func.count(), func.max(foreign_attempts.c.seen_at), _none, literal(0)
    )
    .select_from(
        _roots.join(
            foreign_attempts,
            and_(foreign_attempts.c.step_no == STEP, foreign_attempts.c.case_root == _roots.c.case_root),
        )
    )
    .group_by(_roots.c.key, _roots.c.case_root)
)
HISTORIES = union_all(_ours, _aliased, _others)

_seen = fields("seen", foreign_attempts.c.error_id, foreign_attempts.c.case_root)
NOTE_OTHERS = (
    insert(foreign_attempts)
    .from_select(
        ["step_no", "error_id", "case_root", "seen_at"],
        select(
            STEP,
            _seen.c.error_id,
            case_root(_seen.c.case_root),
            bindparam("at", type_=foreign_attempts.c.seen_at.type),
        ).where(true()),
    )
    .on_conflict_do_nothing()
)

_siblings = select(_roots.c.key, _roots.c.case_root.label("name")).union(
    select(_roots.c.key, _roots.c.key),
    select(_roots.c.key, aliases.c.alias).select_from(
        _roots.join(aliases, and_(aliases.c.step_no == STEP, aliases.c.case_root == _roots.c.case_root))
    ),
)
NAMES = _siblings.subquery("names")
"""Every name that the cases of ``keys`` go by, beside the key that was asked for."""

RETURNED = (
    select(NAMES.c.key)
    .select_from(NAMES.join(errors, and_(errors.c.step_no == STEP, errors.c.case_key == NAMES.c.name, TRIED)))
    .where(errors.c.first_seen_at > bindparam("since"))
    .distinct()
)

_ITEM = (batch_items.c.step_no == STEP, batch_items.c.case_root == bindparam("merged"))
MERGE_ITEMS = update(batch_items).where(*_ITEM).values(case_root=bindparam("root"))
MERGE_ALIASES = (
    update(aliases)
    .where(aliases.c.step_no == STEP, aliases.c.case_root == bindparam("merged"))
    .values(case_root=bindparam("root"))
)
MERGE_OTHERS = (
    update(foreign_attempts)
    .where(foreign_attempts.c.step_no == STEP, foreign_attempts.c.case_root == bindparam("merged"))
    .values(case_root=bindparam("root"))
)
NOTE_ALIAS = insert(aliases).values(step_no=STEP, alias=bindparam("merged"), case_root=bindparam("root"))


class CaseRows(Database):
    """What has been tried on each case."""

    @reads
    def case_histories(
        self, connection: Connection, ref: StepRef, keys: Sequence[str]
    ) -> dict[str, tuple[str, CaseHistory]]:
        """Return for each of *keys* the case's own key and its history; one never seen has the zero history."""
        step_no = find_step(connection, ref)
        histories: dict[str, tuple[str, CaseHistory]] = {}
        rows = () if step_no is None else connection.execute(HISTORIES, {"step_no": step_no, "keys": document(keys)})
        for key, root, *row in rows:
            histories[key] = (root, _add(histories.get(key, (root, NEW_CASE))[1], *row))
        if not histories:
            return {key: (key, NEW_CASE) for key in keys}
        return {key: histories.get(clean(key), (key, NEW_CASE)) for key in keys}

    @reads
    def returned(self, connection: Connection, ref: StepRef, case_keys: Sequence[str], since: datetime) -> set[str]:
        """Return which of the cases have a stored error that was first seen after *since*.

        Only cases with an attempt of ours from before the error was judged are found: the others were never sent.
        """
        step_no = find_step(connection, ref)
        parameters = {"step_no": step_no, "keys": document(case_keys), "since": since}
        return set() if step_no is None else set(connection.execute(RETURNED, parameters).scalars())

    @writes_soon
    def note_others(self, connection: Connection, ref: StepRef, came_back: Mapping[str, str], at: datetime) -> None:
        """Count one attempt of others for each error that came back without us, given as error id → case key.

        An error counts once for its case, however often it is noted.
        """
        step_no = make_step(connection, ref)
        seen = document([list(pair) for pair in came_back.items()])
        connection.execute(NOTE_OTHERS, {"step_no": step_no, "seen": seen, "at": at})


def merge(connection: Connection, step_no: int, alias: str, root: str) -> None:
    """Let *alias* from now on be the case *root*, with all the attempts that were counted under the alias so far."""
    merged = connection.execute(select(case_root(literal(alias))), {"step_no": step_no}).scalar_one()
    if merged == root:
        return
    names = {"step_no": step_no, "merged": merged, "root": root}
    for statement in (MERGE_ITEMS, MERGE_ALIASES, MERGE_OTHERS, NOTE_ALIAS):
        connection.execute(statement, names)


def _add(
    known: CaseHistory,
    rule_id: str | None,
    attempts: int,
    last_at: datetime | None,
    cured_at: datetime | None,
    undecided: int,
) -> CaseHistory:
    by_rule = known.by_rule if rule_id is None else {**known.by_rule, rule_id: attempts}
    return CaseHistory(
        attempts=known.attempts + attempts,
        by_rule=by_rule,
        last_attempt_at=_later(known.last_attempt_at, last_at),
        cured_at=_later(known.cured_at, cured_at),
        unsettled=known.unsettled or bool(undecided),
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
