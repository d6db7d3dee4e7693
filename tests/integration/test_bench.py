"""The bench of speed runs on Flowmend as it is, and its table has every row of what is to be reached. Nothing is timed."""

import json
from asyncio import Server
from collections.abc import AsyncIterator

import pytest

from bench.speed import acting, acting_server, floor, idle, page_server, scan, stall
from bench.speed.__main__ import SECTIONS
from bench.speed.account import Shape
from bench.speed.matching import at_size
from bench.speed.rows import GOALS, Plan, Row, Table

SMALL = Shape(integrations=2, flows=1, steps=2)
ERRORS = 40
PLAN = Plan(errors=ERRORS, runs=1, long_runs=1, quick=True)

TO_REACH = (
    "first cycle", "nothing new", "idle cycle", "rule-engine, 10 ", "rule-engine, 100 ", "rule-engine, 1,000 ",
    "rule-engine, 5,000 ", "5,000 rules against 10", "peak memory, 1,000,000", "ten times", "store on disk",
    "retries through the journal", "fsyncs per batch", "stall of the event loop", "--help", "check", "latency",
)  # fmt: skip


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.fixture
async def pages() -> AsyncIterator[str]:
    server = await page_server.listen(SMALL, ERRORS)
    yield url_of(server)
    server.close()


@pytest.fixture
async def takes_retries() -> AsyncIterator[str]:
    server = await acting_server.listen(SMALL, ERRORS)
    yield url_of(server)
    server.close()


def test_the_table_has_every_row_that_is_to_be_reached_also_where_it_was_not_measured() -> None:
    table = Table(
        rows=[Row(key="idle", figure="102 requests", ok=False), Row(what="the floor", figure="2 s")], plan=PLAN
    )

    first = [line[0] for line in table.lines()]

    assert [each for each in TO_REACH if not any(each in what for what in first)] == []
    assert len(first) == len(TO_REACH) + 1
    assert [row.key for row in table.missed] == ["idle"]
    assert "misses" in table.text()
    assert "| the floor |" in table.markdown()
    assert json.loads(json.dumps(table.json()))["missed"] == ["idle"]


def test_every_goal_is_measured_by_a_section() -> None:
    assert sorted(key for keys in SECTIONS.values() for key in keys) == sorted(GOALS)


async def test_the_floor_reads_every_error_that_is_served(pages: str) -> None:
    found = await floor.read(pages, decoded=True)

    assert (found["errors"], found["pages"]) == (ERRORS, SMALL.count)


async def test_the_backlog_is_read_and_then_read_in_full_again_twice(pages: str) -> None:
    found = await scan.cycles(pages, 20)

    assert [found[each]["steps_read"] for each in ("first", "sweep", "counts")] == [SMALL.count] * 3
    assert [found[each]["new"] for each in ("first", "sweep", "counts")] == [ERRORS, 0, 0]
    assert found["disk_bytes"] > 0


async def test_an_idle_cycle_asks_the_integrations_only(pages: str) -> None:
    found = await idle.idle(pages, 2)

    assert [each["requests"] for each in found["idle"]] == [SMALL.integrations + 1] * 2


async def test_every_retry_that_is_timed_is_confirmed(takes_retries: str) -> None:
    found = await acting.act(takes_retries)

    assert (found["read"], found["confirmed"]) == (ERRORS, ERRORS)


@pytest.mark.parametrize("odd", stall.ODD)
async def test_odd_pages_are_read_while_the_loop_is_watched(odd: str) -> None:
    server = await page_server.listen(Shape(integrations=1, flows=1, steps=1), 3, odd)

    found = await stall.longest(url_of(server), 20)
    server.close()

    assert (found["new"], found["steps_failed"]) == (3, 0)


def test_matching_gives_the_answers_of_every_peer_that_is_installed() -> None:
    found = at_size(10, 50, 1)

    assert set(found["peers"]) | set(found["not"]) == {"rule-engine", "business-rules", "cel-python", "json-logic"}
