"""The lines of an account tell all that happened since those before, once, and nothing where nothing happened."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.core.actions import Mode
from daemon.core.exceptions import AuthError, ForeignStoreError
from daemon.core.tally import COUNTS
from daemon.sandbox import Fault, Options
from daemon.sandbox.people import SOMEBODY
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import BUSY, RETRIES, fail, one_pass, people, small_shop, unhurried


async def test_the_lines_of_a_service_add_up_to_what_really_happened(tmp_path: Path) -> None:
    async with open_shop(tmp_path, errors=200) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        for _ in range(6):  # as the service does: cycles, and confirmations in between
            await runner.cycle()
            shop.clock.pass_by(timedelta(seconds=20))
            await runner.confirm()
        await runner.cycle()
        lines, truths = shop.events("cycle.finished"), shop.truths()
        told = {name: sum(line[name] for line in lines) for name in COUNTS}
        cured = [truth for truth in truths if truth.state == "cured"]
        resolved = [truth for truth in truths if truth.state == "resolved"]

        assert told["new"] == sum(len(truth.error_ids) for truth in truths)
        assert told["retried"] == sum(truth.retries_accepted for truth in truths) > 50
        assert told["confirmed"] == len(cured) + len(resolved) > 50
        assert told["came_back"] == sum(truth.runs for truth in truths) - len(cured) > 0
        assert lines[-1]["open"] == sum(len(truth.open_ids) for truth in truths)


def since(shop: Shop, lines_before: int) -> list[str]:
    """Return the events logged after so many lines."""
    return [json.loads(line)["event"] for line in shop.log.getvalue().splitlines()[lines_before:]]


async def test_a_cycle_in_which_nothing_happened_is_one_line(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        fail(shop, "out-of-stock", count=2)
        fail(shop, BUSY)
        await one_pass(daemon)
        lines = len(shop.log.getvalue().splitlines())
        await daemon.accounts[ACCOUNT].cycle()
        assert since(shop, lines) == ["cycle.finished"]


async def test_what_rules_matched_is_told_once_also_of_a_pass_that_failed(tmp_path: Path) -> None:
    faults = [Fault(endpoint="GET connection", kind="status:401", every=1)]
    async with small_shop(tmp_path, faults=faults) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        fail(shop, BUSY, count=3)
        fail(shop, "out-of-stock")
        with pytest.raises(AuthError):
            await runner.cycle()
        (told,) = shop.events("rule.matched")
        shop.sandbox.faults = ()
        fail(shop, BUSY)
        await one_pass(daemon)

    assert (told["rule"], told["action"], told["errors"]) == ("again", "retry", 3)
    assert [line["errors"] for line in shop.events("rule.matched")] == [3, 1]


async def test_new_errors_of_a_read_that_was_cut_short_are_told_with_the_next_whole_one(tmp_path: Path) -> None:
    cut_short = [Fault(endpoint="GET errors", kind="status:500", call=2, last=9999)]
    options = Options(job_seconds=5.0, error_page_size=2)
    async with small_shop(tmp_path, options=options, faults=cut_short) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        unhurried(daemon)
        fail(shop, count=3)
        await daemon.accounts[ACCOUNT].cycle()
        assert not shop.events("step.read")
        shop.sandbox.faults = ()
        await daemon.accounts[ACCOUNT].cycle()
        await daemon.accounts[ACCOUNT].cycle()

    assert [line["new"] for line in shop.events("step.read")] == [3]
    assert [line["new"] for line in shop.events("cycle.finished")] == [2, 1, 0]


async def test_queues_and_halted_steps_are_told_when_they_change_and_by_each_new_process(tmp_path: Path) -> None:
    rules = (
        RETRIES
        + """
  - id: by-hand
    why: Somebody must shorten it.
    when: {code: EXCEEDED_MAX_FIELD_LENGTH}
    then: {hold: {queue: order-desk, title: Too long}}
"""
    )
    async with small_shop(tmp_path, rules) as shop:

        def connections(*, offline: bool) -> None:
            for connection_id in shop.sandbox.world.connections:
                shop.do(do="connection", connection=connection_id, offline=offline)

        async with shop.daemon() as daemon:
            connections(offline=True)
            held, _ = fail(shop, "field-too-long", count=2)
            (truth,) = fail(shop)
            await one_pass(daemon)
            await one_pass(daemon)
        async with shop.daemon() as daemon:
            connections(offline=False)
            people(shop, "resolve", held)
            await one_pass(daemon)
            await one_pass(daemon)
        async with shop.daemon() as daemon:
            shop.do(do="token", user=SOMEBODY)
            with pytest.raises(ForeignStoreError):  # what is held there is another account's
                await daemon.accounts[ACCOUNT].cycle()

    assert [(line["queue"], line["held"]) for line in shop.events("queue.changed")] == [
        ("order-desk", 2), ("order-desk", 2), ("order-desk", 1),
    ]  # fmt: skip
    steps = [(each, line["step_id"]) for each in ("step.halted", "step.freed") for line in shop.events(each)]
    assert steps == [("step.halted", truth.step_id)] * 2 + [("step.freed", truth.step_id)]


async def test_that_a_rule_is_over_a_limit_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    async with small_shop(tmp_path, limits={"retries_per_hour": 2}) as shop, shop.daemon() as daemon:
        runner = daemon.accounts[ACCOUNT]
        truths = fail(shop, count=5)
        await runner.cycle()
        await runner.cycle()
        assert await runner.beside.plan_known()
        people(shop, "resolve", *truths)
        await runner.cycle()
        await runner.cycle()

    told = [json.loads(line) for line in shop.log.getvalue().splitlines() if '"event": "limit.' in line]
    assert [(line["event"], line["rule"]) for line in told] == [("limit.reached", "again"), ("limit.cleared", "again")]


@pytest.mark.parametrize("messages", [False, True], ids=["by default", "asked for"])
async def test_what_errors_say_is_in_the_log_only_where_it_was_asked_for(tmp_path: Path, *, messages: bool) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon(level="debug", messages=messages) as daemon:
        fail(shop, BUSY, fields={"message": "Sam Vimes\n<ann@example.com> is unknown" + " x" * 300})
        fail(shop, "out-of-stock", fields={"message": "none left for Sam Vimes"})
        await one_pass(daemon)

    said = [shop.events(event)[0].get("message", "") for event in ("error.matched", "error.unmatched")]
    shown = "Sam Vimes\\n<[hidden]> is unknown"
    assert said == ([f"{shown}{' x' * 300}"[:255] + "…", "none left for Sam Vimes"] if messages else ["", ""])
    assert ("Vimes" in shop.log.getvalue()) == messages
