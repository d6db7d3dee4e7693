"""The kill switch: at whatever moment it is pressed, the next write does not leave, and nothing is lost (P16)."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon.app.build import Daemon
from daemon.core.actions import Mode
from daemon.core.batches import WriteState
from daemon.core.exceptions import StoreError
from daemon.core.pauses import EVERYTHING, Pause, Scope
from daemon.core.plans import PlanState
from daemon.core.records import StepRef
from daemon.integrator.client import Client
from daemon.pipeline.gate import Pauses
from daemon.sandbox.truth import Truth
from daemon.store.pause_file import PauseFile
from daemon.store.sql import SqlStore, open_store
from tests.fakes import FakeClock
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import (
    NOTES,
    POST_RETRY,
    PUT_DATA,
    PUT_RESOLVED,
    RETRIES,
    between_plan_and_act,
    during,
    fail,
    one_pass,
    people,
    row_of,
    sent,
    small_shop,
)

CHANGES_WHAT_IT_ASKS_FOR = """
version: 1
rules:
  - id: note
    why: The old note is refused.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED, data: {notes: old}}
    then:
      patch: [{op: replace, path: /data/notes, value: new}]
      retry: {max_attempts: 3, ramp: off}
"""

MARKS = """
version: 1
rules:
  - id: mark
    why: The lead wants to see them.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {hold: {queue: sales}, tag: [F3ZBQ], assign: sales@example.com}
"""

RESOLVES = """
version: 1
rules:
  - id: close
    why: Nobody needs them.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {resolve: {because: "nobody needs them"}}
"""

PUT_TAGS = "PUT /flows/{flow}/{step}/tags"


@dataclass(frozen=True)
class Switch:
    """The kill switch of a shop, as another process presses and releases it."""

    shop: Shop
    by_file: bool = False

    def press(self, scope: Scope = EVERYTHING, *, until: datetime | None = None) -> None:
        if self.by_file:
            (self.shop.folder / "PAUSE").write_text("the ERP is down\n", encoding="utf-8")
        else:
            self._do(lambda store: store.pause(scope, "the ERP is down", "ann", self.shop.clock.now(), until))

    def release(self) -> None:
        if self.by_file:
            (self.shop.folder / "PAUSE").unlink()
        else:
            self._do(lambda store: store.resume(None, "ann", self.shop.clock.now()))

    def _do(self, act: Callable[[SqlStore], Coroutine[Any, Any, object]]) -> None:
        async def alone() -> None:
            async with open_store(f"sqlite:///{self.shop.folder / 'flowmend.db'}") as store:
                await act(store)

        with ThreadPoolExecutor() as another:
            another.submit(asyncio.run, alone()).result()


@pytest.fixture(params=["the command", "the file"])
def by_file(request: pytest.FixtureRequest) -> bool:
    """Both ways to press the switch."""
    return bool(request.param == "the file")


def writes(shop: Shop) -> list[str]:
    """Return the writes that reached the platform, in their order."""
    return [seen.endpoint for seen in shop.sandbox.writes]


def notes_of(truth: Truth) -> list[Any]:
    """Return the notes in each retry data that was written to the record."""
    return [json.loads(envelope)["data"]["notes"] for envelope in truth.patched]


async def finish(shop: Shop) -> None:
    """Let the next process bring the work to its end."""
    for _ in range(3):
        await shop.once()
        shop.clock.pass_by(timedelta(minutes=1))


async def test_pressed_between_plan_and_act_nothing_is_sent_and_later_all_of_it_once(
    tmp_path: Path, by_file: bool
) -> None:
    async with small_shop(tmp_path) as shop:
        switch, truths = Switch(shop, by_file), fail(shop, count=3)
        async with shop.daemon() as daemon:
            between_plan_and_act(daemon, switch.press)
            figures = await one_pass(daemon)
            assert writes(shop) == []
            assert (figures.tally.dropped["stopped"], figures.tally.counts["retried"]) == (3, 0)
            assert await daemon.store.writes() == []

        switch.release()
        await finish(shop)
        assert [(truth.state, truth.runs) for truth in truths] == [("cured", 1)] * 3


async def test_pressed_between_two_batches_the_second_is_not_sent(tmp_path: Path, by_file: bool) -> None:
    async with small_shop(tmp_path, actions={"batch_size": 1}) as shop:
        switch, truths = Switch(shop, by_file), fail(shop, count=3)
        async with shop.daemon() as daemon:
            during(daemon, after={POST_RETRY: switch.press})
            figures = await one_pass(daemon)
            assert writes(shop) == ["POST retry"]
            assert figures.tally.counts["confirmed"] == 1
            assert figures.tally.skipped["paused"] == 2

        switch.release()
        await finish(shop)
        assert [(truth.state, truth.runs) for truth in truths] == [("cured", 1)] * 3


async def test_pressed_between_the_put_and_the_retry_the_put_is_not_done_again(tmp_path: Path, by_file: bool) -> None:
    async with small_shop(tmp_path, NOTES) as shop:
        switch, (truth,) = Switch(shop, by_file), fail(shop)
        people(shop, "edit_data", truth, pointer="/data/notes", value=[])
        async with shop.daemon() as daemon:
            during(daemon, after={PUT_DATA: switch.press})
            figures = await one_pass(daemon)
            assert writes(shop) == ["PUT data"]
            assert (figures.tally.counts["patched"], figures.tally.counts["retried"]) == (1, 0)
            (entry,) = await daemon.store.writes()
            assert (entry.state, entry.reason.endswith(": the ERP is down")) == (WriteState.NOT_SENT, True)

        switch.release()
        await finish(shop)
        assert writes(shop) == ["PUT data", "POST retry"]
        assert (truth.state, truth.runs, notes_of(truth)) == ("cured", 1, [["looked at"]])


async def test_a_rule_that_asks_for_the_data_it_changed_still_takes_the_record_that_it_changed(
    tmp_path: Path, by_file: bool
) -> None:
    async with small_shop(tmp_path, CHANGES_WHAT_IT_ASKS_FOR) as shop:
        switch, (truth,) = Switch(shop, by_file), fail(shop)
        people(shop, "edit_data", truth, pointer="/data/notes", value="old")
        async with shop.daemon() as daemon:
            during(daemon, after={PUT_DATA: switch.press})
            await one_pass(daemon)
            assert writes(shop) == ["PUT data"]

        switch.release()
        await finish(shop)
        assert writes(shop) == ["PUT data", "POST retry"]
        assert (truth.state, truth.runs, notes_of(truth)) == ("cured", 1, ["new"])


async def test_what_people_write_after_a_patch_that_was_not_retried_is_judged_as_it_is(tmp_path: Path) -> None:
    async with small_shop(tmp_path, CHANGES_WHAT_IT_ASKS_FOR) as shop:
        switch, (truth,) = Switch(shop), fail(shop)
        people(shop, "edit_data", truth, pointer="/data/notes", value="old")
        async with shop.daemon() as daemon:
            during(daemon, after={PUT_DATA: switch.press})
            await one_pass(daemon)
        people(shop, "edit_data", truth, pointer="/data/notes", value="mine")
        switch.release()
        await finish(shop)
        assert (writes(shop), truth.state) == (["PUT data"], "open")


async def test_pressed_between_two_puts_the_second_and_the_retry_are_not_sent(tmp_path: Path, by_file: bool) -> None:
    async with small_shop(tmp_path, NOTES) as shop:
        switch, truths = Switch(shop, by_file), fail(shop, count=3)
        for truth in truths:
            people(shop, "edit_data", truth, pointer="/data/notes", value=[])
        async with shop.daemon() as daemon:
            during(daemon, after={PUT_DATA: switch.press})
            figures = await one_pass(daemon)
            assert writes(shop) == ["PUT data"]
            assert figures.tally.dropped["stopped"] == 3
            assert figures.tally.skipped["paused"] == 3

        switch.release()
        await finish(shop)
        assert sent(shop, "PUT data") == 3
        assert [(truth.state, truth.runs, notes_of(truth)) for truth in truths] == [("cured", 1, [["looked at"]])] * 3


async def test_tags_and_assignments_stop_as_well(tmp_path: Path, by_file: bool) -> None:
    async with small_shop(tmp_path, MARKS) as shop:
        switch, _ = Switch(shop, by_file), fail(shop)
        async with shop.daemon() as daemon:
            during(daemon, after={PUT_TAGS: switch.press})
            await one_pass(daemon)
        assert writes(shop) == ["PUT step-tags"]
        switch.release()
        await finish(shop)
        assert writes(shop) == ["PUT step-tags", "PUT assign"]


async def test_resolves_stop_as_well(tmp_path: Path, by_file: bool) -> None:
    async with small_shop(tmp_path, RESOLVES, actions={"batch_size": 1}) as shop:
        switch, truths = Switch(shop, by_file), fail(shop, count=2)
        async with shop.daemon() as daemon:
            during(daemon, after={PUT_RESOLVED: switch.press})
            await one_pass(daemon)
        assert writes(shop) == ["PUT resolved"]
        switch.release()
        await finish(shop)
        assert writes(shop) == ["PUT resolved", "PUT resolved"]
        assert [truth.state for truth in truths] == ["resolved", "resolved"]


def stopped_at(daemon: Daemon, *asks: int) -> None:
    """Let the gate be shut at these times of being asked, counted from 1."""
    client, asked = daemon.accounts[ACCOUNT].pass_.client, count(1)
    assert isinstance(client, Client)

    async def may_write(_: StepRef) -> str:
        return "another process writes" if next(asked) in asks else ""

    client.may_write = may_write


async def test_what_is_stopped_after_it_was_journalled_was_not_sent_and_gets_its_attempt_back(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop)
        stopped_at(daemon, 3)  # after the plan and the batch, right before the request
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        (entry,) = await daemon.store.writes()
        assert (tally.dropped, writes(shop)) == ({"stopped": 1}, [])
        assert entry.state is WriteState.NOT_SENT
        assert entry.reason.endswith("/retry was not sent: another process writes")
        row = await row_of(daemon, truth)
        histories = await daemon.store.case_histories(row.step, [row.case_key], shop.clock.now())
        assert [case.attempts for _, case in histories.values()] in ([], [0])

        await finish(shop)
        assert (truth.state, truth.runs) == ("cured", 1)


async def test_where_only_one_put_of_several_was_stopped_the_others_are_retried_now_and_it_soon(tmp_path: Path) -> None:
    async with small_shop(tmp_path, NOTES) as shop:
        truths = fail(shop, count=3)
        for truth in truths:
            people(shop, "edit_data", truth, pointer="/data/notes", value=[])
        async with shop.daemon() as daemon:
            stopped_at(daemon, 5)  # after the plan, the batch and two PUTs
            tally, _ = await daemon.accounts[ACCOUNT].cycle()
            assert writes(shop) == ["PUT data", "PUT data", "POST retry"]
            assert (tally.dropped, tally.counts["retried"]) == ({"stopped": 1}, 2)
        shop.clock.pass_by(timedelta(minutes=1))
        await finish(shop)
        assert [(truth.state, truth.runs, notes_of(truth)) for truth in truths] == [("cured", 1, [["looked at"]])] * 3


async def test_a_pause_is_noticed_before_anything_is_asked_or_journalled_for_what_it_stops(
    tmp_path: Path, by_file: bool
) -> None:
    async with small_shop(tmp_path) as shop:
        switch = Switch(shop, by_file)
        await shop.once()
        switch.press()
        fail(shop, count=2)
        before = len(shop.requests())
        figures = await shop.once()
        asked = shop.requests()[before:]
        assert (writes(shop), figures.tally.skipped) == ([], {"paused": 2})
        assert figures.to_json()["skipped"] == {"paused": 2}
        assert not [each for each in asked if each.startswith(("GET flow ", "GET connection", "GET jobs"))]
        assert figures.open == 2  # reading goes on


async def test_confirming_goes_on_during_a_pause(tmp_path: Path, by_file: bool) -> None:
    async with small_shop(tmp_path) as shop:
        switch, (truth,) = Switch(shop, by_file), fail(shop)
        async with shop.daemon() as daemon:
            await daemon.accounts[ACCOUNT].cycle()
        switch.press()
        shop.clock.pass_by(timedelta(minutes=1))
        figures = await shop.once()
        assert (figures.tally.counts["confirmed"], truth.runs) == (1, 1)
        assert writes(shop) == ["POST retry"]


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        pytest.param({}, True, id="everything"),
        pytest.param({"account": ACCOUNT}, True, id="this account"),
        pytest.param({"flow_id": "F"}, True, id="this flow"),
        pytest.param({"step_id": "S"}, True, id="this step"),
        pytest.param({"account": ACCOUNT, "flow_id": "F", "step_id": "S"}, True, id="all three"),
        pytest.param({"account": "globex"}, False, id="another account"),
        pytest.param({"account": "globex", "flow_id": "F", "step_id": "S"}, False, id="the same step elsewhere"),
        pytest.param({"flow_id": "other"}, False, id="another flow"),
        pytest.param({"flow_id": "F", "step_id": "other"}, False, id="another step"),
    ],
)
async def test_a_pause_stops_its_scope_and_nothing_else(tmp_path: Path, scope: dict[str, str], stopped: bool) -> None:
    async with small_shop(tmp_path) as shop:
        (truth,) = fail(shop)
        ids = {"F": truth.flow_id, "S": truth.step_id}
        await shop.once(mode=Mode.OBSERVE)
        Switch(shop).press(Scope(**{name: ids.get(value, value) for name, value in scope.items()}))
        await shop.once()
        assert writes(shop) == ([] if stopped else ["POST retry"])


async def test_what_is_paused_uses_up_no_limit_of_the_rest(tmp_path: Path) -> None:
    async with open_shop(tmp_path, errors=400, limits={"retries_per_hour": 50}, rules=RETRIES) as shop:
        await shop.once(mode=Mode.OBSERVE)
        async with shop.daemon() as daemon:
            least, *others = sorted(
                await daemon.store.due_groups(ACCOUNT, shop.clock.now()), key=lambda group: group.count
            )
        assert least.count < 50 < least.count + sum(group.count for group in others)
        for group in others:
            Switch(shop).press(Scope(flow_id=group.step.flow_id, step_id=group.step.step_id))
        tally = (await shop.once()).tally
        assert (tally.skipped["limit"], tally.counts["retried"] >= least.count) == (0, True)


async def test_a_pause_with_an_end_ends_by_itself_and_survives_a_restart_until_then(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        await shop.once()
        Switch(shop).press(until=shop.clock.now() + timedelta(hours=1))
        (truth,) = fail(shop)
        for _ in range(3):
            await shop.once()
            assert writes(shop) == []
            shop.clock.pass_by(timedelta(minutes=19))
        shop.clock.pass_by(timedelta(minutes=4))
        await shop.once()
        assert (truth.state, truth.runs) == ("cured", 1)


async def test_an_approved_plan_waits_for_the_end_of_a_pause(tmp_path: Path, by_file: bool) -> None:
    async with small_shop(tmp_path) as shop:
        switch, (truth,) = Switch(shop, by_file), fail(shop)
        async with shop.daemon(Mode.APPROVE) as daemon:
            await daemon.accounts[ACCOUNT].cycle()
            (plan,) = await daemon.store.open_plans(ACCOUNT, shop.clock.now())
            await daemon.store.move_plan(
                plan.plan_id, (PlanState.WAITING,), PlanState.APPROVED, "ann", shop.clock.now()
            )
            switch.press()
            await one_pass(daemon)
            assert writes(shop) == []
            switch.release()
            await one_pass(daemon)
            assert (truth.state, truth.runs) == ("cured", 1)


async def test_the_log_tells_once_of_each_pause_and_of_its_end(tmp_path: Path) -> None:
    async with small_shop(tmp_path) as shop:
        fail(shop)
        async with shop.daemon() as daemon:
            by_store, by_file = Switch(shop), Switch(shop, by_file=True)
            by_store.press(Scope(account=ACCOUNT), until=shop.clock.now() + timedelta(hours=1))
            await one_pass(daemon)
            by_file.press()
            await one_pass(daemon)
            await one_pass(daemon)
            by_file.release()
            await one_pass(daemon)
            by_store.release()
            await one_pass(daemon)
        told = [(line["scope"], line["by"], line["reason"], line["until"]) for line in shop.events("writes.paused")]
        command = ("account acme", "ann", "the ERP is down", "2026-03-02T10:00:00Z")
        file = ("everything", f"the file {tmp_path / 'PAUSE'}", "the ERP is down", "")
        assert told == [command, file]
        ended = [(line["scope"], line["by"], line["reason"], line["until"]) for line in shop.events("writes.resumed")]
        assert ended == [file, command]


async def test_the_file_stops_writes_also_where_the_store_cannot_be_asked(tmp_path: Path) -> None:
    class Broken:
        async def pauses(self, _: datetime) -> list[Pause]:
            raise StoreError("the store is damaged")

    clock, ref = FakeClock(), StepRef(account=ACCOUNT, flow_id="f", step_id="s")
    pauses = Pauses(sign=PauseFile(tmp_path / "PAUSE"), store=Broken(), clock=clock, log=structlog.get_logger())
    with pytest.raises(StoreError):
        await pauses.why_not(ref)
    (tmp_path / "PAUSE").touch()
    assert "everything is paused" in await pauses.why_not(ref)
