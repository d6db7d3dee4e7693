"""Run the installed ``flowmend`` as a subprocess, and a sandbox beside it."""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

from tests.acceptance.forking import fork

FLOWMEND = Path(sys.executable).with_name("flowmend")
TIMEOUT_S = 120.0


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of a command: nothing of Flowmend's from outside; compiled modules are kept."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWMEND_")}
    return kept | {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": ""} | extra


def flowmend(*arguments: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in a process that was forked: see `forking`."""
    with TemporaryFile("w+", encoding="utf-8") as stdout, TemporaryFile("w+", encoding="utf-8") as stderr:
        command = fork(arguments, cwd=cwd, env=environment(**extra), stdout=stdout.fileno(), stderr=stderr.fileno())
        code = command.wait(TIMEOUT_S)
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess([FLOWMEND, *arguments], code, stdout.read(), stderr.read())


def started(*arguments: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """Start one command as people do, with all of its imports in its own order, and run it to its end."""
    return subprocess.run(
        [FLOWMEND, *arguments], cwd=cwd, env=environment(**extra), capture_output=True, text=True, timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip


@dataclass
class ServedSandbox:
    """A sandbox in a process of its own."""

    url: str

    @property
    def state(self) -> dict[str, Any]:
        """Return its truth."""
        with urllib.request.urlopen(f"{self.url.removesuffix('/v1')}/_sandbox/state", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def act(self, **body: Any) -> dict[str, Any]:
        """Let people or the platform act."""
        request = urllib.request.Request(
            f"{self.url.removesuffix('/v1')}/_sandbox/act",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            done: dict[str, Any] = json.load(answer)
            return done


@contextmanager
def served_sandbox(cwd: Path, *arguments: str) -> Iterator[ServedSandbox]:
    """Serve a sandbox on a free port until the block ends."""
    read, written = os.pipe()
    with os.fdopen(read, encoding="utf-8") as said:
        with os.fdopen(written, "wb"):
            env = environment(PYTHONUNBUFFERED="1")
            sandbox = fork(["sandbox", "--port", "0", *arguments], cwd=cwd, env=env, stdout=written, stderr=written)
        try:
            line = said.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/v1", line)
            assert found, line + said.read()
            yield ServedSandbox(url=found[0])
        finally:
            os.kill(sandbox.pid, signal.SIGTERM)
            sandbox.wait(30)


def write_config(
    folder: Path, url: str, rules: Path, *, mode: str = "enforce", watch: bool = True, more: str = ""
) -> Path:
    """Write a configuration for the sandbox at *url*."""
    (folder / "token").write_text("sandbox-token\n", encoding="utf-8")
    config = folder / "config.toml"
    config.write_text(
        f"""mode = "{mode}"
[accounts.acme]
base_url = "{url}"
token_file = "token"
requests_per_s = 250
[poll]
interval = "1s"
settle = "0s"
[actions]
adopt_backlog = true
confirm_every = "1s"
[limits]
retries_per_hour = 10000
resolves_per_hour = 10000
[rules]
paths = ["{rules}"]
watch = {str(watch).lower()}
[store]
url = "sqlite:///./flowmend.db"
[log]
format = "json"
[server]
port = 0
{more}
""",
        encoding="utf-8",
    )
    return config


class Service:
    """``flowmend run`` in a process of its own, whose log can be waited for."""

    def __init__(
        self,
        cwd: Path,
        command: Sequence[str | Path] = (FLOWMEND, "run"),
        *,
        env: Mapping[str, str] | None = None,
        **how: Any,
    ) -> None:
        env = environment() if env is None else env
        self.process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **how
        )
        assert self.process.stderr is not None
        os.set_blocking(self.process.stderr.fileno(), False)
        self.events: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self._rest = b""

    def wait_for(self, event: str, *, timeout_s: float = 60.0, **facts: Any) -> dict[str, Any]:
        """Return the next line of *event* whose facts are those given."""
        deadline = time.monotonic() + timeout_s
        checked = 0
        while True:
            for line in self.events[checked:]:
                if line["event"] == event and all(line.get(name) == value for name, value in facts.items()):
                    return line
            checked = len(self.events)
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._read(left_s):
                raise AssertionError(f"no {event} {facts} in:\n" + "\n".join(map(str, self.events[-40:])))

    def look(self) -> None:
        """Read what there is to read, without waiting for more."""
        while self._read(0.0):
            pass

    def wait_for_more(self) -> None:
        """Wait for another line, or a second."""
        self._read(1.0)

    def forget(self) -> None:
        """Forget the lines so far, with those that nobody has read yet."""
        self.look()
        self.events.clear()

    def _read(self, timeout_s: float) -> bool:
        stderr = self.process.stderr
        assert stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                return False
        chunk = stderr.read()
        if not chunk:
            return False
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self.lines += [line.decode() for line in lines]
        self.events += [json.loads(line) for line in lines]
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind, whatever the test met."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=30)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def stop(self, number: int = signal.SIGTERM, *, timeout_s: float = 30.0) -> tuple[int, float]:
        """Send a signal and return the exit code and how long it took to end, in seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        while self.process.poll() is None and time.monotonic() - began < timeout_s:
            self._read(0.05)
        code = self.process.wait(timeout=1)
        took_s = time.monotonic() - began
        while self._read(0.0):
            pass
        return code, took_s
