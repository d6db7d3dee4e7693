"""A real ``flowmend run`` under faults, killed with SIGKILL again and again; then the truth of the sandbox is looked at.

``python bench/chaos.py [--records 1000] [--kills 100] [--seed 1] [--quick]`` (``make chaos``). The sandbox is a process of
its own. Records fail in waves, one before each start of the daemon; each life ends at a random instant of its own. When
the last one is over the faults go on, nobody kills any more, and the daemon works until only what waits for a breaker is
left. Then the storm ends, the hours that breakers rest pass on the clocks of both, and everything must come to an end.
Exit code 1 unless nothing ran twice, nothing is lost and nothing is called confirmed that is not.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.app.build import open_daemon
from daemon.app.clock import SystemClock
from daemon.app.once import run_once
from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.core.rows import CaseEvent
from daemon.logs import Secrets, configure_logs
from daemon.settings import load_settings
from daemon.store.sql import SqlStore, open_store

FLOWMEND = Path(sys.executable).with_name("flowmend")
ACCOUNT = "acme"
US = "5e0c1f2a9b3d4e5f60718293"
"""The user of the sandbox's token."""

PLACES = (
    ("Amazon orders to NetSuite", "Create sales order"),
    ("Shopify orders to NetSuite", "Create cash sale"),
    ("EDI 850 purchase orders to NetSuite", "Create order from 850"),
)
FAMILIES = {
    "netsuite-concurrency": 40, "netsuite-unexpected": 20, "state-name": 20, "ship-method": 5, "duplicate-order": 10,
    "odd-approval": 5,
}  # fmt: skip
"""How often a record fails how: cured by a retry, by the second one, by a patch, by nothing; to resolve; not matched."""

MOST = {"netsuite-concurrency": 4, "netsuite-unexpected": 4, "ship-method": 4, "state-name": 2}
CURABLE = ("netsuite-concurrency", "netsuite-unexpected", "state-name")

RULES = """
version: 1
tables:
  states: {California: CA, Texas: TX, Florida: FL, New York: NY, Illinois: IL, Ohio: OH, Georgia: GA, Michigan: MI,
           Washington: WA, Colorado: CO, Oregon: OR, New Jersey: NJ}
rules:
  - id: state
    why: NetSuite wants the code of the state.
    when: {code: INVALID_KEY_OR_REF, message: {regex: "Invalid state reference key '(?P<state>[^']+)'"}}
    limit: {per_hour: 100000}
    then:
      patch: [{op: replace, path: /data/shippingAddress/state, value_from: {match: state, lookup: states}}]
      retry: {after: 1s, max_attempts: 2, backoff: {factor: 1, max: 1s}, ramp: off}
  - id: twice
    why: It is there already.
    when: {code: DUP_RCRD}
    limit: {per_hour: 100000, share_of_open: 1.0}
    then: {resolve: {because: it is there already}}
  - id: again
    why: The record itself is fine.
    when: {code: [SSS_REQUEST_LIMIT_EXCEEDED, UNEXPECTED_ERROR, INVALID_KEY_OR_REF]}
    limit: {per_hour: 100000}
    then: {retry: {after: 1s, max_attempts: 4, backoff: {factor: 1, max: 1s}, ramp: off}}
"""

CONFIG = """
mode = "enforce"
[accounts.acme]
base_url = "{url}"
token_file = "token"
requests_per_s = 250
[poll]
interval = "1s"
settle = "0s"
full_sweep = "1m"
[actions]
adopt_backlog = true
batch_size = 5
confirm_every = "1s"
confirm_timeout = "{confirm_timeout_s}s"
[limits]
retries_per_hour = 100000
resolves_per_hour = 100000
resolve_share_of_open = 1.0
[rules]
paths = ["rules.yaml"]
watch = false
[store]
url = "sqlite:///./flowmend.db"
[server]
port = 0
[log]
format = "json"
"""

FAULTS = (
    "POST retry:*7:after",
    "POST retry:*11:before",
    "POST retry:*13:late:502",
    "POST retry:*17:throttle:1",
    "POST retry:*19:half_body",
    "POST retry:*23:job:halves",
    "POST retry:*29:job:fails",
    "POST retry:*31:job:vanishes",
    "PUT data:*5:after",
    "PUT data:*9:late:504",
    "PUT resolved:*3:after",
    "PUT resolved:*4:half_body",
    "GET errors:*9:half_body",
    "GET errors:*21:status:503",
    "GET jobs:*8:throttle:0",
    "GET jobs:*15:not_json",
    "GET job:*6:before",
    "GET data:*12:status:500",
    "GET flow-errors:*14:wrong_types",
    "GET integrations:*25:throttle:1",
)
"""What goes wrong all the while. Nothing that rests for a quarter of an hour (a refusal), and no job that never ends."""

LIFE_S = 1.5
"""The longest life after a start; most of what the daemon does happens in its first second."""

PATIENCE_S = 180.0
"""How long the last daemon may take until nothing moves any more, and a pass after the storm."""

QUIET = 8
"""For how many seconds nothing must move until the last daemon is at rest: longer than any rule waits, or a job runs."""

PASSES = 12
"""How many hours may pass after the storm."""


@dataclass(slots=True)
class AheadClock(SystemClock):
    """The machine's clock, put *ahead*."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return super(AheadClock, self).now() + self.ahead


@dataclass(slots=True, kw_only=True)
class Found:
    """What came of it; *twice*, *lost* and *lies* name each record that proves a promise broken."""

    records: int = 0
    kills: int = 0
    faults: int = 0
    took_s: float = 0.0
    states: dict[str, int] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    lies: list[str] = field(default_factory=list)
    unknown: int = 0
    unsettled: int = 0

    @property
    def clean(self) -> bool:
        """Tell whether every promise was kept."""
        return not (self.twice or self.lost or self.lies or self.unsettled)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The door of a sandbox in another process."""

    url: str

    def state(self) -> dict[str, Any]:
        """Return the truth."""
        return self._ask("state")

    def act(self, **body: Any) -> dict[str, Any]:
        """Let somebody act."""
        return self._ask("act", body)

    def weather(self, **body: str) -> dict[str, Any]:
        """Let other things go wrong from now on (``faults``), put the platform's clock ahead (``clock``)."""
        return self._ask("faults", body)

    def _ask(self, what: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url.removesuffix('/v1')}/_sandbox/{what}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=300) as answer:
            said: dict[str, Any] = json.load(answer)
            return said


@contextmanager
def sandbox_process(folder: Path, seed: int, *, faults: Sequence[str] = FAULTS) -> Iterator[Sandbox]:
    """Serve a shop without errors, in which things go wrong."""
    command = [str(FLOWMEND), "sandbox", "--port", "0", "--world", "empty", "--seed", str(seed)]
    process = subprocess.Popen(
        [*command, "--job-seconds", "0.5", "--faults", ",".join(faults)],
        cwd=folder, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", said)
        assert found, said
        yield Sandbox(found[0])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


@contextmanager
def daemon_process(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the daemon until the block ends, which kills it; its log is appended to ``log``."""
    with (folder / "log").open("ab") as log:
        began = log.tell()
        process = subprocess.Popen([FLOWMEND, "run"], cwd=folder, stderr=log)
        try:
            while b'"daemon.started"' not in _since(folder / "log", began):
                if process.poll() is not None:
                    raise RuntimeError(f"the daemon ended by itself: {_since(folder / 'log', began)[-2000:]!r}")
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
            process.wait(timeout=30)


def _since(file: Path, position: int) -> bytes:
    with file.open("rb") as log:
        log.seek(position)
        return log.read()


def run(folder: Path, *, records: int, kills: int, seed: int, confirm_timeout_s: int) -> Found:
    """Let *records* fail while the daemon is killed *kills* times; return what came of it."""
    rng, began = random.Random(seed), time.monotonic()
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "token").write_text("sandbox-token\n", encoding="utf-8")
    found = Found()
    with sandbox_process(folder, seed) as sandbox:
        (folder / "config.toml").write_text(
            CONFIG.format(url=sandbox.url, confirm_timeout_s=confirm_timeout_s), encoding="utf-8"
        )
        for number in range(kills):
            for _ in range(records * (number + 1) // kills - records * number // kills):
                flow, step = rng.choice(PLACES)
                (family,) = rng.choices(tuple(FAMILIES), tuple(FAMILIES.values()))
                sandbox.act(do="add_errors", flow=flow, step=step, family=family)
            with daemon_process(folder):
                time.sleep(rng.uniform(0, LIFE_S))
            found.kills += 1
            _tell(f"{found.kills} of {kills} kills")
        with daemon_process(folder):
            asyncio.run(_until_at_rest(folder))
        asyncio.run(_after_the_storm(folder, sandbox))
        state = sandbox.state()
    found.took_s = time.monotonic() - began
    found.faults = sum(state["faults"].values())
    asyncio.run(judge(found, folder, state))
    return found


async def _until_at_rest(folder: Path) -> None:
    """Wait until nothing moves any more, or for so long that something must be wrong."""
    deadline, before, quiet = time.monotonic() + PATIENCE_S, None, 0
    async with open_store(store_url(folder)) as store:
        while quiet < QUIET and time.monotonic() < deadline:
            left = await left_to_do(store)
            quiet = quiet + 1 if left in (before, (0, 0)) else 0
            before = left
            await asyncio.sleep(1.0)


async def _after_the_storm(folder: Path, sandbox: Sandbox) -> None:
    """Let nothing go wrong any more, and the time pass that breakers rest, until everything has come to an end."""
    sandbox.weather(faults="")
    clock, secrets = AheadClock(), Secrets()
    with (folder / "log").open("a", encoding="utf-8") as stream:
        log = configure_logs(format="json", level="info", stream=stream, secrets=secrets, now=clock.now)
        for _ in range(PASSES):
            settings = load_settings(folder / "config.toml", {}, folder)
            async with open_daemon(settings, log=log, secrets=secrets, clock=clock, command="run") as daemon:
                await run_once(daemon, timedelta(seconds=PATIENCE_S), lambda *_: None)
                if await left_to_do(daemon.store) == (0, 0):
                    return
            sandbox.weather(clock="61m")
            clock.ahead += timedelta(minutes=61)


async def left_to_do(store: SqlStore) -> tuple[int, int]:
    """Return how many errors are due or in flight, and how many writes have no outcome."""
    rows = await store.errors(ACCOUNT, limit=1_000_000)
    left = sum(row.due_at is not None or row.in_flight for row in rows), await store.unsettled_count(ACCOUNT)
    _tell(f"{left[0]} errors are due or in flight, {left[1]} writes unsettled")
    return left


async def judge(found: Found, folder: Path, state: Mapping[str, Any]) -> None:
    """Compare what the sandbox knows with what the store says."""
    truths: Mapping[str, Mapping[str, Any]] = state["truths"]
    found.records = len(truths)
    totals = state["totals"]
    found.states = {name: totals[name] for name in ("cured", "resolved", "open", "in_job", "vanished") if totals[name]}
    async with open_store(store_url(folder)) as store:
        found.unsettled = await store.unsettled_count(ACCOUNT)
        shown = {(row.step.step_id, row.error_id) for row in await store.held(ACCOUNT)}
        for name, truth in truths.items():
            ref = StepRef(account=ACCOUNT, flow_id=truth["flow"], step_id=truth["step"])
            events = await _events(store, ref, truth)
            unknown = any(each.outcome is Outcome.UNKNOWN for each in events)
            found.unknown += unknown
            found.twice += _twice(name, truth, sum(each.what == Act.RETRY for each in events))
            found.lies += _lies(name, truth, events)
            if truth["family"] not in CURABLE or truth["copies"]:
                continue
            held = all((truth["step"], error_id) in shown for error_id in truth["open_error_ids"])
            if truth["state"] not in ("open", "in_job") or not (held and (truth["open_error_ids"] or unknown)):
                found.lost.append(f"{name} {truth['family']}: {truth['state']}, and nobody is told")


async def _events(store: SqlStore, ref: StepRef, truth: Mapping[str, Any]) -> Sequence[CaseEvent]:
    mine = set(truth["error_ids"])
    events = await store.case_events(ACCOUNT, truth["traceKey"])
    return [each for each in events if each.step == ref and each.error_id in mine]


def _twice(name: str, truth: Mapping[str, Any], attempts: int) -> Iterator[str]:
    ours, most = truth["retried_by"].count(US), MOST.get(truth["family"], 0)
    if truth["harmed"]:
        yield f"{name} {truth['family']}: {truth['copies']} copies"
    if ours > min(attempts, most):
        yield f"{name} {truth['family']}: {ours} retries for {attempts} attempts, {most} allowed"
    if truth["stray_changes"]:
        yield f"{name} {truth['family']}: changed at {truth['stray_changes']}"


def _lies(name: str, truth: Mapping[str, Any], events: Sequence[CaseEvent]) -> Iterator[str]:
    for each in events:
        if each.outcome is not Outcome.CONFIRMED:
            continue
        if each.error_id in truth["open_error_ids"] or not (truth["copies"] or truth["resolved_by"]):
            yield f"{name} {truth['family']}: confirmed and {truth['state']}"


def store_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'flowmend.db'}"


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)


def show(found: Found) -> None:
    """Print what came of it."""
    print(f"records              {found.records:6}   {', '.join(f'{n} {state}' for state, n in found.states.items())}")
    print(f"kills                {found.kills:6}   in {found.took_s:.0f} s")
    print(f"faults injected      {found.faults:6}")
    print(f"double runs          {len(found.twice):6}   must be 0")
    print(f"lost                 {len(found.lost):6}   must be 0")
    print(f"false confirmations  {len(found.lies):6}   must be 0")
    print(f"still unsettled      {found.unsettled:6}   must be 0")
    print(f"unknown, and shown   {found.unknown:6}   an answer was lost for good: a person looks")
    for line in (*found.twice, *found.lost, *found.lies):
        print(line)


def main() -> None:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="60 records and 6 kills")
    asked = parser.parse_args()
    records, kills, timeout_s = (60, 6, 4) if asked.quick else (asked.records, asked.kills, 60)
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), records=records, kills=kills, seed=asked.seed, confirm_timeout_s=timeout_s)
    show(found)
    sys.exit(not found.clean)


if __name__ == "__main__":
    main()
