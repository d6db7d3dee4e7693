"""Whole passes over the shop with the shipped rules, held against what the sandbox knows to be true."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.figures import Figures
from daemon.app.once import run_once
from daemon.core.actions import Mode, Retry
from daemon.sandbox.templates import ODD
from daemon.store.sql import open_store
from tests.integration.shop import ACCOUNT, Shop, open_shop

ODD_FAMILIES = {template.family for template in ODD}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, errors=800) as opened:
        yield opened


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Figures]:
    """Return the shop as one pass left it, and what was said of the pass: to be looked at only."""

    async def once() -> tuple[Shop, Figures]:
        async with open_shop(tmp_path_factory.mktemp("passed"), errors=800) as shop:
            return shop, await shop.once()

    return asyncio.run(once())


async def test_observe_sends_nothing_but_gets_and_touches_nothing(shop: Shop) -> None:
    figures = await shop.once(Mode.OBSERVE)

    assert figures.failure is None
    assert {seen.method for seen in shop.sandbox.seen} == {"GET"}
    assert figures.tally.counts["matched"] > 600
    assert figures.tally.skipped["observe"] > 300
    assert sum(figures.tally.skipped.values()) == figures.tally.counts["matched"], "why, of each that a rule takes"
    assert all(truth.runs == 0 and not truth.patched and not truth.resolved_by for truth in shop.truths())
    assert figures.open == sum(len(truth.open_ids) for truth in shop.truths()) == figures.tally.counts["new"]


def test_enforce_does_its_whole_job_and_says_the_truth_about_it(passed: tuple[Shop, Figures]) -> None:
    shop, figures = passed
    counts, truths = figures.tally.counts, shop.truths()

    assert figures.failure is None
    assert figures.unsettled == 0
    cured = [truth for truth in truths if truth.state == "cured"]
    resolved = [truth for truth in truths if truth.state == "resolved"]
    assert counts["retried"] == sum(truth.retries_accepted for truth in truths) > 200
    assert counts["patched"] == sum(len(truth.patched) for truth in truths) > 50
    assert counts["resolved"] == len(resolved) > 50
    assert counts["confirmed"] == len(cured) + len(resolved)
    assert counts["came_back"] == sum(truth.runs for truth in truths) - len(cured)
    assert counts["unknown"] == counts["refused"] == counts["vanished"] == 0
    assert figures.open == sum(len(truth.open_ids) for truth in truths)


def test_no_record_is_harmed_and_no_data_changed_beyond_what_a_rule_names(passed: tuple[Shop, Figures]) -> None:
    shop, _ = passed

    assert [truth.record_id for truth in shop.truths() if truth.harmed] == []
    assert {pointer for truth in shop.truths() for pointer in truth.stray_changes} == set()


def test_a_patched_record_carries_the_right_value_and_went_through(passed: tuple[Shop, Figures]) -> None:
    shop, _ = passed
    patched = [truth for truth in shop.truths() if truth.patched]

    assert {truth.cure.kind for truth in patched} == {"patch"}
    assert {truth.state for truth in patched} == {"cured"}


def test_what_no_rule_matches_is_left_exactly_as_it_was(passed: tuple[Shop, Figures]) -> None:
    shop, _ = passed
    odd = [truth for truth in shop.truths() if truth.family in ODD_FAMILIES]

    assert len(odd) > 50
    assert {(truth.state, truth.retries_accepted, len(truth.patched), truth.resolved_by) for truth in odd} == {
        ("open", 0, 0, "")
    }


async def test_in_a_day_whatever_a_retry_or_a_patch_cures_is_cured_and_nothing_ran_more_often_than_allowed(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path, errors=600) as shop, shop.daemon() as daemon:
        for _ in range(60):
            await run_once(daemon, timedelta(minutes=30), lambda *_: None)
            await shop.clock.sleep(1200)
        most = {
            rule.id: rule.action.max_attempts for rule in daemon.rules.current.rules if isinstance(rule.action, Retry)
        }
        rows = {
            (row.step.flow_id, row.step.step_id, row.error_id): row for row in await daemon.store.errors(limit=5000)
        }
        tried: Counter[tuple[str, str]] = Counter()
        for truth in shop.truths():
            for event in await daemon.store.case_events(ACCOUNT, truth.trace_key) if truth.trace_key else ():
                if event.what == "retry" and (event.step.flow_id, event.step.step_id) == (truth.flow_id, truth.step_id):
                    tried[truth.record_id, event.rule_id] += 1

        assert max(truth.runs for truth in shop.truths()) <= 5
        assert {key: count for key, count in tried.items() if count > most[key[1]]} == {}
        assert max(tried.values()) > 1
        uncured = [
            truth for truth in [*shop.truths(cure="retry"), *shop.truths(cure="patch")] if truth.state != "cured"
        ]
        reasons = {
            rows[truth.flow_id, truth.step_id, error_id].reason for truth in uncured for error_id in truth.open_ids
        }
        assert reasons <= {"assigned", "hold", "platform-retries", "unmatched"}
        assert len(shop.truths(state="cured")) > 250


RETRY_ALL = """
version: 1
rules:
  - id: given-to-a-person
    why: Here even what a person has been given may run again.
    when: {assigned_to: {exists: true}}
    then: {retry: {max_attempts: 2, max_age: 30d, ramp: off}}
    limit: {per_hour: 1000}
  - id: anything
    why: Everything that a second attempt at most lets through.
    when: {retryable: true}
    then: {retry: {max_attempts: 2, max_age: 30d, ramp: off}}
    limit: {per_hour: 1000}
"""


async def test_every_record_that_a_retry_cures_is_confirmed_when_the_rules_retry_everything(tmp_path: Path) -> None:
    async with open_shop(tmp_path, errors=600, rules=RETRY_ALL) as shop, shop.daemon() as daemon:
        confirmed = 0
        for _ in range(12):  # the platform has announced retries of its own for days, and breakers let one probe go
            (figures,) = await run_once(daemon, timedelta(minutes=30), lambda *_: None)
            confirmed += figures.tally.counts["confirmed"]
            await shop.clock.sleep(8 * 3600)

        curable = shop.truths(cure="retry")
        assert len(curable) > 200
        assert [truth for truth in curable if truth.state != "cured"] == []
        assert max(truth.cure.at_retry for truth in curable) == 2
        assert confirmed == len([truth for truth in shop.truths() if truth.state == "cured"])
        left = {(row.step.flow_id, row.step.step_id, row.error_id) for row in await daemon.store.errors(limit=5000)}
        mine = {(truth.flow_id, truth.step_id, each) for truth in curable for each in truth.error_ids}
        assert not left & mine, "none of them is open in the store"


async def test_a_second_pass_right_after_asks_only_for_the_summaries_and_once_for_the_jobs_of_steps_to_retry(
    shop: Shop,
) -> None:
    await shop.once()
    async with open_store(shop.settings().store.url) as store:
        to_retry = await store.steps_to_retry(ACCOUNT)
    before = len(shop.sandbox.seen)
    figures = await shop.once()
    asked = Counter(shop.requests()[before:])

    assert figures.tally.counts["new"] == 0
    assert set(asked) == {"GET tokenInfo", "GET integrations", "GET integration-errors", "GET jobs"}
    assert asked["GET jobs"] == len(to_retry) > 0
    assert asked["GET integration-errors"] == len(shop.sandbox.world.integrations) + 1  # and the pseudo id "none"
    assert figures.requests == sum(asked.values())


def test_the_figures_of_each_rule_equal_what_the_servers_jobs_counted(passed: tuple[Shop, Figures]) -> None:
    shop, figures = passed
    jobs = {job.job_id: job for job in shop.sandbox.jobs.newest_first() if job.type == "retry"}
    told: dict[str, Counter[str]] = {}
    for line in shop.events("batch.sent"):
        counts = told.setdefault(line["rule"], Counter())
        if line["action"] == "retry":
            job = jobs.pop(line["job_id"])
            counts += Counter(retried=line["errors"], confirmed=job.num_success, came_back=job.num_error)
        else:
            counts += Counter(resolved=line["errors"], confirmed=line["errors"])

    assert not jobs, "every retry job of the server was started by a batch in the log"
    assert len(told) > 20
    for rule_id, counts in told.items():
        mine = figures.tally.rules[rule_id]
        assert {name: mine[name] for name in counts} == dict(counts), rule_id
