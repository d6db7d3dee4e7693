"""A store is of one integrator.io account: with any other, nothing is read into it and nothing is sent."""

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.service import Service, Signals
from daemon.cli.exits import UNUSABLE, worst
from daemon.core.exceptions import ForeignStoreError
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import fail, one_pass, small_shop

SOMEBODY_ELSE = "5e0c1f2a9b3d4e5f60710000"


def content(shop: Shop) -> list[str]:
    """Return everything that the store says, but for the rules and who holds the lock."""
    with sqlite3.connect(shop.folder / "flowmend.db") as connection:
        lines = list(connection.iterdump())
    return [line for line in lines if "rule_loads" not in line and "leases" not in line]


@pytest.mark.parametrize("adopt", [False, True])
async def test_with_a_token_of_another_user_nothing_is_read_written_or_sent_and_once_ends_with_2(
    tmp_path: Path, *, adopt: bool
) -> None:
    async with small_shop(tmp_path, actions={"adopt_backlog": False}) as shop:
        fail(shop)
        await shop.once()
        before, asked = content(shop), len(shop.sandbox.seen)
        shop.do(do="token", user=SOMEBODY_ELSE)
        fail(shop)
        async with shop.daemon() as daemon:
            figures = await daemon.accounts[ACCOUNT].once(timedelta(minutes=1), lambda *_: None, adopt_backlog=adopt)

        assert isinstance(figures.failure, ForeignStoreError)
        assert worst([figures]) == UNUSABLE
        assert (figures.open, figures.unsettled, figures.tally.counts.total()) == (0, 0, 0)
        assert shop.requests()[asked:] == ["GET tokenInfo"]
        assert content(shop) == before


async def test_a_token_that_turns_into_another_users_while_the_service_runs_stops_the_account(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        await one_pass(daemon)
        shop.do(do="token", valid=False)
        service, runner = Service(daemon=daemon, signals=Signals()), daemon.accounts[ACCOUNT]
        await service._guard(runner, runner.cycle)
        (refused,) = shop.events("account.refused")
        assert refused["status"] == 401

        shop.do(do="token", valid=True, user=SOMEBODY_ELSE)
        (truth,) = fail(shop)
        shop.clock.pass_by(timedelta(minutes=6))
        await service._guard(runner, runner.cycle)
        (foreign,) = shop.events("store.foreign")
        assert foreign["level"] == "error"
        assert (SOMEBODY_ELSE in foreign["found"], "db rebind" in foreign["advice"]) == (True, True)
        asked = len(shop.sandbox.seen)
        await service._guard(runner, runner.confirm)
        assert len(shop.sandbox.seen) == asked, "it is left alone for a while"

        shop.do(do="token", user=shop.sandbox.options.user_id)
        shop.clock.pass_by(timedelta(minutes=6))
        await service._guard(runner, runner.cycle)
        assert truth.runs + truth.jobs_pending == 1
        assert len(shop.events("account.probed")) == 2
        assert "sandbox-token" not in shop.log.getvalue()


async def test_where_nobody_says_whose_token_it_is_the_cycle_fails_as_any_read_does(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop)
        shop.do(do="token", user="")
        figures = await one_pass(daemon)

        assert "did not say whose token" in str(figures.failure)
        assert shop.requests() == ["GET tokenInfo"]


async def test_a_token_file_that_is_replaced_is_used_with_the_next_request_and_neither_token_is_told(
    tmp_path: Path,
) -> None:
    file = tmp_path / "acme.token"
    file.write_text("sandbox-token\n", encoding="utf-8")
    async with small_shop(tmp_path, account={"token": None, "token_file": file}) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        (tmp_path / "new").write_text("token-of-today\n", encoding="utf-8")
        (tmp_path / "new").replace(file)
        shop.sandbox._gate._options = replace(shop.sandbox.options, token="token-of-today")
        await one_pass(daemon)

        assert len(shop.events("cycle.finished")) == 2
        assert shop.events("account.refused") == []
        daemon.log.warning("batch.refused", reason="it said: token-of-today and sandbox-token")
        assert [line["reason"] for line in shop.events("batch.refused")] == ["it said: [hidden] and [hidden]"]
