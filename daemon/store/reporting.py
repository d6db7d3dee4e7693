"""What a report is made of: the past, added up by rule and day in the database.

The journal is found by step and time. What is recorded or open is read once from end to end, in the order in which it
lies: an index on time would cost more with every error than a report every few days is worth.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)

from daemon.core.batches import Act, WriteState
from daemon.core.decisions import Outcome, Verb
from daemon.core.report_rows import BEFORE, NOT_KNOWN, Arrivals, Arrived, End, Left, OpenStep, Sent
from daemon.store.columns import Moment, Words
from daemon.store.past import IS_RECORDED, JUDGED_AT
from daemon.store.recording_tables import departures, recorded_texts, recordings
from daemon.store.steps import REF, ref_of
from daemon.store.tables import batch_items, batches, errors, steps, verdicts
from daemon.store.transactions import Database, reads

DAY_MS = 86_400_000
_account = steps.c.account == bindparam("account", type_=steps.c.account.type)
_since, _until = bindparam("since", type_=Moment()), bindparam("until", type_=Moment())


def _day(at: ColumnElement[Any]) -> ColumnElement[int]:
    since_ms = type_coerce(at - _since, BigInteger)
    return case((at < _since, BEFORE), else_=since_ms // DAY_MS).label("day")


_rule_of = func.json_extract(recorded_texts.c.text, "$[0]", type_=Words)
_of_account = select(steps.c.step_no).where(_account)
_before = exists().where(recordings.c.step_no == errors.c.step_no, recordings.c.error_id == errors.c.error_id)
_seen = union_all(
    select(func.min(recordings.c.judged_at).label("at"), recordings.c.ruling)  # SQLite: the ruling of the earliest
    .where(recordings.c.step_no.in_(_of_account))
    .group_by(recordings.c.step_no, recordings.c.error_id),
    select(type_coerce(JUDGED_AT, Moment()), errors.c.ruling).where(
        errors.c.step_no.in_(_of_account), IS_RECORDED, ~_before.correlate(errors)
    ),
).subquery("seen")
"""How each error was judged first: in the past or, where it has none, now."""

_by_ruling = (
    select(_seen.c.ruling, _day(_seen.c.at), func.count().label("found"), func.min(_seen.c.at).label("first"))
    .where(_seen.c.at < _until)
    .group_by(_seen.c.ruling, "day")
    .subquery("by_ruling")
)
ARRIVALS = select(_rule_of.label("rule_id"), _by_ruling.c.day, _by_ruling.c.found, _by_ruling.c.first).join_from(
    _by_ruling, recorded_texts, recorded_texts.c.text_no == _by_ruling.c.ruling
)

_last_rule = (
    select(_rule_of)
    .join_from(recordings, recorded_texts, recorded_texts.c.text_no == recordings.c.ruling)
    .where(recordings.c.step_no == departures.c.step_no, recordings.c.error_id == departures.c.error_id)
    .order_by(recordings.c.judged_at.desc())
    .limit(1)
    .correlate(departures)
    .scalar_subquery()
)
LEFT = (
    select(
        func.coalesce(_last_rule, literal(NOT_KNOWN)).label("rule_id"),
        _day(departures.c.left_at),
        departures.c.how,
        func.count().label("found"),
    )
    .join_from(steps, departures, departures.c.step_no == steps.c.step_no)
    .where(_account, departures.c.left_at >= _since, departures.c.left_at < _until)
    .group_by("rule_id", "day", departures.c.how)
)

_end = case(
    (batches.c.state == WriteState.REFUSED, literal(End.REFUSED.value)),
    (batch_items.c.settled_by != "", literal(End.PERSON.value)),
    else_=func.coalesce(batch_items.c.outcome, literal(End.OPEN.value)),
).label("end")
_in_journal = and_(
    _account,
    batches.c.intended_at >= _since,
    batches.c.intended_at < _until,
    batches.c.state != WriteState.NOT_SENT,
)
_items = steps.join(batches, batches.c.step_no == steps.c.step_no).join(
    batch_items, batch_items.c.batch_no == batches.c.batch_no
)
SENT = (
    select(batches.c.rule_id, _day(batches.c.intended_at), batches.c.act, _end, func.count().label("found"))
    .select_from(_items)
    .where(_in_journal, or_(batches.c.act == Act.RETRY, batches.c.act == Act.RESOLVE))
    .group_by(batches.c.rule_id, "day", batches.c.act, "end")
)

_occurred = (
    select(func.min(recordings.c.occurred_at))
    .where(recordings.c.step_no == batch_items.c.step_no, recordings.c.error_id == batch_items.c.error_id)
    .correlate(batch_items)
    .scalar_subquery()
)
_fixed = (
    select(batches.c.rule_id, type_coerce(batch_items.c.settled_at - _occurred, BigInteger).label("took_ms"))
    .select_from(_items)
    .where(
        _in_journal,
        batches.c.act == Act.RETRY,
        batch_items.c.outcome == Outcome.CONFIRMED,
        batch_items.c.settled_by == "",
    )
    .subquery("fixed")
)
_ranked = (
    select(
        _fixed.c.rule_id,
        _fixed.c.took_ms,
        func.row_number().over(partition_by=_fixed.c.rule_id, order_by=_fixed.c.took_ms).label("place"),
        func.count().over(partition_by=_fixed.c.rule_id).label("of"),
    )
    .where(_fixed.c.took_ms.is_not(None))
    .subquery("ranked")
)
MEDIANS = (
    select(_ranked.c.rule_id, func.avg(_ranked.c.took_ms).label("took_ms"))
    .where(_ranked.c.place.in_(((_ranked.c.of + 1) // 2, (_ranked.c.of + 2) // 2)))
    .group_by(_ranked.c.rule_id)
)

_standing = errors.c.batch_no.is_(None)


def _count(*which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((and_(*which), 1), else_=0))


OPEN_STEPS = (
    select(
        *REF,
        _count(_standing).label("standing"),
        _count(~_standing).label("in_flight"),
        _count(_standing, verdicts.c.verb == Verb.NONE).label("unmatched"),
        func.min(errors.c.occurred_at).label("oldest_at"),
        _count(errors.c.occurred_at < bindparam("expiring", type_=Moment())).label("expiring"),
    )
    .join_from(steps, errors, errors.c.step_no == steps.c.step_no)
    .join(verdicts, verdicts.c.verdict_no == errors.c.verdict_no)
    .where(_account)
    .group_by(steps.c.step_no)
    .order_by(*REF)
)


class ReportRows(Database):
    """The past in numbers."""

    @reads
    def arrivals(self, connection: Connection, account: str, since: datetime, until: datetime) -> Arrivals:
        """Return how many errors were first seen before *until*, by rule and day; all days before *since* are one.

        The rule is the one that took them when they were first seen.
        """
        rows = connection.execute(ARRIVALS, {"account": account, "since": since, "until": until}).all()
        found = Counter[tuple[str, int]]()
        for row in rows:
            found[row.rule_id, row.day] += row.found
        return Arrivals(
            since=min((row.first for row in rows), default=None),
            found=[Arrived(rule_id=rule, day=day, count=count) for (rule, day), count in sorted(found.items())],
        )

    @reads
    def left(self, connection: Connection, account: str, since: datetime, until: datetime) -> list[Left]:
        """Return how many recorded errors left without us in that time, by the rule that took them last, day and fate."""
        rows = connection.execute(LEFT, {"account": account, "since": since, "until": until})
        return [Left(rule_id=row.rule_id, day=row.day, how=row.how, count=row.found) for row in rows]

    @reads
    def sent(self, connection: Connection, account: str, since: datetime, until: datetime) -> list[Sent]:
        """Return how many errors were retried or resolved in that time, by rule, day, act and how it ended.

        What never left the process is not among them; nor are tags and assignments, which nobody confirms.
        """
        rows = connection.execute(SENT, {"account": account, "since": since, "until": until})
        return [
            Sent(rule_id=row.rule_id, day=row.day, act=Act(row.act), end=End(row.end), count=row.found) for row in rows
        ]

    @reads
    def times_to_fix(
        self, connection: Connection, account: str, since: datetime, until: datetime
    ) -> dict[str, timedelta]:
        """Return the median time from an error to its confirmed retry, by rule, of those retried in that time.

        Errors whose recordings are forgotten, or that do not say when they occurred, are left out.
        """
        rows = connection.execute(MEDIANS, {"account": account, "since": since, "until": until})
        return {row.rule_id: timedelta(milliseconds=row.took_ms) for row in rows}

    @reads
    def open_steps(self, connection: Connection, account: str, expiring_before: datetime) -> list[OpenStep]:
        """Return what is stored of each step that has any error; what occurred before *expiring_before* is expiring."""
        rows = connection.execute(OPEN_STEPS, {"account": account, "expiring": expiring_before})
        return [
            OpenStep(
                step=ref_of(row),
                count=row.standing,
                in_flight=row.in_flight,
                unmatched=row.unmatched,
                oldest_at=row.oldest_at,
                expiring=row.expiring,
            )
            for row in rows
        ]
