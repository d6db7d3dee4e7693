"""Patched records: whole or not at all, nothing but what the rule names, and never twice (P14)."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.exceptions import AuthError, ProtocolError, UnknownResultError
from daemon.sandbox import Fault
from daemon.sandbox.exact import changes, read_exact
from daemon.sandbox.truth import Truth
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import (
    FLOW,
    GET_DATA,
    POST_RETRY,
    PUT_DATA,
    STEP,
    during,
    fail,
    one_pass,
    people,
    row_of,
    sent,
    small_shop,
    unhurried,
)


def patches(*operations: str, max_attempts: int = 1) -> str:
    """Return a file with one rule that patches and retries what says INVALID_KEY_OR_REF (or is a file)."""
    return f"""
version: 1
tables:
  us_states: {{California: CA, Texas: TX, Florida: FL, New York: NY, Illinois: IL, Ohio: OH, Georgia: GA, Michigan: MI,
    Washington: WA, Colorado: CO, Oregon: OR, New Jersey: NJ}}
  nothing: {{nowhere: NW}}
rules:
  - id: state
    why: The target wants the code of the state.
    when:
      code: [INVALID_KEY_OR_REF, file_transfer_failed]
      message: {{regex: "(key '(?P<state>[A-Za-z .]+)'|Transfer)"}}
    then:
      patch: [{", ".join(operations)}]
      retry: {{max_attempts: {max_attempts}, ramp: off}}
"""


STATE = "{op: replace, path: /data/shippingAddress/state, value_from: {match: state, lookup: us_states}}"
STATES = patches(STATE)
NOTE = "{op: add, path: /data/notes/-, value: looked at}"


def envelope_of(shop: Shop, truth: Truth) -> bytes:
    """Return the newest retry data of a record, as the platform holds it."""
    step = shop.sandbox.world.find_step(FLOW, STEP)
    return [data.envelope for data in step.retry_data.values() if data.record is truth][-1]


async def test_a_patch_changes_what_its_rule_names_and_not_a_digit_elsewhere(tmp_path: Path) -> None:
    async with small_shop(tmp_path, STATES) as shop:
        truths = fail(shop, "state-name", count=3)
        before = [envelope_of(shop, truth) for truth in truths]
        counts = (await shop.once()).tally.counts

        assert (counts["patched"], counts["confirmed"]) == (3, 3)
        assert [truth.stray_changes for truth in truths] == [[], [], []]
        for old, truth in zip(before, truths, strict=True):
            (put,) = truth.patched
            assert list(changes(read_exact(old), read_exact(put))) == ["/data/shippingAddress/state"]


async def test_every_operation_does_what_rfc_6902_says(tmp_path: Path) -> None:
    rules = patches(
        "{op: test, path: /data/type, value: salesorder}",
        "{op: add, path: /data/notes, value: [1.10, 2]}",
        "{op: add, path: /data/notes/0, value: first}",
        "{op: remove, path: /data/location}",
        STATE,
        "{op: move, from: /data/customer/email, path: /data/email}",
        "{op: copy, from: /data/email, path: /data/customer/contact}",
    )
    async with small_shop(tmp_path, rules) as shop:
        (truth,) = fail(shop, "state-name")
        expected = json.loads(envelope_of(shop, truth))
        await shop.once()

        data = expected["data"]
        del data["location"]
        data["notes"] = ["first", 1.1, 2]
        data["email"] = data["customer"].pop("email")
        data["customer"]["contact"] = data["email"]
        data["shippingAddress"]["state"] = truth.cure.value
        (put,) = truth.patched
        assert json.loads(put) == expected
        assert truth.state == "cured"


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        pytest.param("{op: test, path: /data/type, value: invoice}", "patch-test-failed", id="a test fails"),
        pytest.param("{op: remove, path: /data/nowhere}", "patch-path-missing", id="a path is missing"),
        pytest.param(
            "{op: replace, path: /data/sku, value_from: {match: state, lookup: nothing}}",
            "lookup-missing",
            id="the table has no entry",
        ),
        pytest.param(
            "{op: replace, path: /data/sku, value_from: {data: nowhere}}", "value-missing", id="there is no value"
        ),
    ],
)
async def test_a_patch_of_which_one_operation_fails_writes_nothing_and_holds_the_error(
    tmp_path: Path, operation: str, reason: str
) -> None:
    async with small_shop(tmp_path, patches(STATE, operation)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "state-name")
        figures = await one_pass(daemon)

        assert shop.sandbox.writes == []
        assert figures.tally.counts["held"] == 1
        row = await row_of(daemon, truth)
        assert (row.verb, row.reason) == ("hold", reason)


async def test_data_that_somebody_edits_between_reading_and_writing_is_left_alone(tmp_path: Path) -> None:
    async with small_shop(tmp_path, STATES) as shop, shop.daemon() as daemon:
        edited, left = fail(shop, "state-name", count=2)
        (error_id,) = edited.open_ids

        def edit() -> None:
            people(shop, "edit_data", edited, pointer="/data/quantity", value=7)

        during(daemon, after={GET_DATA: edit})
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert tally.dropped == {"data-changed": 1}
        assert [len(truth.patched) for truth in (edited, left)] == [0, 1]
        assert (edited.runs, edited.open_ids) == (0, {error_id})

        await one_pass(daemon)
        shop.clock.pass_by(timedelta(minutes=16))
        await one_pass(daemon)  # its attempt was given back: the rule allows only one
        assert (edited.state, edited.stray_changes) == ("cured", [])
        assert json.loads(edited.patched[-1])["data"]["quantity"] == 7


@pytest.mark.parametrize("kind", ["after", "half_body", "not_json"])
async def test_a_patch_that_was_written_although_its_answer_was_lost_is_seen_and_not_written_again(
    tmp_path: Path, kind: str
) -> None:
    faults = [Fault(endpoint="PUT data", kind=kind, call=1)]
    async with small_shop(tmp_path, STATES, faults=faults) as shop:
        (truth,) = fail(shop, "state-name")
        figures = await shop.once()

        assert (figures.tally.counts["patched"], figures.tally.counts["confirmed"]) == (1, 1)
        assert (sent(shop, "PUT data"), truth.state) == (1, "cured")


@pytest.mark.parametrize("kind", ["before", "status:500", "status:403", "status:401", "status:429"])
async def test_without_its_patch_a_record_is_not_retried_and_keeps_its_attempt(tmp_path: Path, kind: str) -> None:
    faults = [Fault(endpoint="PUT data", kind=kind, call=1)]
    async with small_shop(tmp_path, STATES, faults=faults) as shop, shop.daemon() as daemon:
        unhurried(daemon)
        (truth,) = fail(shop, "state-name")
        figures = await one_pass(daemon)
        assert isinstance(figures.failure, AuthError) == (kind == "status:401")
        assert (truth.runs, figures.tally.counts["patched"], figures.unsettled) == (0, 0, 0)
        assert sent(shop, "POST retry") == 0

        shop.clock.pass_by(timedelta(minutes=16))
        assert (await one_pass(daemon)).tally.counts["confirmed"] == 1
        assert truth.runs == 1


async def test_a_record_whose_patch_is_refused_is_left_out_and_the_rest_goes(tmp_path: Path) -> None:
    async with small_shop(tmp_path, STATES) as shop, shop.daemon() as daemon:
        gone, left = fail(shop, "state-name", count=2)
        during(daemon, before={PUT_DATA: lambda: people(shop, "resolve", gone)})
        tally, _ = await daemon.accounts[ACCOUNT].cycle()

        assert tally.dropped == {"patch-refused": 1}
        assert [truth.retries_accepted for truth in (gone, left)] == [0, 1]


async def test_the_retry_data_of_a_file_transfer_is_never_patched(tmp_path: Path) -> None:
    async with small_shop(tmp_path, patches("{op: add, path: /data/x, value: 1}")) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "ftp-file")
        await one_pass(daemon)

        assert shop.sandbox.writes == []
        assert (await row_of(daemon, truth)).reason == "not-patchable"


async def test_a_patch_whose_retry_was_refused_is_not_written_a_second_time(tmp_path: Path) -> None:
    async with small_shop(tmp_path, patches(STATE, NOTE)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "state-name")
        people(shop, "edit_data", truth, pointer="/data/notes", value=[])
        during(daemon, before={POST_RETRY: lambda: shop.do(do="flow", flow=FLOW, disabled=True)})
        first = await one_pass(daemon)
        assert (first.tally.counts["patched"], first.tally.counts["refused"], truth.runs) == (1, 1, 0)

        shop.do(do="flow", flow=FLOW, disabled=False)
        shop.clock.pass_by(timedelta(minutes=16))
        second = await one_pass(daemon)
        assert (second.tally.counts["patched"], second.tally.counts["confirmed"]) == (0, 1)
        assert sent(shop, "PUT data") == 1
        assert json.loads(truth.patched[-1])["data"]["notes"] == ["looked at"]


async def test_a_patch_of_which_nobody_knew_whether_it_was_written_is_not_written_a_second_time(tmp_path: Path) -> None:
    def lost() -> None:
        during(daemon, before={GET_DATA: unreadable})
        raise UnknownResultError("the answer was lost")

    def unreadable() -> None:
        raise ProtocolError("the answer is not JSON")

    async with small_shop(tmp_path, patches(STATE, NOTE)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "state-name")
        people(shop, "edit_data", truth, pointer="/data/notes", value=[])
        during(daemon, after={PUT_DATA: lost})
        tally, _ = await daemon.accounts[ACCOUNT].cycle()
        assert (tally.dropped, truth.retries_accepted) == ({"patch-unknown": 1}, 0)

        shop.clock.pass_by(timedelta(minutes=16))
        assert (await one_pass(daemon)).tally.counts["confirmed"] == 1
        assert json.loads(truth.patched[-1])["data"]["notes"] == ["looked at"]
        assert sent(shop, "PUT data") == 1


async def test_a_patch_whose_record_came_back_is_not_written_a_second_time(tmp_path: Path) -> None:
    async with small_shop(tmp_path, patches(NOTE, max_attempts=3)) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "state-name")
        people(shop, "edit_data", truth, pointer="/data/notes", value=[])
        for _ in range(4):
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(hours=2))

        assert truth.runs == 3
        assert json.loads(envelope_of(shop, truth))["data"]["notes"] == ["looked at"]


async def test_what_one_rule_has_patched_another_may_still_patch(tmp_path: Path) -> None:
    second = """
  - id: note
    why: It came back.
    when: {code: INVALID_KEY_OR_REF}
    then:
      patch: [{op: replace, path: /data/shippingAddress/state, value_from: {data: "customer.state"}}]
      retry: {max_attempts: 1, ramp: off}
"""
    rules = patches("{op: add, path: /data/customer/state, value_from: {match: state, lookup: us_states}}")
    async with small_shop(tmp_path, rules + second) as shop, shop.daemon() as daemon:
        (truth,) = fail(shop, "state-name")
        await one_pass(daemon)
        people(shop, "change", truth, fields={"message": "Invalid reference"})
        shop.clock.pass_by(timedelta(hours=7))  # time for a full sweep
        await one_pass(daemon)

        assert (truth.runs, truth.state) == (2, "cured")


async def test_two_records_that_a_patch_makes_one_are_not_both_run(tmp_path: Path) -> None:
    rules = patches("{op: replace, path: /data/state, value: CA}", max_attempts=3)
    for batch_size in (1, 2):
        folder = tmp_path / str(batch_size)
        folder.mkdir()
        async with small_shop(folder, rules, actions={"batch_size": batch_size}) as shop, shop.daemon() as daemon:
            spelled, right = (fail(shop, "state-name", traceKey="", age_s=age_s)[0] for age_s in (120, 60))
            for truth, state in ((spelled, "California"), (right, "CA")):
                people(shop, "edit_data", truth, pointer="/data", value={"order": 7, "state": state})
            tally, _ = await daemon.accounts[ACCOUNT].cycle()

            assert tally.dropped == {"in-flight": 1}
            assert [truth.retries_accepted for truth in (spelled, right)] == [1, 0]
            assert [len(truth.patched) for truth in (spelled, right)] == [1, 0]


def die() -> None:
    """End the process' work here and now, as a kill does: nothing after this runs."""
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        pytest.param({"before": {PUT_DATA: die}}, 0, id="before the data is written"),
        pytest.param({"after": {PUT_DATA: die}}, 1, id="after the data was written"),
        pytest.param({"before": {POST_RETRY: die}}, 1, id="before the retry"),
    ],
)
async def test_a_death_while_patching_patches_and_retries_nothing_twice(
    tmp_path: Path, moment: Any, written: int
) -> None:
    async with small_shop(tmp_path, STATES) as shop:
        (truth,) = fail(shop, "state-name")
        async with shop.daemon() as daemon:
            during(daemon, **moment)
            with pytest.raises(asyncio.CancelledError):
                await daemon.accounts[ACCOUNT].cycle()
        figures = await shop.once()

        assert (figures.tally.counts["unknown"], figures.unsettled) == (1, 0)
        assert (sent(shop, "PUT data"), sent(shop, "POST retry"), truth.runs) == (written, 0, 0)


async def test_retry_data_that_is_closed_to_us_holds_its_error_and_stops_no_other(tmp_path: Path) -> None:
    forbidden = Fault(endpoint="GET data", call=1, kind="status:403")
    async with small_shop(tmp_path, STATES, faults=(forbidden,)) as shop, shop.daemon() as daemon:
        closed, cured = fail(shop, "state-name", count=2)
        figures = await one_pass(daemon)
        states = {truth.state for truth in (closed, cured)}
        held = [row.reason for row in await daemon.store.held(ACCOUNT)]
    assert figures.failure is None
    assert figures.tally.steps_failed == 0
    assert held == ["no-retry-data"]
    assert states == {"cured", "open"}
