import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from daemon.app.event_loop import keep_what_is_there, run_async


@dataclass
class DeadNameServer:
    """Answers nobody before it is *released*; *ended* tells that it has let somebody go."""

    asked: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def look_up(self, *_: Any) -> list[Any]:
        self.asked.set()
        self.released.wait(5)
        self.ended.set()
        raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeadNameServer]:
    server = DeadNameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.look_up)
    yield server
    server.released.set()


def test_an_end_waits_for_no_name_that_is_being_looked_up(dead: DeadNameServer) -> None:
    async def work() -> None:
        looking = asyncio.create_task(asyncio.get_running_loop().getaddrinfo("hooks.example.com", 443))
        await asyncio.to_thread(dead.asked.wait, 5)
        looking.cancel()

    run_async(work())
    assert not dead.ended.is_set()


def test_what_cannot_be_found_is_said(dead: DeadNameServer) -> None:
    dead.released.set()

    async def work() -> None:
        with pytest.raises(socket.gaierror, match="no name server answers"):
            await asyncio.get_running_loop().getaddrinfo("hooks.example.com", 443)

    run_async(work())


def test_what_is_found_is_returned() -> None:
    async def work() -> list[Any]:
        return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    ((family, kind, _, _, address),) = run_async(work())
    assert (family, kind, address) == (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 80))


def test_what_was_loaded_before_the_service_begins_is_not_looked_through_for_garbage_again() -> None:
    loaded = [[number] for number in range(1000)]
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        keep_what_is_there()
        assert gc.get_freeze_count() >= before + len(loaded)
        assert not any(each is loaded for each in gc.get_objects())
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def test_garbage_is_not_looked_for_in_the_midst_of_a_page_that_is_being_worked_on() -> None:
    thresholds, looked = gc.get_threshold(), []

    def look(phase: str, info: dict[str, int]) -> None:
        looked.append((phase, info))

    try:
        keep_what_is_there()
        gc.callbacks.append(look)
        page = [[number] for number in range(8_000)]
        assert (len(page), looked) == (8_000, [])
    finally:
        gc.callbacks.remove(look)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
