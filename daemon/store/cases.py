"""Cases: how often each has been tried, under whatever name it came back (P2).

The items of retry batches are the attempts. Attempts that were given back do not count: their batch did not happen.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
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
from daemon.core.cases import NEW_CASE, Attempt, CaseHistory, history_of
from daemon.core.decisions import Outcome
from daemon.core.reads import Recheck
from daemon.core.records import StepRef
from daemon.store.columns import Moment, clean
from daemon.store.control_tables import gone_cases, shared_keys
from daemon.store.judged import STEP, case_root, former_key
from daemon.store.sqlite import document, each, fields, insert
from daemon.store.steps import AnyRow, find_step, make_step
from daemon.store.tables import NAMES_A_JOB, TRIED, aliases, batch_items, batches, errors, foreign_attempts
from daemon.store.transactions import Database, reads, writes_soon

SENT = batches.c.state.not_in((WriteState.REFUSED, WriteState.NOT_SENT))
"""A batch that happened, or may have."""

HAPPENED = and_(batches.c.act == Act.RETRY, SENT)
"""A retry that counts as attempts."""

_unknown = batch_items.c.outcome == Outcome.UNKNOWN
UNDECIDED = or_(batch_items.c.outcome.is_(None), _unknown)
"""An item of which nobody knows what came of it."""

_keys = each("keys")
_roots = select(_keys.c.value.label("key"), case_root(_keys.c.value).label("case_root")).subquery("roots")
_former_root = case_root(former_key(_keys.c.value))
_former = select(_keys.c.value.label("key"), _former_root.label("case_root")).subquery("former")
"""The cases that those named by ``keys`` were part of before their trace keys were known to be shared, if any."""
_none = type_coerce(null(), Moment())
_ITS_ROOT, _SHARED, _GONE = literal("root"), literal("shared"), literal("gone")
_ATTEMPT = literal("attempt")
_said_at = case((batch_items.c.settled_by != "", batch_items.c.settled_at)).label("said_at")
"""When a person said what came of the attempt, and had looked for it until then."""


def _ours(of: Subquery) -> Select[Any]:
    items = of.join(batch_items, and_(batch_items.c.step_no == STEP, batch_items.c.case_root == of.c.case_root))
    columns = (of.c.key, of.c.case_root, batches.c.intended_at.label("at"), batches.c.rule_id, batch_items.c.outcome)
    return (
        select(_ATTEMPT.label("what"), *columns, _said_at)
        .select_from(items.join(batches, batches.c.batch_no == batch_items.c.batch_no))
        .where(HAPPENED)
    )


def _others(of: Subquery) -> Select[Any]:
    seen = and_(foreign_attempts.c.step_no == STEP, foreign_attempts.c.case_root == of.c.case_root)
    columns = (of.c.key, of.c.case_root, foreign_attempts.c.seen_at, null(), null(), null())
    return select(_ATTEMPT, *columns).select_from(of.join(foreign_attempts, seen))


def _fact(what: ColumnElement[str], at: ColumnElement[Any] = _none) -> Select[Any]:
    return select(what, _roots.c.key, _roots.c.case_root, at, null(), null(), null())


HISTORIES = union_all(
    _ours(_roots),
    _others(_roots),
    _ours(_former),
    _others(_former),
    _fact(_ITS_ROOT).where(_roots.c.key != _roots.c.case_root),
    _fact(_SHARED)
    .join(shared_keys, and_(shared_keys.c.step_no == STEP, shared_keys.c.trace_key == func.substr(_roots.c.key, 3)))
    .where(func.substr(_roots.c.key, 1, 2) == "t:"),
    _fact(_GONE, gone_cases.c.occurred_at).join(
        gone_cases, and_(gone_cases.c.step_no == STEP, gone_cases.c.case_key == _roots.c.case_root)
    ),
)
"""What is known of the cases of ``keys``: a row for each attempt and for each fact."""

ANY_HISTORY = select(
    or_(
        *(
            exists().where(table.c.step_no == STEP)
            for table in (batch_items, aliases, foreign_attempts, shared_keys, gone_cases)
        )
    )
)
"""Whether anything at all is known of cases of a step: of most pages that are read first nothing is."""

_left_before = exists().where(
    gone_cases.c.step_no == STEP,
    gone_cases.c.case_key == errors.c.case_key,
    gone_cases.c.occurred_at < errors.c.occurred_at,
)
OPEN_AGAIN = select(
    func.min(errors.c.occurred_at).label("since"),
    func.max(errors.c.occurred_at).label("until"),
    func.count().label("found"),
).where(
    errors.c.step_no == STEP,
    errors.c.batch_no.is_(None),
    errors.c.case_key.in_(select(_keys.c.value)),
    _left_before.correlate(errors),
)

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
    select(NAMES.c.key, func.max(errors.c.occurred_at).label("newest"))
    .select_from(NAMES.join(errors, and_(errors.c.step_no == STEP, errors.c.case_key == NAMES.c.name, TRIED)))
    .where(errors.c.batch_no.is_(None), errors.c.seen_after >= bindparam("batch"))
    .group_by(NAMES.c.key)
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
JOBLESS = select(batches.c.intended_at).where(
    batches.c.step_no == STEP, HAPPENED, batches.c.job_id == "", batches.c.intended_at >= bindparam("since")
)
CLAIMED = select(batches.c.job_id).where(
    batches.c.step_no == STEP, batches.c.job_id.in_(select(each("jobs").c.value)), NAMES_A_JOB
)


class CaseRows(Database):
    """What has been tried on each case."""

    @reads
    def case_histories(
        self, connection: Connection, ref: StepRef, keys: Sequence[str], now: datetime
    ) -> dict[str, tuple[str, CaseHistory]]:
        """Return for each of *keys* the case's own key and its history as of *now*; one never seen has the zero history."""
        step_no = find_step(connection, ref)
        if step_no is None or not connection.execute(ANY_HISTORY, {"step": step_no}).scalar():
            return {key: (key, NEW_CASE) for key in keys}
        roots: dict[str, str] = {}
        shared: set[str] = set()
        gone: dict[str, datetime] = {}
        attempts: dict[str, list[Attempt]] = {}
        for row in connection.execute(HISTORIES, {"step": step_no, "keys": document(keys)}):
            if row.what == "root":
                roots[row.key] = row.case_root
            elif row.what == "shared":
                shared.add(row.key)
            elif row.what == "gone":
                gone[row.key] = row.at
            else:
                attempts.setdefault(row.key, []).append(_attempt(row))
        told = roots.keys() | shared | gone.keys() | attempts.keys()

        def history(name: str) -> CaseHistory:
            if name not in told:
                return NEW_CASE
            return history_of(attempts.get(name, ()), now, shared=name in shared, gone_at=gone.get(name))

        names = {key: clean(key) for key in keys}
        return {key: (roots.get(name, key), history(name)) for key, name in names.items()}

    @reads
    def open_again(self, connection: Connection, ref: StepRef, case_keys: Sequence[str]) -> Recheck | None:
        """Return where the open errors of those cases lie that occurred after one of theirs that left without us.

        This looks at every error of the step: it is asked after full reads that found some gone, and only then.
        """
        row = connection.execute(OPEN_AGAIN, {"step": find_step(connection, ref), "keys": document(case_keys)}).one()
        return Recheck(step=ref, since=row.since, until=row.until, count=row.found) if row.found else None

    @reads
    def returned(
        self, connection: Connection, ref: StepRef, case_keys: Sequence[str], batch_id: int
    ) -> dict[str, datetime | None]:
        """Return which of the cases have an error, not in flight, that was not known yet when the batch was intended.

        With each, when the newest of these errors occurred. Only cases with an attempt of ours from before the error
        was judged are found: the others were never sent.
        """
        step_no = find_step(connection, ref)
        parameters = {"step": step_no, "keys": document(case_keys), "batch": batch_id}
        rows = () if step_no is None else connection.execute(RETURNED, parameters)
        return {row.key: row.newest for row in rows}

    @reads
    def claimed_jobs(self, connection: Connection, ref: StepRef, job_ids: Collection[str]) -> set[str]:
        """Return those of the jobs of the step that entries of the journal are known to have started."""
        names = {"step": find_step(connection, ref), "jobs": document([*job_ids])}
        return set(connection.execute(CLAIMED, names).scalars()) if job_ids else set()

    @reads
    def jobless(self, connection: Connection, ref: StepRef, since: datetime) -> list[datetime]:
        """Return when those retries of the step were written down, since then, that may have started a job unknown to us."""
        step_no = find_step(connection, ref)
        parameters = {"step": step_no, "since": since}
        return [] if step_no is None else list(connection.execute(JOBLESS, parameters).scalars())

    @writes_soon
    def note_others(self, connection: Connection, ref: StepRef, came_back: Mapping[str, str], at: datetime) -> None:
        """Count one attempt of others for each error that came back without us, given as error id → case key.

        An error counts once, however often and for whatever case it is noted.
        """
        step_no = make_step(connection, ref)
        seen = document([list(pair) for pair in came_back.items()])
        connection.execute(NOTE_OTHERS, {"step": step_no, "seen": seen, "at": at})


def merge(connection: Connection, step_no: int, alias: str, root: str) -> None:
    """Let *alias* from now on be the case *root*, with all the attempts that were counted under the alias so far."""
    merged = connection.execute(select(case_root(literal(alias))), {"step": step_no}).scalar_one()
    if merged == root:
        return
    names = {"step": step_no, "merged": merged, "root": root}
    for statement in (MERGE_ITEMS, MERGE_ALIASES, MERGE_OTHERS, NOTE_ALIAS):
        connection.execute(statement, names)


def _attempt(row: AnyRow) -> Attempt:
    outcome = None if row.outcome is None else Outcome(row.outcome)
    return Attempt(at=row.at, rule_id=row.rule_id, outcome=outcome, said_at=row.said_at)
