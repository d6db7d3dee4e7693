"""The HTTP side: ``/healthz``, ``/readyz`` and ``/metrics``, on loopback unless the configuration says otherwise.

It runs on the service's own event loop, so an answer from ``/healthz`` says that the loop turns. It only asks its
`Source`; what goes wrong here is an answer of 500, never a cycle.
"""

import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from structlog.typing import FilteringBoundLogger

from daemon.core.exceptions import ConfigError
from daemon.web.exposition import Exposition
from daemon.web.reading import Readiness, Source

HEADERS = {"Server": "flowmend", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
CLOSE_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Pages:
    """The answers."""

    source: Source

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered: GET and HEAD, and nothing else."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer: that is all there is to say."""
        return web.Response(text="ok\n", headers=HEADERS)

    async def readyz(self, _request: web.Request) -> web.Response:
        """Say whether the work is done, and what keeps it from being done; 503 where it is not."""
        readiness = await self.source.readiness()
        status = web.HTTPServiceUnavailable.status_code if readiness.missing else web.HTTPOk.status_code
        return web.Response(text=in_words(readiness), status=status, headers=HEADERS)

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the figures, as OpenMetrics where that is asked for, else in Prometheus' own text."""
        reading = await self.source.reading()
        body, content_type = encoded(Exposition(reading), ",".join(request.headers.getall("Accept", [])))
        answer = web.Response(body=body, headers=HEADERS | {"Content-Type": content_type})
        answer.enable_compression()
        return answer


@web.middleware
async def refuse_alike(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is not answered under the same headers, which name no library; say what is answered."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        refusal.headers.update(HEADERS)
        refusal.text = f"{refusal.status} {refusal.reason}: there is GET /healthz, /readyz and /metrics\n"
        raise


def encoded(exposition: Exposition, accept: str) -> tuple[bytes, str]:
    """Return the figures as OpenMetrics 1.0 where *accept* names that, else as text 0.0.4, with the content type.

    prometheus-client's own choice fails where the version that is asked for is no number, and writes it into its answer.
    """
    if openmetrics.CONTENT_TYPE_LATEST.partition(";")[0] in accept.lower():
        return openmetrics.generate_latest(exposition), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
    return generate_latest(exposition), CONTENT_TYPE_PLAIN_0_0_4


def in_words(readiness: Readiness) -> str:
    """Return the text of ``/readyz``, a line each."""
    first = "not ready" if readiness.missing else "ready"
    return "\n".join(
        (first, *(f"- {each}" for each in readiness.missing), *(f"note: {each}" for each in readiness.notes), "")
    )


@asynccontextmanager
async def serve(host: str, port: int, source: Source, log: FilteringBoundLogger) -> AsyncIterator[None]:
    """Answer on *host* and *port* (0: any that is free, the log says which) until the end of the block.

    Raises:
        ConfigError: nobody can listen there.
    """
    app = web.Application(middlewares=[refuse_alike])
    app.add_routes(Pages(source).routes())
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_WITHIN_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as failure:
            raise ConfigError(why_not(host, port, failure)) from failure
        for address in runner.addresses:
            log.info("server.started", host=address[0], port=address[1])
        yield
    finally:
        await runner.cleanup()


def why_not(host: str, port: int, failure: OSError) -> str:
    """Say why nobody can listen there, which key it is about, and what to do."""
    what = f"health and metrics cannot be served on {host}, port {port}"
    if isinstance(failure, socket.gaierror):
        return f'{what}: {host} is not an address of this machine. Set server.host ("127.0.0.1", or "0.0.0.0" for all)'
    if failure.errno == errno.EADDRINUSE:
        return (
            f"{what}: another program listens there, perhaps a second flowmend run. Nothing was started. Stop that one, or "
            "give this one a port of its own: server.port in the configuration or FLOWMEND_SERVER__PORT (0 takes any "
            f"that is free). ss -ltnp 'sport = :{port}' shows who it is"
        )
    if failure.errno == errno.EADDRNOTAVAIL:
        return f'{what}: this machine has no such address. Set server.host ("127.0.0.1", or "0.0.0.0" for all)'
    if failure.errno == errno.EACCES:
        return f"{what}: ports below 1024 are not for everybody. Set server.port to 1024 or above"
    said = os.strerror(failure.errno) if failure.errno and failure.errno > 0 else failure.strerror or str(failure)
    return f"{what}: {said}. Set server.host and server.port"
