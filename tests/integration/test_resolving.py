"""Resolving: what is gone meanwhile, lost answers, and limits that hold a whole rule (P6)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from daemon.sandbox import Fault, Options
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import (
    POST_RETRY,
    PUT_RESOLVED,
    during,
    fail,
    one_pass,
    people,
    sent,
    small_shop,
)

DUPLICATE = "duplicate-order"


def resolves(limit: str = "") -> str:
    """Return a file with one rule that resolves what is there already."""
    return f"""
version: 1
rules:
  - id: twice
    why: It is there already.
    when: {{code: DUP_RCRD}}
    then: {{resolve: {{because: it is there already}}}}
    {limit}
"""


@pytest.mark.parametrize("status", [404, 422])
async def test_where_one_of_a_batch_is_gone_the_rest_is_resolved_all_the_same(
    tmp_path: Path, status: Literal[404, 422]
) -> None:
    options = Options(gone_ids="refuse", gone_status=status)
    async with small_shop(tmp_path, resolves(), options=options) as shop, shop.daemon() as daemon:
        gone, *left = fail(shop, DUPLICATE, count=3)
        during(daemon, before={PUT_RESOLVED: lambda: people(shop, "resolve", gone)})
        counts = (await one_pass(daemon)).tally.counts

        assert {name: counts[name] for name in ("resolved", "confirmed", "vanished", "refused")} == {
            "resolved": 2,
            "confirmed": 2,
            "vanished": 1,
            "refused": 0,
        }
        assert {truth.state for truth in left} == {"resolved"}


@pytest.mark.parametrize("status", [404, 422])
async def test_where_one_of_a_batch_is_gone_the_rest_is_retried_once(tmp_path: Path, status: Literal[404, 422]) -> None:
    options = Options(gone_ids="refuse", gone_status=status, job_seconds=5.0)
    async with small_shop(tmp_path, options=options) as shop, shop.daemon() as daemon:
        gone, *left = fail(shop, count=3)
        during(daemon, before={POST_RETRY: lambda: people(shop, "resolve", gone)})
        counts = (await one_pass(daemon)).tally.counts

        assert (counts["retried"], counts["confirmed"], counts["vanished"]) == (2, 2, 1)
        assert [truth.runs for truth in (gone, *left)] == [0, 1, 1]


async def test_a_resolve_whose_answer_was_lost_is_found_among_the_resolved_and_not_sent_again(tmp_path: Path) -> None:
    faults = [Fault(endpoint="PUT resolved", kind="after", call=1)]
    async with small_shop(tmp_path, resolves(), faults=faults) as shop:
        (truth,) = fail(shop, DUPLICATE)
        figures = await shop.once()

        assert (figures.tally.counts["confirmed"], figures.tally.counts["vanished"]) == (1, 0)
        assert (sent(shop, "PUT resolved"), truth.state, figures.unsettled) == (1, "resolved", 0)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("who", ["resolve", "auto_resolve", "vanish"])
async def test_an_error_that_others_closed_right_before_we_did_is_not_our_success(
    tmp_path: Path, who: str, *, lost: bool
) -> None:
    faults = [Fault(endpoint="PUT resolved", kind=f"meanwhile:{who}", call=1)]
    faults += [Fault(endpoint="PUT resolved", kind="after", call=1)] if lost else []
    async with small_shop(tmp_path, resolves(), faults=faults) as shop:
        theirs, ours = fail(shop, DUPLICATE, count=2)
        counts = (await shop.once()).tally.counts

        assert (counts["resolved"], counts["confirmed"], counts["vanished"]) == (2, 1, 1)
        assert [theirs.resolved_by == shop.sandbox.world.user_id, ours.state] == [False, "resolved"]


async def test_an_error_that_somebody_is_retrying_is_not_resolved_before_that_retry_has_ended(tmp_path: Path) -> None:
    options = Options(job_seconds=600.0, leaves="when_run")
    async with small_shop(tmp_path, resolves(), options=options) as shop, shop.daemon() as daemon:
        retried, beside = fail(shop, DUPLICATE, count=2)
        people(shop, "retry", retried)
        shop.clock.pass_by(timedelta(minutes=5))
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert (tally.dropped["retry-running"], sent(shop, "PUT resolved")) == (2, 0)
        assert sent(shop, "GET jobs") == 1, "one question for each step and group"

        shop.clock.pass_by(timedelta(minutes=6))
        assert (await one_pass(daemon)).tally.counts["resolved"] == 1
        assert (retried.runs, beside.state) == (1, "resolved")


async def test_a_resolve_that_never_arrived_is_sent_again_because_that_does_no_harm(tmp_path: Path) -> None:
    faults = [Fault(endpoint="PUT resolved", kind="before", call=1)]
    async with small_shop(tmp_path, resolves(), faults=faults) as shop:
        (truth,) = fail(shop, DUPLICATE)
        counts = (await shop.once()).tally.counts

        assert (counts["refused"], counts["confirmed"], truth.state) == (1, 1, "resolved")


def die() -> None:
    """End the process' work here and now, as a kill does: nothing after this runs."""
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("moment", "outcome"),
    [
        pytest.param({"before": {PUT_RESOLVED: die}}, "confirmed", id="written down, not sent"),
        pytest.param({"after": {PUT_RESOLVED: die}}, "confirmed", id="sent, not written down"),
    ],
)
async def test_a_death_around_a_resolve_ends_in_an_outcome(tmp_path: Path, moment: Any, outcome: str) -> None:
    async with small_shop(tmp_path, resolves()) as shop:
        (truth,) = fail(shop, DUPLICATE)
        async with shop.daemon() as daemon:
            during(daemon, **moment)
            with pytest.raises(asyncio.CancelledError):
                await daemon.accounts[ACCOUNT].cycle()
        figures = await shop.once()
        again = await shop.once()

        assert figures.tally.counts[outcome] + again.tally.counts[outcome] == 1
        assert (truth.state, again.unsettled, sent(shop, "PUT resolved")) == ("resolved", 0, 1)


async def test_a_limit_holds_the_whole_rule_says_so_once_and_again_after_it_was_kept_in_between(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, resolves("limit: {per_cycle: 2}")) as shop, shop.daemon() as daemon:
        truths = fail(shop, DUPLICATE, count=3)
        for _ in range(2):
            assert (await one_pass(daemon)).tally.skipped == {"limit": 3}
            shop.clock.pass_by(timedelta(minutes=1))
        assert len(shop.events("limit.reached")) == 1
        assert shop.sandbox.writes == []

        people(shop, "resolve", *truths)
        await one_pass(daemon)
        fail(shop, DUPLICATE, count=3, age_s=1)
        shop.clock.pass_by(timedelta(minutes=1))
        await one_pass(daemon)
        assert len(shop.events("limit.reached")) == 2


async def test_within_its_limit_an_hour_a_rule_goes_on_only_when_the_hour_is_over(tmp_path: Path) -> None:
    async with small_shop(tmp_path, resolves("limit: {per_hour: 3}")) as shop, shop.daemon() as daemon:
        fail(shop, DUPLICATE, count=2)
        assert (await one_pass(daemon)).tally.counts["confirmed"] == 2
        shop.clock.pass_by(timedelta(minutes=10))
        fail(shop, DUPLICATE, count=2, age_s=1)
        assert (await one_pass(daemon)).tally.skipped == {"limit": 2}

        shop.clock.pass_by(timedelta(hours=1))
        assert (await one_pass(daemon)).tally.counts["confirmed"] == 2


@pytest.mark.parametrize(("due", "others", "resolved"), [(20, 0, 20), (21, 0, 0), (21, 21, 21)])
async def test_a_resolve_rule_takes_no_more_than_its_share_of_the_open_errors_of_a_step_but_always_twenty(
    tmp_path: Path, due: int, others: int, resolved: int
) -> None:
    async with small_shop(tmp_path, resolves()) as shop:
        fail(shop, DUPLICATE, count=due)
        fail(shop, "odd-approval", count=others)
        figures = await shop.once()

        assert figures.tally.counts["resolved"] == resolved
        assert figures.tally.skipped["limit"] == due - resolved


async def test_the_account_s_limit_counts_over_all_rules_and_the_first_rule_uses_it_up_first(tmp_path: Path) -> None:
    rules = """
version: 1
rules:
  - {id: busy, why: It passes., when: {code: SSS_REQUEST_LIMIT_EXCEEDED}, then: {retry: {ramp: off}}}
  - {id: flaky, why: It passes., when: {code: UNEXPECTED_ERROR}, then: {retry: {ramp: off}}}
"""
    limits = {"retries_per_hour": 3}
    async with small_shop(tmp_path, rules, limits=limits) as shop, shop.daemon() as daemon:
        busy, flaky = fail(shop, count=2), fail(shop, "netsuite-unexpected", count=2)
        tally, _ = await daemon.accounts[ACCOUNT].cycle()

        assert tally.skipped == {"limit": 2}
        assert [truth.retries_accepted for truth in (*busy, *flaky)] == [1, 1, 0, 0]
