"""What is counted of all errors is counted again whenever it may have changed, and only then."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection

from daemon.core.exceptions import StoreError
from daemon.store.counted import counted, errors_changed
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import LATER, save, unmatched


class Census:
    """A count that tells how often it was made."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.times = 0

    async def of(self, name: str) -> int:
        def count() -> int:
            self.times += 1
            return self.times

        return await self.store.transact(lambda inner: counted(inner, name, count), write=False, durable=False)


async def test_nothing_is_counted_twice_while_no_error_has_changed() -> None:
    async with open_store("sqlite://", now=lambda: LATER) as store:
        census = Census(store)
        told = [await census.of(name) for name in ("acme", "acme", "other", "acme", "other")]
        await store.set_meta("else", "changed")
        assert [*told, await census.of("acme")] == [1, 1, 2, 1, 2, 1]
        await save(store, unmatched("e1"))
        assert [await census.of("acme"), await census.of("other"), await census.of("acme")] == [3, 4, 3]


async def test_what_was_rolled_back_is_counted_again() -> None:
    def change_and_fail(connection: Connection) -> None:
        errors_changed(connection)
        raise StoreError("no")

    async with open_store("sqlite://", now=lambda: LATER) as store:
        census = Census(store)
        await census.of("acme")
        with suppress(StoreError):
            await store.transact(change_and_fail, write=True, durable=False)
        assert await census.of("acme") == 2


async def test_what_another_process_changed_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with open_store(f"sqlite:///{file}", now=lambda: LATER) as store:
        await save(store, unmatched("e1"), unmatched("e2"))
        before = await store.unmatched_count("acme")
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("DELETE FROM errors WHERE error_id = 'e1'")
        assert (before, await store.unmatched_count("acme")) == (2, 1)
