"""Durable transactions that wait at the same time are committed together, and each is as whole as if it were alone."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from daemon.core.exceptions import LockLostError, StoreError, StoreLostError
from daemon.store.fence import Fence
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import NOON, batch, item, judged, pragma, save
from tests.unit.store.test_store_numbers import Books

FULL, FSYNC = sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_FSYNC
IDS = [f"e{number}" for number in range(1, 9)]


async def intents(store: SqlStore) -> list[str]:
    """Return the errors of all intents, in the order in which they were written."""
    return [error_id for entry in await store.unsettled("acme") for error_id in entry.batch.error_ids]


def count_commits(store: SqlStore) -> list[bool]:
    """Return what will have an entry for each commit of a write from now on."""
    commits: list[bool] = []

    @event.listens_for(store._connection, "commit")
    def note(connection: Connection) -> None:
        if connection.info["begin"]:
            commits.append(True)

    return commits


def fail_commits(store: SqlStore, *, which: int, code: int) -> None:
    """Let the store's commit number *which* of the writes from now on fail as SQLite says it with *code*."""
    commits = count_commits(store)
    failure = sqlite3.OperationalError("the disk said no")
    failure.sqlite_errorcode = code

    @event.listens_for(store._connection, "commit")
    def fail(connection: Connection) -> None:
        if connection.info["begin"] and len(commits) == which:
            connection.exec_driver_sql("ROLLBACK")
            raise OperationalError("COMMIT", None, failure)


async def all_at_once(*asked: Awaitable[object]) -> list[str]:
    """Await them at the same time and return how each ended: the exception's name, "" where there was none."""
    ends = await asyncio.gather(*asked, return_exceptions=True)
    return [type(end).__name__ if isinstance(end, BaseException) else "" for end in ends]


async def test_what_waits_while_another_is_synced_is_synced_with_one_commit() -> None:
    async with open_store("sqlite://") as store:
        await save(store, *map(judged, IDS))
        commits = count_commits(store)
        assert await all_at_once(*(store.intend(batch(each), NOON) for each in IDS)) == [""] * len(IDS)
        assert (len(commits), await intents(store)) == (2, IDS)
        assert await pragma(store, "synchronous") == 2


async def test_what_a_power_cut_may_take_is_not_synced_with_them() -> None:
    async with open_store("sqlite://") as store:
        await save(store, *map(judged, IDS))
        commits = count_commits(store)
        soon = [store.note_others(batch().step, {each: "t:9"}, NOON) for each in IDS[:2]]
        await all_at_once(*soon, *(store.intend(batch(each), NOON) for each in IDS))
        assert (len(commits), await intents(store)) == (3, IDS)


@pytest.mark.parametrize("place", range(3), ids=["first", "between", "last"])
async def test_one_that_is_refused_leaves_nothing_behind_and_the_others_whole(place: int) -> None:
    """The first is on its way when the others come: they are committed together after it."""
    async with open_store("sqlite://") as store:
        await save(store, *map(judged, IDS))
        unfit = batch("e3", item("e4", case_key="t:new", alias="d:new"), "e1")  # the last of it is in flight by then
        waiting = [batch("e5"), batch("e6")]
        waiting.insert(place, unfit)
        ends = await all_at_once(*(store.intend(each, NOON) for each in (batch("e1"), *waiting)))
        assert ends == ["", *("StoreError" if each is unfit else "" for each in waiting)]
        assert await intents(store) == ["e1", "e5", "e6"]
        assert await store.intend(batch("e3", "e4"), NOON)


async def test_of_two_that_would_send_the_same_only_one_is_written() -> None:
    async with open_store("sqlite://") as store:
        await save(store, *map(judged, IDS))
        ends = await all_at_once(*(store.intend(batch(each), NOON) for each in ("e1", "e2", "e2", "e3", "e3")))
        assert ends == ["", "", "StoreError", "", "StoreError"]
        assert await intents(store) == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    ("code", "wanted", "ends", "kept"),
    [
        pytest.param(FULL, IDS[:4], ["", "StoreError", "", ""], ["e1", "e3", "e4"], id="full for a moment"),
        pytest.param(FULL, ["e1", "e2", "e2"], ["", "StoreError", ""], ["e1", "e2"], id="one that was refused is fit"),
        pytest.param(FSYNC, IDS[:4], ["", *["StoreLostError"] * 3], ["e1"], id="a sync that failed"),
    ],
)
async def test_nobody_is_told_of_a_commit_that_failed_that_it_was_kept(
    code: int, wanted: list[str], ends: list[str], kept: list[str]
) -> None:
    async with open_store("sqlite://") as store:
        await save(store, *map(judged, IDS))
        fail_commits(store, which=2, code=code)
        assert await all_at_once(*(store.intend(batch(each), NOON) for each in wanted)) == ends
        assert await intents(store) == kept


async def test_each_needs_the_lease_of_its_own_account() -> None:
    async with open_store("sqlite://") as store:
        await save(store, *map(judged, IDS))
        fenced = store.behind(Fence(account="acme"))
        ends = await all_at_once(
            store.intend(batch("e1"), NOON), fenced.intend(batch("e2"), NOON), store.intend(batch("e3"), NOON)
        )
        assert ends == ["", LockLostError.__name__, ""]
        assert await intents(store) == ["e1", "e3"]


async def test_a_number_given_in_one_that_was_refused_is_not_used() -> None:
    books = Books()

    def break_off(connection: Connection) -> None:
        books.numbers_of(connection, "a")
        raise StoreError("refused")

    def durable(work: Callable[[Connection], object]) -> Awaitable[object]:
        return store.transact(work, write=True, durable=True)

    async with open_store("sqlite://") as store:
        ends = await all_at_once(store.set_meta("first", ""), durable(break_off), store.set_meta("in its place", ""))
        assert ends == ["", StoreError.__name__, ""]
        await books.ask(store, "a")
        assert {await store.get_meta(key) for key in ("a", "in its place", "first")} == {""}


async def test_after_a_sync_that_failed_those_that_wait_are_told_so() -> None:
    async with open_store("sqlite://") as store:
        store.trust.lost = "the store is damaged"
        assert await all_at_once(*(store.set_meta(each, "") for each in IDS)) == [StoreLostError.__name__] * len(IDS)
