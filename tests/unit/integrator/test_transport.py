import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from daemon.core.exceptions import FlowmendError, ProtocolError, UnavailableError, UnknownResultError
from daemon.integrator.protocol import Answer, BaseUrl, Request
from daemon.integrator.transport import HttpTransport

GET = Request(method="GET", path="/flows", endpoint="GET /flows")
PUT = Request(method="PUT", path="/flows/f1/s1/resolved", endpoint="PUT …", body=b'{"errors":["e1"]}')
POST = Request(method="POST", path="/flows/f1/s1/retry", endpoint="POST …", body=b'{"retryDataKeys":["k1"]}')
HEADERS = {"Authorization": "Bearer secret-token"}

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Reads each request whole, then plays its part on the bare socket."""

    play: Play
    reads: bool = True
    base_url: BaseUrl = field(init=False)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                if self.reads:
                    head = await reader.readuntil(b"\r\n\r\n")
                    size = [
                        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
                    ]
                    self.requests.append(head + await reader.readexactly(sum(size)))
                await self.play(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(play: Play, *, reads: bool = True) -> AsyncIterator[RawServer]:
    server = RawServer(play, reads=reads)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.base_url = BaseUrl.parse(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")
    async with listening:
        yield server


def answering(body: bytes, *, status: str = "200 OK", headers: str = "") -> Play:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    return play


async def hanging_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resetting(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def breaking_off(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"_id":"j1"')
    await writer.drain()
    writer.close()


async def breaking_a_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    await writer.drain()
    writer.close()


async def babbling(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    await writer.drain()
    writer.close()


async def keeping_silent(writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()


async def stopping_in_the_middle(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"_id":"j1"')
    await writer.wait_closed()


TINY = aiohttp.ClientTimeout(total=10.0, sock_read=0.05)
AMPLE = aiohttp.ClientTimeout(total=10.0)


async def sent(
    base_url: BaseUrl, request: Request, *, limits: aiohttp.ClientTimeout = AMPLE, size_cap_bytes: int = 10**6
) -> Answer:
    async with HttpTransport(base_url, timeout=limits, size_cap_bytes=size_cap_bytes) as transport:
        return await transport.send(request, HEADERS)


LOST = [
    pytest.param(hanging_up, id="the connection is closed"),
    pytest.param(resetting, id="the connection is reset"),
    pytest.param(breaking_off, id="the answer breaks off"),
    pytest.param(breaking_a_chunk, id="the answer breaks"),
    pytest.param(babbling, id="the answer is no HTTP"),
    pytest.param(keeping_silent, id="no answer comes"),
    pytest.param(stopping_in_the_middle, id="the answer stops"),
]


@pytest.mark.parametrize("play", LOST)
@pytest.mark.parametrize("request_", [PUT, POST], ids=["PUT", "POST"])
async def test_a_write_whose_answer_is_lost_is_unknown_and_was_sent_once(request_: Request, play: Play) -> None:
    async with serving(play) as server:
        with pytest.raises(UnknownResultError) as raised:
            await sent(server.base_url, request_, limits=TINY)
    assert len(server.requests) == 1
    assert "secret-token" not in f"{raised.value!r}"
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("play", LOST)
async def test_a_read_whose_answer_is_lost_is_unavailable(play: Play) -> None:
    async with serving(play) as server:
        with pytest.raises(UnavailableError):
            await sent(server.base_url, GET, limits=TINY)


@pytest.mark.parametrize(
    ("request_", "means"), [(GET, UnavailableError), (POST, UnknownResultError)], ids=["GET", "POST"]
)
async def test_a_call_that_takes_too_long_in_all_is_lost(request_: Request, means: type[FlowmendError]) -> None:
    async with serving(keeping_silent) as server:
        with pytest.raises(means):
            await sent(server.base_url, request_, limits=aiohttp.ClientTimeout(total=0.05))


@pytest.mark.parametrize("request_", [PUT, POST], ids=["PUT", "POST"])
async def test_a_write_that_met_a_reset_before_it_was_read_may_have_left_all_the_same(request_: Request) -> None:
    async with serving(resetting, reads=False) as server:
        with pytest.raises(UnknownResultError):
            await sent(server.base_url, request_)


@pytest.mark.parametrize("request_", [PUT, POST], ids=["PUT", "POST"])
async def test_a_reset_in_the_middle_of_a_large_body_is_unknown(request_: Request) -> None:
    large = Request(method=request_.method, path=request_.path, endpoint="…", body=b"x" * 20_000_000)

    async with serving(resetting, reads=False) as server:
        with pytest.raises(UnknownResultError):
            await sent(server.base_url, large)
    assert server.connections == 1


@pytest.mark.parametrize("request_", [GET, PUT, POST], ids=["GET", "PUT", "POST"])
async def test_without_a_connection_nothing_was_sent(request_: Request) -> None:
    async with serving(hanging_up) as gone:
        pass
    with pytest.raises(UnavailableError, match="no connection"):
        await sent(gone.base_url, request_)


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_a_tls_handshake_that_fails_means_nothing_was_sent(request_: Request) -> None:
    async with serving(babbling, reads=False) as server:
        with pytest.raises(UnavailableError, match=r"no connection to https:.* \(no TLS there: "):
            await sent(BaseUrl.parse(str(server.base_url).replace("http:", "https:")), request_)


async def test_a_connection_that_takes_too_long_means_nothing_was_sent() -> None:
    timeout = aiohttp.ClientTimeout(total=10.0, connect=0.05)
    async with (
        serving(keeping_silent, reads=False) as server,
        HttpTransport(BaseUrl.parse(str(server.base_url).replace("http:", "https:")), timeout=timeout) as transport,
    ):
        with pytest.raises(UnavailableError, match="no connection"):
            await transport.send(POST, HEADERS)


async def test_a_write_never_uses_a_connection_that_was_open_before() -> None:
    async with serving(answering(b"[]")) as server, HttpTransport(server.base_url) as transport:
        for request in (GET, GET, PUT, PUT, POST, GET):
            await transport.send(request, HEADERS)
    assert server.connections == 4  # one for the reads, one for each write


async def test_a_read_on_a_connection_that_died_meanwhile_is_sent_again() -> None:
    served = 0

    async def once_a_connection(writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        await (hanging_up if served == 2 else answering(b"[]"))(writer)

    async with serving(once_a_connection) as server, HttpTransport(server.base_url) as transport:
        for _ in range(2):
            assert (await transport.send(GET, HEADERS)).body == b"[]"
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
async def test_a_redirect_is_not_followed_with_the_token(request_: Request, status: str) -> None:
    async with serving(answering(b"{}")) as elsewhere:
        away = answering(b"", status=status, headers=f"Location: {elsewhere.base_url}\r\n")
        async with serving(away) as server:
            answer = await sent(server.base_url, request_)
    assert answer.status == int(status[:3])
    assert elsewhere.requests == []


async def test_cookies_are_not_kept() -> None:
    async with serving(answering(b"[]", headers="Set-Cookie: session=1; Path=/\r\n")) as server:
        by_name = BaseUrl.parse(
            str(server.base_url).replace("127.0.0.1", "localhost")
        )  # cookie jars leave out addresses
        transport = HttpTransport(by_name)
        await transport.send(GET, HEADERS)
        await transport.send(GET, HEADERS)
        await transport.close()
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_proxy_from_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(b"proxied")) as proxy, serving(answering(b"direct")) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.origin)
        monkeypatch.setenv("http_proxy", proxy.base_url.origin)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert (await sent(server.base_url, GET)).body == b"direct"


async def test_path_query_headers_and_body_arrive_as_they_are() -> None:
    request = Request(
        method="PUT", path="/a%2Fb/c", endpoint="…", query="x=%2F+%20&y=ü".replace("ü", "%C3%BC"), body=b'{"a":1.0}'
    )
    async with serving(answering(b"")) as server:
        await sent(server.base_url, request)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /v1/a%2Fb/c?x=%2F+%20&y=%C3%BC HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret-token" in head
    assert body == b'{"a":1.0}'


async def test_a_body_of_many_megabytes_is_sent_without_a_warning() -> None:
    request = Request(method="PUT", path="/x", endpoint="…", body=b"x" * 3_000_000)
    async with serving(answering(b"")) as server:
        await sent(server.base_url, request)
    assert server.requests[0].endswith(b"\r\n\r\n" + b"x" * 3_000_000)


async def test_the_answer_keeps_status_headers_and_body() -> None:
    play = answering(b'{"message":"no"}', status="429 Too Many", headers="Retry-After: 7\r\nLink: <a>\r\nLink: <b>\r\n")
    async with serving(play) as server:
        answer = await sent(server.base_url, GET)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["link"] == "<a>, <b>"
    assert json.loads(answer.body) == {"message": "no"}


@pytest.mark.parametrize(("request_", "means"), [(GET, ProtocolError), (POST, UnknownResultError)], ids=["GET", "POST"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
async def test_an_answer_without_end_is_given_up(request_: Request, means: type[FlowmendError], packed: bool) -> None:
    body = b"x" * 100_000
    play = answering(gzip.compress(body), headers="Content-Encoding: gzip\r\n") if packed else answering(body)
    async with serving(play) as server:
        with pytest.raises(means, match="larger than 99999 bytes"):
            await sent(server.base_url, request_, size_cap_bytes=99_999)
        assert (await sent(server.base_url, request_, size_cap_bytes=100_000)).body == body


async def test_a_request_that_is_cancelled_stays_cancelled() -> None:
    arrived = asyncio.Event()

    async def arriving(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await keeping_silent(writer)

    async with serving(arriving) as server, HttpTransport(server.base_url) as transport:
        sending = asyncio.ensure_future(transport.send(POST, HEADERS))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
