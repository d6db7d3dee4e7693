"""What systemd is told about the service, by the protocol of sd_notify(3): datagrams of ``NAME=value`` lines.

The watchdog is fed by a task of the event loop that does all the work: when the loop hangs, the feeding ends, and systemd
kills the process and starts a new one. A thread would go on feeding.
"""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

import structlog
from structlog.typing import FilteringBoundLogger

SEND_WITHIN_S = 0.5
"""How long systemd may take to accept a datagram; the event loop waits for it."""

STATUS_LENGTH = 256
"""At which length, in characters, a status is cut: ``systemctl status`` shows one line."""


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Whoever started the service and wants to hear how it is doing; nobody where *address* is "".

    *address* is a path, or a name in Linux's abstract namespace after an "@". Where *watchdog_s* is not 0, a sign of life
    is expected that often. A supervisor that cannot be told never disturbs the work; the log says so once.
    """

    log: FilteringBoundLogger = field(default_factory=structlog.get_logger)
    address: str = ""
    watchdog_s: float = 0.0
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    _unheard: bool = False
    _status: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, env: Mapping[str, str], log: FilteringBoundLogger) -> Self:
        """Return the supervisor that *env* names; a watchdog that is meant for another process is none."""
        watchdog, pid = env.get("WATCHDOG_USEC", ""), env.get("WATCHDOG_PID", "")
        ours = watchdog.isdecimal() and pid in {"", str(os.getpid())}
        return cls(log=log, address=env.get("NOTIFY_SOCKET", ""), watchdog_s=int(watchdog) / 1e6 if ours else 0.0)

    @property
    def listens(self) -> bool:
        """Tell whether there is anybody to be told."""
        return bool(self.address)

    def ready(self, status: str = "") -> None:
        """Say that the service does its work: after the start, and after each reload."""
        self._tell("READY=1", status)

    def reloading(self) -> None:
        """Say that configuration and rules are being read again; `ready` ends it."""
        # systemd tells by the time, of the clock that it uses itself, which of two reloads has ended
        self._tell(
            f"RELOADING=1\nMONOTONIC_USEC={self.monotonic_ns() // 1000}", "reading configuration and rules again"
        )

    def stopping(self) -> None:
        """Say that the service was asked to stop, and finishes what is in flight."""
        self._tell("STOPPING=1", "finishing what is in flight")

    def status(self, text: str) -> None:
        """Say in one line what the service does, if it is something new."""
        self._tell("", text)

    async def keep_alive(self) -> None:
        """Give a sign of life twice as often as one is expected, for as long as the event loop turns."""
        while self.listens and self.watchdog_s:
            self._tell("WATCHDOG=1")
            await self.sleep(self.watchdog_s / 2)

    def _tell(self, state: str, status: str = "") -> None:
        line = " ".join(status.split())
        line = line if len(line) <= STATUS_LENGTH else f"{line[: STATUS_LENGTH - 1]}…"
        news = f"STATUS={line}" if line and line != self._status else ""
        message = "\n".join(filter(None, (state, news)))
        if not self.listens or not message:
            return
        try:
            self._send(message.encode())
        except (OSError, ValueError) as failed:
            if not self._unheard:
                self.log.warning("supervisor.unheard", reason=str(failed), said=message.partition("\n")[0])
            self._unheard = True
        else:
            self._unheard = False
            self._status = line or self._status

    def _send(self, message: bytes) -> None:
        path = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(SEND_WITHIN_S)
            out.sendto(message, path)
