from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from daemon.sandbox import Options
from tests.unit.sandbox.sandbox_client import Client

Serve = Callable[..., Awaitable[Client]]

IDS = ["5646500001", 5646500002]


async def _retry(client: Client, *families: str) -> Any:
    keys = [client.entry(family).retry_key for family in families]
    return await client.ask("POST", f"{client.path()}/retry", {"retryDataKeys": keys})


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        pytest.param("204", 204, "", id="204"),
        pytest.param("200_empty", 200, "", id="200 without a body"),
        pytest.param("200_json", 200, "{}", id="200 with one"),
    ],
)
async def test_resolving_moves_errors_to_the_resolved_list(serve: Serve, answer: Any, status: int, text: str) -> None:
    client = await serve(Options(resolve_answer=answer))
    reply = await client.ask("PUT", f"{client.path()}/resolved", {"errors": IDS})
    assert (reply.status, reply.text) == (status, text)
    resolved = (await client.get(f"{client.path()}/resolved")).json["resolved"]
    assert sorted(error["errorId"] for error in resolved) == [5646500001, 5646500002]
    assert {(error["resolvedBy"], error["resolvedAt"]) for error in resolved} == {
        (client.sandbox.options.user_id, "2025-03-01T12:00:00.000Z")
    }
    assert not any(error_id in client.step().open for error_id in ("5646500001", "5646500002"))
    record = client.sandbox.world.truths["r000001"]
    assert (record.state, record.resolved_by, record.runs) == ("resolved", client.sandbox.options.user_id, 0)


async def test_the_retry_data_of_a_resolved_error_is_gone(tiny: Client) -> None:
    entry = tiny.entry("state-name")
    await tiny.ask("PUT", f"{tiny.path()}/resolved", {"errors": [entry.error_id]})
    assert (await tiny.get(f"{tiny.path()}/{entry.retry_key}/data")).status == 404


@pytest.mark.parametrize("gone_status", [404, 422])
@pytest.mark.parametrize("write", ["resolved", "retry", "errors/assign", "tags"])
async def test_an_id_that_is_gone_refuses_the_whole_batch_or_is_passed_over(
    serve: Serve, write: str, gone_status: Any
) -> None:
    for refused in (False, True):
        client = await serve(Options(gone_ids="refuse" if refused else "ignore", gone_status=gone_status))
        entry = client.entry("netsuite-concurrency")
        method, body = {
            "resolved": ("PUT", {"errors": [entry.error_id, "gone"]}),
            "retry": ("POST", {"retryDataKeys": [entry.retry_key, "gone"]}),
            "errors/assign": ("PUT", {"errorIds": [entry.error_id, "gone"], "email": "a@example.com"}),
            "tags": (
                "PUT",
                {"errors": [{"id": entry.error_id, "rdk": entry.retry_key}, {"id": "gone"}], "tagIds": ["F3ZBQ"]},
            ),
        }[write]
        before = (entry.error_id in client.step().open, entry.wire())
        reply = await client.ask(method, f"{client.path()}/{write}", body)
        assert reply.status in ((gone_status,) if refused else (200, 204))
        assert not refused or reply.code == "invalid_ref"
        untouched = (entry.error_id in client.step().open, entry.wire()) == before
        assert untouched is refused


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("PUT", "resolved", {"errorIds": ["1"]}, id="resolve with assign's body"),
        pytest.param("PUT", "resolved", {"errors": [{"errorId": "1"}]}, id="resolve with objects"),
        pytest.param("PUT", "resolved", {"errors": []}, id="resolve nothing"),
        pytest.param("PUT", "resolved", ["1"], id="resolve with a bare list"),
        pytest.param("PUT", "resolved", {"errors": ["1"], "by": "x"}, id="resolve with more"),
        pytest.param("PUT", "resolved", {"errors": [str(n) for n in range(1001)]}, id="1,001 ids"),
        pytest.param("POST", "retry", {"errors": ["1"]}, id="retry with resolve's body"),
        pytest.param("POST", "retry", {"retryDataKeys": "1"}, id="retry without a list"),
        pytest.param("POST", "retry", {"retryDataKeys": [""]}, id="retry a blank key"),
        pytest.param("POST", "retry", {"retryDataKeys": [None]}, id="retry null"),
        pytest.param("PUT", "errors/assign", {"errors": ["1"], "email": "a@example.com"}, id="assign: errors"),
        pytest.param("PUT", "errors/assign", {"errorIds": ["1"]}, id="assign to nobody"),
        pytest.param("PUT", "errors/assign", {"errorIds": ["1"], "email": "a"}, id="assign to no address"),
        pytest.param("PUT", "tags", {"errors": ["1"], "tagIds": ["F3ZBQ"]}, id="tag by plain ids"),
        pytest.param("PUT", "tags", {"errors": [{"id": "1", "rdk": "2"}], "tagIds": ["?"]}, id="unknown tag"),
        pytest.param("PUT", "tags", {"errors": [{"id": "5646500001", "rdk": "2"}], "tagIds": []}, id="wrong rdk"),
        pytest.param("PUT", "{key}/data", {"files": {}}, id="retry data without data"),
        pytest.param("PUT", "{key}/data", [], id="retry data that is a list"),
        pytest.param("PUT", "resolved", b"{", id="no JSON"),
        pytest.param("PUT", "{key}/data", b"", id="no body"),
    ],
)
async def test_a_body_of_another_shape_is_refused_and_changes_nothing(
    tiny: Client, method: str, path: str, body: Any
) -> None:
    key = tiny.entry("netsuite-concurrency").retry_key
    before = [entry.wire() for entry in tiny.step().open]
    reply = await tiny.ask(method, f"{tiny.path()}/{path.format(key=key)}", body)
    assert reply.status in (400, 422)
    assert set(reply.json["errors"][0]) >= {"code", "message"}
    assert [entry.wire() for entry in tiny.step().open] == before
    assert (await tiny.state())["totals"]["runs"] == 0


async def test_assigning_and_tagging_show_on_the_error(tiny: Client) -> None:
    entry = tiny.entry("state-name")
    await tiny.ask("PUT", f"{tiny.path()}/errors/assign", {"errorIds": [entry.error_id], "email": "a@example.com"})
    tagged = [{"id": entry.error_id, "rdk": entry.retry_key}]
    for tag_ids in (["F3ZBQ", "K9QTX"], ["A1B2C"]):
        reply = await tiny.ask("PUT", f"{tiny.path()}/tags", {"errors": tagged, "tagIds": tag_ids})
        assert reply.status == 200
    listed = (await tiny.get(f"{tiny.path()}/errors")).json["errors"]
    error = next(each for each in listed if str(each["errorId"]) == entry.error_id)
    assert (error["assignedTo"], error["tags"]) == ("a@example.com", ["A1B2C"])


async def test_a_disabled_flow_refuses_retries_and_runs(tiny: Client) -> None:
    flow_id = tiny.step().flow_id
    await tiny.act(do="flow", flow="Orders to NetSuite", disabled=True)
    assert (await tiny.get(f"/flows/{flow_id}")).json["disabled"] is True
    for reply in (await _retry(tiny, "netsuite-concurrency"), await tiny.ask("POST", f"/flows/{flow_id}/run")):
        assert (reply.status, reply.code) == (422, "inactive_flow")
    await tiny.act(do="flow", flow=flow_id, disabled=False)
    assert (await tiny.ask("POST", f"/flows/{flow_id}/run")).status == 201


async def test_retry_data_is_kept_as_it_was_put_and_straying_is_noticed(tiny: Client) -> None:
    entry = tiny.entry("state-name")
    path = f"{tiny.path()}/{entry.retry_key}/data"
    envelope = (await tiny.get(path)).text
    right = envelope.replace(f'"{entry.record.face.message.split(chr(39))[1]}"', f'"{entry.record.cure.value}"')
    assert right != envelope
    reply = await tiny.ask("PUT", path, right.encode())
    assert (reply.status, reply.text) == (200, right)
    assert (entry.record.patched, entry.record.stray_changes) == ([right], [])
    spoilt = right.replace('"stage"', '"Stage"').replace("0}, ", "}, ", 1)
    await tiny.ask("PUT", path, spoilt.encode())
    assert (await tiny.get(path)).text == spoilt
    assert entry.record.stray_changes == ["/data/total", "/stage", "/Stage"]


async def test_writes_are_kept_in_order_with_their_bodies(tiny: Client) -> None:
    await tiny.ask("PUT", f"{tiny.path()}/resolved", {"errors": ["5646500003"]})
    await _retry(tiny, "netsuite-concurrency")
    await tiny.get(f"{tiny.path()}/errors")
    state = await tiny.state()
    assert [(write["endpoint"], write["status"]) for write in state["writes"]] == [
        ("PUT resolved", 204),
        ("POST retry", 200),
    ]
    assert state["writes"][0]["body"] == '{"errors": ["5646500003"]}'
    assert state["requests"] == {"PUT resolved": 1, "POST retry": 1, "GET errors": 1}
