"""The other end of sd_notify(3): the datagram socket on which systemd listens."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySocket:
    """A bound socket, its *address* as NOTIFY_SOCKET has it, and all that was *heard*, a mapping a datagram."""

    bound: socket.socket
    address: str
    heard: list[dict[str, str]] = field(default_factory=list)

    def next(self, within_s: float = WITHIN_S) -> dict[str, str]:
        """Return the next datagram; whoever calls this holds up the event loop.

        Raises:
            TimeoutError: there was none.
        """
        self.bound.settimeout(within_s)
        return self._read(self.bound.recv(4096))

    def until(self, name: str) -> dict[str, str]:
        """Return the next datagram that has *name*, such as ``READY``."""
        while name not in (found := self.next()):
            pass
        return found

    async def wait_for(self, name: str, text: str = "") -> dict[str, str]:
        """Return the next datagram in which *name* has a value with *text*, while the event loop goes on."""
        self.bound.setblocking(False)
        async with asyncio.timeout(WITHIN_S):
            while True:
                found = self._read(await asyncio.get_running_loop().sock_recv(self.bound, 4096))
                if name in found and text in found[name]:
                    return found

    def waiting(self) -> list[dict[str, str]]:
        """Return what has come and was not looked at yet."""
        self.bound.setblocking(False)
        found = []
        while True:
            try:
                found.append(self._read(self.bound.recv(4096)))
            except BlockingIOError:
                return found

    def _read(self, datagram: bytes) -> dict[str, str]:
        lines = [line.partition("=") for line in datagram.decode().splitlines()]
        assert all(name and sign for name, sign, _ in lines), datagram
        self.heard.append({name: value for name, _, value in lines})
        return self.heard[-1]


@contextmanager
def notify_socket(folder: Path, *, abstract: bool = False) -> Iterator[NotifySocket]:
    """Listen as systemd does, at a path in *folder* or under a name without a file."""
    name = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0{name}" if abstract else name)
        yield NotifySocket(bound=bound, address=f"@{name}" if abstract else name)
