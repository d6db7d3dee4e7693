"""The tables of recordings: what was judged, kept for a while so that the past can be judged with other rules.

While an error is open, what is recorded of it is part of its row in `errors`: most errors are never judged otherwise.
Here is the past: how it was judged before, and how it was judged when it left. What many errors share (what was decided,
and what they say but for the words that vary) is kept once, as JSON with a number.
"""

from sqlalchemy import Column, Index, Integer, Table, literal_column

from daemon.store.columns import Moment, moment, number, step_number, words
from daemon.store.tables import METADATA

recorded_texts = Table(
    "recorded_texts",
    METADATA,
    Column("text_no", Integer, primary_key=True),
    number("digest", unique=True),
    words("text"),
)

recordings = Table(
    "recordings",
    METADATA,
    step_number(primary_key=True),
    words("error_id", primary_key=True),
    moment("judged_at", primary_key=True),
    number("lasted_ms"),  # from then until it was judged otherwise or, as far as is known, left
    number("said"),  # a text_no, as is the next
    words("words"),  # those that stand in what was said
    number("ruling"),
    words("case_known"),  # JSON: what was known of its case, "" for nothing
    number("trace"),
    Column("occurred_at", Moment),
    sqlite_with_rowid=False,
)

departures = Table(  # recorded errors that left the open list without us
    "departures",
    METADATA,
    step_number(primary_key=True),
    words("error_id", primary_key=True),
    moment("left_at"),
    words("how"),  # a fate, "" while nobody has asked
    sqlite_with_rowid=False,
)
NOT_ASKED = departures.c.how == literal_column("''")
Index("departures_not_asked", departures.c.step_no, sqlite_where=NOT_ASKED)
