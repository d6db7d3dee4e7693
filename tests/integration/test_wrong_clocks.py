"""Our clock was ahead for a while: what was dated then must not keep errors from being seen or judged afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from daemon.app.account import REFUSED_PAUSE
from daemon.app.build import Daemon
from daemon.core.exceptions import AuthError
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, fail, one_pass, people, small_shop

AHEAD = timedelta(days=30)
UNKNOWN_TO_RULES = "odd-approval"


@asynccontextmanager
async def ahead(shop: Shop) -> AsyncIterator[None]:
    """Let the clock be ahead, and be put right again."""
    shop.clock.pass_by(AHEAD)
    yield
    shop.clock.pass_by(-AHEAD)


async def until_swept(shop: Shop, daemon: Daemon) -> None:
    """Let as much time pass as a full sweep takes to be due, and run a pass."""
    shop.clock.pass_by(timedelta(hours=7))
    await one_pass(daemon)


async def test_what_was_too_old_by_a_clock_that_was_ahead_is_judged_anew_by_the_right_one(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, BUSY)
        async with ahead(shop):
            await one_pass(daemon)
            (row,) = await daemon.store.errors(ACCOUNT)
            assert row.reason == "too-old"
        await until_swept(shop, daemon)
        assert truth.runs == 1


async def test_a_full_sweep_by_a_clock_that_was_ahead_puts_off_no_later_one(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        known = fail(shop, UNKNOWN_TO_RULES, count=3, age_s=3600)
        async with ahead(shop):
            await one_pass(daemon)
        await until_swept(shop, daemon)
        people(shop, "resolve", known[0])
        (late,) = fail(shop, UNKNOWN_TO_RULES, age_s=4 * 3600)  # as many as before, and older than the last window
        await until_swept(shop, daemon)
        assert late.open_ids <= {row.error_id for row in await daemon.store.errors(ACCOUNT)}


async def test_sweeps_come_as_seldom_as_before_once_the_clock_is_right(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop, UNKNOWN_TO_RULES)
        async with ahead(shop):
            await one_pass(daemon)
        await until_swept(shop, daemon)
        shop.clock.pass_by(timedelta(minutes=1))
        assert (await one_pass(daemon)).tally.steps_read == 0


async def test_a_token_that_was_refused_by_a_clock_that_was_ahead_is_tried_again_after_the_usual_pause(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        async with ahead(shop):
            runner.refuse(AuthError("the token was refused", status=401))
            assert runner.left_alone_until == shop.clock.now() + REFUSED_PAUSE
        assert runner.left_alone_until is None
