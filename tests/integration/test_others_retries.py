"""Retries that others made count like ours, as soon as they can be seen (P2)."""

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.build import Daemon
from daemon.core.actions import Mode
from daemon.sandbox import Fault, Options
from daemon.sandbox.people import SOMEBODY
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    FLOW,
    HOPELESS,
    STEP,
    UNRECORDED,
    fail,
    one_pass,
    people,
    row_of,
    sent,
    small_shop,
)

LATER = """
version: 1
rules:
  - id: later
    why: It may pass in an hour.
    when: {code: INVALID_KEY_OR_REF}
    then: {retry: {after: 1h, max_attempts: 3, ramp: off}}
"""
OFTEN = LATER.replace("max_attempts: 3", "max_attempts: 9")
LONG = "k" * 200


def options(retried_in: str = "retry_job", leaves: str = "at_once") -> Options:
    """Return a sandbox whose failed retries come back in one of the ways that the documents leave open."""
    return Options(job_seconds=5.0, retried_in=retried_in, leaves=leaves)  # type: ignore[arg-type]


async def look(shop: Shop, daemon: Daemon) -> None:
    """Let the daemon see what is open; nothing is due for an hour."""
    shop.clock.pass_by(timedelta(minutes=1))
    await daemon.accounts[ACCOUNT].cycle()


async def they_retry(shop: Shop, daemon: Daemon, truth: Truth, *, by: str = SOMEBODY, times: int = 1) -> None:
    """Let others retry a record that the daemon knows, and fail with it."""
    for _ in range(times):
        people(shop, "retry", truth, by=by)
        await look(shop, daemon)


async def to_the_end(shop: Shop, daemon: Daemon) -> None:
    """Let the daemon do all that it may ever do."""
    for _ in range(12):
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(hours=2))


def ours(truth: Truth) -> int:
    """Return how often the daemon retried the record."""
    return sum(by not in (SOMEBODY, "auto") for by in truth.retried_by)


async def counted(shop: Shop, daemon: Daemon, key: str = "t:order-7") -> int:
    """Return how many retries of others are counted for a case."""
    step = shop.sandbox.world.find_step(FLOW, STEP)
    (ref,) = [ref for ref in await daemon.store.steps(ACCOUNT) if ref.step_id == step.step_id]
    return (await daemon.store.case_histories(ref, [key], shop.clock.now()))[key][1].by_others


@pytest.mark.parametrize("retried_in", ["retry_job", "blank", "first_run"])
@pytest.mark.parametrize("leaves", ["at_once", "when_run"])
@pytest.mark.parametrize("by", [SOMEBODY, "auto"], ids=["people", "platform"])
async def test_what_others_retried_is_not_ours_to_retry_again(
    tmp_path: Path, retried_in: str, leaves: str, by: str
) -> None:
    async with small_shop(tmp_path, LATER, options=options(retried_in, leaves)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        await look(shop, daemon)
        await they_retry(shop, daemon, truth, by=by, times=2)
        assert await counted(shop, daemon) == 2
        await to_the_end(shop, daemon)
        assert (len(truth.retried_by), ours(truth)) == (3, 1)
        assert (await row_of(daemon, truth)).reason == "exhausted"


@pytest.mark.parametrize("trace_key", ["order-7", "", LONG], ids=["usable", "blank", "cut"])
async def test_whatever_names_the_record_the_cap_counts_the_retries_of_others(tmp_path: Path, trace_key: str) -> None:
    caps = {"max_attempts_per_case": 4}
    async with small_shop(tmp_path, OFTEN, options=options(), actions=caps) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey=trace_key)
        await look(shop, daemon)
        await they_retry(shop, daemon, truth, times=3)
        await to_the_end(shop, daemon)
        assert (len(truth.retried_by), ours(truth)) == (4, 1)


async def test_others_who_have_had_all_attempts_leave_none_to_us(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LATER, options=options()) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        await look(shop, daemon)
        await they_retry(shop, daemon, truth, times=3)
        await to_the_end(shop, daemon)
        assert ours(truth) == 0


async def test_others_between_our_own_retries_count_over_restarts(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LATER, options=options()) as shop:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7", age_s=3700)
        for _ in range(2):
            async with shop.daemon() as daemon:
                await one_pass(daemon)
            async with shop.daemon() as daemon:
                await they_retry(shop, daemon, truth)
            shop.clock.pass_by(timedelta(hours=2))
        async with shop.daemon() as daemon:
            await to_the_end(shop, daemon)
        assert (len(truth.retried_by), ours(truth)) == (4, 2)  # ours, theirs, ours; and theirs once more


async def test_a_retry_that_took_long_counts_when_its_error_comes(tmp_path: Path) -> None:
    slow = Options(job_seconds=600.0, retried_in="blank")
    async with small_shop(tmp_path, LATER, options=slow) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        await look(shop, daemon)
        people(shop, "retry", truth)
        for _ in range(3):
            await look(shop, daemon)
        assert (await daemon.store.errors(ACCOUNT), await counted(shop, daemon)) == ([], 0)
        shop.clock.pass_by(timedelta(minutes=10))
        await look(shop, daemon)
        assert await counted(shop, daemon) == 1


async def test_a_record_that_a_normal_run_fails_with_again_was_retried_by_nobody(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LATER, options=options()) as shop, shop.daemon() as daemon:
        for _ in range(4):
            (truth,) = fail(shop, HOPELESS, traceKey="order-7", age_s=0)  # the platform resolves the error before
            await look(shop, daemon)
        assert [row.error_id for row in await daemon.store.errors(ACCOUNT)] == list(truth.open_ids)
        assert await counted(shop, daemon) == 0
        await to_the_end(shop, daemon)
        assert ours(truth) == 3


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        pytest.param({}, 0, id="it names its run"),
        pytest.param({"_flowJobId": ""}, 1, id="it names no run, so it may have been a retry"),
        pytest.param({"_flowJobId": "5f0000000000000000000000"}, 1, id="its run is not there any more"),
    ],
)
async def test_a_normal_failure_while_others_retry_other_records_is_told_by_its_run(
    tmp_path: Path, fields: dict[str, str], count: int
) -> None:
    slow = Options(job_seconds=300.0)
    async with small_shop(tmp_path, LATER, options=slow) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS, traceKey="order-7")
        (other,) = fail(shop, HOPELESS, traceKey="order-8")
        await look(shop, daemon)
        people(shop, "retry", other)
        shop.clock.pass_by(timedelta(minutes=1))
        fail(shop, HOPELESS, traceKey="order-7", age_s=0, fields=fields)
        await look(shop, daemon)
        await look(shop, daemon)
        assert await counted(shop, daemon) == count


async def test_nobody_asks_for_jobs_where_no_record_came_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LATER, options=options(), recordings=UNRECORDED) as shop:
        for _ in range(3):
            fail(shop, HOPELESS, count=5)
            await shop.once(Mode.OBSERVE)
        people(shop, "resolve", *shop.truths())
        await shop.once(Mode.OBSERVE)
        assert sent(shop, "GET jobs") == 0


async def test_for_many_records_that_came_back_at_once_the_jobs_are_asked_for_once_a_page(tmp_path: Path) -> None:
    unrecorded = small_shop(tmp_path, LATER, options=options("first_run"), recordings=UNRECORDED)
    async with unrecorded as shop, shop.daemon() as daemon:
        truths = fail(shop, HOPELESS, count=20)
        await look(shop, daemon)
        people(shop, "retry", *truths)
        await look(shop, daemon)
        assert (sent(shop, "GET jobs"), sent(shop, "GET job")) == (1, 1)
        assert {await counted(shop, daemon, f"t:{truth.trace_key}") for truth in truths} == {1}


async def test_where_jobs_are_closed_to_us_the_errors_are_read_all_the_same(tmp_path: Path) -> None:
    faults = [Fault(endpoint="GET jobs", kind="status:403", every=1)]
    async with small_shop(tmp_path, LATER, options=options(), faults=faults) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        await look(shop, daemon)
        await they_retry(shop, daemon, truth)
        assert [row.error_id for row in await daemon.store.errors(ACCOUNT)] == list(truth.open_ids)
        assert not shop.events("step.failed")


async def test_the_case_shows_the_retries_of_others(tmp_path: Path) -> None:
    async with small_shop(tmp_path, LATER, options=options()) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="order-7")
        await look(shop, daemon)
        await they_retry(shop, daemon, truth)
        events = await daemon.store.case_events(ACCOUNT, "order-7")
        mine = {event.what for event in events if event.error_id in truth.open_ids}
        assert mine == {"open", "retried elsewhere"}
