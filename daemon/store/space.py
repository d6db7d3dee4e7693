"""Giving room back: the pages that deleted rows leave in the file, a few at a time."""

from sqlalchemy import Connection

from daemon.store import sqlite
from daemon.store.transactions import Database, reads

PAGES = 1000
"""Pages that are given back in one transaction (4 MiB)."""

SPARE = 8
"""A file keeps an eighth of itself for the rows to come: what is given back now is asked for again tomorrow."""


class SpaceRows(Database):
    """The size of the file."""

    async def give_back(self) -> int:
        """Give back what is not needed soon, and return how many bytes; nothing where the file cannot shrink yet."""
        given = 0
        while found := await self._give_back():
            given += found
        if given:
            await self._fold()
        return given

    @reads  # no transaction of ours: the statement has its own
    def _give_back(self, connection: Connection) -> int:
        unused, pages = _pragma(connection, "freelist_count"), _pragma(connection, "page_count")
        wanted = min(unused - pages // SPARE, PAGES)
        if wanted <= 0 or not _pragma(connection, "auto_vacuum"):
            return 0
        # a page is given back with each step of the statement, of which `execute` makes only the first
        sqlite.raw(connection).executescript(f"PRAGMA incremental_vacuum({wanted})")
        return (pages - _pragma(connection, "page_count")) * _pragma(connection, "page_size")

    async def rebuild(self) -> int:
        """Write the whole file anew, without unused room, and return how many bytes that gave back.

        From then on it can give room back, also where an older version made it. Nobody writes meanwhile.
        """
        before = await self.size_bytes()
        await self._rebuild()
        await self._fold()
        return before - await self.size_bytes()

    @reads
    def size_bytes(self, connection: Connection) -> int:
        """Return the size of the database."""
        return _pragma(connection, "page_count") * _pragma(connection, "page_size")

    @reads  # likewise
    def _fold(self, connection: Connection) -> None:
        """Fold the log into the file, which is cut only with that; never wait for those who read."""
        wait_s = sqlite.set_patience(connection, 0)
        try:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:  # also where the disk is full
            sqlite.set_patience(connection, wait_s)

    @reads  # likewise
    def _rebuild(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
        connection.exec_driver_sql("VACUUM")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
