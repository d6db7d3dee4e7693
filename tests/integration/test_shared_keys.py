"""Two different records under one trace key are told apart as soon as there is evidence, and never before (P2)."""

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.sandbox import Options
from tests.integration.shop import ACCOUNT
from tests.integration.small_shop import (
    BUSY,
    FLOW,
    HOPELESS,
    NOTES,
    PUT_DATA,
    RETRIES,
    during,
    fail,
    no_auto_resolve,
    one_pass,
    one_run,
    people,
    row_of,
    sent,
    small_shop,
    with_the_same_data,
)

MIXED = """
version: 1
rules:
  - id: wait
    why: A person must look.
    when: {code: INVALID_KEY_OR_REF}
    then: {hold: {queue: sales}}
  - id: again
    why: The record itself is fine.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {retry: {max_attempts: 2, ramp: off}}
"""


async def test_two_records_of_one_run_are_both_cured_and_neither_came_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        truths = one_run(shop, BUSY, BUSY)
        counts = (await one_pass(daemon)).tally.counts

        assert (counts["confirmed"], counts["came_back"]) == (2, 0)
        assert [truth.runs for truth in truths] == [1, 1]
        (line,) = shop.events("case.separated")
        assert sorted([line["error_id"], line["other_id"]]) == [truth.error_ids[0] for truth in truths]


async def test_one_that_comes_back_again_and_again_uses_up_its_own_attempts_only(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        hopeless, _ = one_run(shop, HOPELESS, BUSY)
        for _ in range(5):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))
        (late,) = fail(shop, BUSY, traceKey="customer-7")
        await one_pass(daemon)

        assert (hopeless.retries_accepted, late.retries_accepted, late.state) == (3, 1, "cured")
        assert (await row_of(daemon, hopeless)).reason == "exhausted"
        assert len(shop.events("case.separated")) == 1


async def test_what_is_known_of_a_shared_key_outlives_a_restart(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        no_auto_resolve(shop)
        one_run(shop, HOPELESS, HOPELESS)
        for _ in range(4):
            await shop.once()
            shop.clock.pass_by(timedelta(hours=2))

        assert [truth.retries_accepted for truth in shop.truths()] == [3, 3]
        assert len(shop.events("case.separated")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([{}, {}], id="of two runs"),
        pytest.param([{"_flowJobId": ""}, {"_flowJobId": ""}], id="of no run that is known"),
    ],
)
async def test_without_evidence_they_stay_one_case(tmp_path: Path, fields: list[dict[str, str]]) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        truths = [fail(shop, traceKey="customer-7", age_s=90 - 30 * n, fields=each)[0] for n, each in enumerate(fields)]
        for _ in range(3):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))

        assert [truth.runs for truth in truths] == [0, 1]
        assert (await row_of(daemon, truths[0])).reason == "superseded"
        assert (shop.events("case.separated"), sent(shop, "GET data")) == ([], 0)


async def test_two_errors_of_one_run_with_the_same_data_stay_one_case(tmp_path: Path) -> None:
    async with small_shop(tmp_path, MIXED) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        first, second = one_run(shop, BUSY, BUSY)
        with_the_same_data(shop)
        await one_pass(daemon)

        assert sorted([first.runs, second.runs]) == [0, 1]
        assert (shop.events("case.separated"), sent(shop, "GET data") > 0) == ([], True)


async def test_a_patch_of_ours_that_was_not_retried_yet_does_not_make_two_records_of_one(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NOTES) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        first, second = one_run(shop, BUSY, BUSY)
        people(shop, "edit_data", first, second, pointer="/data/notes", value=[])
        with_the_same_data(shop)
        during(daemon, after={PUT_DATA: lambda: shop.do(do="flow", flow=FLOW, disabled=True)})
        await one_pass(daemon)
        assert (sent(shop, "PUT data"), [first.runs, second.runs]) == (1, [0, 0])

        shop.do(do="flow", flow=FLOW, disabled=False)
        for _ in range(3):
            shop.clock.pass_by(timedelta(hours=1))
            await one_pass(daemon)
        assert sorted([first.runs, second.runs]) == [0, 1]
        assert shop.events("case.separated") == []


async def test_the_data_is_read_only_where_it_would_be_used(tmp_path: Path) -> None:
    async with small_shop(tmp_path, MIXED) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        one_run(shop, HOPELESS, HOPELESS)
        fail(shop, count=3)
        await one_pass(daemon)
        assert (sent(shop, "GET data"), sent(shop, "POST retry")) == (0, 1)


async def test_a_record_that_its_rule_holds_is_not_taken_for_another_that_is_retried(tmp_path: Path) -> None:
    async with small_shop(tmp_path, MIXED) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        held, busy = one_run(shop, HOPELESS, BUSY)
        counts = (await one_pass(daemon)).tally.counts
        assert (counts["confirmed"], counts["came_back"], busy.state, held.state) == (1, 0, "cured", "open")


async def test_what_a_cure_before_the_discovery_superseded_is_not_run_after_it(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        older, newer = (fail(shop, traceKey="customer-7", age_s=age_s)[0] for age_s in (120, 60))
        await one_pass(daemon)
        assert (await row_of(daemon, older)).reason == "superseded"

        shop.clock.pass_by(timedelta(minutes=30))
        later = one_run(shop, BUSY, BUSY)
        for _ in range(2):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=7))
        assert [truth.runs for truth in (older, newer, *later)] == [0, 1, 1, 1]
        assert (await row_of(daemon, older)).reason == "superseded"


async def test_attempts_from_before_the_discovery_go_on_counting_for_each(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        (first,) = fail(shop, HOPELESS, traceKey="customer-7", age_s=120)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        shop.clock.pass_by(timedelta(minutes=1))
        await runner.confirm()
        assert first.retries_accepted == 1
        shop.clock.pass_by(timedelta(minutes=30))
        people(shop, "resolve", first)
        truths = one_run(shop, HOPELESS, HOPELESS)
        for _ in range(5):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))

        assert [truth.retries_accepted for truth in truths] == [2, 2]


async def test_a_patched_record_with_a_shared_key_stays_the_same_case(tmp_path: Path) -> None:
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
        no_auto_resolve(shop)
        truths = one_run(shop, "country-name", "country-name")
        for _ in range(5):
            await shop.once()
            shop.clock.pass_by(timedelta(hours=2))

        assert [truth.retries_accepted for truth in truths] == [2, 2]
        assert len(shop.events("case.separated")) == 1


@pytest.mark.parametrize("retried_in", ["retry_job", "blank", "first_run"])
async def test_a_record_that_comes_back_is_never_taken_for_two(tmp_path: Path, retried_in: str) -> None:
    options = Options(job_seconds=5.0, leaves="when_run", retried_in=retried_in)  # type: ignore[arg-type]
    async with small_shop(tmp_path, RETRIES, options=options) as shop, shop.daemon() as daemon:
        no_auto_resolve(shop)
        (truth,) = fail(shop, HOPELESS, traceKey="customer-7")
        for _ in range(5):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))
        assert (truth.retries_accepted, shop.events("case.separated")) == (3, [])
