"""The tables by which writing is kept in bounds: who may write, what is paused, which breakers are open."""

from sqlalchemy import Column, Index, Integer, Table

from daemon.store.columns import Moment, moment, number, step_number, words
from daemon.store.tables import METADATA

leases = Table(  # the one process that may write to an account (P12)
    "leases",
    METADATA,
    words("account", primary_key=True),
    words("holder"),  # JSON: who it is, for people and to tell whether it still lives
    number("token"),  # counts up with every new holder
    moment("renewed_at"),
    moment("expires_at"),
    sqlite_with_rowid=False,
)

pauses = Table(  # where nothing may be written (P16); "" for account, flow or step means all of them
    "pauses",
    METADATA,
    Column("pause_no", Integer, primary_key=True),
    words("account"),
    words("flow_id"),
    words("step_id"),
    words("reason"),
    words("paused_by"),
    moment("since"),
    Column("until", Moment),  # NULL: until somebody resumes
    Column("ended_at", Moment),  # NULL while it holds (or has run out by itself)
    words("ended_by"),
    sqlite_autoincrement=True,
)
Index("pauses_open", pauses.c.pause_no, sqlite_where=pauses.c.ended_at.is_(None))

breakers = Table(  # only those that are not closed, or have been open before (P15)
    "breakers",
    METADATA,
    words("account", primary_key=True),
    words("kind", primary_key=True),  # step, connection
    words("target", primary_key=True),  # flow/step, or the connection's id
    words("state"),
    words("reason"),
    moment("since"),
    Column("probe_at", Moment),
    number("trips"),  # how often it opened in a row: each makes the wait longer
    sqlite_with_rowid=False,
)

shared_keys = Table(  # trace keys that different records of a step have been seen to share (P2)
    "shared_keys",
    METADATA,
    step_number(primary_key=True),
    words("trace_key", primary_key=True),
    moment("seen_at"),
    sqlite_with_rowid=False,
)

gone_cases = (
    Table(  # cases of which an error left the open list without us: one that is open again may have been retried
        "gone_cases",
        METADATA,
        step_number(primary_key=True),
        words("case_key", primary_key=True),
        moment("occurred_at"),  # of the newest of these errors
        sqlite_with_rowid=False,
    )
)
