"""A clock that stands still, and a client that hides nothing of an answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from daemon.sandbox import Sandbox
from daemon.sandbox.world import Entry, Step

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


class Clock:
    """Time that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.json["errors"][0]["code"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One sandbox and a session that carries its token."""

    sandbox: Sandbox
    clock: Clock
    base: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send one request; *body* may be bytes; *path* starts after ``/v1``, or is ``/v1/…`` or ``/_sandbox/…``."""
        root = self.base.removesuffix("/v1") if path.startswith(("/v1/", "/_sandbox/")) else self.base
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        token = {"Authorization": f"Bearer {self.sandbox.options.token}"}
        async with self.session.request(method, root + path, data=data, headers=token | headers) as response:
            return Reply(status=response.status, text=await response.text(), headers=response.headers)

    async def get(self, path: str) -> Reply:
        return await self.ask("GET", path)

    async def act(self, **body: Any) -> Any:
        reply = await self.ask("POST", "/_sandbox/act", body)
        assert reply.status == 200, reply.text
        return reply.json

    async def state(self) -> Any:
        return (await self.get("/_sandbox/state")).json

    def step(self, name: str = "Create sales order") -> Step:
        return next(step for step in self.sandbox.world.steps() if step.resource.name == name)

    def path(self, step: Step | None = None) -> str:
        step = step or self.step()
        return f"/flows/{step.flow_id}/{step.step_id}"

    def entry(self, family: str) -> Entry:
        """Return the first open error of a family."""
        return next(
            entry for step in self.sandbox.world.steps() for entry in step.open if entry.record.family == family
        )
