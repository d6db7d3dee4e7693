"""The event loop of the commands that talk to others: it ends when its work has ended, whatever the network does."""

import asyncio
import gc
import socket
from collections.abc import Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

NEW_OBJECTS = 10_000
"""How many new objects there may be before the garbage collector looks through them: a page of errors.

With Python's 700 it looks through each page many times over, for a tenth of what an error costs, and nothing in it ever
is garbage that only the collector finds. With many more, what HTTP connections leave behind lies about for minutes: 8 MB.
"""


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose end waits for no name that is being looked up.

    The system's resolver cannot be interrupted, and takes half a minute and more while no name server answers. asyncio
    waits at its end for the threads in which it asks, and would be killed (systemd, Docker) instead of ending.
    """

    async def getaddrinfo(  # type: ignore[no-untyped-def] # noqa: ANN201 the signature is asyncio's
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ):
        """Look up the addresses of *host*, as `socket.getaddrinfo`."""
        found: Future[Any] = Future()
        found.set_running_or_notify_cancel()  # who no longer waits for it changes nothing in its thread

        def look_up() -> None:
            try:
                found.set_result(socket.getaddrinfo(host, port, family, type, proto, flags))
            except (OSError, UnicodeError) as failed:
                found.set_exception(failed)

        Thread(target=look_up, name="lookup", daemon=True).start()
        return await asyncio.wrap_future(found)


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Do *main* on an event loop of its own, as `asyncio.run`."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


def keep_what_is_there() -> None:
    """Let the garbage collector leave alone from now on what was imported and loaded until now, and look less often.

    It stays to the end. Looking through it again and again would hold up the event loop for a tenth of a second each time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
