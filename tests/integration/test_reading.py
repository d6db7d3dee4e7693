"""What reading promises: whole reads or none (P5), one bad step stops no other (P13), and few requests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app.build import Daemon
from daemon.core.actions import Mode
from daemon.core.decisions import Verb
from daemon.core.exceptions import AuthError
from daemon.core.records import StepRef
from daemon.core.rows import ErrorRow
from daemon.core.tally import Tally
from daemon.sandbox import Fault, Options
from daemon.sandbox.world import Flow, Resource, Step
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import GET_DATA, during

RULES = """
version: 1
rules:
  - id: concurrency
    why: Too many requests ran at once.
    classify: transient
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    then: {leave: {}}
"""
ON_DATA = RULES.replace("EXCEEDED}", "EXCEEDED, data: {type: invoice}}")
ORDERS = {"flow": "Amazon orders to NetSuite", "step": "Create sales order"}
CONTACTS = {"flow": "Salesforce contacts to NetSuite", "step": "Upsert contact"}
PRICES = {"flow": "Nightly price list", "step": "Post price list"}
ATTEMPTS = 4
"""How often the client asks before it gives a read up; aiohttp asks again by itself where a connection is reset."""


@asynccontextmanager
async def reading(tmp_path: Path, **changes: Any) -> AsyncIterator[Shop]:
    """Serve the flows of the shop without an error; steps are read one after the other, in a known order."""
    changes["poll"] = {"settle": timedelta(0), "concurrency": 1} | changes.get("poll", {})
    async with open_shop(tmp_path, world="empty", **{"rules": RULES} | changes) as shop:
        yield shop


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with reading(tmp_path, options=Options(error_page_size=5)) as opened:
        yield opened


def add(shop: Shop, where: dict[str, str], count: int = 1, **more: Any) -> list[str]:
    """Let errors occur and return their ids."""
    errors: list[str] = shop.do(do="add_errors", family="netsuite-concurrency", count=count, **where, **more)["errors"]
    return errors


async def cycle(daemon: Daemon) -> Tally:
    tally, _ = await daemon.accounts[ACCOUNT].cycle()
    return tally


async def rows(daemon: Daemon) -> list[ErrorRow]:
    return list(await daemon.store.errors(limit=10_000))


async def ids(daemon: Daemon) -> set[str]:
    return {row.error_id for row in await rows(daemon)}


def ref(shop: Shop, where: dict[str, str]) -> StepRef:
    step = shop.sandbox.world.find_step(where["flow"], where["step"])
    return StepRef(account=ACCOUNT, flow_id=step.flow_id, step_id=step.step_id)


@contextmanager
def broken(shop: Shop, endpoint: str, kind: str, *, after: int = 0) -> Iterator[None]:
    """Let one read of *endpoint* fail for good, attempts and all, *after* so many calls from now."""
    first = shop.sandbox.requests[endpoint] + after + 1
    calls = {"half_body": ATTEMPTS, "status:500": ATTEMPTS, "status:503": ATTEMPTS, "before": 2 * ATTEMPTS}.get(kind, 1)
    shop.sandbox.faults = tuple(Fault(endpoint=endpoint, kind=kind, call=first + n) for n in range(calls))
    yield
    shop.sandbox.faults = ()


BROKEN = ["half_body", "status:500", "not_json", "wrong_types", "before"]


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_first_read_that_breaks_off_on_page_2_of_3_moves_no_watermark_and_is_done_again(
    shop: Shop, kind: str
) -> None:
    add(shop, ORDERS, 12)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        with broken(shop, "GET errors", kind, after=1):
            cut = await cycle(daemon)
        progress = await daemon.store.progress(ref(shop, ORDERS))
        healed = await cycle(daemon)

        assert (cut.steps_read, cut.steps_failed) == (0, 1)
        assert (progress.mark, progress.watermark_at, progress.swept_at) == (None, None, None)
        assert (healed.steps_read, healed.steps_failed, healed.counts["vanished"]) == (1, 0, 0)
        assert cut.counts["new"] + healed.counts["new"] == 12
        assert await ids(daemon) == set(shop.sandbox.world.find_step(**ORDERS).open.ids())


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_later_read_that_breaks_off_takes_nothing_for_vanished_and_forgets_no_arrival(
    shop: Shop, kind: str
) -> None:
    known = add(shop, ORDERS, 14, age_s=60)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        before = await daemon.store.progress(ref(shop, ORDERS))
        shop.clock.pass_by(timedelta(minutes=1))
        arrived = add(shop, ORDERS)
        shop.do(do="resolve", errors=known[:4], **ORDERS)
        with broken(shop, "GET errors", kind, after=1):
            cut = await cycle(daemon)
        between = await daemon.store.progress(ref(shop, ORDERS))
        kept = await ids(daemon)
        healed = await cycle(daemon)

        assert (cut.steps_failed, cut.counts["vanished"]) == (1, 0)
        assert (between.watermark_at, between.swept_at) == (before.watermark_at, before.swept_at)
        assert set(known) <= kept
        assert healed.counts["vanished"] == 4
        assert await ids(daemon) == {*known[4:], *arrived}


@pytest.mark.parametrize("kind", BROKEN)
async def test_other_steps_of_a_cycle_are_read_as_if_nothing_had_happened(shop: Shop, kind: str) -> None:
    add(shop, ORDERS, 6)
    add(shop, CONTACTS, 6)
    add(shop, PRICES, 6)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        with broken(shop, "GET errors", kind, after=1):
            cut = await cycle(daemon)
        (failed,) = shop.events("step.failed")
        healed = await cycle(daemon)

        assert (cut.steps_read, cut.steps_failed) == (2, 1)
        assert healed.steps_read == 1
        assert shop.events("step.read")[-1]["step_id"] == failed["step_id"]
        assert len(await rows(daemon)) == 18


@pytest.mark.parametrize("kind", ["status:500", "wrong_types", "not_json", "before", "status:403"])
async def test_a_flow_that_cannot_be_asked_stops_no_other_flow_and_is_asked_again(shop: Shop, kind: str) -> None:
    for where in (ORDERS, CONTACTS, PRICES):
        add(shop, where)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        with broken(shop, "GET flow-errors", kind):
            cut = await cycle(daemon)
        healed = await cycle(daemon)

        assert (cut.counts["new"], cut.steps_failed) == (2, 1)
        assert cut.lag_s == 0  # nothing is known of its steps yet
        assert (healed.counts["new"], healed.steps_failed) == (1, 0)
        assert len(shop.events("flow.failed")) == 1


async def test_a_flow_that_cannot_be_asked_counts_as_lag(shop: Shop) -> None:
    add(shop, ORDERS)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        shop.clock.pass_by(timedelta(minutes=10))
        add(shop, ORDERS)
        with broken(shop, "GET flow-errors", "status:503"):
            assert (await cycle(daemon)).lag_s == 600


@pytest.mark.parametrize("endpoint", ["GET import", "GET export"])
async def test_a_step_whose_own_document_cannot_be_read_is_read_when_it_can(shop: Shop, endpoint: str) -> None:
    add(shop, ORDERS)
    add(shop, ORDERS | {"step": "Find customer"})
    async with shop.daemon(Mode.OBSERVE) as daemon:
        with broken(shop, endpoint, "not_json"):
            half = await cycle(daemon)
        await cycle(daemon)

        assert half.steps_failed == 1
        assert len(await rows(daemon)) == 2


async def test_what_was_read_of_a_flow_that_failed_half_way_is_looked_at_again_though_its_summary_is_as_before(
    tmp_path: Path,
) -> None:
    async with (
        reading(tmp_path, options=Options(integration_summary="omit_zeros")) as shop,
        shop.daemon(Mode.OBSERVE) as daemon,
    ):
        lookup = ORDERS | {"step": "Find customer"}
        known, other = add(shop, ORDERS), add(shop, lookup)
        with broken(shop, "GET export", "not_json"):
            half = await cycle(daemon)
        shop.do(do="resolve", errors=known, **ORDERS)
        shop.do(do="resolve", errors=other, **lookup)
        gone = await cycle(daemon)

        assert (half.counts["new"], half.steps_failed) == (1, 1)
        assert gone.counts["vanished"] == 1
        assert await rows(daemon) == []


@pytest.mark.parametrize("kind", ["status:500", "before"])
async def test_an_integration_whose_summary_fails_for_now_stops_no_other(shop: Shop, kind: str) -> None:
    for where in (ORDERS, CONTACTS):
        add(shop, where)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        with broken(shop, "GET integration-errors", kind):
            cut = await cycle(daemon)
        healed = await cycle(daemon)

        assert cut.counts["new"] == healed.counts["new"] == 1
        assert cut.steps_failed == 1
        assert shop.events("summary.unavailable") == []


@pytest.mark.parametrize("endpoint", ["GET integrations", "GET flow-errors", "GET errors"])
async def test_an_answer_of_wrong_types_is_never_taken_for_no_errors(shop: Shop, endpoint: str) -> None:
    known = add(shop, ORDERS, 3)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
    shop.do(do="resolve", errors=known[:1], **ORDERS)
    with broken(shop, endpoint, "wrong_types"):
        figures = await shop.once(Mode.OBSERVE)
    healed = await shop.once(Mode.OBSERVE)

    assert figures.tally.counts["vanished"] == 0
    assert figures.open == 3
    assert figures.failure is not None or figures.tally.steps_failed == 1
    assert (healed.open, healed.tally.counts["vanished"], healed.failure) == (2, 1, None)


async def test_a_token_that_is_refused_in_mid_read_ends_the_pass_and_nothing_is_concluded(shop: Shop) -> None:
    known = add(shop, ORDERS, 12)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
    shop.do(do="resolve", errors=known[:4], **ORDERS)
    with broken(shop, "GET errors", "status:401", after=1):
        figures = await shop.once(Mode.OBSERVE)
    healed = await shop.once(Mode.OBSERVE)

    assert isinstance(figures.failure, AuthError)
    assert (figures.open, figures.tally.counts["vanished"]) == (12, 0)
    assert (healed.open, healed.failure) == (8, None)


async def test_an_error_that_arrives_late_but_within_the_overlap_is_found_by_a_window(shop: Shop) -> None:
    old = add(shop, ORDERS, age_s=3600)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        shop.clock.pass_by(timedelta(minutes=1))
        add(shop, ORDERS)
        late = add(shop, ORDERS, age_s=14 * 60)
        tally = await cycle(daemon)

        assert (tally.counts["new"], tally.counts["vanished"]) == (2, 0)
        assert {*old, *late} <= {*await ids(daemon)}
        assert "occurredAt_gte" in shop.sandbox.seen[-1].path
        assert shop.events("step.read")[-1]["reason"] == "summary changed"


async def test_an_error_that_arrives_later_than_the_overlap_is_found_when_the_count_shows_it(shop: Shop) -> None:
    add(shop, ORDERS, age_s=3600)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        shop.clock.pass_by(timedelta(minutes=1))
        late = add(shop, ORDERS, age_s=2 * 3600)
        await cycle(daemon)

        assert late[0] in await ids(daemon)


async def test_what_an_equal_count_hides_is_found_by_the_sweep(shop: Shop) -> None:
    known = add(shop, ORDERS, 3, age_s=3600)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        shop.clock.pass_by(timedelta(hours=1))
        shop.do(do="resolve", errors=known[:1], **ORDERS)
        late = add(shop, ORDERS, age_s=4 * 3600)
        hidden = await cycle(daemon)
        shop.clock.pass_by(timedelta(hours=5, seconds=1))
        swept = await cycle(daemon)

        assert hidden.steps_read == 0
        assert (swept.counts["new"], swept.counts["vanished"]) == (1, 1)
        assert await ids(daemon) == {*known[1:], *late}
        assert shop.events("step.read")[-1]["reason"] == "sweep due"


async def test_on_a_step_that_is_read_whole_all_the_time_sweeps_come_as_often_as_on_any_other(shop: Shop) -> None:
    known = add(shop, ORDERS, 10, age_s=3600)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        listed = shop.sandbox.world.find_step(ORDERS["flow"], ORDERS["step"]).open
        next(entry for entry in listed if entry.error_id == known[-1]).change(code="SOMETHING_ELSE")
        for leaves in known[:4]:
            shop.clock.pass_by(timedelta(hours=2))
            shop.do(do="resolve", errors=[leaves], **ORDERS)
            await cycle(daemon)

        assert [event["reason"] for event in shop.events("step.read")] == [
            "never read", "summary changed", "summary changed", "sweep due", "summary changed"
        ]  # fmt: skip
        assert [row.code for row in await rows(daemon) if row.error_id == known[-1]] == ["SOMETHING_ELSE"]


async def test_errors_that_people_resolved_have_vanished_and_are_nobodys_success(shop: Shop) -> None:
    known = add(shop, ORDERS, 12)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        shop.do(do="resolve", errors=known[:7], **ORDERS)
        tally = await cycle(daemon)

        assert (tally.counts["vanished"], tally.counts["confirmed"]) == (7, 0)
        assert await ids(daemon) == set(known[7:])


async def test_an_open_error_that_a_moving_list_hides_between_two_pages_is_not_taken_for_gone(tmp_path: Path) -> None:
    async with (
        reading(tmp_path, options=Options(error_page_size=5, paging="offset")) as shop,
        shop.daemon(Mode.OBSERVE) as daemon,
    ):
        known = add(shop, ORDERS, 12, age_s=60)
        await cycle(daemon)
        shop.clock.pass_by(timedelta(hours=7))
        before_page_2(shop, lambda: shop.do(do="resolve", errors=known[-3:], **ORDERS))
        moved = await cycle(daemon)
        kept = await ids(daemon)
        calm = await cycle(daemon)

        assert moved.counts["vanished"] == 0
        assert set(known[:-3]) <= kept
        assert calm.counts["vanished"] == 3
        assert await ids(daemon) == set(known[:-3])


def before_page_2(shop: Shop, do: Callable[[], object]) -> None:
    """Let something happen right before the second page of a list of errors is answered."""
    first, clock = shop.sandbox.requests["GET errors"] + 1, shop.sandbox._clock

    def now() -> datetime:
        if shop.sandbox.requests["GET errors"] == first:
            shop.sandbox._clock = clock
            do()
        return clock()

    shop.sandbox._clock = now


async def test_the_last_error_of_a_step_that_leaves_is_noticed(shop: Shop) -> None:
    known = add(shop, ORDERS)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        shop.do(do="vanish", errors=known, **ORDERS)
        tally = await cycle(daemon)

        assert tally.counts["vanished"] == 1
        assert await rows(daemon) == []


async def test_an_error_younger_than_the_settle_time_waits_for_the_next_read(tmp_path: Path) -> None:
    async with reading(tmp_path, poll={"settle": timedelta(seconds=30)}) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        old, young = add(shop, ORDERS, age_s=60), add(shop, ORDERS, age_s=10)
        await cycle(daemon)
        at_first = await ids(daemon)
        shop.clock.pass_by(timedelta(seconds=20))
        await cycle(daemon)
        idle = await cycle(daemon)

        assert at_first == set(old)
        assert await ids(daemon) == {*old, *young}
        assert idle.steps_read == 0


SUMMARIES = ["full", "omit_zeros", "no_none", "missing", "forbidden", "other_shape"]


@pytest.mark.parametrize("style", SUMMARIES)
async def test_whatever_the_summary_of_an_integration_is_like_every_error_is_found_and_that_is_said_once(
    tmp_path: Path, style: Any
) -> None:
    async with reading(tmp_path, options=Options(integration_summary=style)) as shop:
        known = add(shop, ORDERS, 3)
        add(shop, PRICES, 2)
        async with shop.daemon(Mode.OBSERVE) as daemon:
            first = await cycle(daemon)
            second = await cycle(daemon)
            add(shop, CONTACTS, 4)
            shop.do(do="resolve", errors=known[:1], **ORDERS)
            third = await cycle(daemon)
        without = {"no_none": 1, "missing": 5, "forbidden": 5, "other_shape": 5}.get(style, 0)

        assert (first.counts["new"], second.steps_read) == (5, 0)
        assert (third.counts["new"], third.counts["vanished"]) == (4, 1)
        assert len(shop.events("summary.unavailable")) == without
        assert not [tally for tally in (first, second, third) if tally.steps_failed]


async def test_a_new_flow_is_found_in_an_account_without_summaries(tmp_path: Path) -> None:
    async with (
        reading(tmp_path, options=Options(integration_summary="missing")) as shop,
        shop.daemon(Mode.OBSERVE) as daemon,
    ):
        await cycle(daemon)
        new_flow(shop, "Brand new")
        add(shop, {"flow": "Brand new", "step": "Upsert contact"})

        assert (await cycle(daemon)).counts["new"] == 1


async def test_steps_of_every_form_of_flow_are_read_with_their_names_and_types(shop: Shop) -> None:
    world = shop.sandbox.world
    for step in world.steps():
        add(shop, {"flow": step.flow_id, "step": step.step_id})
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        found = {
            (each.ref.flow_id, each.ref.step_id): (each.type, each.name, each.connection_id, each.flow_name)
            for each in (await daemon.store.steps(ACCOUNT)).values()
        }
        errors = Counter((row.step.flow_id, row.step.step_id) for row in await rows(daemon))

    assert {flow.form for flow in world.flows.values()} == {"list", "routers", "legacy"}
    assert found == {
        (step.flow_id, step.step_id): (
            step.resource.kind,
            step.resource.name,
            step.resource.connection_id,
            world.flows[step.flow_id].name,
        )
        for step in world.steps()
    }
    assert errors == Counter(dict.fromkeys(found, 1))


AMAZON, SALESFORCE, PRICE_LIST = "Amazon orders to NetSuite", "Salesforce contacts to NetSuite", "Nightly price list"
ONLY_BY_ID = "the Amazon flow's id"


@pytest.mark.parametrize(
    ("account", "read"),
    [
        pytest.param({}, {AMAZON, SALESFORCE, PRICE_LIST}, id="all by default"),
        pytest.param({"include_flows": [AMAZON]}, {AMAZON}, id="include by name"),
        pytest.param({"include_flows": [ONLY_BY_ID]}, {AMAZON}, id="include by id"),
        pytest.param({"include_flows": ["*to NetSuite"]}, {AMAZON, SALESFORCE}, id="include by glob"),
        pytest.param({"exclude_flows": [AMAZON]}, {SALESFORCE, PRICE_LIST}, id="exclude by name"),
        pytest.param({"exclude_flows": [ONLY_BY_ID]}, {SALESFORCE, PRICE_LIST}, id="exclude by id"),
        pytest.param({"exclude_flows": ["*o NetSuite"]}, {PRICE_LIST}, id="exclude by glob"),
        pytest.param(
            {"include_flows": ["*NetSuite"], "exclude_flows": ["Amazon*"]}, {SALESFORCE}, id="exclude beats include"
        ),
    ],
)
@pytest.mark.parametrize("style", ["full", "missing"])
async def test_only_included_flows_are_read_and_the_others_cost_no_request(
    tmp_path: Path, account: dict[str, list[str]], read: set[str], style: Any
) -> None:
    async with reading(tmp_path, options=Options(integration_summary=style), account=account) as shop:
        flow_ids = {flow.name: flow.flow_id for flow in shop.sandbox.world.flows.values()}
        for patterns in account.values():
            patterns[:] = [flow_ids[AMAZON] if pattern == ONLY_BY_ID else pattern for pattern in patterns]
        for where in (ORDERS, CONTACTS, PRICES):
            add(shop, where)
        async with shop.daemon(Mode.OBSERVE) as daemon:
            await cycle(daemon)
            await cycle(daemon)
            stored = {row.step.flow_id for row in await rows(daemon)}
        asked = " ".join(seen.path for seen in shop.sandbox.seen)

        assert stored == {flow_ids[name] for name in read}
        assert {name for name in (AMAZON, SALESFORCE, PRICE_LIST) if flow_ids[name] in asked} == read


RETRY_LATER = RULES.replace("leave: {}", "retry: {after: 1h, ramp: off}")


async def test_a_flow_that_was_excluded_meanwhile_is_not_acted_on_though_its_errors_are_due(tmp_path: Path) -> None:
    account: dict[str, Any] = {}
    async with reading(tmp_path, rules=RETRY_LATER, account=account) as shop:
        add(shop, ORDERS, 2)
        add(shop, CONTACTS)
        waiting = await shop.once()
        account["exclude_flows"] = ["Amazon*"]
        shop.clock.pass_by(timedelta(hours=2))
        due = await shop.once()

        assert waiting.tally.skipped["waiting"] == 3
        assert due.tally.counts["retried"] == 1
        assert due.tally.skipped["excluded"] == 2


def new_flow(shop: Shop, name: str, *, integration_id: str | None = None) -> Flow:
    """Let somebody make a flow with one import step."""
    world = shop.sandbox.world
    like = world.find_step(**CONTACTS)
    flow = Flow(
        flow_id=world.new_id(),
        name=name,
        integration_id=world.flows[like.flow_id].integration_id if integration_id is None else integration_id,
        form="list",
        generators=(),
        branches=((like.step_id,),),
        last_modified=shop.clock.now(),
    )
    flow.steps[like.step_id] = Step(flow_id=flow.flow_id, resource=like.resource)
    world.flows[flow.flow_id] = flow
    return flow


async def test_a_flow_made_after_the_start_is_read_in_the_next_cycle(shop: Shop) -> None:
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        flow = new_flow(shop, "Brand new")
        add(shop, {"flow": "Brand new", "step": "Upsert contact"})
        await cycle(daemon)

        assert [row.step.flow_id for row in await rows(daemon)] == [flow.flow_id]


async def test_a_flow_in_an_integration_made_after_the_start_is_read_in_the_next_cycle(shop: Shop) -> None:
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        shop.sandbox.world.integrations["aaaaaaaaaaaaaaaaaaaaaaaa"] = "Brand new"
        flow = new_flow(shop, "Brand new flow", integration_id="aaaaaaaaaaaaaaaaaaaaaaaa")
        add(shop, {"flow": "Brand new flow", "step": "Upsert contact"})
        await cycle(daemon)

        assert [row.step.flow_id for row in await rows(daemon)] == [flow.flow_id]


async def test_a_step_added_to_a_flow_is_read_with_its_own_type(shop: Shop) -> None:
    add(shop, CONTACTS)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        world = shop.sandbox.world
        flow = world.flows[ref(shop, CONTACTS).flow_id]
        resource = Resource(
            resource_id=world.new_id(),
            kind="export",
            name="Find company",
            connection_id=next(iter(world.connections)),
            kind_of_record="contact",
            last_modified=shop.clock.now(),
        )
        world.resources[resource.resource_id] = resource
        flow.steps[resource.resource_id] = Step(flow_id=flow.flow_id, resource=resource)
        flow.branches = ((resource.resource_id, *flow.branches[0]),)
        add(shop, {"flow": flow.flow_id, "step": resource.resource_id})
        await cycle(daemon)
        steps = {each.ref.step_id: each for each in (await daemon.store.steps(ACCOUNT)).values()}

        assert (steps[resource.resource_id].type, steps[resource.resource_id].name) == ("export", "Find company")
        assert len(await rows(daemon)) == 2


async def test_the_errors_of_a_flow_that_was_deleted_have_vanished_and_it_is_not_asked_again(shop: Shop) -> None:
    add(shop, ORDERS, 3)
    add(shop, CONTACTS)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        gone = ref(shop, ORDERS).flow_id
        del shop.sandbox.world.flows[gone]
        tally = await cycle(daemon)
        before = len(shop.sandbox.seen)
        idle = await cycle(daemon)

        assert (tally.counts["vanished"], tally.steps_failed) == (3, 0)
        assert {row.step.flow_id for row in await rows(daemon)} == {ref(shop, CONTACTS).flow_id}
        assert idle.steps_failed == 0
        assert not [seen for seen in shop.sandbox.seen[before:] if gone in seen.path]


async def test_the_errors_of_a_step_that_was_taken_out_of_its_flow_have_vanished(shop: Shop) -> None:
    add(shop, ORDERS, 3)
    add(shop, ORDERS | {"step": "Find customer"})
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        address = ref(shop, ORDERS)
        flow = shop.sandbox.world.flows[address.flow_id]
        del flow.steps[address.step_id]
        flow.branches = (tuple(step_id for step_id in flow.branches[0] if step_id != address.step_id),)
        tally = await cycle(daemon)
        idle = await cycle(daemon)

        assert (tally.counts["vanished"], tally.steps_failed) == (3, 0)
        assert (idle.steps_read, idle.steps_failed) == (0, 0)
        assert len(await rows(daemon)) == 1


async def test_a_flow_that_answers_404_while_its_errors_are_counted_is_not_taken_for_gone(shop: Shop) -> None:
    add(shop, ORDERS, 3)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        shop.sandbox.faults = (Fault(endpoint="GET flow-errors", kind="status:404", call=1),)
        hidden = await cycle(daemon)
        found = await cycle(daemon)

        assert (hidden.steps_failed, hidden.counts["new"]) == (1, 0)
        assert (found.steps_failed, found.counts["new"]) == (0, 3)


async def test_a_step_that_answers_404_while_its_errors_are_counted_is_not_taken_for_gone(shop: Shop) -> None:
    add(shop, ORDERS, 3)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        add(shop, ORDERS)
        address = ref(shop, ORDERS)
        world = shop.sandbox.world
        counted = world.flows[address.flow_id].steps
        resource = counted[address.step_id].resource
        # the flow's summary still counts the step, under which nothing can be read
        counted["moved"] = counted.pop(address.step_id)
        tally = await cycle(daemon)

        assert resource.resource_id == address.step_id
        assert (tally.counts["vanished"], tally.steps_failed) == (0, 1)
        assert len(await rows(daemon)) == 3


async def test_changed_rules_judge_every_open_error_again_although_none_of_them_changed(shop: Shop) -> None:
    add(shop, ORDERS, 12)
    add(shop, PRICES, 2)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        before = {row.rule_id for row in await rows(daemon)}
        (shop.rules / "rules.yaml").write_text(RULES.replace("id: concurrency", "id: other"), encoding="utf-8")
        await daemon.rules.load(shop.clock.now())
        tally = await cycle(daemon)
        idle = await cycle(daemon)

        assert before == {"concurrency"}
        assert {row.rule_id for row in await rows(daemon)} == {"other"}
        assert (tally.steps_read, tally.counts["new"]) == (2, 0)
        assert idle.steps_read == 0


async def test_rules_that_change_while_a_step_cannot_be_read_judge_it_when_it_can(shop: Shop) -> None:
    add(shop, ORDERS, 12)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        (shop.rules / "rules.yaml").write_text(RULES.replace("id: concurrency", "id: other"), encoding="utf-8")
        await daemon.rules.load(shop.clock.now())
        with broken(shop, "GET errors", "status:500", after=2):
            cut = await cycle(daemon)
        await cycle(daemon)

        assert cut.steps_failed == 1
        assert {row.rule_id for row in await rows(daemon)} == {"other"}


OLD_ONES = RULES.replace("SSS_REQUEST_LIMIT_EXCEEDED}", 'SSS_REQUEST_LIMIT_EXCEEDED, age: {gt: "1h"}}')


async def test_an_error_that_only_its_age_keeps_from_a_rule_is_judged_again_when_it_is_old_enough(
    tmp_path: Path,
) -> None:
    async with reading(tmp_path, rules=OLD_ONES) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        add(shop, ORDERS, age_s=1800)
        await cycle(daemon)
        (young,) = await rows(daemon)
        shop.clock.pass_by(timedelta(minutes=29))
        too_early = await cycle(daemon)
        before = Counter(shop.requests())
        shop.clock.pass_by(timedelta(minutes=2))
        await cycle(daemon)
        (old,) = await rows(daemon)

        assert (young.verb, young.rule_id) == (Verb.NONE, "")
        assert too_early.steps_read == 0
        assert old.rule_id == "concurrency"
        assert (Counter(shop.requests()) - before)["GET errors"] == 1


async def test_a_cycle_in_which_nothing_changed_asks_for_the_integrations_and_one_summary_each(tmp_path: Path) -> None:
    async with open_shop(tmp_path, world="tiny", rules=RULES) as shop, shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        before = len(shop.requests())
        await cycle(daemon)

        assert shop.requests()[before:] == ["GET integrations", "GET integration-errors"]


async def test_flows_outside_of_every_integration_cost_one_summary_more(shop: Shop) -> None:
    add(shop, PRICES)
    async with shop.daemon(Mode.OBSERVE) as daemon:
        await cycle(daemon)
        before = len(shop.sandbox.seen)
        await cycle(daemon)
        asked = [seen.path for seen in shop.sandbox.seen[before:]]

        assert len(asked) == 1 + len(shop.sandbox.world.integrations) + 1
        assert asked[-1] == "/v1/integrations/none/errors"


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        pytest.param({"message": None}, 3, id="message null"),
        pytest.param({"message": -1}, 3, id="message a number"),
        pytest.param({"message": {"a": [1]}}, 3, id="message an object"),
        pytest.param({"message": "x" * 5_000_000}, 3, id="message of 5 MB"),
        pytest.param({"message": "\x00\x1b[31m\u202e\ud83d"}, 3, id="message of control characters and half a pair"),
        pytest.param({"code": 17, "source": None, "classification": []}, 3, id="texts of other types"),
        pytest.param({"errorId": 56465}, 3, id="id a number"),
        pytest.param({"errorId": "  "}, 2, id="id blank"),
        pytest.param({"errorId": None}, 2, id="id null"),
        pytest.param({"occurredAt": None}, 3, id="no time"),
        pytest.param({"occurredAt": "yesterday"}, 3, id="a time that is none"),
        pytest.param({"occurredAt": 1_772_438_400_000}, 3, id="a time in epoch ms"),
        pytest.param({"occurredAt": "9999-99-99T00:00:00Z"}, 3, id="an impossible time"),
        pytest.param({"occurredAt": 10**30}, 3, id="a time beyond all"),
        pytest.param({"traceKey": None, "retryDataKey": ""}, 3, id="no trace key and no retry data"),
        pytest.param({"traceKey": 53968}, 3, id="trace key a number"),
        pytest.param({"tags": "F3ZBQ", "assignedTo": 7}, 3, id="tags and assignee of other types"),
        pytest.param({"retryAt": "soon", "purgeAt": {}}, 3, id="moments of other types"),
        pytest.param({"brandNewField": {"deep": [None]}}, 3, id="unknown field"),
    ],
)
async def test_an_odd_error_stops_neither_its_step_nor_its_neighbours(
    shop: Shop, odd: dict[str, Any], kept: int
) -> None:
    add(shop, ORDERS, age_s=5)
    add(shop, ORDERS, fields=odd)
    add(shop, ORDERS)
    async with shop.daemon() as daemon:
        first = await cycle(daemon)
        await cycle(daemon)
        third = await cycle(daemon)

        assert (first.steps_read, first.steps_failed) == (1, 0)
        assert len(await rows(daemon)) == first.counts["new"] == kept
        assert third.steps_read == 0, "an odd error does not make its step be read again and again"


async def test_a_step_whose_retry_data_is_long_in_coming_holds_up_no_other(tmp_path: Path) -> None:
    async with reading(tmp_path, poll={"concurrency": 2}, rules=ON_DATA) as shop, shop.daemon() as daemon:
        add(shop, ORDERS)
        add(shop, CONTACTS)

        both_are_asked = asyncio.Barrier(2)
        for _ in range(2):
            during(daemon, before={GET_DATA: both_are_asked.wait})
        async with asyncio.timeout(30):
            tally = await cycle(daemon)
        assert (tally.steps_failed, tally.counts["new"]) == (0, 2)
