import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from aioresponses import aioresponses

from daemon.core.exceptions import (
    AuthError,
    FlowmendError,
    LimitExceededError,
    ProtocolError,
    RateLimitedError,
    UnavailableError,
    UnknownResultError,
    WritesStoppedError,
)
from daemon.core.records import Connection, Flow, Integration, Mark, Step, StepRef, TokenInfo
from daemon.integrator.client import JOBS_PER_ANSWER, Client
from daemon.integrator.exchange import wait_before_next
from daemon.integrator.pacing import Pacer
from daemon.integrator.protocol import Answer, BaseUrl, Request
from daemon.integrator.transport import HttpTransport
from tests.fakes import all_errors, answer, everything
from tests.fakes import scripted_client as client

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BASE = BaseUrl.parse("https://api.integrator.io/v1")
REF = StepRef(account="acme", flow_id="f1", step_id="s1")
STEP = Step(ref=REF, type="import")
DOWN = UnavailableError("down")


def ok(value: object = None, **headers: str) -> Answer:
    return Answer(status=200) if value is None else answer(value, **headers)


WRITES: list[Callable[[Client], Awaitable[object]]] = [
    lambda api: api.resolve(REF, ["e1"]),
    lambda api: api.retry(REF, ["k1"]),
    lambda api: api.assign(REF, ["e1"], "a@example.com"),
    lambda api: api.set_tags(REF, [("e1", "k1")], ["T1"]),
]
WRITE_IDS = ["resolve", "retry", "assign", "tags"]


async def test_the_token_the_share_id_and_the_version_go_with_every_request() -> None:
    api, transport = client(ok({"_userId": "u1", "scope": "*"}), share_id="sh1")
    assert await api.token_info() == TokenInfo(user_id="u1", scope="*")
    assert transport.headers[0]["Authorization"] == "Bearer secret-token"
    assert transport.headers[0]["Integrator-AShareId"] == "sh1"
    assert transport.headers[0]["User-Agent"] == "flowmend/1.2"


async def test_a_token_that_was_replaced_is_used_from_the_next_request_on() -> None:
    tokens = iter(["one", "two\n"])
    api, transport = client(ok({}), ok({}), token=lambda: next(tokens))
    await api.token_info()
    await api.token_info()
    assert [sent["Authorization"] for sent in transport.headers] == ["Bearer one", "Bearer two"]


def test_the_token_is_not_shown() -> None:
    api, _ = client()
    assert "secret-token" not in repr(api)


@pytest.mark.parametrize("write", WRITES, ids=WRITE_IDS)
async def test_no_write_leaves_where_writes_are_not_allowed(write: Callable[[Client], Awaitable[object]]) -> None:
    api, transport = client(writes_allowed=False)
    with pytest.raises(LimitExceededError, match="not sent"):
        await write(api)
    assert transport.sent == []
    assert api.requests == 0


async def test_no_retry_data_leaves_where_writes_are_not_allowed() -> None:
    api, transport = client(ok({"data": 1}), writes_allowed=False)
    before = await api.retry_data(REF, "k1")
    with pytest.raises(LimitExceededError):
        await api.put_retry_data(REF, api.rewrite(before, 2))
    assert transport.sent == ["GET /flows/f1/s1/k1/data"]


@pytest.mark.parametrize("write", WRITES, ids=WRITE_IDS)
async def test_no_write_leaves_while_something_stops_it(write: Callable[[Client], Awaitable[object]]) -> None:
    asked: list[StepRef] = []

    async def may_write(ref: StepRef) -> str:
        asked.append(ref)
        return "paused by ann"

    api, transport = client(may_write=may_write)
    with pytest.raises(WritesStoppedError, match="was not sent: paused by ann"):
        await write(api)
    assert (transport.sent, api.requests, asked) == ([], 0, [REF])


async def test_retry_data_is_read_and_not_written_while_something_stops_it() -> None:
    async def may_write(_: StepRef) -> str:
        return "paused by ann"

    api, transport = client(ok({"data": 1}), may_write=may_write)
    before = await api.retry_data(REF, "k1")
    with pytest.raises(WritesStoppedError):
        await api.put_retry_data(REF, api.rewrite(before, 2))
    assert transport.sent == ["GET /flows/f1/s1/k1/data"]


async def test_whether_a_write_may_leave_is_asked_after_its_turn_has_come() -> None:
    order: list[str] = []

    class Turns(Pacer):
        async def turn(self) -> None:
            order.append("turn")

    async def may_write(_: StepRef) -> str:
        order.append("asked")
        return ""

    pacer = Turns(requests_per_s=1.0, random=lambda: 0.0)
    api, transport = client(ok(), may_write=may_write, pacer=pacer)
    await api.resolve(REF, ["e1"])
    assert order == ["turn", "asked"]
    assert transport.sent == ["PUT /flows/f1/s1/resolved"]


async def test_a_write_that_names_no_step_does_not_leave() -> None:
    api, transport = client()
    with pytest.raises(WritesStoppedError, match="names no step"):
        await api._send(Request(method="PUT", path="/x", endpoint="PUT /x"))
    assert transport.sent == []


@pytest.mark.parametrize("write", WRITES, ids=WRITE_IDS)
@pytest.mark.parametrize(
    ("trouble", "means"),
    [
        pytest.param(DOWN, UnavailableError, id="not sent"),
        pytest.param(UnknownResultError("lost"), UnknownResultError, id="lost"),
        pytest.param(Answer(status=502), UnknownResultError, id="502"),
        pytest.param(Answer(status=429), RateLimitedError, id="429"),
    ],
)
async def test_a_write_is_never_sent_twice(
    write: Callable[[Client], Awaitable[object]], trouble: Answer | Exception, means: type[FlowmendError]
) -> None:
    api, transport = client(trouble)
    with pytest.raises(means):
        await write(api)
    assert len(transport.sent) == 1


@pytest.mark.parametrize("trouble", [DOWN, Answer(status=503), Answer(status=429), Answer(status=408)], ids=str)
async def test_a_read_is_tried_a_few_times(trouble: Answer | Exception) -> None:
    api, transport = client(trouble, trouble, ok({"_userId": "u1"}))
    assert (await api.token_info()).user_id == "u1"
    assert len(transport.sent) == api.requests == 3


async def test_a_read_is_given_up_after_a_few_times() -> None:
    api, transport = client(*[DOWN] * 4)
    with pytest.raises(UnavailableError):
        await api.token_info()
    assert len(transport.sent) == 4


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 422])
async def test_a_refused_read_is_not_tried_again(status: int) -> None:
    api, transport = client(Answer(status=status))
    with pytest.raises(FlowmendError):
        await api.token_info()
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        pytest.param(RateLimitedError("429", wait_s=7.0), 7.0, id="as long as they ask"),
        pytest.param(UnavailableError("503", wait_s=30.0), 30.0, id="as long as they ask while down"),
        pytest.param(UnavailableError("reset"), True, id="growing pauses where they ask for nothing"),
        pytest.param(UnknownResultError("lost"), False, id="never where it may have happened"),
        pytest.param(ProtocolError("odd"), False, id="never where the answer would be the same"),
    ],
)
def test_a_read_waits_before_it_is_tried_again(error: FlowmendError, wait: float | bool) -> None:
    assert wait_before_next(error) == wait


async def test_a_429_shuts_the_gate_for_the_next_request_whatever_it_is() -> None:
    api, _ = client(Answer(status=429, headers={"retry-after": "7"}), ok())
    with pytest.raises(RateLimitedError) as limited:
        await api.retry(REF, ["k1"])
    assert limited.value.wait_s == 7
    await api.resolve(REF, ["e1"])
    assert api.pacer.throttled_s == 7
    assert api.clock() == 1007


async def test_every_request_is_observed_also_one_without_answer() -> None:
    seen: list[tuple[str, int, float]] = []
    api, _ = client(ok(), Answer(status=404), UnknownResultError("lost"), observe=lambda *facts: seen.append(facts))
    await api.resolve(REF, ["e1"])
    for failing in (api.job("j1"), api.retry(REF, ["k1"])):
        with pytest.raises(FlowmendError):
            await failing
    assert seen == [
        ("PUT /flows/{flow}/{step}/resolved", 200, 0.0),
        ("GET /jobs/{job}", 404, 0.0),
        ("POST /flows/{flow}/{step}/retry", 0, 0.0),
    ]


async def test_lists_are_followed_to_their_end_by_link() -> None:
    api, transport = client(
        ok([{"_id": "f1"}, {"name": "without id"}], link='<https://api.integrator.io/v1/flows?after=1>; rel="next"'),
        ok([{"_id": "f2", "name": "Orders"}]),
    )
    assert await api.flows() == [Flow(flow_id="f1"), Flow(flow_id="f2", name="Orders")]
    assert transport.sent == ["GET /flows", "GET /flows?after=1"]


async def test_a_list_that_leads_elsewhere_is_cut_short_and_raises() -> None:
    api, transport = client(ok([{"_id": "n1"}], link='<https://evil.example/v1/integrations?after=1>; rel="next"'))
    with pytest.raises(ProtocolError):
        await api.integrations()
    assert transport.sent == ["GET /integrations"]


async def test_an_answer_that_is_no_list_is_not_an_empty_one() -> None:
    api, _ = client(ok({"message": "hello"}))
    with pytest.raises(ProtocolError):
        await api.flows()


async def test_integrations_are_named() -> None:
    api, _ = client(ok([{"_id": "n1", "name": "Shop"}, {}]))
    assert await api.integrations() == [Integration(integration_id="n1", name="Shop")]


async def test_the_summaries_are_read_by_flow_and_by_step() -> None:
    api, transport = client(
        ok([{"_flowId": "f1", "numError": 5}]),
        ok({"flowErrors": [{"_expOrImpId": "s1", "numError": 0}, {"_expOrImpId": "s2", "numError": 1}]}),
        Answer(status=204),
        Answer(status=204),
    )
    assert await api.integration_errors("none") == {"f1": Mark(num_error=5)}
    assert await api.flow_errors("f1") == {"s1": Mark(num_error=0), "s2": Mark(num_error=1)}
    assert await api.integration_errors("n1") == {}
    assert await api.flow_errors("f2") == {}
    assert transport.sent[:2] == ["GET /integrations/none/errors", "GET /flows/f1/errors"]


@pytest.mark.parametrize("summary", [{"message": "hello"}, {"errors": []}, []], ids=str)
async def test_a_flow_summary_of_another_shape_raises(summary: object) -> None:
    api, _ = client(ok(summary))
    with pytest.raises(ProtocolError):
        await api.flow_errors("f1")


async def test_the_window_is_sent_once_and_the_next_pages_as_they_are_named() -> None:
    api, transport = client(
        ok({"errors": [{"errorId": "e1"}], "nextPageURL": "/v1/flows/f1/s1/errors?cursor=a%2Fb"}),
        ok({"errors": [{"errorId": "e2"}]}),
    )
    found = await all_errors(api.errors(REF, since=NOW, until=NOW + timedelta(hours=1), source="lookup"))
    window = "occurredAt_gte=2026-03-04T12%3A00%3A00.000Z&occurredAt_lte=2026-03-04T13%3A00%3A00.000Z&source=lookup"
    assert [error.error_id for error in found] == ["e1", "e2"]
    assert transport.sent == [
        f"GET /flows/f1/s1/errors?{window}",
        "GET /flows/f1/s1/errors?cursor=a%2Fb",
    ]


async def test_resolved_entries_come_page_by_page() -> None:
    api, _ = client(
        ok({"resolved": [{"errorId": "e1"}], "nextPageURL": "/v1/flows/f1/s1/resolved?cursor=1"}), Answer(status=204)
    )
    assert [found.error_id for found in await everything(api.resolved(REF, since=None, until=None))] == ["e1"]


async def test_a_page_is_tried_again_where_it_failed_and_not_from_the_start() -> None:
    api, transport = client(
        ok({"errors": [{"errorId": "e1"}], "nextPageURL": "?cursor=1"}), DOWN, ok({"errors": [{"errorId": "e2"}]})
    )
    assert len(await all_errors(api.errors(REF, since=None, until=None))) == 2
    assert [line.rpartition("?")[2] for line in transport.sent[1:]] == ["cursor=1", "cursor=1"]


@pytest.mark.parametrize(
    ("accepted", "job_id"),
    [
        pytest.param(ok({"_id": "j1", "type": "retry"}), "j1", id="a job"),
        pytest.param(ok({"success": True}), "", id="something else"),
        pytest.param(ok([]), "", id="a list"),
        pytest.param(Answer(status=200, body=b"OK"), "", id="a text"),
        pytest.param(ok(), "", id="nothing"),
        pytest.param(Answer(status=204), "", id="204"),
    ],
)
async def test_a_retry_that_was_accepted_names_its_job_or_none(accepted: Answer, job_id: str) -> None:
    api, transport = client(accepted)
    assert await api.retry(REF, ["k1", "k2"]) == job_id
    assert transport.sent == ["POST /flows/f1/s1/retry"]
    assert json.loads(transport.requests[0].body or b"") == {"retryDataKeys": ["k1", "k2"]}


async def test_retry_data_goes_back_with_only_its_data_changed() -> None:
    envelope = b'{"stage" : "x", "data":{"qty":1.10,"id":9007199254740993}, "files":{"a" : 1.000}}'
    api, transport = client(Answer(status=200, body=envelope), ok())
    before = await api.retry_data(REF, "k1")
    assert before.data == {"qty": Decimal("1.10"), "id": 9007199254740993}
    await api.put_retry_data(REF, api.rewrite(before, {"qty": Decimal("2.20"), "id": 9007199254740993}))
    assert transport.sent == ["GET /flows/f1/s1/k1/data", "PUT /flows/f1/s1/k1/data"]
    assert (
        transport.requests[1].body == b'{"stage":"x","data":{"qty":2.20,"id":9007199254740993},"files":{"a" : 1.000}}'
    )


async def test_retry_data_that_is_gone_raises() -> None:
    api, _ = client(Answer(status=204))
    with pytest.raises(ProtocolError):
        await api.retry_data(REF, "k1")


async def test_single_things_are_asked_by_id() -> None:
    api, transport = client(
        ok({"_id": "f1"}),
        ok({"_id": "j1"}),
        ok({"name": "Orders", "_connectionId": "c1"}),
        ok({}),
        ok({"_id": "c1", "offline": True}),
        ok([{"_id": "x", "tagId": "T1", "tag": "Urgent"}]),
    )
    assert await api.flow("f1") == Flow(flow_id="f1")
    assert (await api.job("j1")).job_id == "j1"
    assert await api.step_detail("s1", "import") == ("Orders", "c1")
    assert await api.step_detail("s2", "export") == ("", "")
    assert await api.connection("c1") == Connection(connection_id="c1", offline=True)
    assert await api.tags() == {"T1": "Urgent"}
    assert transport.sent == [
        "GET /flows/f1",
        "GET /jobs/j1",
        "GET /imports/s1",
        "GET /exports/s2",
        "GET /connections/c1",
        "GET /tags",
    ]


def jobs(first: int, count: int) -> list[dict[str, str]]:
    """Return *count* jobs, newest first, one a minute, numbered downwards from *first*."""
    return [
        {"_id": f"j{number}", "createdAt": (NOW + timedelta(minutes=number)).isoformat()}
        for number in range(first, first - count, -1)
    ]


async def test_jobs_beyond_the_cap_are_asked_for_by_time() -> None:
    full = jobs(2000, JOBS_PER_ANSWER)
    api, transport = client(ok(full), ok(jobs(1000, 3)))
    found = await api.retry_jobs(STEP, since=NOW)
    assert len(found) == JOBS_PER_ANSWER + 2
    assert "createdAt_gte=2026-03-04T12%3A00%3A00.000Z" in transport.sent[1]
    assert "createdAt_lte=2026-03-05T04%3A40%3A00.000Z" in transport.sent[1]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param([{"_id": f"j{n}", "createdAt": NOW.isoformat()} for n in range(JOBS_PER_ANSWER)], id="one moment"),
        pytest.param([{"_id": f"j{n}"} for n in range(JOBS_PER_ANSWER)], id="no moment"),
    ],
)
async def test_jobs_that_cannot_be_told_apart_are_never_taken_for_all(page: list[dict[str, str]]) -> None:
    api, _ = client(ok(page), ok(page))
    with pytest.raises(ProtocolError, match="not whole"):
        await api.retry_jobs(STEP, since=NOW)


@pytest.mark.parametrize("method", ["resolve", "retry"])
async def test_a_batch_that_is_too_large_is_not_sent(method: str) -> None:
    api, transport = client()
    with pytest.raises(LimitExceededError):
        await getattr(api, method)(REF, [str(number) for number in range(1001)])
    assert transport.sent == []


async def test_the_client_works_over_aiohttp(aioresponses_server: aioresponses) -> None:
    list_url = "https://api.integrator.io/v1/flows/f1/s1/errors"
    aioresponses_server.get(list_url, payload={"errors": [{"errorId": 1}], "nextPageURL": "/v1/flows/f1/s1/errors?p=2"})
    aioresponses_server.get(f"{list_url}?p=2", status=503)
    aioresponses_server.get(f"{list_url}?p=2", payload={"errors": [{"errorId": 2}]})
    aioresponses_server.put("https://api.integrator.io/v1/flows/f1/s1/resolved", status=204)
    aioresponses_server.post("https://api.integrator.io/v1/flows/f1/s1/retry", status=401, payload={"message": "no"})
    async with HttpTransport(BASE) as transport:
        api, _ = client(transport=transport)
        found = await all_errors(api.errors(REF, since=None, until=None))
        await api.resolve(REF, [error.error_id for error in found])
        with pytest.raises(AuthError, match="other region"):
            await api.retry(REF, ["k1"])
    assert [error.error_id for error in found] == ["1", "2"]
    assert api.requests == 5
