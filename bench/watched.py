"""A ``flowmend run`` of its own, and what is measured of it from outside: by the system, its log and its metrics."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from bench.chaos import FLOWMEND
from bench.flatness import Gauge, Point
from daemon.store.sqlite import CACHE_KIB

GAUGES = (
    Gauge(name="memory", unit="MB", why=f"with the pages of the store in it, up to {CACHE_KIB * 1024 / 1e6:.0f} MB"),
    Gauge(name="its own memory", unit="MB", share=0.05),
    Gauge(name="open files", unit="", least=0.5),
    Gauge(name="threads", unit="", least=0.5),
    Gauge(name="cycle", unit="s", share=0.25, least=0.1),
    Gauge(name="processor", unit="% of a core", share=0.25, least=5.0),
    Gauge(name="work a request", unit="ms of a core", share=0.25, least=0.3),
    Gauge(name="scrape", unit="s", share=0.25, least=0.05),
    Gauge(name="open errors", unit="", share=0.25, least=50),
    Gauge(name="write-ahead log", unit="MB", least=17.0),  # folded into the file at 16 MiB, so it goes up and down
    Gauge(name="store", unit="MB", why="grows: it keeps attempts, outcomes, patches and recordings, each for its time"),
    Gauge(name="sandbox's answer", unit="ms", why="not the daemon's: what a longer cycle may come from"),
    Gauge(name="machine's load", unit="", why="likewise: how many processes want to run, all together"),
)


class Watched:
    """A ``flowmend run`` of its own, its log in a file, and what is measured of it from outside.

    *together_s* is for how long the processor's time is taken together, some cycles at best.
    """

    def __init__(self, folder: Path, *, together_s: float) -> None:
        self.folder = folder
        self.together_s = together_s
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([FLOWMEND, "run"], cwd=folder, stderr=log)
        self.log = (folder / "log").open(encoding="utf-8")
        self.points: dict[str, list[Point]] = {gauge.name: [] for gauge in GAUGES}
        self.cycles = 0
        self.complaints: list[str] = []
        self._began = time.monotonic()
        self._before = (0.0, 0.0, 0.0)
        self._asked = (0.0, 0.0)
        self._port = 0

    def wait_until_started(self) -> None:
        """Wait for the first cycle to begin."""
        while not self._port:
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(encoding="utf-8")[-2000:])
            time.sleep(0.05)
            self._read_log(0.0)
        self._began = time.monotonic()

    def sample(self) -> None:
        """Measure everything once."""
        at = time.monotonic() - self._began
        process = Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (process / "status").read_text(encoding="utf-8").splitlines())
        memory_mb, store_mb = int(status["VmRSS"].split()[0]) * 1024 / 1e6, _size_mb(self.folder / "flowmend.db")
        self._note("memory", at, memory_mb)
        self._note("its own memory", at, memory_mb - min(store_mb, CACHE_KIB * 1024 / 1e6))
        self._note("store", at, store_mb)
        self._note("threads", at, int(status["Threads"]))
        self._note("open files", at, len(list((process / "fd").iterdir())))
        self._note("write-ahead log", at, _size_mb(self.folder / "flowmend.db-wal"))
        self._note("machine's load", at, os.getloadavg()[0])
        self._scrape(at)
        ticks = (process / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        cpu_s = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
        was_at, was_s, asked_before = self._before
        if at - was_at >= self.together_s and self._asked[1] > asked_before:
            self._note("processor", at, 100 * (cpu_s - was_s) / (at - was_at))
            self._note("work a request", at, 1000 * (cpu_s - was_s) / (self._asked[1] - asked_before))
            self._before = (at, cpu_s, self._asked[1])
        self._read_log(at)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._read_log(time.monotonic() - self._began)
        return code

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=30)
        self.log.close()

    def _note(self, name: str, at: float, value: float) -> None:
        self.points[name].append((at, value))

    def _scrape(self, at: float) -> None:
        began = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        self._note("scrape", at, time.perf_counter() - began)
        self._note("open errors", at, _total(text, "flowmend_open_errors"))
        asked = _total(text, "flowmend_api_request_seconds_sum"), _total(text, "flowmend_api_request_seconds_count")
        if asked[1] > self._asked[1]:
            self._note("sandbox's answer", at, 1000 * (asked[0] - self._asked[0]) / (asked[1] - self._asked[1]))
        self._asked = asked

    def _read_log(self, at: float) -> None:
        while line := self.log.readline():
            said = json.loads(line)
            if said["event"] == "server.started":
                self._port = said["port"]
            if said["event"] == "cycle.finished":
                self.cycles += 1
                self._note("cycle", at, said["took_s"])
            if said["level"] == "error":
                self.complaints.append(line.strip())


def _total(text: str, metric: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{metric}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def _size_mb(file: Path) -> float:
    return file.stat().st_size / 1e6 if file.exists() else 0.0
