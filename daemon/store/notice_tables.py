"""The table of what people are to be told: it is kept until a channel has taken it, and for a while after."""

from sqlalchemy import Column, Index, Integer, Table, literal_column

from daemon.store.columns import Moment, moment, number, words
from daemon.store.tables import METADATA

notices = Table(
    "notices",
    METADATA,
    Column("notice_no", Integer, primary_key=True),
    words("channel"),
    words("event"),
    words("scope"),
    words("facts"),  # JSON, those of the newest event
    number("times"),
    moment("first_at"),
    moment("last_at"),
    words("message_id"),  # "" while equal events make it grow
    Column("next_at", Moment),  # when its message may be sent (again)
    Column("fixed_at", Moment),
    Column("ended_at", Moment),  # NULL until the channel took it, or it was given up
    words("ended"),  # sent, given_up
    sqlite_autoincrement=True,
)
GROWING = notices.c.message_id == literal_column("''")
Index("notices_growing", notices.c.channel, notices.c.event, notices.c.scope, unique=True, sqlite_where=GROWING)
Index("notices_of_channel", notices.c.channel, notices.c.ended_at)
