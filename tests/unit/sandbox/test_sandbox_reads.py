import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from daemon.sandbox import Options
from daemon.sandbox.stamps import stamp
from tests.unit.sandbox.sandbox_client import Client

Serve = Callable[..., Awaitable[Client]]


async def _all_errors(client: Client, first: str, key: str = "errors") -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = []
    path = first
    while path:
        reply = await client.get(path)
        if reply.status == 204:
            break
        errors += reply.json[key]
        path = reply.json.get("nextPageURL", "")
    return errors


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        pytest.param("*", {"_userId": "u1", "scope": "*"}, id="with a scope"),
        pytest.param(None, {"_userId": "u1"}, id="without"),
    ],
)
async def test_token_info_names_the_user(serve: Serve, scope: str | None, expected: dict[str, str]) -> None:
    client = await serve(Options(user_id="u1", scope=scope))
    assert (await client.get("/tokenInfo")).json == expected


@pytest.mark.parametrize(("path", "count"), [("/integrations", 4), ("/flows", 8), ("/tags", 3)])
async def test_lists_are_paged_by_link_headers(serve: Serve, path: str, count: int) -> None:
    client = await serve(Options(list_page_size=3), world="empty")
    ids: list[str] = []
    url = path
    pages = 0
    while url:
        reply = await client.get(url)
        pages += 1
        ids += [each["_id"] for each in reply.json]
        link = reply.headers.get("Link", "")
        assert not link or link.endswith('; rel="next"')
        url = link.partition("<")[2].partition(">")[0].removeprefix(client.base)
    assert (len(ids), len(set(ids)), pages) == (count, count, -(-count // 3))


async def test_a_flow_names_its_steps_in_the_form_it_has(serve: Serve) -> None:
    client = await serve(world="empty")
    flows = {flow["name"]: flow for flow in (await client.get("/flows")).json}
    listed, routed = flows["Amazon orders to NetSuite"], flows["Shopify orders to NetSuite"]
    legacy = flows["Nightly price list"]
    assert [list(each) for each in listed["pageGenerators"]] == [["_exportId"]]
    assert [each["type"] for each in listed["pageProcessors"]] == ["export", "import"]
    assert "_exportId" in listed["pageProcessors"][0]
    branches = [branch["pageProcessors"] for branch in routed["routers"][0]["branches"]]
    assert "pageProcessors" not in routed
    assert branches[0][1] == branches[1][0], "a step that occurs twice"
    assert {"_exportId", "_importId"} <= set(legacy)
    assert "_integrationId" not in legacy
    assert (await client.get(f"/flows/{legacy['_id']}")).json == legacy


async def test_the_summaries_agree_with_the_lists(serve: Serve) -> None:
    client = await serve(world="shop", errors=300)
    for integration in [*(each["_id"] for each in (await client.get("/integrations")).json), "none"]:
        for line in (await client.get(f"/integrations/{integration}/errors")).json:
            steps = (await client.get(f"/flows/{line['_flowId']}/errors")).json["flowErrors"]
            assert sum(step["numError"] for step in steps) == line["numError"]
            for step in steps:
                errors = await _all_errors(client, f"/flows/{line['_flowId']}/{step['_expOrImpId']}/errors")
                assert len(errors) == step["numError"]
                if errors:
                    assert max(error["occurredAt"] for error in errors) == step["lastErrorAt"]


@pytest.mark.parametrize(
    ("style", "integration", "status"),
    [
        pytest.param("full", "none", 200, id="the pseudo id"),
        pytest.param("no_none", "none", 404, id="no pseudo id"),
        pytest.param("missing", "", 404, id="missing"),
        pytest.param("forbidden", "", 403, id="forbidden"),
        pytest.param("full", "5e0", 404, id="unknown integration"),
    ],
)
async def test_the_integration_summary_can_be_had_or_not(
    serve: Serve, style: Any, integration: str, status: int
) -> None:
    client = await serve(Options(integration_summary=style))
    integration = integration or next(iter(client.sandbox.world.integrations))
    assert (await client.get(f"/integrations/{integration}/errors")).status == status


@pytest.mark.parametrize(("style", "lines"), [("full", 2), ("omit_zeros", 0)])
async def test_the_integration_summary_includes_zeros_or_omits_them(serve: Serve, style: Any, lines: int) -> None:
    client = await serve(Options(integration_summary=style), world="empty")
    edi = next(each for each, name in client.sandbox.world.integrations.items() if name == "EDI partners")
    assert len((await client.get(f"/integrations/{edi}/errors")).json) == lines


async def test_the_flow_summary_ignores_a_step_in_the_query_and_includes_zeros(serve: Serve) -> None:
    client = await serve(errors=0)
    step = client.step()
    summary = (await client.get(f"/flows/{step.flow_id}/errors?_stepId={step.step_id}")).json
    assert [set(each) for each in summary["flowErrors"]] == [{"_expOrImpId", "numError"}] * 2


async def test_errors_are_paged_by_a_relative_url_that_carries_the_filters(serve: Serve) -> None:
    client = await serve(Options(error_page_size=2))
    reply = await client.get(f"{client.path()}/errors?source=application")
    assert reply.json["nextPageURL"].startswith(f"/v1{client.path()}/errors?")
    errors = await _all_errors(client, f"{client.path()}/errors?source=application")
    assert [error["errorId"] for error in errors] == [
        int(entry.error_id) for entry in client.step().open if entry.fields["source"] == "application"
    ][::-1]
    assert (await client.get(reply.json["nextPageURL"] + "&source=application")).code == "invalid_query"


@pytest.mark.parametrize(
    ("query", "status", "numbers"),
    [
        pytest.param("occurredAt_gte={third}", 200, [7, 6, 5, 4, 3, 2], id="from"),
        pytest.param("occurredAt_lte={third}", 200, [2, 1, 0], id="until"),
        pytest.param("occurredAt_gte={third}&occurredAt_lte={third}", 200, [2], id="both, to the millisecond"),
        pytest.param("occurredAt_gte=2030-01-01T00:00:00.000Z", 204, [], id="nothing"),
        pytest.param("occurredAt_gte=yesterday", 400, [], id="no time"),
    ],
)
async def test_errors_are_filtered_by_the_moment(tiny: Client, query: str, status: int, numbers: list[int]) -> None:
    entries = list(tiny.step().open)
    reply = await tiny.get(f"{tiny.path()}/errors?{query.format(third=stamp(entries[2].at))}")
    assert reply.status == status
    if status == 200:
        assert [str(error["errorId"]) for error in reply.json["errors"]] == [entries[n].error_id for n in numbers]


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        pytest.param(Options(), 204, "", id="204"),
        pytest.param(Options(empty_204=False), 200, '{"errors":[]}', id="an empty list"),
    ],
)
async def test_an_empty_list_is_answered_as_told(serve: Serve, options: Options, status: int, text: str) -> None:
    client = await serve(options, errors=0)
    reply = await client.get(f"{client.path()}/errors")
    assert (reply.status, reply.text) == (status, text)


async def test_a_hostile_next_page_can_be_planted(serve: Serve) -> None:
    client = await serve(Options(next_page_url="//evil.example/v1"))
    assert (await client.get(f"{client.path()}/errors")).json["nextPageURL"] == "//evil.example/v1"


async def test_error_ids_are_unique_only_within_a_step_and_numbers_on_some(tiny: Client) -> None:
    imports = (await tiny.get(f"{tiny.path()}/errors")).json["errors"]
    exports = (await tiny.get(f"{tiny.path(tiny.step('Find customer'))}/errors")).json["errors"]
    assert {type(error["errorId"]) for error in imports} == {int}
    assert {type(error["errorId"]) for error in exports} == {str}
    assert {error["errorId"] for error in exports} < {str(error["errorId"]) for error in imports}


async def test_retry_data_is_answered_byte_for_byte_and_only_where_there_is_some(tiny: Client) -> None:
    entry = tiny.entry("state-name")
    stored = tiny.step().retry_data[entry.retry_key].envelope
    assert (await tiny.get(f"{tiny.path()}/{entry.retry_key}/data")).text.encode() == stored
    assert (await tiny.get(f"{tiny.path()}/nothing/data")).status == 404
    assert "retryDataKey" not in tiny.entry("netsuite-login").fields


@pytest.mark.parametrize(
    "path",
    ["/flows/none", "/flows/{flow}/none/errors", "/flows/none/{step}/errors", "/flows/{flow}/imports/{step}/errors",
     "/jobs/none", "/connections/none", "/connections/none/ping", "/imports/none", "/exports/{step}",
     "/nothing"],
)  # fmt: skip
async def test_what_is_not_there_is_a_404_with_the_envelope(tiny: Client, path: str) -> None:
    step = tiny.step()
    reply = await tiny.get(path.format(flow=step.flow_id, step=step.step_id))
    assert reply.status == 404
    assert set(reply.json["errors"][0]) >= {"code", "message"}


async def test_a_step_of_another_flow_is_not_found(serve: Serve) -> None:
    client = await serve(world="empty")
    flow, other = client.step("Create sales order").flow_id, client.step("Create cash sale").step_id
    assert (await client.get(f"/flows/{flow}/{other}/errors")).status == 404


async def test_resources_and_connections_have_their_documents(tiny: Client) -> None:
    step = tiny.step()
    resource = (await tiny.get(f"/imports/{step.step_id}")).json
    assert resource["name"] == "Create sales order"
    connection = (await tiny.get(f"/connections/{resource['_connectionId']}")).json
    assert (connection["offline"], connection["queues"][0]["name"]) == (False, connection["_id"])


@pytest.mark.parametrize(
    ("heals", "answer", "offline"),
    [
        pytest.param(True, {"code": 200}, False, id="back"),
        pytest.param(False, {"errors": [{"code": "401", "message": "Invalid login attempt."}]}, True, id="still gone"),
    ],
)
async def test_a_ping_can_bring_a_connection_back(
    tiny: Client, heals: bool, answer: dict[str, object], offline: bool
) -> None:
    connection_id = tiny.step().resource.connection_id
    await tiny.act(do="connection", connection=connection_id, offline=True, ping_heals=heals)
    assert (await tiny.get(f"/connections/{connection_id}")).json["offline"] is True
    assert (await tiny.get(f"/connections/{connection_id}/ping")).json == answer
    assert (await tiny.get(f"/connections/{connection_id}")).json["offline"] is offline


async def test_the_audit_tells_who_changed_a_step(tiny: Client) -> None:
    step = tiny.step()
    assert (await tiny.get(f"/imports/{step.step_id}/audit")).json == {"audit": []}
    before = (await tiny.get(f"/imports/{step.step_id}")).json["lastModified"]
    await tiny.act(do="modify_step", flow=step.flow_id, step=step.step_id, by="somebody")
    assert [each["_byUserId"] for each in (await tiny.get(f"/imports/{step.step_id}/audit")).json["audit"]] == [
        "somebody"
    ]
    assert (await tiny.get(f"/imports/{step.step_id}")).json["lastModified"] > before


async def test_messages_arrive_with_all_their_control_characters(serve: Serve) -> None:
    client = await serve(world="shop", errors=300)
    entry = client.entry("odd-control-characters")
    step = next(each for each in client.sandbox.world.steps() if each.open.get(entry.error_id) is entry)
    listed = (await client.get(f"{client.path(step)}/errors")).json["errors"]
    message = next(error["message"] for error in listed if error["errorId"] == entry.fields["errorId"])
    assert message == entry.fields["message"]
    assert {"\x1b", "\x00", "\n"} <= set(message)
    assert json.loads(entry.wire()) == entry.fields
