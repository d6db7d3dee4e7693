"""The tables of recordings: what was judged, kept for a while so that the past can be judged with other rules.

What many errors share (what they say, what was decided) is kept once, as JSON under a hash of it; a recording has the
hashes. So an error costs some 80 bytes, whatever its message.
"""

from sqlalchemy import Column, Index, Table, literal_column

from daemon.store.columns import Moment, moment, number, step_number, words
from daemon.store.tables import METADATA

recorded_texts = Table(
    "recorded_texts", METADATA, number("digest", primary_key=True), words("text"), sqlite_with_rowid=False
)

recordings = Table(
    "recordings",
    METADATA,
    step_number(primary_key=True),
    words("error_id", primary_key=True),
    number("said", primary_key=True),
    number("ruling", primary_key=True),
    words("case_known", primary_key=True),  # JSON: what was known of its case, "" for nothing
    number("trace"),
    Column("occurred_at", Moment),
    moment("judged_at"),
    moment("last_at"),
    number("times"),
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
