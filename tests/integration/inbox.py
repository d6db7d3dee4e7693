"""Somebody who is told: an HTTP server on loopback that takes what Apprise and the webhook send, or does not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Inbox:
    """What has arrived; *status* is the answer (307: elsewhere, where it is taken), and while *hangs* there is none."""

    url: str = ""
    status: int = 204
    hangs: bool = False
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.set()
        if self.hangs:
            await self.released.wait()
        if self.status == 307 and request.path != "/elsewhere":
            return web.Response(status=307, headers={"Location": "/elsewhere"})
        if self.status < 400:
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
        return web.Response(status=204 if self.status == 307 else self.status)

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Return what has arrived, read as JSON."""
        return [json.loads(body) for body in self.bodies]


@asynccontextmanager
async def open_inbox() -> AsyncIterator[Inbox]:
    """Listen on a free port until the block ends."""
    inbox = Inbox()
    application = web.Application()
    application.router.add_post("/{path:.*}", inbox.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    inbox.url = f"http://{host}:{port}"
    try:
        yield inbox
    finally:
        inbox.released.set()
        await runner.cleanup()
