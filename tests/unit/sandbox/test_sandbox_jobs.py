from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from daemon.sandbox import Options
from daemon.sandbox.reads import MOST_JOBS
from daemon.sandbox.truth import Truth
from daemon.sandbox.world import Entry
from tests.unit.sandbox.sandbox_client import Client, Reply

Serve = Callable[..., Awaitable[Client]]


async def _retry(client: Client, *keys: str) -> Any:
    reply = await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": keys})
    assert reply.status == 200, reply.text
    return reply.json


async def _job(client: Client, job: Any) -> Any:
    return (await client.get(f"/jobs/{job['_id']}")).json


def _open_entry(client: Client, record: Truth) -> Entry:
    entry = client.step().open.get(*record.open_ids)
    assert entry is not None
    return entry


async def _retry_until_closed(client: Client, record: Truth, most: int) -> Sequence[str]:
    states = []
    for _ in range(most):
        await _retry(client, _open_entry(client, record).retry_key)
        client.sandbox.settle()
        states.append(record.state)
        if record.state != "open":
            break
    return states


@pytest.mark.parametrize(
    ("family", "states", "copies"),
    [
        pytest.param("netsuite-concurrency", ["cured"], 1, id="passes at the first"),
        pytest.param("netsuite-unexpected", ["open", "cured"], 1, id="passes at the second"),
        pytest.param("state-name", ["open", "open", "open"], 0, id="unpatched, never"),
        pytest.param("ship-method", ["open", "open", "open"], 0, id="never"),
        pytest.param("duplicate-order", ["cured"], 2, id="a second copy"),
        pytest.param("network-reset", ["cured"], 1, id="without a trace key"),
    ],
)
async def test_a_cure_decides_what_a_retry_does(tiny: Client, family: str, states: list[str], copies: int) -> None:
    record = tiny.entry(family).record
    assert await _retry_until_closed(tiny, record, 3) == states
    assert (record.runs, record.copies, record.harmed) == (len(states), copies, copies > 1)


async def test_a_patched_record_passes_and_only_with_the_right_value(tiny: Client) -> None:
    entry = tiny.entry("state-name")
    record = entry.record
    for value, state in (("Utah", "open"), (record.cure.value, "cured")):
        error_id = next(iter(record.open_ids))
        await tiny.act(
            do="edit_data",
            flow=record.flow_id,
            step=record.step_id,
            errors=[error_id],
            pointer="/data/shippingAddress/state",
            value=value,
        )
        await _retry(tiny, _open_entry(tiny, record).retry_key)
        tiny.sandbox.settle()
        assert record.state == state


async def test_a_number_of_another_type_does_not_cure(serve: Serve) -> None:
    client = await serve(world="shop", errors=300)
    entry = client.entry("out-of-stock")
    step = client.step("Create invoice")
    pointer, right = entry.record.cure.pointer, entry.record.cure.value
    for value, passed in ((str(right), False), (right, True)):
        error_id = next(iter(entry.record.open_ids))
        act = {"do": "edit_data", "flow": step.flow_id, "step": step.step_id, "errors": [error_id]}
        await client.act(**act, pointer=pointer, value=value)
        await client.act(**act | {"do": "retry"})
        client.sandbox.settle()
        assert (entry.record.state == "cured") is passed


async def test_a_failed_retry_comes_back_under_new_ids_with_the_same_trace_key(tiny: Client) -> None:
    entry = tiny.entry("ship-method")
    tiny.clock.advance(60)
    job = await _retry(tiny, entry.retry_key)
    assert (await _job(tiny, job))["numError"] == 1
    again = _open_entry(tiny, entry.record)
    assert again.error_id != entry.error_id
    assert again.retry_key not in ("", entry.retry_key)
    assert again.fields["traceKey"] == entry.fields["traceKey"]
    assert (again.fields["code"], again.fields["message"]) == (entry.fields["code"], entry.fields["message"])
    assert again.fields["occurredAt"] == "2025-03-01T12:01:00.000Z"
    assert (await tiny.get(f"{tiny.path()}/{entry.retry_key}/data")).status == 404
    assert (await tiny.get(f"{tiny.path()}/{again.retry_key}/data")).status == 200


async def test_a_record_that_changes_comes_back_with_another_message_which_is_curable(tiny: Client) -> None:
    record = tiny.entry("lookup-changes").record
    await _retry(tiny, _open_entry(tiny, record).retry_key)
    tiny.sandbox.settle()
    again = _open_entry(tiny, record)
    assert (again.fields["source"], again.fields["code"]) == ("application", "INVALID_KEY_OR_REF")
    assert (record.cure.kind, record.cure.pointer) == ("patch", "/data/shippingAddress/state")


async def test_a_job_goes_from_queued_over_running_to_completed(serve: Serve) -> None:
    client = await serve(Options(job_seconds=10))
    entry = client.entry("netsuite-concurrency")
    job = await _retry(client, entry.retry_key)
    seen = [job]
    for _ in range(3):
        client.clock.advance(5)
        seen.append(await _job(client, job))
    assert [each["status"] for each in seen] == ["queued", "running", "completed", "completed"]
    assert ["startedAt" in each for each in seen] == [False, True, True, True]
    assert ["endedAt" in each for each in seen] == [False, False, True, True]
    assert (seen[2]["endedAt"], seen[2]["numSuccess"]) == ("2025-03-01T12:00:10.000Z", 1)
    assert {key: job[key] for key in ("type", "_flowId", "_importId", "triggeredBy", "createdAt")} == {
        "type": "retry",
        "_flowId": entry.record.flow_id,
        "_importId": entry.record.step_id,
        "triggeredBy": client.sandbox.options.user_id,
        "createdAt": "2025-03-01T12:00:00.000Z",
    }
    assert entry.record.runs == 1


@pytest.mark.parametrize(
    ("leaves", "listed"),
    [
        pytest.param("at_once", (False, False), id="at once"),
        pytest.param("when_run", (True, False), id="when it is run"),
    ],
)
async def test_a_retried_error_leaves_the_open_list(serve: Serve, leaves: Any, listed: tuple[bool, bool]) -> None:
    client = await serve(Options(job_seconds=10, leaves=leaves))
    entry = client.entry("netsuite-concurrency")
    await _retry(client, entry.retry_key)
    seen = [entry.error_id in client.step().open]
    client.clock.advance(10)
    client.sandbox.settle()
    assert (*seen, entry.error_id in client.step().open) == listed
    resolved = (await client.get(f"{client.path()}/resolved")).json["resolved"]
    assert [(str(error["errorId"]), error["resolvedBy"]) for error in resolved] == [
        (entry.error_id, client.sandbox.options.user_id)
    ]


async def test_a_job_without_an_end_keeps_running(serve: Serve) -> None:
    client = await serve(Options(job_seconds=None))
    job = await _retry(client, client.entry("netsuite-concurrency").retry_key)
    client.clock.advance(10**6)
    assert (await _job(client, job))["status"] == "running"


@pytest.mark.parametrize("times_within", [1, 2])
async def test_a_record_runs_as_often_as_its_key_is_sent(serve: Serve, times_within: int) -> None:
    client = await serve(Options(job_seconds=1))
    entry = client.entry("netsuite-concurrency")
    for _ in range(2):
        await _retry(client, *[entry.retry_key] * times_within)
    client.clock.advance(1)
    client.sandbox.settle()
    record = entry.record
    assert (record.runs, record.retries_accepted, record.copies) == (2 * times_within,) * 3
    assert (record.harmed, record.state) == (True, "cured")


@pytest.mark.parametrize(
    ("rerun_used", "runs"),
    [pytest.param(True, 2, id="runs again"), pytest.param(False, 1, id="is gone")],
)
async def test_a_key_that_was_retried_and_passed(serve: Serve, rerun_used: bool, runs: int) -> None:
    client = await serve(Options(rerun_used=rerun_used))
    entry = client.entry("netsuite-concurrency")
    for _ in range(2):
        await _retry(client, entry.retry_key)
        client.sandbox.settle()
    assert entry.record.runs == runs


@pytest.mark.parametrize("how", ["canceled", "failed"])
async def test_a_job_that_is_stopped_gives_its_errors_back(serve: Serve, how: str) -> None:
    client = await serve(Options(job_seconds=10))
    entry = client.entry("netsuite-concurrency")
    job = await _retry(client, entry.retry_key)
    assert (await client.state())["totals"]["in_job"] == 1
    if how == "canceled":
        assert (await client.ask("PUT", f"/jobs/{job['_id']}/cancel", {})).json["status"] == how
    else:
        await client.act(do="end_job", job=job["_id"], how=how)
    client.clock.advance(20)
    assert (await _job(client, job))["status"] == how
    assert (entry.error_id in client.step().open, entry.record.runs, entry.record.state) == (True, 0, "open")
    await _retry(client, entry.retry_key)
    client.clock.advance(20)
    client.sandbox.settle()
    assert entry.record.state == "cured"


async def test_an_offline_connection_fails_every_record_without_running_it(tiny: Client) -> None:
    entry = tiny.entry("netsuite-concurrency")
    await tiny.act(do="connection", connection=tiny.step().resource.connection_id, offline=True)
    await _retry(tiny, entry.retry_key)
    tiny.sandbox.settle()
    again = _open_entry(tiny, entry.record)
    assert (again.fields["source"], entry.record.runs) == ("connection", 0)
    await tiny.act(do="connection", connection=tiny.step().resource.connection_id, offline=False)
    await _retry(tiny, again.retry_key)
    tiny.sandbox.settle()
    assert (entry.record.state, entry.record.runs) == ("cured", 1)


@pytest.mark.parametrize(
    ("auto_resolve", "left"),
    [pytest.param(True, 0, id="resolved by the platform"), pytest.param(False, 1, id="left open")],
)
async def test_older_errors_of_the_same_trace_key_after_a_success(tiny: Client, auto_resolve: bool, left: int) -> None:
    entry = tiny.entry("netsuite-concurrency")
    step = tiny.step()
    await tiny.act(do="flow", flow=step.flow_id, auto_resolve=False)
    added = await tiny.act(
        do="add_errors",
        flow=step.flow_id,
        step=step.step_id,
        family="netsuite-session",
        traceKey=entry.record.trace_key,
    )
    await tiny.act(do="flow", flow=step.flow_id, auto_resolve=auto_resolve)
    await _retry(tiny, entry.retry_key)
    tiny.sandbox.settle()
    other = tiny.sandbox.world.truths[added["records"][0]]
    assert len(other.open_ids) == left
    assert other.resolved_by == ("auto" if auto_resolve else "")


async def _jobs(client: Client, query: str) -> Reply:
    return await client.get(f"/jobs?{query}")


async def test_jobs_are_listed_newest_first_by_step_type_status_and_time(serve: Serve) -> None:
    client = await serve(Options(job_seconds=10))
    step, other = client.step(), client.step("Find customer")
    first = await _retry(client, client.entry("netsuite-concurrency").retry_key)
    client.clock.advance(8)
    second = await _retry(client, client.entry("netsuite-unexpected").retry_key)
    client.clock.advance(2)
    both = [second["_id"], first["_id"]]
    base = f"type=retry&_flowId={step.flow_id}"
    for query, expected in (
        (f"{base}&_importId={step.step_id}", both),
        (f"{base}&_importId={step.step_id}&status=completed", both[1:]),
        (f"{base}&status=queued", both[:1]),
        (f"{base}&createdAt_gte=2025-03-01T12:00:08.000Z", both[:1]),
        (f"{base}&createdAt_lte=2025-03-01T12:00:00.000Z", both[1:]),
        (f"{base}&_exportId={step.step_id}", []),
        (f"{base}&_exportId={other.step_id}", []),
        ("type=flow", []),
    ):
        reply = await _jobs(client, query)
        assert [job["_id"] for job in (reply.json if reply.status == 200 else [])] == expected, query
    assert (await _jobs(client, "status=queued&status=running")).code == "invalid_query"
    assert (await _jobs(client, "createdAt_gte=now")).code == "invalid_query"


async def test_at_most_1001_jobs_are_listed(tiny: Client) -> None:
    flow_id = tiny.step().flow_id
    for _ in range(MOST_JOBS + 4):
        tiny.sandbox.jobs.run_flow(flow_id, by="auto", now=tiny.clock.now)
    assert len((await _jobs(tiny, "type=flow")).json) == 1001
