import asyncio
import json
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from daemon.sandbox import Options
from tests.unit.sandbox.sandbox_client import Client

Serve = Callable[..., Awaitable[Client]]


@pytest.mark.parametrize(
    ("kind", "runs"),
    [pytest.param("before", 0, id="before the work"), pytest.param("after", 1, id="after the work")],
)
async def test_a_connection_is_cut_before_or_after_the_work(serve: Serve, kind: str, runs: int) -> None:
    client = await serve(faults=f"POST retry:1:{kind}")
    entry = client.entry("netsuite-concurrency")
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": [entry.retry_key]})
    client.sandbox.settle()
    assert entry.record.runs == runs
    assert [(seen.fault, seen.status) for seen in client.sandbox.writes] == [(kind, 0)]


async def test_half_a_body_breaks_the_read_and_the_next_call_is_whole(serve: Serve) -> None:
    client = await serve(faults="GET errors:1:half_body")
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.get(f"{client.path()}/errors")
    assert len((await client.get(f"{client.path()}/errors")).json["errors"]) == 8


async def test_half_of_no_body_is_no_answer(serve: Serve) -> None:
    client = await serve(faults="PUT resolved:1:half_body")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.ask("PUT", f"{client.path()}/resolved", {"errors": ["5646500001"]})
    assert "5646500001" not in client.step().open


async def test_half_a_body_of_a_write_means_that_it_was_done(serve: Serve) -> None:
    client = await serve(faults="POST retry:1:half_body")
    entry = client.entry("netsuite-concurrency")
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": [entry.retry_key]})
    client.sandbox.settle()
    assert entry.record.runs == 1


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503])
async def test_a_status_in_place_of_the_work(serve: Serve, status: int) -> None:
    client = await serve(faults=f"PUT resolved:*:status:{status}")
    reply = await client.ask("PUT", f"{client.path()}/resolved", {"errors": ["5646500001"]})
    assert reply.status == status
    assert "5646500001" in client.step().open


async def test_a_hanging_call_is_answered_by_nothing_and_let_go_by_stop(serve: Serve) -> None:
    client = await serve(faults="GET tokenInfo:1:hang")
    hanging = asyncio.ensure_future(client.get("/tokenInfo"))
    while not client.sandbox.seen:  # noqa: ASYNC110 - the other end is the same loop
        await asyncio.sleep(0)
    assert (await client.get("/tokenInfo")).status == 200
    assert not hanging.done()
    await client.sandbox.stop()
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await hanging


async def test_an_answer_that_is_not_json_or_of_another_shape(serve: Serve) -> None:
    client = await serve(faults="GET errors:1:not_json,GET errors:2:wrong_types")
    page = await client.get(f"{client.path()}/errors")
    assert (page.status, page.headers["Content-Type"], page.text[:6]) == (200, "text/html", "<html>")
    assert (await client.get(f"{client.path()}/errors")).json["errors"] == "none"


@pytest.mark.parametrize(
    ("options", "headers", "status", "body"),
    [
        pytest.param(Options(), {"Authorization": "Bearer no"}, 401, '{"message": "Unauthorized"}', id="wrong token"),
        pytest.param(Options(other_region=True), {}, 401, "Unauthorized", id="another region"),
        pytest.param(
            Options(share_id="s1"), {"Integrator-AShareId": "s2"}, 403, '{"message": "Forbidden"}', id="share"
        ),
        pytest.param(Options(share_id="s1"), {"Integrator-AShareId": "s1"}, 200, "", id="the right share"),
    ],
)
async def test_who_may_come_in(serve: Serve, options: Options, headers: dict[str, str], status: int, body: str) -> None:
    client = await serve(options)
    reply = await client.ask("GET", "/flows", **headers)
    assert reply.status == status
    if body:
        assert reply.text == body


async def test_a_shared_account_asks_for_its_header(serve: Serve) -> None:
    client = await serve(Options(share_id="s1"))
    reply = await client.get("/flows")
    assert reply.json == {
        "errors": [
            {
                "code": "missing_header",
                "message": "An account is shared with you. Please send the Integrator-AShareId in the request header.",
            }
        ]
    }


async def test_a_purged_token_is_refused_until_it_is_back(tiny: Client) -> None:
    await tiny.act(do="token", valid=False)
    assert (await tiny.get("/tokenInfo")).status == 401
    await tiny.act(do="token", valid=True)
    assert (await tiny.get("/tokenInfo")).status == 200


async def test_the_bucket_holds_1000_requests_and_fills_with_300_a_second(serve: Serve) -> None:
    client = await serve(Options(rate_limit=True))

    async def ask_all(times: int) -> list[int]:
        return [(await client.get("/tokenInfo")).status for _ in range(times)]

    assert set(await ask_all(1000)) == {200}
    over = await client.get("/tokenInfo")
    assert (over.status, over.headers["Retry-After"], over.code) == (429, "1", "rate_limited")
    client.clock.advance(0.1)
    assert await ask_all(31) == [200] * 30 + [429]


@pytest.mark.parametrize(
    ("retry_after", "header"), [("auto", "1"), ("", None), ("Sat, 01 Mar 2025 12:05:00 GMT",) * 2, ("999999",) * 2]
)
async def test_retry_after_is_what_the_test_wants(serve: Serve, retry_after: str, header: str | None) -> None:
    client = await serve(Options(retry_after=retry_after), faults="GET flows:1:status:429")
    assert (await client.get("/flows")).headers.get("Retry-After") == header


async def test_every_request_is_counted_by_its_endpoint(tiny: Client) -> None:
    step = tiny.step()
    for path in ("/flows", "/flows", f"/flows/{step.flow_id}/errors", "/nothing"):
        await tiny.get(path)
    assert tiny.sandbox.requests == {"GET flows": 2, "GET flow-errors": 1, "unknown": 1}
    assert (await tiny.state())["requests"] == {"GET flows": 2, "GET flow-errors": 1, "unknown": 1}


async def test_the_state_tells_the_truth_about_every_record(tiny: Client) -> None:
    entry = tiny.entry("duplicate-order")
    await tiny.ask("POST", f"{tiny.path()}/retry", {"retryDataKeys": [entry.retry_key]})
    state = await tiny.state()
    truth = state["truths"][entry.record.record_id]
    assert {key: truth[key] for key in ("family", "cure", "state", "runs", "copies", "harmed", "open_error_ids")} == {
        "family": "duplicate-order",
        "cure": "duplicate",
        "state": "cured",
        "runs": 1,
        "copies": 2,
        "harmed": True,
        "open_error_ids": [],
    }
    assert state["totals"] == {
        "records": 12,
        "open_errors": 11,
        "runs": 1,
        "harmed": 1,
        "stray_changes": 0,
        "open": 11,
        "in_job": 0,
        "cured": 1,
        "resolved": 0,
        "vanished": 0,
    }
    assert state == json.loads(json.dumps(state))
