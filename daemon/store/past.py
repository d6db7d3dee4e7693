"""What is recorded of errors: how open ones are judged, which is in their own rows, and how all were judged before."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    true,
    type_coerce,
    union_all,
)

from daemon.core.recordings import Recorded
from daemon.store.columns import Moment, to_ms
from daemon.store.numbers import numbers
from daemon.store.recording_tables import recorded_texts, recordings
from daemon.store.recording_texts import case_text, frame_text, hashed, ruling_text, take_apart
from daemon.store.sqlite import document, each, fields, insert
from daemon.store.tables import errors, missed, steps

K = TypeVar("K")

SAME = ("step_no", "error_id", "said", "words", "ruling", "case_known", "occurred_at")
"""What a recording has whether its error is open or not."""

JUDGED_AT = type_coerce(errors.c.first_seen_at, BigInteger) + errors.c.judged_ms
"""Since when an open error is judged as it is."""

TRACE = func.trace_in(errors.c.case_key, type_=BigInteger)
IS_RECORDED = errors.c.said.is_not(None)
WHERE_SHOWN = errors.join(steps, steps.c.step_no == errors.c.step_no).outerjoin(
    missed, and_(missed.c.step_no == errors.c.step_no, missed.c.error_id == errors.c.error_id)
)
LAST_SHOWN = func.min(
    case((missed.c.error_id.is_not(None), missed.c.shown_at), else_=steps.c.swept_at),
    bindparam("now", type_=Moment()),
)
"""When a sweep last showed an open error, at most ``now``; NULL where none ever did."""


def _lasted_ms(until: ColumnElement[Any]) -> ColumnElement[int]:
    """Return how long an open error has been judged as it is; it was from when it was judged so, if nothing else is known."""
    return func.coalesce(func.max(type_coerce(until - JUDGED_AT, BigInteger), literal(0)), literal(0))


RECORDED = union_all(
    select(
        *(recordings.c[name] for name in SAME),
        recordings.c.trace,
        recordings.c.judged_at,
        type_coerce(recordings.c.judged_at + recordings.c.lasted_ms, Moment()).label("last_at"),
    ),
    select(
        *(errors.c[name] for name in SAME),
        TRACE,
        type_coerce(JUDGED_AT, Moment()),
        type_coerce(JUDGED_AT + _lasted_ms(LAST_SHOWN), Moment()),
    )
    .select_from(WHERE_SHOWN)
    .where(IS_RECORDED),
).subquery("recorded")
"""All recordings, in one table: how errors were judged before, and how open ones are as far as is known ``now``."""

_texts = fields("texts", recorded_texts.c.digest, recorded_texts.c.text)
KEEP_TEXTS = (
    insert(recorded_texts).from_select(_texts.c.keys(), select(*_texts.c).where(true())).on_conflict_do_nothing()
)
_digests = each("digests")
TEXT_NUMBERS = select(recorded_texts.c.digest, recorded_texts.c.text_no).join_from(
    _digests, recorded_texts, recorded_texts.c.digest == _digests.c.value
)


def past_of(found: FromClause, *which: ColumnElement[bool], until: ColumnElement[Any]) -> Insert:
    """Write down how those of the errors *found* were judged until then that are recorded: it is their past from now on."""
    same = [errors.c[name] for name in SAME]
    past = insert(recordings).from_select(
        [*SAME, "trace", "judged_at", "lasted_ms"],
        select(*same, TRACE, JUDGED_AT, _lasted_ms(until)).select_from(found).where(*which, IS_RECORDED),
    )
    changing = ("lasted_ms", "trace", *SAME[2:])
    return past.on_conflict_do_update(
        index_elements=["step_no", "error_id", "judged_at"], set_={name: past.excluded[name] for name in changing}
    )


Now = tuple[int | None, str, int | None, str, int]
"""What the row of an open error has of its recording: `said`, `words`, `ruling`, `case_known`, `judged_ms`."""

NOTHING: Now = (None, "", None, "", 0)


def recording_rows(connection: Connection, recorded: Sequence[Recorded], now: datetime) -> dict[str, Now]:
    """Return by error id what the rows of errors that are stored *now* have of their recordings."""
    _, ids, _, said, rulings, judged_at, _, _, cases, retry_at = zip(*recorded, strict=True)
    ruling_numbers = _text_numbers(connection, "rulings", rulings, ruling_text)  # few, so theirs are the small ones
    frames, words = take_apart(said)
    since_ms = {at: to_ms(at) - to_ms(now) for at in set(judged_at)}  # a page is judged at one moment
    now_of_each = zip(
        _text_numbers(connection, "frames", frames, frame_text),
        words,
        ruling_numbers,
        [case_text(case, at) for case, at in zip(cases, retry_at, strict=True)],
        [since_ms[at] for at in judged_at],
        strict=True,
    )
    return dict(zip(ids, now_of_each, strict=True))


def _text_numbers(connection: Connection, kind: str, wanted: Sequence[K], write: Callable[[K], str]) -> list[int]:
    texts: dict[K, tuple[int, str]] = {}

    def find(new: Collection[K]) -> dict[K, int]:
        texts.update({one: hashed(write(one)) for one in new if one not in texts})
        given = document([texts[one][0] for one in new])
        found = {row.digest: row.text_no for row in connection.execute(TEXT_NUMBERS, {"digests": given})}
        return {one: found[texts[one][0]] for one in new if texts[one][0] in found}

    def add(new: Collection[K]) -> None:
        connection.execute(KEEP_TEXTS, {"texts": document(sorted({texts[one] for one in new}))})

    return numbers(connection, kind, wanted, find, add)
