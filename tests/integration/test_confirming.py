"""What came of it: outcomes (P4), attempts over returns and restarts (P2), and sudden death (P11)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.decisions import Outcome
from daemon.sandbox import Fault, Options
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    BUSY,
    FLAKY,
    FLOW,
    HOPELESS,
    POST_RETRY,
    PUT_RESOLVED,
    STEP,
    between_plan_and_act,
    during,
    fail,
    one_pass,
    people,
    row_of,
    sent,
    small_shop,
)

ONCE = """
version: 1
rules:
  - id: again
    why: The record itself is fine.
    when: {code: [SSS_REQUEST_LIMIT_EXCEEDED, UNEXPECTED_ERROR, INVALID_KEY_OR_REF, SSS_SEARCH_TIMEOUT, ECONNRESET]}
    then: {retry: {max_attempts: 1, ramp: off}}
"""


def test_truths(*truths: Truth) -> list[tuple[int, str]]:
    return [(truth.runs, truth.state) for truth in truths]


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(HOPELESS, id="as the same error under a new id"),
        pytest.param("lookup-changes", id="with another message"),
    ],
)
async def test_a_record_that_fails_again_came_back_whatever_it_says_now(tmp_path: Path, family: str) -> None:
    async with small_shop(tmp_path, ONCE) as shop:
        truths = fail(shop, family, count=2)
        counts = (await shop.once()).tally.counts

        assert (counts["retried"], counts["came_back"], counts["confirmed"]) == (2, 2, 0)
        assert [len(truth.error_ids) for truth in truths] == [2, 2]


@pytest.mark.parametrize("how", ["failed", "canceled"])
async def test_a_record_that_is_open_again_under_the_same_id_came_back(tmp_path: Path, how: str) -> None:
    async with small_shop(tmp_path, ONCE, options=Options(job_seconds=None)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        await daemon.accounts[ACCOUNT].cycle()
        (job,) = shop.sandbox.jobs.newest_first()
        shop.do(do="end_job", job=job.job_id, how=how)
        counts = (await daemon.accounts[ACCOUNT].confirm()).counts

        assert (counts["came_back"], counts["confirmed"], truth.runs) == (1, 0, 0)
        assert truth.error_ids == sorted(truth.open_ids)


@pytest.mark.parametrize("how", ["failed", "canceled"])
async def test_an_error_that_left_while_its_job_was_cut_short_is_never_confirmed(tmp_path: Path, how: str) -> None:
    async with small_shop(tmp_path, ONCE, options=Options(job_seconds=None)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        (job,) = shop.sandbox.jobs.newest_first()
        shop.do(do="end_job", job=job.job_id, how=how)
        people(shop, "resolve", truth)
        assert (await runner.confirm()).settled == 0

        shop.clock.pass_by(timedelta(minutes=11))
        assert (await runner.confirm()).counts["unknown"] == 1


async def test_of_a_job_that_completed_with_errors_each_record_gets_its_own_outcome(tmp_path: Path) -> None:
    async with small_shop(tmp_path, ONCE) as shop:
        cured, failed = [*fail(shop, BUSY, count=3), *fail(shop, "closed-period", count=0)], fail(shop, HOPELESS, count=2)
        counts = (await shop.once()).tally.counts

        assert sent(shop, "POST retry") == 1
        assert (counts["confirmed"], counts["came_back"]) == (len(cured), len(failed)) == (3, 2)


async def test_while_its_job_is_at_work_an_absent_error_is_not_confirmed_and_after_the_timeout_it_is_unknown(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=Options(job_seconds=None)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        early = await one_pass(daemon, wait=timedelta(minutes=5))
        assert (early.unsettled, early.tally.counts["confirmed"], truth.state) == (1, 0, "in_job")

        shop.clock.pass_by(timedelta(minutes=10))
        late = await one_pass(daemon)
        assert (late.unsettled, late.tally.counts["unknown"], late.tally.counts["confirmed"]) == (0, 1, 0)
        assert sent(shop, "POST retry") == 1


async def test_a_job_that_is_not_there_any_more_proves_nothing(tmp_path: Path) -> None:
    faults = [Fault(endpoint="GET job", kind="wrong_types", every=1)]
    async with small_shop(tmp_path, faults=faults) as shop:
        (truth,) = fail(shop)
        figures = await shop.once()

        assert truth.state == "cured"
        assert (figures.tally.counts["confirmed"], figures.tally.counts["unknown"]) == (0, 1)


async def test_an_error_that_a_person_resolved_before_the_job_reached_it_has_vanished(tmp_path: Path) -> None:
    options = Options(job_seconds=60.0, leaves="when_run")
    async with small_shop(tmp_path, options=options) as shop, shop.daemon() as daemon:
        closed, cured = fail(shop, count=2)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        people(shop, "resolve", closed)
        shop.sandbox.jobs.newest_first()[0].keys = tuple(
            key for key in shop.sandbox.jobs.newest_first()[0].keys if shop.sandbox.world is not None
        )
        shop.clock.pass_by(timedelta(minutes=2))
        counts = (await runner.confirm()).counts

        assert (counts["vanished"], counts["confirmed"]) == (1, 1)
        assert test_truths(closed, cured) == [(0, "resolved"), (1, "cured")]
