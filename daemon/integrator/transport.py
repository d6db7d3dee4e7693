"""The way over the wire: a request value out, an answer value back. Everything that can be decided is in ``protocol``.

On a write, what counts is whether a byte of it can have left (P1). aiohttp raises a class of its own while a connection
is being made; everything after that is "may have happened". Writes never share a connection that was open before: one
that the platform has just closed for being idle would make the outcome of a retry unknown for nothing.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Self

import aiohttp
from yarl import URL

from daemon.core.connecting import why_no_connection
from daemon.core.exceptions import ProtocolError, UnavailableError
from daemon.integrator.protocol import Answer, BaseUrl, Request, lost, one_line

READ_BUFFER_BYTES = 2 * 1024 * 1024
SIZE_CAP_BYTES = 64 * 1024 * 1024
TIMEOUT = aiohttp.ClientTimeout(total=300.0, connect=15.0, sock_read=60.0)
"""The whole call · making a connection (or waiting for a free one) · silence in between, in seconds."""

_NOT_CONNECTED = (
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientConnectorSSLError,
)


class HttpTransport:
    """Talks to one origin. Make it where an event loop runs, and close it."""

    def __init__(
        self, base_url: BaseUrl, *, timeout: aiohttp.ClientTimeout = TIMEOUT, size_cap_bytes: int = SIZE_CAP_BYTES
    ) -> None:
        self._base_url = base_url
        self._size_cap_bytes = size_cap_bytes
        self._reads = _session(timeout, connector=aiohttp.TCPConnector())
        self._writes = _session(timeout, connector=aiohttp.TCPConnector(force_close=True), middlewares=(_once,))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._reads.close()
        await self._writes.close()

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        """Send *request* once and return whatever was answered, redirects and refusals included.

        Raises:
            UnavailableError: it did not leave, or it is a read and the answer did not come whole.
            UnknownResultError: it is a write, it may have left, and the answer did not come whole.
            ProtocolError: the answer to a read is larger than the cap.
        """
        session = self._writes if request.is_write else self._reads
        url = URL(f"{self._base_url}{request.path}{'?' if request.query else ''}{request.query}", encoded=True)
        data = None if request.body is None else BytesIO(request.body)  # plain bytes over 1 MiB draw a warning
        try:
            async with session.request(
                request.method, url, data=data, headers=headers, allow_redirects=False
            ) as response:
                body = await self._body(response, request)
                names = {name.lower() for name in response.headers}
                sent = {name: ", ".join(response.headers.getall(name)) for name in names}
                return Answer(status=response.status, headers=sent, body=body)
        except _NOT_CONNECTED as reason:
            raise UnavailableError(f"{request}: no connection to {self._base_url.origin} ({_cause(reason)})") from None
        except (aiohttp.ClientError, OSError) as reason:
            lost(request, f"{request}: the answer was lost ({_named(reason)})")

    async def _body(self, response: aiohttp.ClientResponse, request: Request) -> bytes:
        chunks: list[bytes] = []
        size_bytes = 0
        async for chunk in response.content.iter_any():
            size_bytes += len(chunk)
            if size_bytes > self._size_cap_bytes:
                if request.is_write:
                    lost(request, f"{request}: the answer is larger than {self._size_cap_bytes} bytes")
                raise ProtocolError(f"{request}: the answer is larger than {self._size_cap_bytes} bytes; not read")
            chunks.append(chunk)
        return b"".join(chunks)


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a write twice.

    Its client sends a PUT again by itself after ``ClientOSError`` and ``ServerDisconnectedError``
    (``retry_persistent_connection`` in ``aiohttp/client.py``); under another class they come straight out.
    """
    try:
        return await send(request)
    except _NOT_CONNECTED:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as reason:
        raise aiohttp.ClientConnectionError(_named(reason)) from None


def _session(
    timeout: aiohttp.ClientTimeout,
    *,
    connector: aiohttp.TCPConnector,
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=middlewares,
        read_bufsize=READ_BUFFER_BYTES,
        timeout=timeout,
        trust_env=False,
    )


def _cause(reason: BaseException) -> str:
    if isinstance(reason, aiohttp.ClientConnectorError):
        return one_line(why_no_connection(reason.os_error))
    return _named(reason)


def _named(reason: BaseException) -> str:
    return one_line(f"{type(reason).__name__}: {reason}".removesuffix(": "))
