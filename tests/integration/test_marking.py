"""Tags and assignments: added to what is there, once, and never in the way of anything else."""

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.build import Daemon
from daemon.core.exceptions import RefusedError
from daemon.sandbox import Fault, Options
from daemon.sandbox.world import Entry
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, FLOW, HOPELESS, STEP, during, fail, one_pass, people, sent, small_shop

PUT_TAGS = "PUT /flows/{flow}/{step}/tags"


def marks(then: str) -> str:
    """Return a file with one rule about a reference that is not there."""
    return f"""
version: 1
rules:
  - id: reference
    why: Somebody must look.
    when: {{code: [INVALID_KEY_OR_REF, SSS_REQUEST_LIMIT_EXCEEDED]}}
    then: {{{then}}}
"""


HELD = marks("hold: {queue: sales}, tag: [F3ZBQ], assign: sales@example.com")


def entries(shop: Shop) -> list[Entry]:
    """Return the open errors, the oldest first."""
    return list(shop.sandbox.world.find_step(FLOW, STEP).open)


async def days_pass(shop: Shop, daemon: Daemon) -> None:
    for _ in range(2):
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(days=1))


async def test_a_held_error_is_tagged_beside_its_own_tags_and_assigned_once(tmp_path: Path) -> None:
    async with small_shop(tmp_path, HELD) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS, fields={"tags": ["K9QTX"]})
        fail(shop, HOPELESS)
        await days_pass(shop, daemon)

        assert [sorted(entry.fields["tags"]) for entry in entries(shop)] == [["F3ZBQ", "K9QTX"], ["F3ZBQ"]]
        assert {entry.fields["assignedTo"] for entry in entries(shop)} == {"sales@example.com"}
        assert (sent(shop, "PUT step-tags"), sent(shop, "PUT assign")) == (2, 1)
        assert len(await daemon.store.held(ACCOUNT, "sales")) == 2


async def test_an_error_that_its_rule_assigns_is_retried_by_it_all_the_same(tmp_path: Path) -> None:
    rules = marks("retry: {ramp: off}, tag: [F3ZBQ], assign: sales@example.com")
    async with small_shop(tmp_path, rules) as shop:
        (truth,) = fail(shop, BUSY)
        counts = (await shop.once()).tally.counts

        assert (counts["confirmed"], truth.runs) == (1, 1)
        assert (sent(shop, "PUT step-tags"), sent(shop, "PUT assign")) == (1, 1)


@pytest.mark.parametrize("kind", ["after", "before", "status:500"])
async def test_a_tag_whose_answer_was_lost_is_set_again_and_then_no_more(tmp_path: Path, kind: str) -> None:
    faults = [Fault(endpoint="PUT step-tags", kind=kind, call=1)]
    rules = marks("hold: {queue: sales}, tag: [F3ZBQ]")
    async with small_shop(tmp_path, rules, faults=faults) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS)
        await days_pass(shop, daemon)

        assert entries(shop)[0].fields["tags"] == ["F3ZBQ"]
        assert sent(shop, "PUT step-tags") == (1 if kind == "after" else 2)


async def test_a_tag_that_the_platform_refuses_is_given_up_until_the_error_is_judged_again(tmp_path: Path) -> None:
    rules = marks("hold: {queue: sales}, tag: [NOPE]")
    async with small_shop(tmp_path, rules) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS, count=2)
        figures = await one_pass(daemon)
        for _ in range(3):
            shop.clock.pass_by(timedelta(minutes=1))
            await one_pass(daemon)
        assert sent(shop, "PUT step-tags") == 1
        assert figures.tally.counts["refused"] == 2

        shop.clock.pass_by(timedelta(hours=7))  # time for a full sweep
        await one_pass(daemon)
        assert sent(shop, "PUT step-tags") == 2


async def test_a_tag_that_is_refused_for_any_other_reason_is_given_up_as_well(tmp_path: Path) -> None:
    def refuse() -> None:
        raise RefusedError("not a tag", status=400)

    async with small_shop(tmp_path, marks("hold: {queue: sales}, tag: [F3ZBQ]")) as shop, shop.daemon() as daemon:
        fail(shop, HOPELESS)
        during(daemon, before={PUT_TAGS: refuse})
        assert (await one_pass(daemon)).tally.counts["refused"] == 1
        shop.clock.pass_by(timedelta(minutes=1))
        await one_pass(daemon)
        assert sent(shop, "PUT step-tags") == 0


async def test_where_one_of_the_errors_is_gone_the_others_are_tagged_all_the_same(tmp_path: Path) -> None:
    rules = marks("hold: {queue: sales}, tag: [F3ZBQ]")
    async with small_shop(tmp_path, rules, options=Options(gone_ids="refuse")) as shop, shop.daemon() as daemon:
        gone, left = fail(shop, HOPELESS, count=2)
        during(daemon, before={PUT_TAGS: lambda: people(shop, "resolve", gone)})
        figures = await one_pass(daemon)

        assert [entry.fields["tags"] for entry in entries(shop)] == [["F3ZBQ"]]
        assert (figures.tally.counts["vanished"], figures.tally.counts["refused"]) == (1, 0)
        assert left.state == "open"
