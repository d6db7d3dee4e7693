"""Numbers that are kept in mind are those of the database, whatever happens to it."""

import sqlite3
from collections.abc import Collection
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, event, func, select
from sqlalchemy.exc import OperationalError

from daemon.core.decisions import Verb
from daemon.core.exceptions import StoreError
from daemon.store import numbers
from daemon.store.sql import SqlStore, open_store
from daemon.store.tables import codes, verdicts
from tests.contract.store_values import NOON, STEP, held, judged, save, unmatched


class Books:
    """A table of words with numbers; it counts how often it was asked for them."""

    def __init__(self) -> None:
        self.asked = 0

    def numbers_of(self, connection: Connection, *words: str) -> list[int]:
        def find(new: Collection[str]) -> dict[str, int]:
            self.asked += 1
            rows = connection.exec_driver_sql("SELECT key, rowid FROM meta").all()
            return {key: number for key, number in rows if key in new}

        def add(new: Collection[str]) -> None:
            for word in sorted(new):
                connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES (?, '')", (word,))

        return numbers.numbers(connection, "words", words, find, add)

    async def ask(self, store: SqlStore, *words: str) -> list[int]:
        return await store.transact(lambda inner: self.numbers_of(inner, *words), write=True, durable=False)


async def test_each_has_one_number_that_is_asked_for_once() -> None:
    books = Books()
    async with open_store("sqlite://") as store:
        first = await books.ask(store, "b", "a", "b")
        assert (len(set(first)), first[0]) == (2, first[2])
        assert (await books.ask(store, "a", "b"), books.asked) == ([first[1], first[0]], 2)


async def test_a_number_given_in_a_transaction_that_was_rolled_back_is_not_used() -> None:
    books = Books()

    def break_off(connection: Connection) -> None:
        books.numbers_of(connection, "a")
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    async with open_store("sqlite://") as store:
        with suppress(StoreError):
            await store.transact(break_off, write=True, durable=False)
        await store.set_meta("in its place", "")
        (number,) = await books.ask(store, "a")
        assert await store.transact(lambda inner: _word(inner, number), write=False, durable=False) == "a"


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE], ids=["disk full", "quota"])
async def test_an_error_stays_what_it_was_judged_to_be_where_the_commit_of_a_verdict_failed(code: int) -> None:
    failure = sqlite3.OperationalError("the disk said no")
    failure.sqlite_errorcode = code
    async with open_store("sqlite://") as store:
        read = await store.begin_read(STEP, full=False)

        @event.listens_for(store._connection.engine, "commit", once=True)
        def fail(connection: Connection) -> None:
            connection.exec_driver_sql("ROLLBACK")  # as SQLite does where a commit fails
            raise OperationalError("COMMIT", None, failure)

        with pytest.raises(StoreError):
            await store.save_page(read, [unmatched("e1")])
        await save(store, judged("e2"))  # its verdict takes the number that was given in vain
        await save(store, unmatched("e1"))
        assert {row.error_id: row.verb for row in await store.errors("acme")} == {"e1": Verb.NONE, "e2": Verb.RETRY}


async def test_what_another_process_wrote_may_have_changed_any_number(tmp_path: Path) -> None:
    books = Books()
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        await books.ask(store, "a")
        with closing(sqlite3.connect(tmp_path / "store.db")) as other, other:
            other.execute("DELETE FROM meta")
            other.execute("INSERT INTO meta (key, value) VALUES ('in its place', '')")
        (number,) = await books.ask(store, "a")
        assert await store.transact(lambda inner: _word(inner, number), write=False, durable=False) == "a"


@pytest.mark.parametrize("table", [verdicts, codes], ids=["verdicts", "codes"])
async def test_what_no_error_has_any_more_is_cleared(table: Table) -> None:
    count = select(func.count()).select_from(table)
    async with open_store("sqlite://") as store:
        await save(store, judged("e1"), judged("e2", code="OTHER", rule_id="r2"))
        await store.drop(STEP, ["e2"])
        for left in (2, 1):
            found = await store.transact(lambda inner: inner.execute(count).scalar_one(), write=False, durable=False)
            assert found == left
            await store.prune(NOON, NOON)


async def test_a_sentence_of_its_own_makes_no_verdict_of_a_held_error() -> None:
    count = select(func.count()).select_from(verdicts)
    async with open_store("sqlite://") as store:
        await save(store, held("e1", detail="of e1"), judged("e2", detail="it will pass"), held("e3", detail="of e3"))
        assert await store.transact(lambda inner: inner.execute(count).scalar_one(), write=False, durable=False) == 2
        told = {row.error_id: row.detail for row in await store.errors("acme")}
        assert told == {"e1": "of e1", "e2": "it will pass", "e3": "of e3"}


async def test_only_so_many_are_kept_in_mind() -> None:
    books = Books()
    many = [f"{place:06}" for place in range(numbers.KEPT)]
    async with open_store("sqlite://") as store:
        first = await books.ask(store, *many)
        assert (await books.ask(store, *many), books.asked) == (first, 2)
        assert (await books.ask(store, "z", many[0]))[1] == first[0]
        assert books.asked == 4
        assert (await books.ask(store, many[1]), books.asked) == ([first[1]], 5)


def _word(connection: Connection, number: int) -> str:
    return str(connection.exec_driver_sql("SELECT key FROM meta WHERE rowid = ?", (number,)).scalar_one())
