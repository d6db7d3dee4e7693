"""The real mtail makes of the log of a real run what `/metrics` of the same run says, series by series."""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from pathlib import Path

import pytest
import stamina

from daemon.app.service import Service, Signals
from daemon.core.pauses import EVERYTHING
from daemon.integrator.client import Client
from daemon.integrator.exchange import Transport
from daemon.integrator.protocol import Answer, Request
from daemon.sandbox import Fault, Options
from daemon.web.measures import ALL, Measure
from tests import event_docs
from tests.fakes import FakeClock
from tests.integration.scraping import Values, labels, served
from tests.integration.shop import ACCOUNT, Shop
from tests.integration.small_shop import BUSY, HOPELESS, LOST, fail, one_pass, small_shop, unhurried
from tests.mtail import IN_WHOLE_SECONDS, NEEDS_DEBUG, NOT_IN_THE_LOG, PROGRAM, at_info, mtail, of

RULES = """
version: 1
rules:
  - id: again
    why: The record itself is fine.
    when: {code: [SSS_REQUEST_LIMIT_EXCEEDED, INVALID_KEY_OR_REF]}
    then: {retry: {max_attempts: 3, ramp: off}}
  - id: known
    why: The customer is there already.
    when: {code: CONTACT_ALREADY_EXISTS}
    then: {resolve: {because: it is there}}
  - id: by-hand
    why: Somebody must shorten it.
    when: {code: EXCEEDED_MAX_FIELD_LENGTH}
    then: {hold: {queue: order-desk, title: Too long}}
"""
MORE = (
    RULES
    + """
  - id: slow
    why: A search took too long.
    when: {code: SSS_SEARCH_TIMEOUT}
    then: {retry: {max_attempts: 3}}
"""
)

HOSTILE = (
    'x\n{"ts": "2026-03-02T09:00:00.000Z", "level": "error", "event": "limit.reached", "account": "acme", "rule": "evil", '
    '"action": "retry", "held": 7}\r\x1b[31m\u2028\x00 level=error event=fake", "account": "evil", "held": 99} ann@example.com'
)
"""A text that would like to be a line of the log, or a key of one."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The log so far, and what `/metrics` said then."""

    lines: tuple[str, ...]
    scraped: Values


@dataclass
class SlowTransport:
    """Another transport, with which each request takes a while."""

    transport: Transport
    clock: FakeClock

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        self.clock.pass_by(timedelta(microseconds=70_300))
        return await self.transport.send(request, headers)


async def busy_day(shop: Shop) -> tuple[Moment, Moment]:
    """Let nearly all happen that has a figure; return a moment with a retry under way, and the end of the day."""
    shop.changes["rules"] = {"watch": False}
    pause, rules, sandbox = shop.folder / "PAUSE", shop.rules / "rules.yaml", shop.sandbox
    for connection in sandbox.world.connections.values():
        connection.name = HOSTILE
    async with shop.daemon(level="debug", messages=True) as daemon, served(daemon) as server:

        async def moment() -> Moment:
            return Moment(lines=tuple(shop.log.getvalue().splitlines()), scraped=await server.values())

        unhurried(daemon)
        client = daemon.accounts[ACCOUNT].pass_.client
        assert isinstance(client, Client)
        client.transport = SlowTransport(client.transport, shop.clock)
        shop.clock.moment = datetime.now(UTC)  # the schedule goes by the time of day
        signals = Signals()
        service = Service(daemon=daemon, signals=signals)
        running = asyncio.create_task(service.run())

        fail(shop, BUSY, count=3)  # the answer to their retry is lost
        await daemon.accounts[ACCOUNT].cycle()
        under_way = await moment()
        await one_pass(daemon)
        shop.clock.pass_by(timedelta(minutes=11))

        sandbox.faults = (Fault(endpoint="GET errors", kind="throttle:7", call=sandbox.requests["GET errors"] + 2),)
        for family in (BUSY, HOPELESS, "duplicate-contact", "field-too-long", "out-of-stock"):
            fail(shop, family, count=2, fields={"message": HOSTILE})
        await one_pass(daemon)

        rules.write_text(MORE, encoding="utf-8")
        assert await daemon.rules.load(shop.clock.now())
        pause.write_text(HOSTILE.replace("\n", " "), encoding="utf-8")
        fail(shop, "lookup-changes")
        await one_pass(daemon)
        pause.unlink()

        for offline in (True, False, True):
            for connection_id in sandbox.world.connections:
                shop.do(do="connection", connection=connection_id, offline=offline)
            fail(shop, BUSY)
            await one_pass(daemon)

        broken = Fault(endpoint="GET errors", kind="status:500", call=sandbox.requests["GET errors"] + 2, last=9999)
        sandbox.faults = (broken,)  # from the second page on
        fail(shop, "field-too-long", count=7)
        await one_pass(daemon)
        sandbox.faults = ()
        await one_pass(daemon)
        sandbox.faults = (Fault(endpoint="GET errors", kind="status:500", every=1),)
        fail(shop, BUSY)
        await one_pass(daemon)

        shop.do(do="token", valid=False)
        await service._guard(daemon.accounts[ACCOUNT], daemon.accounts[ACCOUNT].cycle)

        rules.write_text("rules: [", encoding="utf-8")
        assert not await daemon.rules.load(shop.clock.now())
        pause.write_text("again", encoding="utf-8")
        await daemon.pauses.holding()
        signals.stop.set()
        await running
        return under_way, await moment()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Moment, Moment]:
    async def live() -> tuple[Moment, Moment]:
        limits, poll = {"retries_per_hour": 8}, {"interval": timedelta(hours=1)}
        options = Options(job_seconds=5.0, error_page_size=2)
        folder = tmp_path_factory.mktemp("day")
        async with small_shop(folder, RULES, options=options, faults=LOST, limits=limits, poll=poll) as shop:
            return await busy_day(shop)

    with stamina.set_testing(True, attempts=100, cap=True):
        return asyncio.run(live())


@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("measure", ALL, ids=lambda measure: measure.name)
def test_each_series_of_the_metrics_can_be_had_from_the_log_alone(
    day: tuple[Moment, Moment], tmp_path: Path, measure: Measure, level: str
) -> None:
    under_way, end = day
    moment = under_way if measure.name == "flowmend_unsettled_batches" else end
    told = of(measure, mtail(tmp_path, moment.lines if level == "debug" else at_info(moment.lines)))
    scraped = of(measure, moment.scraped)
    if measure.name in IN_WHOLE_SECONDS:
        scraped = {key: floor(value) for key, value in scraped.items()}

    if measure.name in NOT_IN_THE_LOG | (NEEDS_DEBUG if level == "info" else set()):
        assert not told
        return
    assert told == pytest.approx(scraped, rel=1e-9)
    assert scraped or measure.name == "flowmend_rules_last_reload_success", "nothing happened that could differ"


def test_states_that_end_are_told_to_have_ended(day: tuple[Moment, Moment], tmp_path: Path) -> None:
    under_way, end = (mtail(tmp_path, moment.lines) for moment in day)

    success, unsettled = "flowmend_rules_last_reload_success", "flowmend_unsettled_batches"
    assert [values[success][labels()] for values in (under_way, end)] == [1, 0]
    assert [values[unsettled][labels(account=ACCOUNT)] for values in (under_way, end)] == [1, 0]
    events = [json.loads(line)["event"] for line in day[1].lines]
    ended = [event for event in events if event in {"step.halted", "step.freed", "writes.paused", "writes.resumed"}]
    assert ended == ["writes.paused", "writes.resumed", "step.halted", "step.freed", "step.halted", "writes.paused"]


def test_a_refused_configuration_is_told_until_one_is_accepted(tmp_path: Path) -> None:
    refused, reloaded = (
        json.dumps({"ts": "2026-03-02T09:00:00.000Z", "level": level, "event": f"config.{event}", **facts})
        for level, event, facts in (
            ("error", "refused", {"reason": "config.toml:3:1: unknown key", "hint": "mend it"}),
            ("info", "reloaded", {"file": "config.toml", "applied": ""}),
        )
    )
    name = "flowmend_config_last_reload_success"
    told = [mtail(tmp_path, lines)[name][labels()] for lines in ([refused], [refused, reloaded])]
    assert told == [0, 1]


def test_the_program_counts_what_is_documented_and_names_nothing_else() -> None:
    program = PROGRAM.read_text(encoding="utf-8")
    declared = set(re.findall(r"^(?:counter|gauge|histogram) (\w+)", program, re.MULTILINE))
    assert declared == {measure.name for measure in ALL} - NOT_IN_THE_LOG

    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("### From the log alone")[2].partition("\n#")[0]
    (need_debug,) = [line for line in section.splitlines() if 'log.level = "debug"' in line]
    assert set(re.findall(r"flowmend_\w+", need_debug)) == NEEDS_DEBUG
    (missing,) = [line for line in section.splitlines() if "is not there:" in line]
    assert set(re.findall(r"flowmend_\w+", missing)) == NOT_IN_THE_LOG


def test_each_line_has_the_facts_that_are_documented_and_the_program_asks_for_no_others(
    day: tuple[Moment, Moment],
) -> None:
    documented = event_docs.facts()
    for line in map(json.loads, day[1].lines):
        assert set(line) <= documented[line["event"]]

    program = PROGRAM.read_text(encoding="utf-8")
    assert set(re.findall(r'\$event == "([^"]+)"', program)) <= set(documented)
    assert set(re.findall(r'"(\w+)": ', program)) <= set().union(*documented.values())


def test_text_from_outside_is_no_line_of_the_log_and_no_figure(day: tuple[Moment, Moment], tmp_path: Path) -> None:
    end = day[1]
    facts = [json.loads(line) for line in end.lines]
    hostile = [(line["event"], line["level"]) for line in facts if "event=fake" in json.dumps(line)]
    assert {event for event, _ in hostile} == {
        "error.matched", "error.unmatched", "writes.paused", "writes.resumed", "breaker.opened",
    }  # fmt: skip
    assert all(text.isprintable() for text in end.lines)
    assert not [line for line in end.lines if "ann@example.com" in line]
    assert "evil" not in str(mtail(tmp_path, end.lines))


def test_only_lines_of_the_log_are_counted(day: tuple[Moment, Moment], tmp_path: Path) -> None:
    silent = mtail(tmp_path, [])
    for strange in ("", "x", "[", '"'):
        assert mtail(tmp_path, [f"{strange} {line}" for line in day[1].lines]) == silent


def test_lines_as_kubernetes_keeps_them_are_understood(day: tuple[Moment, Moment], tmp_path: Path) -> None:
    kept = [f"2026-03-02T09:00:00.123456789Z stderr F {line}" for line in day[1].lines]
    assert mtail(tmp_path, kept) == mtail(tmp_path, day[1].lines)


def test_a_new_process_goes_on_counting_and_says_anew_what_it_is(day: tuple[Moment, Moment], tmp_path: Path) -> None:
    lines = day[1].lines
    (started,) = [json.loads(line) for line in lines if '"event": "daemon.started"' in line]
    again = json.dumps(started | {"version": "99.0", "mode": "observe"})
    first, then = mtail(tmp_path, lines), mtail(tmp_path, [*lines, again])

    assert then["flowmend_build_info"] == {labels(version="99.0", python=started["python"]): 1}
    assert then["flowmend_mode"] == {labels(mode=mode): mode == "observe" for mode in ("observe", "approve", "enforce")}
    assert (first["flowmend_writes_paused"], then["flowmend_writes_paused"]) == ({labels(): 1}, {labels(): 0})
    assert then["flowmend_errors_seen_total"] == first["flowmend_errors_seen_total"]


async def test_the_end_of_one_pause_is_not_the_end_of_another(tmp_path: Path) -> None:
    async with small_shop(tmp_path, RULES) as shop, shop.daemon() as daemon, served(daemon) as server:
        await daemon.store.pause(EVERYTHING, "the ERP is down", "ann", shop.clock.now(), None)
        await daemon.pauses.holding()
        (shop.folder / "PAUSE").touch()
        await daemon.pauses.holding()
        (shop.folder / "PAUSE").unlink()
        await daemon.pauses.holding()
        scraped = await server.values()

    told = mtail(tmp_path, shop.log.getvalue().splitlines())
    assert len(shop.events("writes.resumed")) == 1
    assert told["flowmend_writes_paused"] == scraped["flowmend_writes_paused"] == {labels(): 1}
