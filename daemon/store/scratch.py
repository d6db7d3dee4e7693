"""Tables of the running process only: they live in the connection's temporary database and go with it.

They hold what a read has shown so far, however long the list, without keeping it in Python's memory.
"""

from sqlalchemy import Boolean, Column, Integer, MetaData, Table

from daemon.store.columns import Words

SCRATCH = MetaData()

full_reads = Table(
    "full_reads",
    SCRATCH,
    Column("read_no", Integer, primary_key=True),
    Column("step_no", Integer, nullable=False),
    sqlite_autoincrement=True,
    prefixes=["TEMPORARY"],
)

sightings = Table(
    "sightings",
    SCRATCH,
    Column("read_no", Integer, primary_key=True),
    Column("error_id", Words, primary_key=True),
    sqlite_with_rowid=False,
    prefixes=["TEMPORARY"],
)

unseen = Table(  # what a full read that has ended did not show; *gone* is believed not to be open any more
    "unseen",
    SCRATCH,
    Column("error_id", Words, primary_key=True),
    Column("gone", Boolean, nullable=False),
    sqlite_with_rowid=False,
    prefixes=["TEMPORARY"],
)
