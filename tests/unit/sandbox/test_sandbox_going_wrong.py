"""Faults that are more than a broken answer: jobs that go wrong, people and clocks meanwhile, waits of every kind."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from daemon.sandbox import Options
from tests.unit.sandbox.sandbox_client import NOW, Client

Serve = Callable[..., Awaitable[Client]]
BROKEN = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


async def test_work_that_was_done_is_answered_with_an_error_all_the_same(serve: Serve) -> None:
    client = await serve(faults="POST retry:1:late:502")
    entry = client.entry("netsuite-concurrency")
    reply = await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": [entry.retry_key]})
    client.sandbox.settle()
    assert (reply.status, entry.record.runs) == (502, 1)


async def test_a_call_that_hangs_after_the_work_has_done_it(serve: Serve) -> None:
    client = await serve(faults="POST retry:1:hang_after")
    entry = client.entry("netsuite-concurrency")
    hanging = asyncio.ensure_future(client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": [entry.retry_key]}))
    while not entry.record.retried_by:  # noqa: ASYNC110 - the other end is the same loop
        await asyncio.sleep(0)
    await client.sandbox.stop()
    with pytest.raises(BROKEN):
        await hanging


async def test_what_goes_wrong_and_what_time_it_is_may_change(serve: Serve) -> None:
    client = await serve(faults="GET tokenInfo:*1:status:503")
    assert (await client.get("/tokenInfo")).status == 503
    changed = await client.ask("POST", "/_sandbox/faults", {"clock": "61m"})
    assert (changed.json, client.sandbox.now() - NOW) == ({"faults": 0}, timedelta(minutes=61))
    assert (await client.get("/tokenInfo")).status == 200


@pytest.mark.parametrize("asked", [{"faults": "GET"}, {"clock": "soon"}, {"clock": 5}, "faults"])
async def test_faults_that_mean_nothing_change_nothing(serve: Serve, asked: object) -> None:
    client = await serve(faults="GET tokenInfo:*1:status:503")
    assert (await client.ask("POST", "/_sandbox/faults", asked)).status == 400
    assert (await client.get("/tokenInfo")).status == 503


@pytest.mark.parametrize(("wait", "header"), [("30", "30"), ("0", "0"), ("-1", "-1"), ("none", None), ("junk", "soon")])
async def test_a_storm_of_refusals_names_any_wait_and_ends(serve: Serve, wait: str, header: str | None) -> None:
    client = await serve(faults=f"GET tokenInfo:2-3:throttle:{wait}")
    replies = [await client.get("/tokenInfo") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 429, 429, 200]
    assert replies[1].headers.get("Retry-After") == header


@pytest.mark.parametrize(("wait", "seconds"), [("date", 2), ("past", -3600)])
async def test_a_wait_may_be_a_date(serve: Serve, wait: str, seconds: int) -> None:
    client = await serve(faults=f"GET tokenInfo:1:throttle:{wait}")
    told = (await client.get("/tokenInfo")).headers["Retry-After"]
    assert (parsedate_to_datetime(told) - NOW).total_seconds() == seconds


@pytest.mark.parametrize(
    ("fate", "runs", "states", "shown"),
    [
        pytest.param("hangs", [0, 0], ["in_job", "in_job"], "running", id="hangs"),
        pytest.param("fails", [0, 0], ["open", "open"], "failed", id="fails"),
        pytest.param("halves", [1, 0], ["cured", "open"], "failed", id="half fails"),
        pytest.param("vanishes", [1, 1], ["cured", "cured"], "", id="vanishes"),
    ],
)
@pytest.mark.parametrize("leaves", ["at_once", "when_run"])
async def test_a_job_goes_wrong(
    serve: Serve, leaves: str, fate: str, runs: list[int], states: list[str], shown: str
) -> None:
    options = Options(job_seconds=10.0, leaves="at_once" if leaves == "at_once" else "when_run")
    client = await serve(options, errors=16, faults=f"POST retry:1:job:{fate}")
    records = [truth for truth in client.sandbox.world.truths.values() if truth.family == "netsuite-concurrency"]
    keys = [entry.retry_key for entry in client.step().open if entry.record in records]
    job_id = (await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": keys})).json["_id"]
    client.clock.advance(3600)
    job = await client.get(f"/jobs/{job_id}")
    assert [record.runs for record in records] == runs
    if not (fate == "hangs" and leaves == "when_run"):
        assert [record.state for record in records] == states
    assert (job.status, job.json.get("status", "")) == ((200, shown) if shown else (404, ""))
    listed = await client.get("/jobs?type=retry")
    assert [each["status"] for each in (listed.json if listed.text else ())] == ([shown] if shown else [])


async def test_what_a_broken_off_job_has_not_run_can_be_retried(serve: Serve) -> None:
    client = await serve(Options(rerun_used=False), faults="POST retry:1:job:fails")
    entry = client.entry("netsuite-concurrency")
    for _ in range(2):
        await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": [entry.retry_key]})
        client.sandbox.settle()
    assert (entry.record.runs, entry.record.state, len(entry.record.retried_by)) == (1, "cured", 2)


@pytest.mark.parametrize(
    ("who", "state", "by"),
    [
        pytest.param("resolve", "resolved", "5f1d3c7e8a9b0c1d2e3f4a5b", id="a colleague resolves"),
        pytest.param("auto_resolve", "resolved", "auto", id="the platform resolves"),
        pytest.param("retry", "cured", "5f1d3c7e8a9b0c1d2e3f4a5b", id="a colleague retries"),
        pytest.param("auto_retry", "cured", "auto", id="the platform retries"),
        pytest.param("vanish", "vanished", "", id="it is purged"),
    ],
)
async def test_somebody_is_a_moment_earlier(serve: Serve, who: str, state: str, by: str) -> None:
    client = await serve(faults=f"PUT assign:1:meanwhile:{who}")
    entry = client.entry("netsuite-concurrency")
    body = {"errorIds": [entry.error_id], "email": "clerk@example.com"}
    await client.ask("PUT", f"{client.path()}/errors/assign", body)
    client.sandbox.settle()
    assert (entry.record.state, entry.record.resolved_by) == (state, by)


async def test_somebody_acts_on_what_the_call_names_else_on_the_first_of_its_step(serve: Serve) -> None:
    faults = [
        f"{endpoint}:1:meanwhile:assign" for endpoint in ("POST retry", "GET data", "PUT step-tags", "GET errors")
    ]
    client = await serve(faults=",".join(faults))
    entries = list(client.step().open)
    await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": [entries[1].retry_key]})
    await client.get(f"{client.path()}/{entries[2].retry_key}/data")
    tagged = {"errors": [{"id": entries[3].error_id, "rdk": entries[3].retry_key}], "tagIds": ["F3ZBQ"]}
    await client.ask("PUT", f"{client.path()}/tags", tagged)
    await client.get(f"{client.path()}/errors")
    given = [place for place, entry in enumerate(entries[:5]) if entry.fields.get("assignedTo")]
    assert given == [0, 1, 2, 3]


async def test_retry_data_is_edited_flows_and_connections_go_and_the_token_is_revoked_at_a_call(serve: Serve) -> None:
    who = ("edit", "disable", "offline", "revoke")
    client = await serve(faults=",".join(f"GET errors:{call}:meanwhile:{each}" for call, each in enumerate(who, 1)))
    statuses = [(await client.get(f"{client.path()}/errors")).status for _ in who]
    world, step = client.sandbox.world, client.step()
    first = next(iter(step.open))
    assert statuses == [200, 200, 200, 401]
    assert b'"editedBy": "clerk"' in step.retry_data[first.retry_key].envelope.replace(b'":"', b'": "')
    assert world.flows[step.flow_id].disabled
    assert world.connections[step.resource.connection_id].offline


async def test_the_clock_of_the_platform_jumps_and_stays_ahead(serve: Serve) -> None:
    client = await serve(Options(job_seconds=60.0), faults="GET tokenInfo:1:clock:2m,GET tokenInfo:2:clock:-1h")
    entry = client.entry("netsuite-concurrency")
    await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": [entry.retry_key]})
    await client.get("/tokenInfo")
    assert entry.record.state == "cured"
    assert (client.sandbox.now() - NOW).total_seconds() == 120
    await client.get("/tokenInfo")
    assert (client.sandbox.now() - NOW).total_seconds() == 120 - 3600


async def test_the_state_counts_the_faults_that_happened(serve: Serve) -> None:
    client = await serve(faults="GET tokenInfo:*2:status:503,GET tokenInfo:2:meanwhile:disable")
    for _ in range(5):
        await client.get("/tokenInfo")
    assert (await client.state())["faults"] == {"status:503": 2, "meanwhile:disable": 1}
