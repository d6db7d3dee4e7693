"""Tables of the running process only: they live in the connection's temporary database and go with it.

They hold of what a read has shown so far what `shown` does not keep in memory.
"""

from sqlalchemy import Boolean, Column, Integer, MetaData, Table

from daemon.store.columns import Words

SCRATCH = MetaData()

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
