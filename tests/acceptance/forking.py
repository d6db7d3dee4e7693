"""Start a command without the second of CPU that its imports take: a process that has made them forks for each one.

What runs is the installed script, to the end of a process of its own: with its own arguments, folder, environment,
files and exit code. Only what an interpreter does as it starts has been done before, and the order of the imports is
not the command's own; so `command.started` starts most commands once as people do.
"""

import atexit
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).with_name("flowmend")
MOST_BYTES = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Forked:
    """A running command."""

    pid: int
    channel: socket.socket

    def wait(self, timeout_s: float) -> int:
        """Return the exit code once it has ended, or the negative signal.

        Raises:
            TimeoutError: it runs for longer than *timeout_s*; it was killed.
        """
        self.channel.settimeout(timeout_s)
        with self.channel:
            try:
                return int(self.channel.recv(16))
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise


def fork(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdout: int, stderr: int) -> Forked:
    """Start the command; what it reads is empty, what it writes goes to the files of these numbers."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = json.dumps({"arguments": [*arguments], "cwd": str(cwd), "env": {**env}}).encode()
    with theirs:
        socket.send_fds(_forker(), [request], [stdout, stderr, theirs.fileno()])
    return Forked(pid=int(ours.recv(16)), channel=ours)


@cache
def _forker() -> socket.socket:
    """Start the process that forks, which ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for one request after another; return the request in the process that runs it, None at the end of all."""
    while True:
        message, files, *_ = socket.recv_fds(requests, MOST_BYTES, 3)
        if not message:
            return None
        if os.fork() == 0:
            requests.close()
            return _watched(json.loads(message), *files)
        for each in files:
            os.close(each)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _watched(request: dict[str, Any], stdout: int, stderr: int, channel: int) -> dict[str, Any]:
    """Fork once more: one waits for the other and tells how it ended, because only a parent is told."""
    if pid := os.fork():
        os.close(stdout)
        os.close(stderr)
        with socket.socket(fileno=channel) as told, suppress(BrokenPipeError):  # whoever asked may have given up
            told.send(str(pid).encode())
            _, status = os.waitpid(pid, 0)
            told.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.close(channel)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    return request


def become(arguments: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
    """Run the installed script as if this process had been started for it."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.stdout = os.fdopen(1, "w", buffering=1 if "PYTHONUNBUFFERED" in env else -1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.argv = [str(SCRIPT), *arguments]
    runpy.run_path(str(SCRIPT), run_name="__main__")


def _import_all() -> None:
    daemon = import_module("daemon")
    for module in pkgutil.walk_packages(daemon.__path__, "daemon."):
        if module.name != "daemon.cli.main":  # it would take the place of the function that the script imports
            import_module(module.name)
    import_module("alembic.command")
    gc.collect()
    gc.freeze()  # a collection would have each process copy all that is shared


if __name__ == "__main__":
    _import_all()
    if request := serve(socket.socket(fileno=int(sys.argv[1]))):
        become(**request)
