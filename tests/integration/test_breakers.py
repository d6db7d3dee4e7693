"""Retries that do not help stop by themselves, and begin again with one record (P15)."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.build import Daemon
from daemon.core.actions import Mode
from daemon.core.breakers import Breaker, BreakerState, Kind
from daemon.core.plans import PlanState
from daemon.sandbox import Options
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import BUSY, FLOW, HOPELESS, STEP, fail, one_pass, small_shop

NIGHT = timedelta(hours=8)
EVERY = timedelta(minutes=5)

PROBES_OF_A_NIGHT = 10
"""Waits of 5, 10, 20, 40 and then 60 minutes: 4 probes in the first 75 minutes, 6 more in the 405 left of a night."""


def rules(*codes: str, ramp: Sequence[int] | str = (3, 30)) -> str:
    """Return a rule for each code, named after it, that retries as often as it may."""
    retry = {"max_attempts": 50, "backoff": {"factor": 1, "max": "1m"}, "ramp": ramp}
    each = [
        {
            "id": code.lower(),
            "why": "Again.",
            "when": {"code": code},
            "then": {"retry": retry},
            "limit": {"per_hour": 9999},
        }
        for code in codes
    ]
    return json.dumps({"version": 1, "rules": each})


def hopeless(shop: Shop, *codes: str, count: int) -> list[Truth]:
    """Let *count* records fail with each code, which no retry cures and under which they come back."""
    found: list[Truth] = []
    for code in codes:
        for truth in fail(shop, HOPELESS, count=count, fields={"code": code}):
            truth.face = replace(truth.face, code=code)
            found.append(truth)
    return found


async def night(shop: Shop, daemon: Daemon) -> None:
    """Let a night of cycles and confirmations pass."""
    runner, end = daemon.accounts[ACCOUNT], shop.clock.now() + NIGHT
    while shop.clock.now() < end:
        await runner.cycle()
        shop.clock.pass_by(timedelta(seconds=30))
        await runner.confirm()
        shop.clock.pass_by(EVERY - timedelta(seconds=30))


def runs(truths: Sequence[Truth]) -> int:
    """Return how often the records were really run."""
    return sum(truth.runs for truth in truths)


async def test_a_storm_on_one_rule_costs_its_first_stage_and_one_record_a_quarter_of_an_hour(tmp_path: Path) -> None:
    async with small_shop(tmp_path, rules("A"), actions={"max_attempts_per_case": 50}) as shop, shop.daemon() as daemon:
        storm = hopeless(shop, "A", count=60)
        await night(shop, daemon)
        assert 20 <= runs(storm) <= 3 + NIGHT / timedelta(minutes=15)
        (incident,) = shop.events("stage.failed")
        assert (incident["rule"], incident["confirmed"], incident["failed"]) == ("a", 0, 3)
        assert incident["name"] == f"{FLOW} / {STEP}"


@pytest.mark.parametrize(
    ("ramp", "first"), [pytest.param((3, 30), 4 * 3, id="with ramps"), pytest.param("off", 4 * 20, id="without")]
)
async def test_a_storm_on_a_whole_step_costs_what_showed_it_and_then_one_probe_a_wait(
    tmp_path: Path, ramp: Sequence[int] | str, first: int
) -> None:
    codes = ("A", "B", "C", "D")
    actions = {"max_attempts_per_case": 50}
    async with small_shop(tmp_path, rules(*codes, ramp=ramp), actions=actions) as shop, shop.daemon() as daemon:
        storm = hopeless(shop, *codes, count=20)
        await night(shop, daemon)
        assert first + 5 <= runs(storm) <= first + PROBES_OF_A_NIGHT
        probed = {event["rule"] for event in shop.events("breaker.probed")}
        assert probed == {code.lower() for code in codes}, "every rule has its turn"
        opened = shop.events("breaker.opened")
        assert (opened[0]["came_back"], opened[0]["of"]) == (first, first)
        assert len(opened) == runs(storm) - first + 1


@pytest.mark.parametrize("bad", [2, 5])
async def test_however_many_hopeless_rules_a_step_has_the_good_one_gets_everything_through(
    tmp_path: Path, bad: int
) -> None:
    codes = tuple(f"BAD{number}" for number in range(bad))
    good_last = rules(*codes, "SSS_REQUEST_LIMIT_EXCEEDED")
    async with small_shop(tmp_path, good_last) as shop, shop.daemon() as daemon:
        hopeless(shop, *codes, count=30)
        good = fail(shop, BUSY, count=60)
        for _ in range(4):  # five hopeless rules open the breaker; the rule that helped sends the first probe
            await one_pass(daemon)
            shop.clock.pass_by(EVERY)

        assert [truth.runs for truth in good] == [1] * 60
        assert {truth.state for truth in good} == {"cured"}
        assert len(shop.events("breaker.opened")) == len(shop.events("breaker.closed")) == (bad > 2)


THREE_STEPS = (
    ("Amazon orders to NetSuite", "Create sales order"),
    ("Shopify orders to NetSuite", "Create cash sale"),
    ("Salesforce contacts to NetSuite", "Upsert contact"),
)
NO_RAMP = rules("SSS_REQUEST_LIMIT_EXCEEDED", "CONNECTION_OFFLINE", "A", "B", ramp="off")


def behind_netsuite(shop: Shop, code: str = "") -> list[Truth]:
    """Let five records fail on each of three steps behind one connection, in three flows; with a *code* for good."""
    family, fields = (HOPELESS, {"code": code}) if code else (BUSY, {})
    found: list[Truth] = []
    for flow, step in THREE_STEPS:
        body = {"flow": flow, "step": step, "family": family, "count": 5, "age_s": 60, "fields": fields}
        added = [shop.sandbox.world.truths[each] for each in shop.do(do="add_errors", **body)["records"]]
        for truth in added:
            truth.face = replace(truth.face, code=code or truth.face.code)
        found += added
    return found


def netsuite(shop: Shop, **state: bool) -> str:
    """Put the NetSuite connection into a state and return its id."""
    (found,) = [each for each in shop.sandbox.world.connections.values() if each.name == "NetSuite"]
    shop.do(do="connection", connection=found.connection_id, **state)
    return found.connection_id


async def test_behind_an_offline_connection_nothing_is_retried_then_one_probe_goes_and_then_everything(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path, world="empty", rules=NO_RAMP) as shop, shop.daemon() as daemon:
        truths = behind_netsuite(shop)
        connection = netsuite(shop, offline=True)
        runner = daemon.accounts[ACCOUNT]
        for _ in range(5):
            tally, _ = await runner.cycle()
            assert tally.skipped == {"connection-offline": 15}
            shop.clock.pass_by(timedelta(hours=1))
        assert runs(truths) == 0
        (opened,) = shop.events("breaker.opened")
        assert (opened["kind"], opened["target"], opened["name"]) == ("connection", connection, "NetSuite")
        assert (opened["reason"], opened["until"]) == ("the connection is offline", "online")

        netsuite(shop, offline=False)
        for _ in range(3):
            tally, _ = await runner.cycle()
            assert tally.skipped["breaker-probes"] >= 14
        shop.sandbox.settle()
        assert sum(truth.retries_accepted for truth in truths) == 1

        shop.clock.pass_by(timedelta(seconds=10))
        await runner.confirm()
        await runner.cycle()
        assert sum(truth.retries_accepted for truth in truths) == 15
        assert len(shop.events("breaker.probed")) == len(shop.events("breaker.closed")) == 1


async def test_a_connection_that_fails_on_several_steps_is_stopped_on_all_of_them(tmp_path: Path) -> None:
    async with open_shop(tmp_path, world="empty", rules=NO_RAMP) as shop, shop.daemon() as daemon:
        first, second = behind_netsuite(shop, code="A"), behind_netsuite(shop, code="B")
        await one_pass(daemon)
        assert runs(first) == runs(second) == 15
        names = {event["kind"]: event["name"] for event in shop.events("breaker.opened")}
        assert re.fullmatch(r"of .+ / .+ and \d+ more", names["connection"]), "who is told of it knows its steps"

        shop.clock.pass_by(timedelta(minutes=4))
        healthy = behind_netsuite(shop)
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert tally.skipped["breaker-open"] >= len(healthy)
        assert runs(healthy) == 0
        shop.clock.pass_by(timedelta(minutes=2))
        await one_pass(daemon)
        assert runs(healthy) == 15, "a rule that was not tried yet sends the probe, and then all goes"


async def test_an_open_breaker_is_still_open_after_a_restart_and_counts_on_from_there(tmp_path: Path) -> None:
    codes = ("A", "B", "C", "D")
    async with small_shop(tmp_path, rules(*codes, ramp="off")) as shop:
        storm = hopeless(shop, *codes, count=5)
        await shop.once()
        assert runs(storm) == 20

        waits: list[timedelta] = []
        for _ in range(4):
            async with shop.daemon() as daemon:
                (breaker,) = await daemon.store.breakers(ACCOUNT)
                assert breaker.state is BreakerState.OPEN
                assert breaker.probe_at is not None
                waits.append(breaker.probe_at - shop.clock.now())
                shop.clock.pass_by(waits[-1] - timedelta(seconds=30))
                figures = await one_pass(daemon)
                assert figures.tally.skipped["breaker-open"] == 20
                assert figures.tally.counts["retried"] == 0
            shop.clock.pass_by(timedelta(seconds=30))
            await shop.once()
        assert runs(storm) == 24
        assert [round(wait / timedelta(minutes=5)) for wait in waits] == [1, 2, 4, 8]


async def test_a_probe_in_flight_is_waited_for_across_a_restart(tmp_path: Path) -> None:
    codes = ("A", "B", "C", "D")
    async with small_shop(tmp_path, rules(*codes, ramp="off"), options=Options(job_seconds=60.0)) as shop:
        storm = hopeless(shop, *codes, count=5)
        await shop.once()
        shop.clock.pass_by(timedelta(minutes=5))
        for _ in range(3):
            async with shop.daemon() as daemon:
                tally, _ = await daemon.accounts[ACCOUNT].cycle()
            shop.clock.pass_by(timedelta(seconds=10))
        shop.sandbox.settle()
        assert sum(truth.retries_accepted for truth in storm) == 21
        assert tally.skipped["breaker-probes"] == 19


async def test_after_a_useless_stage_a_rule_rests_from_its_outcome_on_then_tries_one_also_after_a_restart(
    tmp_path: Path,
) -> None:
    async with small_shop(tmp_path, rules("A"), options=Options(job_seconds=300.0)) as shop:
        storm = hopeless(shop, "A", count=20)
        figures = await shop.once()
        assert (runs(storm), figures.tally.incidents) == (3, 1)
        assert figures.tally.skipped["ramp-rests"] >= 17

        shop.clock.pass_by(timedelta(minutes=14))  # over a quarter of an hour since it was sent
        assert (await shop.once()).tally.counts["retried"] == 0
        shop.clock.pass_by(timedelta(minutes=2))
        assert (await shop.once()).tally.counts["retried"] == 1
        assert len(shop.events("stage.failed")) == 1


async def test_plan_and_the_log_say_what_is_held_back_and_until_when(tmp_path: Path) -> None:
    codes = ("A", "B", "C", "D")
    async with small_shop(tmp_path, rules(*codes, ramp="off")) as shop, shop.daemon() as daemon:
        hopeless(shop, *codes, count=5)
        figures = await one_pass(daemon)
        shop.clock.pass_by(timedelta(minutes=2))
        _, plan = await daemon.accounts[ACCOUNT].cycle(act=False)

        assert plan is not None
        assert {group.reason for group in plan.groups} == {"breaker-open"}
        assert "20 of 20 retries did not help; a probe goes at" in plan.groups[0].detail
        assert figures.tally.incidents == 4
        (opened,) = shop.events("breaker.opened")
        assert opened["name"] == f"{FLOW} / {STEP}"
        assert (opened["kind"], opened["came_back"], opened["unknown"], opened["of"]) == ("step", 20, 0, 20)
        assert len(shop.events("stage.failed")) == 4, "one for each rule, not one for each record"


async def test_where_retries_are_stopped_errors_are_still_resolved_and_tagged(tmp_path: Path) -> None:
    codes = ("A", "B", "C", "D")
    written = json.loads(rules(*codes, ramp="off"))
    done = {"resolve": {"because": "it is there already"}, "tag": ["F3ZBQ"]}
    written["rules"].append({"id": "twice", "why": "There.", "when": {"code": "DUP_RCRD"}, "then": done})
    async with small_shop(tmp_path, json.dumps(written)) as shop, shop.daemon() as daemon:
        storm = hopeless(shop, *codes, count=5)
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(minutes=2))
        twice = fail(shop, "duplicate-order", count=3)
        figures = await one_pass(daemon)

        assert figures.tally.skipped["breaker-open"] == 20
        assert runs(storm) == 20
        assert {truth.state for truth in twice} == {"resolved"}


async def test_a_plan_that_a_person_lets_go_is_no_way_around_a_breaker(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon(Mode.APPROVE) as daemon:
        truths = fail(shop, count=3)
        runner = daemon.accounts[ACCOUNT]
        await runner.cycle()
        tripped = Breaker(
            kind=Kind.STEP,
            target=f"{truths[0].flow_id}/{truths[0].step_id}",
            state=BreakerState.HALF_OPEN,
            since=shop.clock.now(),
            trips=1,
        )
        await daemon.store.save_breaker(ACCOUNT, tripped)

        dropped: list[int] = []
        for _ in range(2):
            now = shop.clock.now()
            (plan,) = await daemon.store.open_plans(ACCOUNT, now)
            assert await daemon.store.move_plan(plan.plan_id, [PlanState.WAITING], PlanState.APPROVED, "ada", now)
            tally, _ = await runner.cycle()
            dropped.append(tally.dropped["breaker-probes"])
        assert dropped == [3, 0]
        assert sum(truth.retries_accepted for truth in truths) == 1, "the second plan named one"
