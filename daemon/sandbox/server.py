"""The sandbox on a socket: counts, faults and the gate around the API, and the door for tests at ``/_sandbox``."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime

from aiohttp import web

from daemon.sandbox.calls import Answer, Call, RefusedCallError, Responder, answer_json, broken
from daemon.sandbox.faults import Fault, hit_of, parse_faults, shift_of
from daemon.sandbox.gate import Gate, retry_after
from daemon.sandbox.jobs import Jobs
from daemon.sandbox.meanwhile import happen
from daemon.sandbox.options import Options
from daemon.sandbox.people import act
from daemon.sandbox.reads import Reads
from daemon.sandbox.state import Seen, state_document
from daemon.sandbox.world import World
from daemon.sandbox.writes import Writes

LARGEST_BODY_BYTES = 64 * 1024 * 1024
NOT_JSON = Answer(body=b"<html><body>Bad gateway</body></html>", content_type="text/html")
WRONG_TYPES = answer_json({"errors": "none", "resolved": 7, "data": None, "_id": [], "flowErrors": {}})


class Sandbox:
    """An integrator.io on loopback.

    *world* is live and may be looked at at any time; *seen* holds every request to the API in the order of arrival.
    Nothing runs in the background: retry jobs progress when a request, or `settle`, looks at *clock*. Faults may be
    added to *faults* at any time; `calls` tells how many calls of an endpoint there have been.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: Callable[[], datetime],
        options: Options | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.world = world
        self.options = options or Options()
        self.world.user_id = self.options.user_id
        self.faults = tuple(faults)
        self.seen: list[Seen] = []
        self.jobs = Jobs(world, self.options)
        self._clock = clock
        self._gate = Gate(world, self.options)
        self.calls: Counter[str] = Counter()
        self._ahead = timedelta(0)
        self._stopped = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._origin = ""

    @property
    def requests(self) -> Counter[str]:
        """Count the requests so far by endpoint."""
        return Counter(each.endpoint for each in self.seen)

    @property
    def writes(self) -> list[Seen]:
        """Return every request that was not a GET, in order."""
        return [each for each in self.seen if each.method != "GET"]

    def now(self) -> datetime:
        """Return the platform's time: the clock's, and how far faults have put it ahead."""
        return self._clock() + self._ahead

    def settle(self) -> None:
        """Bring the world up to the clock, as any request does first."""
        self.jobs.settle(self.now())

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, on a free port where *port* is 0, and return the base URL, which ends in ``/v1``."""
        app = web.Application(client_max_size=LARGEST_BODY_BYTES)
        for part in (Reads, Writes):
            api = part(world=self.world, jobs=self.jobs, options=self.options)
            for (endpoint, path), responder in api.responders().items():
                app.router.add_route(endpoint.split()[0], f"/v1{path}", self._handler(endpoint, responder))
        app.router.add_get("/_sandbox/state", self._state)
        app.router.add_post("/_sandbox/act", self._act)
        app.router.add_post("/_sandbox/faults", self._change_faults)
        app.router.add_route("*", "/{tail:.*}", self._handler("unknown", _no_such_path))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._origin = "http://{}:{}".format(*self._runner.addresses[0][:2])
        return f"{self._origin}/v1"

    async def stop(self) -> None:
        """Stop listening; whoever waits for a hanging answer is cut off."""
        self._stopped.set()
        if self._runner:
            await self._runner.cleanup()

    def _handler(self, endpoint: str, responder: Responder) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, endpoint, responder)

        return handle

    async def _serve(self, request: web.Request, endpoint: str, responder: Responder) -> web.StreamResponse:
        body = await request.read()
        self.calls[endpoint] += 1
        hit = hit_of(self.faults, endpoint, self.calls[endpoint])
        fault = hit.answer
        self._ahead += sum(map(shift_of, hit.aside("clock")), timedelta(0))
        now = self.now()
        seen = Seen(
            at=now,
            endpoint=endpoint,
            method=request.method,
            path=request.path_qs,
            body=body.decode(errors="replace"),
            fault=",".join(hit.kinds),
        )
        self.seen.append(seen)
        self.jobs.settle(now)
        for who in hit.aside("meanwhile"):
            happen(who, self.world, self.jobs, path=request.match_info, body=body, now=now)
        if fault == "hang":
            await self._stopped.wait()
        if fault in ("before", "hang"):
            return _cut(request, reset=True)
        answer = self._refused(fault, now) or self._gate.refusal(endpoint, request.headers, now)
        if answer is None:
            call = Call(
                path=request.match_info,
                query=tuple(request.query.items()),
                body=body,
                now=now,
                origin=self._origin,
                job_fate="".join(hit.aside("job")[:1]),
            )
            try:
                answer = responder(call)
            except RefusedCallError as refused:
                answer = refused.answer()
        if fault == "hang_after":
            await self._stopped.wait()
        if fault in ("after", "hang_after"):
            return _cut(request, reset=False)
        answer = _spoilt(fault, answer)
        seen.status = answer.status
        if fault == "half_body":
            return await _send_half(request, answer)
        dated = _headers(answer) | {"Date": format_datetime(now, usegmt=True)}
        return web.Response(status=answer.status, body=answer.body or None, headers=dated)

    def _refused(self, fault: str, now: datetime) -> Answer | None:
        """Return what a fault answers in place of doing anything, None where it lets the work be done."""
        kind, _, value = fault.partition(":")
        if fault == "status:429":
            return self._gate.throttled()
        if kind == "throttle":
            return self._gate.throttled(retry_after=retry_after(value, now))
        if kind != "status":
            return None
        if value in ("401", "403"):
            return answer_json({"message": "Unauthorized" if value == "401" else "Forbidden"}, status=int(value))
        return broken(value)

    async def _state(self, _: web.Request) -> web.Response:
        self.settle()
        return web.json_response(state_document(self.world, self.seen))

    async def _act(self, request: web.Request) -> web.Response:
        self.settle()
        try:
            done = act(self.world, self.jobs, await request.json(), self.now())
        except (LookupError, ValueError, TypeError) as wrong:
            return web.json_response({"refused": str(wrong)}, status=400)
        return web.json_response(done)

    async def _change_faults(self, request: web.Request) -> web.Response:
        """Let other things go wrong from now on, and put the platform's clock ahead: ``{"faults"?, "clock"?}``."""
        try:
            body = await request.json()
            faults, ahead = parse_faults(body.get("faults", "")), shift_of(body.get("clock", "0s"))
        except (AttributeError, TypeError, ValueError) as wrong:
            return web.json_response({"refused": str(wrong)}, status=400)
        self.faults, self._ahead = faults, self._ahead + ahead
        return web.json_response({"faults": len(self.faults)})


def _spoilt(fault: str, answer: Answer) -> Answer:
    """Return the answer to a call that was done, as the fault leaves it."""
    kind, _, value = fault.partition(":")
    return broken(value) if kind == "late" else {"not_json": NOT_JSON, "wrong_types": WRONG_TYPES}.get(kind, answer)


def _no_such_path(call: Call) -> Answer:
    raise RefusedCallError(404, "not_found", f"No such path: {call.path['tail']}")


def _cut(request: web.Request, *, reset: bool) -> web.Response:
    """End the connection without an answer, by a TCP reset or by closing it; what is returned goes nowhere."""
    if transport := request.transport:
        if reset:
            peer: socket.socket = transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _send_half(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Announce the whole body, send half of it, and close; an answer without a body is not sent at all."""
    if not answer.body:
        return _cut(request, reset=False)
    response = web.StreamResponse(status=answer.status, headers=_headers(answer))
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if transport := request.transport:
        transport.close()
    return response


def _headers(answer: Answer) -> dict[str, str]:
    return dict(answer.headers) | ({"Content-Type": answer.content_type} if answer.body else {})
