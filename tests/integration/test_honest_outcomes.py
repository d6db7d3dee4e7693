"""Where an outcome could be a lie (P4): others act on the same records, jobs half succeed, counts contradict lists."""

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.sandbox import Fault, Options
from daemon.sandbox.world import Step
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    BUSY,
    FLAKY,
    FLOW,
    GET_ERRORS,
    HOPELESS,
    STEP,
    during,
    fail,
    one_pass,
    people,
    row_of,
    sent,
    small_shop,
)

SLOW = Options(job_seconds=60.0)
COUNTED = ("confirmed", "came_back", "vanished", "unknown")


def step_of(shop: Shop) -> Step:
    """Return the sandbox's own step."""
    return shop.sandbox.world.find_step(FLOW, STEP)


@pytest.mark.parametrize(
    ("who", "outcome"), [("resolve", "vanished"), ("auto_resolve", "vanished"), ("vanish", "vanished")]
)
async def test_a_record_that_left_right_before_its_retry_arrived_is_not_cured_by_it(
    tmp_path: Path, who: str, outcome: str
) -> None:
    faults = [Fault(endpoint="POST retry", kind=f"meanwhile:{who}", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop:
        left, cured = fail(shop, count=2)
        counts = (await shop.once()).tally.counts

        assert {name: counts[name] for name in COUNTED if counts[name]} == {"confirmed": 1, outcome: 1}
        assert [(truth.runs, truth.state == "cured") for truth in (left, cured)] == [(0, False), (1, True)]


async def test_a_failed_record_whose_return_a_person_resolved_is_not_cured_by_the_jobs_success_with_another(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=SLOW) as shop, shop.daemon() as daemon:
        shop.do(do="flow", flow=FLOW, auto_resolve=False)
        (cured,) = fail(shop, BUSY, traceKey="order-1")
        (failed,) = fail(shop, HOPELESS, traceKey="order-2")
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        (other_run,) = fail(shop, BUSY, traceKey="order-1", age_s=0)
        shop.clock.pass_by(timedelta(seconds=40))
        shop.sandbox.settle()
        people(shop, "resolve", failed)
        assert (await runner.confirm()).settled == 0

        shop.clock.pass_by(timedelta(minutes=10))
        counts = (await one_pass(daemon)).tally.counts
        assert {name: counts[name] for name in COUNTED if counts[name]} == {"unknown": 2}
        assert [truth.runs for truth in (cured, failed, other_run)] == [1, 1, 0]


async def test_an_error_of_another_run_that_came_while_the_job_cured_the_record_is_not_its_failure_and_is_not_retried(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=SLOW) as shop, shop.daemon() as daemon:
        shop.do(do="flow", flow=FLOW, auto_resolve=False)
        (cured,) = fail(shop, traceKey="order-7")
        await daemon.accounts[ACCOUNT].cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        (other_run,) = fail(shop, traceKey="order-7", age_s=0)
        counts = (await one_pass(daemon)).tally.counts
        shop.clock.pass_by(timedelta(hours=3))
        await one_pass(daemon)

        assert {name: counts[name] for name in COUNTED if counts[name]} == {"unknown": 1}
        assert [truth.runs for truth in (cured, other_run)] == [1, 0]
        assert (await row_of(daemon, other_run)).reason == "unknown"


async def test_a_record_that_fails_anew_after_its_cure_came_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path, options=SLOW) as shop, shop.daemon() as daemon:
        (cured,) = fail(shop, traceKey="order-7")
        await daemon.accounts[ACCOUNT].cycle()
        shop.clock.pass_by(timedelta(seconds=90))
        fail(shop, traceKey="order-7", age_s=0)
        counts = (await daemon.accounts[ACCOUNT].confirm()).counts

        assert {name: counts[name] for name in COUNTED if counts[name]} == {"came_back": 1}
        assert cured.state == "cured"


async def test_an_error_of_another_run_that_the_cure_resolved_too_does_not_keep_it_from_being_confirmed(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=SLOW) as shop, shop.daemon() as daemon:
        (cured,) = fail(shop, traceKey="order-7")
        await daemon.accounts[ACCOUNT].cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        (other_run,) = fail(shop, traceKey="order-7", age_s=0)
        await daemon.accounts[ACCOUNT].cycle()
        counts = (await one_pass(daemon)).tally.counts

        assert (counts["confirmed"], counts["came_back"], counts["unknown"]) == (1, 0, 0)
        assert [truth.runs for truth in (cured, other_run)] == [1, 0]


async def test_a_cured_record_that_is_still_listed_beside_a_failed_one_is_not_run_twice(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (cured,) = fail(shop, BUSY)
        (failed,) = fail(shop, HOPELESS)
        entry = step_of(shop).open.get(next(iter(cured.open_ids)))
        assert entry is not None
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        shop.sandbox.settle()
        shop.sandbox.world.put_back(step_of(shop), entry)  # the list is behind
        counts = (await runner.confirm()).counts
        await runner.cycle()
        assert {name: counts[name] for name in COUNTED if counts[name]} == {"came_back": 1}

        shop.sandbox.world.take(step_of(shop), entry.error_id)
        assert (await one_pass(daemon)).tally.counts["confirmed"] == 1
        assert (cured.runs, cured.harmed, failed.runs) == (1, False, 1)


async def test_of_a_job_that_was_cut_short_half_way_the_half_that_ran_is_confirmed_and_the_other_came_back(
    tmp_path: Path,
) -> None:
    faults = [Fault(endpoint="POST retry", kind="job:halves", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        truths = fail(shop, count=4)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        counts = (await runner.confirm()).counts

        assert (counts["confirmed"], counts["came_back"]) == (2, 2)
        assert sorted(truth.runs for truth in truths) == [0, 0, 1, 1]


@pytest.mark.parametrize(("fate", "runs"), [("hangs", 0), ("vanishes", 1)])
async def test_a_job_that_hangs_or_is_nowhere_to_be_found_ends_as_unknown_and_is_never_repeated(
    tmp_path: Path, fate: str, runs: int
) -> None:
    faults = [Fault(endpoint="POST retry", kind=f"job:{fate}", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        counts = (await one_pass(daemon)).tally.counts
        assert {name: counts[name] for name in COUNTED if counts[name]} == {"unknown": 1}

        shop.clock.pass_by(timedelta(days=1))
        await one_pass(daemon)
        assert (truth.runs, sent(shop, "POST retry")) == (runs, 1)


async def test_a_lost_retry_whose_job_is_listed_late_is_found_all_the_same(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="after", call=1)]
    options = Options(job_seconds=5.0, jobs_listed_after_s=240.0)
    async with small_shop(tmp_path, options=options, faults=faults) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        for _ in range(8):  # whole lists that do not show it prove nothing, also later than any clock is off
            shop.clock.pass_by(timedelta(seconds=25))
            assert (await runner.confirm()).settled == 0
        await runner.cycle()
        assert sent(shop, "POST retry") == 1

        assert (await one_pass(daemon)).tally.counts["confirmed"] == 1
        assert (truth.runs, sent(shop, "POST retry")) == (1, 1)


async def test_a_lost_retry_is_not_confirmed_by_a_job_of_the_same_user_that_ran_another_record(tmp_path: Path) -> None:
    faults = [Fault(endpoint="POST retry", kind="before", call=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        (lost,) = fail(shop)
        (other,) = fail(shop, fields={"assignedTo": "clerk@example.com"})
        await daemon.accounts[ACCOUNT].cycle()
        people(shop, "retry", other, by=shop.sandbox.world.user_id)
        people(shop, "resolve", lost)
        counts = (await one_pass(daemon)).tally.counts

        assert {name: counts[name] for name in COUNTED if counts[name]} == {"vanished": 2}
        assert (lost.runs, other.runs) == (0, 1)


async def test_what_is_in_doubt_is_read_again_at_once_and_then_ever_more_seldom(tmp_path: Path) -> None:
    async with (
        small_shop(tmp_path, actions={"confirm_timeout": timedelta(minutes=30)}) as shop,
        shop.daemon() as daemon,
    ):
        (truth,) = fail(shop, HOPELESS)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        shop.sandbox.settle()
        people(shop, "vanish", truth)  # the failure is nowhere to be seen
        reads: list[int] = []
        began, before = shop.clock.now(), sent(shop, "GET errors")
        while not (await runner.confirm()).settled:
            reads.append(sent(shop, "GET errors") - before)
            shop.clock.pass_by(timedelta(seconds=30))

        assert reads[:10] == [1, 2, 3, 3, 4, 4, 4, 4, 5, 5]  # after 0 s, 30 s, 60 s, 120 s, 240 s, 480 s, 780 s …
        assert reads[-1] <= 12
        assert shop.clock.now() - began <= timedelta(minutes=30), "the last look is not put off"


async def test_a_job_that_ends_is_looked_at_in_full_at_once_however_long_another_has_been_in_doubt(
    tmp_path: Path,
) -> None:
    async with (
        small_shop(tmp_path, actions={"confirm_timeout": timedelta(minutes=30)}) as shop,
        shop.daemon() as daemon,
    ):
        (doubtful,) = fail(shop, HOPELESS)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        shop.sandbox.settle()
        people(shop, "vanish", doubtful)
        for _ in range(16):
            await runner.confirm()
            shop.clock.pass_by(timedelta(seconds=30))
        fail(shop, BUSY)
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=10))

        assert (await runner.confirm()).counts["confirmed"] == 1


async def test_of_a_page_that_hides_an_error_a_second_look_is_not_put_off(tmp_path: Path) -> None:
    moving = Options(job_seconds=5.0, error_page_size=2, paging="offset", order="oldest")
    async with small_shop(tmp_path, options=moving) as shop, shop.daemon() as daemon:
        leaving = fail(shop, "odd-approval", count=3, age_s=300)
        fail(shop, FLAKY, age_s=60)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        during(daemon, after={GET_ERRORS: lambda: people(shop, "resolve", *leaving)})
        assert (await runner.confirm()).settled == 0
        assert (await runner.confirm()).counts["came_back"] == 1
