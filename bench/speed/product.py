"""Flowmend as it is: its own configuration file, HTTP client, rules, and a SQLite file in a temporary folder."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import tomlkit

from bench.speed.processes import Figures
from daemon.app.account import AccountRunner
from daemon.app.build import Daemon, open_daemon
from daemon.app.clock import SystemClock
from daemon.app.event_loop import keep_what_is_there
from daemon.logs import Secrets, configure_logs
from daemon.settings import load_settings

ACCOUNT = "bench"
FASTEST = 100_000
"""Requests per second: the limit is lifted, since it is not what is measured."""


def write_config(folder: Path, base_url: str, rules: Path, **sections: Any) -> Path:
    """Write a configuration file with the defaults but for *sections*, and return it."""
    wanted: dict[str, Any] = {
        "mode": "observe",
        "accounts": {ACCOUNT: {"base_url": base_url, "token": "bench-token", "requests_per_s": FASTEST}},
        "actions": {"adopt_backlog": True},
        "rules": {"paths": [str(rules)], "watch": False},
        "store": {"url": f"sqlite:///{folder / 'flowmend.db'}"},
        "server": {"port": 0},
        "log": {"format": "json"},
    }
    for name, values in sections.items():
        wanted[name] = wanted.get(name, {}) | values if isinstance(values, dict) else values
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "config.toml"
    file.write_text(tomlkit.dumps(wanted), encoding="utf-8")
    return file


class Clock(SystemClock):
    """The machine's time, and *ahead* of it where the next sweep shall be due."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return super().now() + self.ahead


@asynccontextmanager
async def opened(config: Path, clock: Clock | None = None) -> AsyncIterator[tuple[Daemon, AccountRunner]]:
    """Open the daemon as ``flowmend run`` does, its log in a file beside the configuration."""
    settings = load_settings(config, env={}, cwd=config.parent)
    with (config.parent / "log.jsonl").open("a", encoding="utf-8") as stream:
        log = configure_logs(format="json", level=settings.log.level, stream=stream, secrets=Secrets())
        async with open_daemon(settings, log=log, secrets=Secrets(), clock=clock or Clock(), command="bench") as daemon:
            if daemon.rules.broken:
                sys.exit(daemon.rules.complaint())
            keep_what_is_there()
            yield daemon, daemon.accounts[ACCOUNT]


async def timed_cycle(runner: AccountRunner, *, act: bool = True) -> Figures:
    """Run one cycle and return what it took and did."""
    requests, began, cpu, loop_cpu = runner.requests(), time.perf_counter(), time.process_time(), time.thread_time()
    tally, _ = await runner.cycle(act=act)
    return {
        "took_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "loop_cpu_s": time.thread_time() - loop_cpu,
        "requests": runner.requests() - requests,
        "new": tally.counts["new"],
        "matched": tally.counts["matched"],
        "steps_read": tally.steps_read,
        "batches": tally.batches_sent,
        "steps_failed": tally.steps_failed,
    }


def size_bytes(folder: Path) -> int:
    """Return what the store takes on disk."""
    return sum(file.stat().st_size for file in folder.glob("flowmend.db*"))
