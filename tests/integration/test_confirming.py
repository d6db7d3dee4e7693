"""What came of it: outcomes (P4), attempts over returns and restarts (P2), and sudden death (P11)."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.decisions import Outcome
from daemon.core.exceptions import ProtocolError
from daemon.sandbox import Fault, Options
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import (
    BUSY,
    FLOW,
    GET_CONNECTION,
    GET_ERRORS,
    GET_JOB,
    HOPELESS,
    MOVING,
    POST_RETRY,
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
        people(shop, "vanish", truth)
        assert (await runner.confirm()).settled == 0

        shop.clock.pass_by(timedelta(minutes=11))
        assert (await runner.confirm()).counts["unknown"] == 1


async def test_of_a_job_that_completed_with_errors_each_record_gets_its_own_outcome(tmp_path: Path) -> None:
    async with small_shop(tmp_path, ONCE) as shop:
        fail(shop, BUSY, count=3)
        fail(shop, HOPELESS, count=2)
        counts = (await shop.once()).tally.counts

        assert sent(shop, "POST retry") == 1
        assert (counts["confirmed"], counts["came_back"]) == (3, 2)


async def test_a_failure_that_the_job_counted_and_nobody_can_see_any_more_keeps_its_batch_from_being_confirmed(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, ONCE) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        shop.sandbox.settle()
        people(shop, "resolve", truth)  # the error that it came back as
        assert (await runner.confirm()).settled == 0

        shop.clock.pass_by(timedelta(minutes=10))
        assert (await runner.confirm()).counts["unknown"] == 1


async def test_while_its_job_is_at_work_an_error_that_is_still_listed_has_not_come_back(tmp_path: Path) -> None:
    options = Options(job_seconds=60.0, leaves="when_run")
    async with small_shop(tmp_path, options=options) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=45))
        assert (await runner.confirm()).settled == 0
        await runner.cycle()

        shop.clock.pass_by(timedelta(minutes=1))
        assert (await runner.confirm()).counts["confirmed"] == 1
        assert (sent(shop, "POST retry"), truth.runs) == (1, 1)


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


@pytest.mark.parametrize(
    ("do", "more"),
    [
        pytest.param("resolve", {}, id="a person resolved it"),
        pytest.param("resolve", {"by": "auto"}, id="the platform resolved it"),
        pytest.param("vanish", {}, id="it was purged"),
    ],
)
@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another"])
async def test_an_error_that_left_before_the_retry_arrived_has_vanished_and_is_nobodys_success(
    tmp_path: Path, others: int, do: str, more: dict[str, str]
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        gone, *cured = fail(shop, count=1 + others)
        during(daemon, before={POST_RETRY: lambda: people(shop, do, gone, **more)})
        counts = (await one_pass(daemon)).tally.counts

        assert (counts["retried"], counts["vanished"], counts["confirmed"]) == (1 + others, 1, others)
        assert [truth.runs for truth in (gone, *cured)] == [0] + [1] * others


async def test_as_many_new_errors_as_were_cured_are_found_although_the_summary_says_what_it_said(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop, count=2)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=10))
        assert (await runner.confirm()).counts["confirmed"] == 2

        new = fail(shop, count=2, age_s=70)  # just as old as the others: the summary's time tells nothing either
        await runner.cycle()
        assert [truth.retries_accepted for truth in new] == [1, 1]


async def test_one_step_that_cannot_be_read_keeps_no_other_from_its_outcome_and_is_unknown_in_the_end(
    tmp_path: Path,
) -> None:
    def odd_answer() -> None:
        raise ProtocolError("the answer is not JSON")

    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop)
        shop.do(do="add_errors", flow=FLOW, step="Find customer", family=BUSY, age_s=60)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        during(daemon, before={GET_JOB: odd_answer})
        tally = await runner.confirm()
        assert (tally.counts["confirmed"], tally.steps_failed, runner.unsettled) == (1, 1, 1)

        shop.clock.pass_by(timedelta(minutes=10))
        during(daemon, before={GET_JOB: odd_answer})
        tally = await runner.confirm()
        assert (tally.counts["unknown"], runner.unsettled) == (1, 0)


async def test_of_two_open_errors_of_one_case_one_is_retried_and_the_other_never(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        shop.do(do="flow", flow=FLOW, auto_resolve=False)
        (older,) = fail(shop, traceKey="order-7", age_s=120)
        (newer,) = fail(shop, traceKey="order-7", age_s=60)
        for _ in range(3):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))

        assert [truth.runs for truth in (older, newer)] == [0, 1]
        row = await row_of(daemon, older)
        assert (row.verb, row.reason) == ("hold", "superseded")


async def test_a_return_hidden_by_a_list_that_moves_while_it_is_read_is_found_and_nothing_vanishes_falsely(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, ONCE, options=MOVING) as shop, shop.daemon() as daemon:
        leaving, staying = fail(shop, "odd-approval", count=3, age_s=300), fail(shop, "odd-approval", age_s=200)
        (truth,) = fail(shop, HOPELESS, age_s=60)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        during(daemon, after={GET_ERRORS: lambda: people(shop, "resolve", *leaving)})
        hidden = await runner.confirm()
        assert (hidden.settled, hidden.counts["vanished"]) == (0, 0)

        seen = await runner.confirm()
        assert (seen.counts["came_back"], seen.counts["confirmed"], seen.counts["vanished"]) == (1, 0, 3)
        assert [row.error_id for row in await daemon.store.errors(ACCOUNT)] == [
            error_id for each in (truth, *staying) for error_id in each.open_ids
        ]


async def test_a_resolve_that_never_arrived_is_not_confirmed_by_a_list_that_moves_while_it_is_read(
    tmp_path: Path,
) -> None:
    rules = """
version: 1
rules:
  - id: twice
    why: It is there already.
    when: {code: DUP_RCRD}
    then: {resolve: {because: it is there already}}
"""
    faults = [Fault(endpoint="PUT resolved", kind="before", call=1)]
    async with small_shop(tmp_path, rules, options=MOVING, faults=faults) as shop, shop.daemon() as daemon:
        leaving = fail(shop, "odd-approval", count=3, age_s=300)
        (truth,) = fail(shop, "duplicate-order", age_s=60)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        during(daemon, after={GET_ERRORS: lambda: people(shop, "resolve", *leaving)})
        assert (await runner.confirm()).settled == 0

        counts = (await one_pass(daemon)).tally.counts
        assert (counts["refused"], counts["confirmed"], truth.state) == (1, 1, "resolved")
        assert sent(shop, "PUT resolved") == 2


async def test_a_planned_error_hidden_by_a_list_that_moves_has_not_vanished_and_is_retried_later(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, options=MOVING) as shop, shop.daemon() as daemon:
        (first,) = fail(shop, age_s=300)
        leaving = fail(shop, "odd-approval", count=3, age_s=200)
        (last,) = fail(shop, age_s=60)

        def between_two_pages() -> None:
            people(shop, "resolve", *leaving)

        during(daemon, after={GET_CONNECTION: lambda: during(daemon, after={GET_ERRORS: between_two_pages})})
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert (tally.dropped, tally.counts["vanished"]) == ({"unseen": 1}, 0)

        assert (await one_pass(daemon)).tally.counts["confirmed"] == 2
        assert [truth.runs for truth in (first, last)] == [1, 1]


async def test_a_case_is_retried_no_more_often_than_its_rule_says_over_returns_and_restarts(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        truths = [fail(shop, HOPELESS, traceKey=trace_key)[0] for trace_key in ("order-7", "", "k" * 200)]
        for _ in range(4):
            await shop.once()
            shop.clock.pass_by(timedelta(hours=2))

        assert [truth.runs for truth in truths] == [3, 3, 3]
        async with shop.daemon() as daemon:
            assert {(await row_of(daemon, truth)).reason for truth in truths} == {"exhausted"}


async def test_the_configuration_caps_the_attempts_of_a_case_over_all_rules(tmp_path: Path) -> None:
    rules = """
version: 1
rules:
  - id: looked-up
    why: A search timed out.
    when: {code: SSS_SEARCH_TIMEOUT}
    then: {retry: {max_attempts: 1, ramp: off}}
  - id: reference
    why: A reference is wrong.
    when: {code: INVALID_KEY_OR_REF}
    then: {retry: {max_attempts: 9, ramp: off}}
"""
    async with small_shop(tmp_path, rules, actions={"max_attempts_per_case": 3}) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "lookup-changes")
        for _ in range(6):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))

        assert truth.runs == 3


async def test_a_patched_record_without_a_trace_key_stays_the_same_case(tmp_path: Path) -> None:
    rules = """
version: 1
rules:
  - id: state
    why: The state is wrong.
    when: {code: INVALID_KEY_OR_REF}
    then:
      patch: [{op: replace, path: /data/shippingAddress/state, value: CA}]
      retry: {max_attempts: 2, ramp: off}
"""
    async with small_shop(tmp_path, rules) as shop:
        (truth,) = fail(shop, "country-name", traceKey="")
        for _ in range(4):
            await shop.once()
            shop.clock.pass_by(timedelta(hours=2))

        assert truth.runs == 2


async def test_a_rule_that_asks_for_the_attempts_counts_them_for_records_without_a_trace_key_too(
    tmp_path: Path,
) -> None:
    rules = """
version: 1
rules:
  - id: at-first
    why: It may pass.
    when: {code: INVALID_KEY_OR_REF, attempts: {lt: 2}}
    then: {retry: {max_attempts: 5, ramp: off}}
  - id: later
    why: It does not pass.
    when: {code: INVALID_KEY_OR_REF}
    then: {hold: {queue: tried}}
"""
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, HOPELESS, traceKey="")
        for _ in range(4):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))

        assert truth.runs == 2
        assert [row.queue for row in await daemon.store.held(ACCOUNT)] == ["tried"]


async def test_two_records_whose_cut_trace_keys_are_alike_are_two_cases(tmp_path: Path) -> None:
    async with small_shop(tmp_path, ONCE) as shop, shop.daemon() as daemon:
        shop.do(do="flow", flow=FLOW, auto_resolve=False)
        truths = fail(shop, traceKey="k" * 200, count=2)
        counts = (await one_pass(daemon)).tally.counts

        assert counts["confirmed"] == 2
        assert [truth.runs for truth in truths] == [1, 1]


async def test_a_record_without_a_trace_key_that_comes_back_for_another_rule_came_back(tmp_path: Path) -> None:
    rules = (
        ONCE
        + """
  - id: state
    why: A person must look.
    when: {message: {contains: state}}
    then: {hold: {queue: sales}}
"""
    )
    rules = rules.replace("INVALID_KEY_OR_REF, ", "")
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as daemon:
        fail(shop, "lookup-changes", traceKey="")
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        await runner.cycle()  # sees the new error before the job was looked at
        tally = await runner.confirm()

        assert (tally.counts["came_back"], runner.unsettled) == (1, 0)


def die() -> None:
    """End the process' work here and now, as a kill does: nothing after this runs."""
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("moment", "runs", "outcome"),
    [
        pytest.param({"before": {POST_RETRY: die}}, 0, Outcome.UNKNOWN, id="written down, not sent"),
        pytest.param({"after": {POST_RETRY: die}}, 1, Outcome.CONFIRMED, id="sent, not written down"),
    ],
)
async def test_a_death_around_a_retry_repeats_nothing_and_ends_in_an_honest_outcome(
    tmp_path: Path, moment: Any, runs: int, outcome: Outcome
) -> None:
    async with small_shop(tmp_path) as shop:
        truths = fail(shop, count=2)
        async with shop.daemon() as daemon:
            during(daemon, **moment)
            with pytest.raises(asyncio.CancelledError):
                await daemon.accounts[ACCOUNT].cycle()
        figures = await shop.once()
        assert (figures.tally.counts[outcome], figures.tally.counts["retried"], figures.unsettled) == (2, 0, 0)

        shop.clock.pass_by(timedelta(days=1))
        await shop.once()
        assert sent(shop, "POST retry") == runs
        assert [truth.runs for truth in truths] == [runs, runs]


async def test_a_death_before_the_outcome_was_written_down_forgets_nothing(tmp_path: Path) -> None:
    async with small_shop(tmp_path, ONCE) as shop:
        fail(shop, BUSY)
        fail(shop, HOPELESS)
        async with shop.daemon() as daemon:
            runner = daemon.accounts[ACCOUNT]
            await runner.cycle()
            shop.clock.pass_by(timedelta(minutes=1))
            during(daemon, after={GET_ERRORS: die})
            with pytest.raises(asyncio.CancelledError):
                await runner.confirm()
        counts = (await shop.once()).tally.counts

        assert (counts["confirmed"], counts["came_back"], counts["retried"]) == (1, 1, 0)
