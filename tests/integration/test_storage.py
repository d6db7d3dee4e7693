"""A store that fails in mid-run: nothing more is sent, it is said, and later the rest is done exactly once (P1, P11)."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from daemon.app.build import Daemon
from daemon.app.once import run_once
from daemon.core.exceptions import StoreError, StoreLostError
from tests.contract.store_values import pragma
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    FLOW,
    GET_CONNECTION,
    GET_ERRORS,
    POST_RETRY,
    PUT_RESOLVED,
    during,
    fail,
    one_pass,
    sent,
    small_shop,
)

RESOLVES = """
version: 1
rules:
  - id: there
    why: It is there already.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {resolve: {because: it is there}}
"""

Break = Callable[[Shop, Daemon], Awaitable[None]]


async def nothing_may_be_written(_: Shop, daemon: Daemon) -> None:
    await pragma(daemon.store, "query_only=ON")


def no_commit(code: int) -> Break:
    """Let every commit of the daemon fail as SQLite says it with *code*."""
    failure = sqlite3.OperationalError("the disk said no")
    failure.sqlite_errorcode = code

    async def refuse(_: Shop, daemon: Daemon) -> None:
        @event.listens_for(daemon.store._connection.engine, "commit")
        def fail_commit(connection: Connection) -> None:
            if connection.info["begin"]:  # of a read it has nothing to write
                connection.exec_driver_sql("ROLLBACK")
                raise OperationalError("COMMIT", None, failure)

    return refuse


async def moved_away(shop: Shop, _: Daemon) -> None:
    (shop.folder / "flowmend.db").rename(shop.folder / "moved.db")


async def found_damaged(_: Shop, daemon: Daemon) -> None:
    daemon.store.trust.lost = "the store is damaged"


BREAKS = pytest.mark.parametrize(
    ("break_store", "kind"),
    [
        pytest.param(nothing_may_be_written, StoreError, id="read-only"),
        pytest.param(no_commit(sqlite3.SQLITE_FULL), StoreError, id="disk full"),
        pytest.param(no_commit(sqlite3.SQLITE_IOERR_WRITE), StoreError, id="quota"),
        pytest.param(no_commit(sqlite3.SQLITE_IOERR_FSYNC), StoreLostError, id="sync failed"),
        pytest.param(moved_away, StoreLostError, id="moved away"),
        pytest.param(found_damaged, StoreLostError, id="damaged"),
    ],
)


def mend(shop: Shop) -> None:
    """Put right what a new start does not by itself."""
    moved = shop.folder / "moved.db"
    if moved.exists():
        moved.rename(shop.folder / "flowmend.db")


@BREAKS
async def test_a_store_that_fails_before_a_batch_is_written_down_lets_nothing_out(
    tmp_path: Path, break_store: Break, kind: type[StoreError]
) -> None:
    async with small_shop(tmp_path) as shop:
        truths = fail(shop, count=4)
        async with shop.daemon() as daemon:
            during(daemon, after={GET_CONNECTION: lambda: break_store(shop, daemon)})
            figures = await one_pass(daemon)
            again = await one_pass(daemon)
            assert (type(figures.failure), type(again.failure)) == (kind, kind)
            assert shop.sandbox.writes == []
        mend(shop)
        figures = await shop.once()

        assert (figures.tally.counts["confirmed"], figures.failure) == (4, None)
        assert [truth.runs for truth in truths] == [1, 1, 1, 1]


@BREAKS
async def test_a_store_that_fails_when_the_answer_of_a_retry_is_noted_stops_all_writing_and_a_restart_finds_the_job(
    tmp_path: Path, break_store: Break, kind: type[StoreError]
) -> None:
    async with small_shop(tmp_path, actions={"batch_size": 2}) as shop:
        truths = fail(shop, count=6)
        async with shop.daemon() as daemon:
            during(daemon, after={POST_RETRY: lambda: break_store(shop, daemon)})
            figures = await one_pass(daemon)
            again = await one_pass(daemon)
            assert (type(figures.failure), type(again.failure)) == (kind, kind)
            assert len(shop.sandbox.writes) == 1
            assert (figures.unsettled, again.unsettled) == (1, 1)
        mend(shop)
        figures = await shop.once()

        assert (figures.tally.counts["confirmed"], figures.unsettled, figures.failure) == (6, 0, None)
        assert sent(shop, "POST retry") == 3
        assert [truth.runs for truth in truths] == [1] * 6


@BREAKS
async def test_a_resolve_whose_answer_could_not_be_noted_is_not_repeated_and_found_among_the_resolved(
    tmp_path: Path, break_store: Break, kind: type[StoreError]
) -> None:
    async with small_shop(tmp_path, RESOLVES) as shop:
        truths = fail(shop, count=2)
        async with shop.daemon() as daemon:
            during(daemon, after={PUT_RESOLVED: lambda: break_store(shop, daemon)})
            assert type((await one_pass(daemon)).failure) is kind
        mend(shop)
        figures = await shop.once()

        assert (figures.tally.counts["vanished"], figures.tally.counts["confirmed"]) == (0, 2)
        assert sent(shop, "PUT resolved") == 1
        assert {truth.state for truth in truths} == {"resolved"}


async def test_what_one_step_cannot_write_down_no_other_step_goes_on_with(tmp_path: Path) -> None:
    async with small_shop(tmp_path, actions={"batch_size": 1}) as shop, shop.daemon() as daemon:
        fail(shop, count=5)
        shop.do(do="add_errors", flow=FLOW, step="Find customer", family="netsuite-concurrency", age_s=60, count=5)
        failure = sqlite3.OperationalError("the disk said no")
        failure.sqlite_errorcode = sqlite3.SQLITE_FULL

        def once_full() -> None:
            @event.listens_for(daemon.store._connection.engine, "commit", once=True)
            def fail_commit(connection: Connection) -> None:
                connection.exec_driver_sql("ROLLBACK")
                raise OperationalError("COMMIT", None, failure)

        during(daemon, after={POST_RETRY: once_full})
        (figures,) = await run_once(daemon, daemon.settings.actions.confirm_timeout, lambda *_: None)

        assert isinstance(figures.failure, StoreError)
        assert sent(shop, "POST retry") <= 2  # two steps at once: one batch of each may have been under way


async def test_a_store_that_works_again_in_the_same_process_is_gone_on_with(tmp_path: Path) -> None:
    async with small_shop(tmp_path, actions={"batch_size": 2}) as shop, shop.daemon() as daemon:
        truths = fail(shop, count=4)
        during(daemon, after={POST_RETRY: lambda: nothing_may_be_written(shop, daemon)})
        assert isinstance((await one_pass(daemon)).failure, StoreError)
        await pragma(daemon.store, "query_only=OFF")
        figures = await daemon.accounts[ACCOUNT].once(daemon.settings.actions.confirm_timeout, lambda *_: None)

        assert (figures.tally.counts["confirmed"], figures.unsettled) == (4, 0)
        assert [truth.runs for truth in truths] == [1] * 4


async def test_the_log_tells_of_an_error_once_it_is_stored_and_not_before(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon(level="debug") as daemon:
        fail(shop)
        during(daemon, after={GET_ERRORS: lambda: pragma(daemon.store, "query_only=ON")})
        with pytest.raises(StoreError):
            await daemon.accounts[ACCOUNT].cycle(act=False)
        before = len(shop.events("error.matched"))
        await pragma(daemon.store, "query_only=OFF")
        await daemon.accounts[ACCOUNT].cycle(act=False)
        assert (before, len(shop.events("error.matched"))) == (0, 1)
