from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from daemon.sandbox import Options, Sandbox, make_world, parse_faults
from tests.unit.sandbox.sandbox_client import NOW, Client, Clock

Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a sandbox on loopback: ``await serve(Options(…), world="shop", errors=30, faults="POST retry:1:after")``."""
    started: list[Sandbox] = []
    async with aiohttp.ClientSession() as session:
        session._retry_connection = False  # aiohttp would send a GET or PUT again by itself when the connection breaks

        async def start(
            options: Options | None = None, *, world: str = "tiny", errors: int | None = None, faults: str = ""
        ) -> Client:
            clock = Clock()
            sandbox = Sandbox(
                make_world(world, seed=1, errors=errors, now=NOW),
                clock=clock,
                options=options,
                faults=parse_faults(faults),
            )
            started.append(sandbox)
            return Client(sandbox=sandbox, clock=clock, base=await sandbox.start(), session=session)

        yield start
    for sandbox in started:
        await sandbox.stop()


@pytest.fixture
async def tiny(serve: Serve) -> Client:
    return await serve()
