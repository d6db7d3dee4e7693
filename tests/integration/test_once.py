"""Whole passes over the shop with the shipped rules, held against what the sandbox knows to be true."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.core.actions import Mode, Retry
from daemon.sandbox.templates import ODD
from tests.integration.shop import ACCOUNT, Shop, open_shop

ODD_FAMILIES = {template.family for template in ODD}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


async def test_observe_sends_nothing_but_gets_and_touches_nothing(shop: Shop) -> None:
    figures = await shop.once(Mode.OBSERVE)

    assert figures.failure is None
    assert {seen.method for seen in shop.sandbox.seen} == {"GET"}
    assert figures.tally.counts["matched"] > 1500
    assert figures.tally.skipped["observe"] > 1000
    assert all(truth.runs == 0 and not truth.patched and not truth.resolved_by for truth in shop.truths())
    assert figures.open == sum(len(truth.open_ids) for truth in shop.truths()) == figures.tally.counts["new"]


async def test_enforce_does_its_whole_job_and_says_the_truth_about_it(shop: Shop) -> None:
    figures = await shop.once()
    counts, truths = figures.tally.counts, shop.truths()

    assert figures.failure is None
    assert figures.unsettled == 0
    cured = [truth for truth in truths if truth.state == "cured"]
    resolved = [truth for truth in truths if truth.state == "resolved"]
    assert counts["retried"] == sum(truth.retries_accepted for truth in truths) > 700
    assert counts["patched"] == sum(len(truth.patched) for truth in truths) > 50
    assert counts["resolved"] == len(resolved) > 50
    assert counts["confirmed"] == len(cured) + len(resolved)
    assert counts["came_back"] == sum(truth.runs for truth in truths) - len(cured)
    assert counts["unknown"] == counts["refused"] == counts["vanished"] == 0
    assert figures.open == sum(len(truth.open_ids) for truth in truths)


async def test_no_record_is_harmed_and_no_data_changed_beyond_what_a_rule_names(shop: Shop) -> None:
    await shop.once()

    assert [truth.record_id for truth in shop.truths() if truth.harmed] == []
    assert {pointer for truth in shop.truths() for pointer in truth.stray_changes} == set()


async def test_a_patched_record_carries_the_right_value_and_went_through(shop: Shop) -> None:
    await shop.once()
    patched = [truth for truth in shop.truths() if truth.patched]

    assert {truth.cure.kind for truth in patched} == {"patch"}
    assert {truth.state for truth in patched} == {"cured"}


async def test_what_no_rule_matches_is_left_exactly_as_it_was(shop: Shop) -> None:
    await shop.once()
    odd = [truth for truth in shop.truths() if truth.family in ODD_FAMILIES]

    assert len(odd) > 100
    assert {(truth.state, truth.retries_accepted, len(truth.patched), truth.resolved_by) for truth in odd} == {
        ("open", 0, 0, "")
    }


async def test_no_record_runs_more_often_than_its_rule_allows(shop: Shop) -> None:
    for _ in range(6):
        await shop.once()
        await shop.clock.sleep(3600)
    async with shop.daemon() as daemon:
        most = max(rule.action.max_attempts for rule in daemon.rules.current.rules if isinstance(rule.action, Retry))
        rules = {rule.id: rule for rule in daemon.rules.current.rules}
        runs: Counter[tuple[str, str]] = Counter()
        for truth in shop.truths():
            for event in await daemon.store.case_events(ACCOUNT, truth.trace_key) if truth.trace_key else ():
                if event.what == "retry" and event.step.step_id == truth.step_id:
                    runs[truth.record_id, event.rule_id] += 1
    for (_, rule_id), count in runs.items():
        action = rules[rule_id].action
        assert isinstance(action, Retry)
        assert count <= action.max_attempts
    assert max(truth.runs for truth in shop.truths()) <= min(most, 5)
    assert len([truth for truth in shop.truths() if truth.runs > 1]) > 10


async def test_a_second_pass_right_after_asks_only_for_the_summaries_of_the_integrations(shop: Shop) -> None:
    await shop.once()
    before = len(shop.sandbox.seen)
    figures = await shop.once()
    asked = Counter(shop.requests()[before:])

    assert figures.tally.counts["new"] == 0
    assert set(asked) == {"GET integrations", "GET integration-errors"}
    assert asked["GET integration-errors"] == len(shop.sandbox.world.integrations) + 1  # and the pseudo id "none"
    assert figures.requests == sum(asked.values())


async def test_the_figures_of_each_rule_equal_the_truth_of_the_records_it_took(shop: Shop) -> None:
    figures = await shop.once()
    truth_of = {error_id: truth for truth in shop.truths() for error_id in truth.error_ids}
    retried: Counter[str] = Counter()
    confirmed: Counter[str] = Counter()
    async with shop.daemon() as daemon:
        for truth in shop.truths():
            if not truth.trace_key:
                continue
            for event in await daemon.store.case_events(ACCOUNT, truth.trace_key):
                if event.error_id not in truth_of or truth_of[event.error_id] is not truth:
                    continue
                retried[event.rule_id] += event.what == "retry"
                confirmed[event.rule_id] += event.outcome is not None and event.outcome.value == "confirmed"
    assert sum(retried.values()) > 500
    for rule_id, counts in figures.tally.rules.items():
        assert retried[rule_id] <= counts["retried"]
        assert confirmed[rule_id] <= counts["confirmed"]
