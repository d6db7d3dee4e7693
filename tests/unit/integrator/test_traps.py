"""The traps of the API document's chapter 10, one test or table each, through the whole client."""

import asyncio
import json
from decimal import Decimal

import pytest

from daemon.core.exceptions import (
    AuthError,
    FlowmendError,
    ProtocolError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
    UnknownResultError,
)
from daemon.core.records import StepRef
from daemon.integrator.protocol import LONGEST_WAIT_S, Answer, BaseUrl
from daemon.integrator.transport import HttpTransport
from tests.fakes import all_errors, answer, everything
from tests.fakes import scripted_client as client

REF = StepRef(account="acme", flow_id="f1", step_id="s1")


def page(number: int, next_page: str | None = None) -> Answer:
    return answer({"errors": [{"errorId": f"e{number}"}]} | ({"nextPageURL": next_page} if next_page else {}))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"errors":[{"code":"x","message":"Not here."}]}', id="errors"),
        pytest.param(b'{"message":"Not here."}', id="message"),
        pytest.param(b"Not here.", id="plain text"),
    ],
)
async def test_refusal_envelopes(body: bytes) -> None:
    api, _ = client(Answer(status=400, body=body))
    with pytest.raises(RefusedError, match="Not here"):
        await api.flow("f1")


@pytest.mark.parametrize("nothing", [Answer(status=204), Answer(status=200)], ids=["204", "empty 200"])
async def test_nothing_on_get(nothing: Answer) -> None:
    api, _ = client(*[nothing] * 5)
    assert await all_errors(api.errors(REF, since=None, until=None)) == []
    assert await everything(api.resolved(REF, since=None, until=None)) == []
    assert await api.flows() == []
    assert await api.tags() == {}
    assert await api.flow_errors("f1") == {}


@pytest.mark.parametrize("nothing", [Answer(status=204), Answer(status=200)], ids=["204", "empty 200"])
async def test_empty_body_on_put(nothing: Answer) -> None:
    api, transport = client(*[nothing] * 3)
    await api.resolve(REF, ["e1"])
    await api.assign(REF, ["e1"], "a@example.com")
    await api.set_tags(REF, [("e1", "")], ["T1"])
    assert len(transport.sent) == 3


async def test_ids_as_numbers() -> None:
    api, _ = client(answer({"errors": [{"errorId": 5646501091, "traceKey": 53968}]}))
    (error,) = await all_errors(api.errors(REF, since=None, until=None))
    assert (error.error_id, error.trace_key) == ("5646501091", "53968")


@pytest.mark.parametrize("blank", [None, "", "   "])
async def test_blank_strings_as_null(blank: str | None) -> None:
    api, _ = client(
        answer({"errors": [{"errorId": "e1", "retryDataKey": blank, "traceKey": blank, "_flowJobId": blank}]})
    )
    (error,) = await all_errors(api.errors(REF, since=None, until=None))
    assert (error.retry_key, error.retryable, error.trace_key, error.flow_job_id) == ("", False, "", "")


@pytest.mark.parametrize(
    "next_page",
    [
        pytest.param("https://evil.example/v1/flows/f1/s1/errors?p=2", id="another host"),
        pytest.param("https://api.integrator.io:444/v1/flows/f1/s1/errors?p=2", id="another port"),
        pytest.param("http://api.integrator.io/v1/flows/f1/s1/errors?p=2", id="another scheme"),
        pytest.param("//evil.example/v1/flows/f1/s1/errors?p=2", id="//evil"),
        pytest.param("https://api.integrator.io@evil.example/v1/flows/f1/s1/errors?p=2", id="with @"),
        pytest.param("/v1/flows/f1/s1/errors", id="in a loop"),
        pytest.param("/v1/flows/f1/s2/errors?p=2", id="another step"),
    ],
)
async def test_next_page_elsewhere(next_page: str) -> None:
    api, transport = client(page(1, next_page))
    with pytest.raises(ProtocolError, match="not whole"):
        await all_errors(api.errors(REF, since=None, until=None))
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    ("trouble", "means"),
    [
        pytest.param([UnavailableError("down")] * 4, UnavailableError, id="down"),
        pytest.param([Answer(status=500)] * 4, UnavailableError, id="500"),
        pytest.param([Answer(status=404)], RefusedError, id="404"),
        pytest.param([Answer(status=200, body=b"<html>")], ProtocolError, id="HTML"),
        pytest.param([Answer(status=200, body=b"{}")], ProtocolError, id="no errors key"),
    ],
)
async def test_page_3_of_5_fails(trouble: list[Answer | Exception], means: type[FlowmendError]) -> None:
    api, _ = client(page(1, "?p=2"), page(2, "?p=3"), *trouble)
    seen: list[str] = []

    async def read() -> None:
        async for errors in api.errors(REF, since=None, until=None):
            seen.extend(errors.error_ids)

    with pytest.raises(means):
        await read()
    assert seen == ["e1", "e2"]


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        pytest.param({"retry-after": "3"}, 3, id="seconds"),
        pytest.param({}, 1, id="absent"),
        pytest.param({"retry-after": "0"}, 1, id="zero"),
        pytest.param({"retry-after": "86400000"}, LONGEST_WAIT_S, id="huge"),
        pytest.param({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_WAIT_S, id="a date"),
        pytest.param({"retry-after": "later"}, 1, id="nonsense"),
    ],
)
async def test_429_with_every_kind_of_retry_after(headers: dict[str, str], wait_s: float) -> None:
    api, _ = client(Answer(status=429, headers=headers), Answer(status=429, headers=headers), answer({"_userId": "u1"}))
    with pytest.raises(RateLimitedError) as limited:
        await api.retry(REF, ["k1"])
    assert limited.value.wait_s == wait_s
    await api.token_info()
    assert api.pacer.throttled_s == 2 * wait_s


async def test_401_in_mid_run() -> None:
    api, transport = client(page(1, "?p=2"), Answer(status=401, body=b'{"message":"Unauthorized"}'))
    with pytest.raises(AuthError, match="other region"):
        await all_errors(api.errors(REF, since=None, until=None))
    assert len(transport.sent) == 2


@pytest.mark.parametrize("status", [404, 422])
async def test_error_gone_before_the_batch(status: int) -> None:
    gone = Answer(status=status, body=b'{"errors":[{"code":"invalid_ref","message":"No such error."}]}')
    api, _ = client(gone, gone)
    for sending in (api.resolve(REF, ["e1"]), api.retry(REF, ["k1"])):
        with pytest.raises(RefusedError) as refused:
            await sending
        assert (refused.value.status, refused.value.code) == (status, "invalid_ref")


@pytest.mark.parametrize("status", ["queued", "running", "retrying", "canceling", "pondering", ""])
async def test_job_that_never_ends(status: str) -> None:
    api, _ = client(answer({"_id": "j1", "status": status}))
    assert not (await api.job("j1")).ended


async def test_job_completed_with_errors() -> None:
    api, _ = client(answer({"_id": "j1", "status": "completed", "numSuccess": 2, "numError": 1}))
    job = await api.job("j1")
    assert (job.ended, job.num_success, job.num_error) == (True, 2, 1)


async def test_retry_accepted_and_the_connection_then_cut() -> None:
    accepted = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        await reader.readuntil(b'k1"]}')
        accepted += 1
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        base_url = BaseUrl.parse(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        async with HttpTransport(base_url) as transport:
            api, _ = client(transport=transport, base_url=base_url)
            with pytest.raises(UnknownResultError, match="whether it was done is not known"):
                await api.retry(REF, ["k1"])
    assert accepted == 1


async def test_disabled_flow() -> None:
    refused = Answer(status=422, body=b'{"errors":[{"code":"inactive_flow","message":"The flow is disabled."}]}')
    api, _ = client(answer({"_id": "f1", "disabled": True}), refused)
    assert (await api.flow("f1")).disabled
    with pytest.raises(RefusedError) as raised:
        await api.retry(REF, ["k1"])
    assert raised.value.code == "inactive_flow"


async def test_unknown_fields_and_classifications() -> None:
    entry = {"errorId": "e1", "classification": "brand_new", "source": "brand_new", "novel": {"deep": [1]}}
    api, _ = client(answer({"errors": [entry], "novel": 1}))
    (error,) = await all_errors(api.errors(REF, since=None, until=None))
    assert (error.classification, error.source) == ("brand_new", "brand_new")


@pytest.mark.parametrize("number", ["9007199254740993", "0.1000000000000000055511151231257827", "1.10", "1E+400"])
async def test_numbers_in_retry_data(number: str) -> None:
    envelope = f'{{"data":{{"n":{number},"a":"x"}},"stage":"s"}}'.encode()
    api, transport = client(Answer(status=200, body=envelope), Answer(status=200))
    before = await api.retry_data(REF, "k1")
    assert isinstance(before.data, dict)
    assert before.data["n"] == Decimal(number)
    await api.put_retry_data(REF, api.rewrite(before, before.data | {"a": "y"}))
    assert transport.requests[1].body == envelope.replace(b'"x"', b'"y"')


async def test_unicode_nul_and_ansi_in_messages() -> None:
    message = "Größe 😀 \x00 \x1b[31mred\x1b[0m <script>\r\n"
    api, _ = client(
        answer({"errors": [{"errorId": "e1", "message": message}]}),
        Answer(status=400, body=json.dumps({"message": message}).encode()),
    )
    (error,) = await all_errors(api.errors(REF, since=None, until=None))
    assert error.message == message
    with pytest.raises(RefusedError) as refused:
        await api.flow("f1")
    assert str(refused.value).isprintable()
