"""A real ``flowmend run`` for an hour, while errors come in steadily and people work off theirs: does anything grow?

``python -m bench.soak [--seconds 3600] [--rate 20] [--seed 1] [--keep FOLDER]`` (``make soak``: 60 seconds). The sandbox is
a process of its own. New errors come at a steady rate; rules retry, patch, resolve and hold them, and every few seconds
people resolve what was held, or matched by no rule, for a while: the list of open errors stays as long as it is, as in
life. Meanwhile the daemon is measured from outside. At last nothing new comes, everything is settled, the daemon is
stopped, and its books are compared with what the sandbox knows.

Exit code 1 where something grew that must not, the log has an error, a record ran twice, was lost, or is called
confirmed and is not.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.chaos import PLACES, Found, Sandbox, judge, left_to_do, sandbox_process, show, store_url
from bench.flatness import Course, course
from bench.watched import GAUGES, Watched
from daemon.store.sql import open_store

FAMILIES = {
    "netsuite-concurrency": 45, "netsuite-unexpected": 10, "state-name": 15, "ship-method": 5, "duplicate-order": 10,
    "field-too-long": 10, "odd-approval": 5,
}  # fmt: skip
"""How often a record fails how: cured by a retry, by the second one, by a patch, by nothing; to resolve; held; not matched."""

PEOPLES = ("EXCEEDED_MAX_FIELD_LENGTH", "WORKFLOW_DECLINED")
"""The codes that people look after from the start; of others, what was tried in vain."""

IN_VAIN = "Invalid shipmethod reference key"

RULES = """
version: 1
tables:
  states: {California: CA, Texas: TX, Florida: FL, New York: NY, Illinois: IL, Ohio: OH, Georgia: GA, Michigan: MI,
           Washington: WA, Colorado: CO, Oregon: OR, New Jersey: NJ}
rules:
  - id: state
    why: NetSuite wants the code of the state.
    when: {code: INVALID_KEY_OR_REF, message: {regex: "Invalid state reference key '(?P<state>[^']+)'"}}
    limit: {per_hour: 1000000}
    then:
      patch: [{op: replace, path: /data/shippingAddress/state, value_from: {match: state, lookup: states}}]
      retry: {after: 1s, max_attempts: 2, backoff: {factor: 1, max: 1s}, ramp: off}
  - id: twice
    why: It is there already.
    when: {code: DUP_RCRD}
    limit: {per_hour: 1000000, share_of_open: 1.0}
    then: {resolve: {because: it is there already}}
  - id: long
    why: A person shortens it.
    when: {code: EXCEEDED_MAX_FIELD_LENGTH}
    then: {hold: {queue: addresses}}
  - id: again
    why: The record itself is fine.
    when: {code: [UNEXPECTED_ERROR, INVALID_KEY_OR_REF]}
    limit: {per_hour: 1000000}
    then: {retry: {after: 1s, max_attempts: 4, backoff: {factor: 1, max: 1s}, ramp: off}}
  - id: busy
    why: NetSuite was busy; the record itself is fine.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED}
    limit: {per_hour: 1000000}
    then: {retry: {after: 1s, max_attempts: 4, backoff: {factor: 1, max: 1s}}}
"""

CONFIG = """
mode = "enforce"
[accounts.acme]
base_url = "{url}"
token_file = "token"
requests_per_s = 250
[poll]
interval = "{interval_s}s"
settle = "0s"
full_sweep = "1m"
[actions]
adopt_backlog = true
confirm_every = "{interval_s}s"
[limits]
retries_per_hour = 1000000
resolves_per_hour = 1000000
resolve_share_of_open = 1.0
[rules]
paths = ["rules.yaml"]
[store]
url = "sqlite:///./flowmend.db"
[server]
port = 0
[log]
format = "json"
"""

TICK_S = 0.25
QUIET_S = 3
"""For how many seconds nothing must be due or under way until all is done."""

PATIENCE_S = 180.0
"""How long it may take until nothing is under way any more."""


@dataclass(slots=True, kw_only=True)
class Soaked:
    """What came of it; *complaints* are the errors in the log."""

    courses: Sequence[Course] = ()
    books: Found = field(default_factory=Found)
    cycles: int = 0
    samples: int = 0
    exit_code: int = 0
    complaints: Sequence[str] = ()

    @property
    def sound(self) -> bool:
        """Tell whether nothing grew and every promise was kept."""
        return all(each.flat for each in self.courses) and self.kept

    @property
    def kept(self) -> bool:
        """Tell whether every promise was kept."""
        return self.books.clean and not self.complaints and self.exit_code == 0


class People:
    """Resolve, as people do in integrator.io, what was left to them for *after*."""

    def __init__(self, sandbox: Sandbox, after: timedelta) -> None:
        self._sandbox = sandbox
        self._after = after
        self._steps = self._find()

    def work(self) -> None:
        """Go through the lists once."""
        before = datetime.now(UTC) - self._after
        for flow, step in self._steps:
            errors = self._get(f"flows/{flow}/{step}/errors").get("errors", [])
            theirs = [each["errorId"] for each in errors if _is_theirs(each, before)]
            for error_id in theirs:  # one by one: another may be gone by now
                try:
                    self._sandbox.act(do="resolve", flow=flow, step=step, errors=[error_id])
                except urllib.error.HTTPError as gone:
                    gone.close()

    def _find(self) -> list[tuple[str, str]]:
        names = {flow for flow, _ in PLACES}
        flows = [flow for flow in self._get("flows") if flow["name"] in names]
        imports = ((flow["_id"], each["_importId"]) for flow in flows for each in _processors(flow))
        return list(imports)

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(
            f"{self._sandbox.url}/{path}", headers={"Authorization": "Bearer sandbox-token"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "{}")


def _processors(flow: dict[str, Any]) -> list[dict[str, Any]]:
    branches = [branch for router in flow.get("routers", ()) for branch in router["branches"]]
    found = [each for part in (flow, *branches) for each in part.get("pageProcessors", ())]
    return [each for each in found if "_importId" in each]


def _is_theirs(error: dict[str, Any], before: datetime) -> bool:
    if datetime.fromisoformat(error["occurredAt"]) > before:
        return False
    return error["code"] in PEOPLES or str(error["message"]).startswith(IN_VAIN)


def run(folder: Path, *, seconds: float, rate: float, seed: int = 1) -> Soaked:
    """Let *rate* records a second fail for *seconds* in *folder*; return what came of it."""
    rng, soaked = random.Random(seed), Soaked()
    interval_s = 5 if seconds >= 600 else 1
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "token").write_text("sandbox-token\n", encoding="utf-8")
    (folder / "token").chmod(0o600)
    with sandbox_process(folder, seed, faults=()) as sandbox:
        (folder / "config.toml").write_text(CONFIG.format(url=sandbox.url, interval_s=interval_s), encoding="utf-8")
        people = People(sandbox, timedelta(seconds=min(60.0, seconds / 4)))
        watched = Watched(folder, together_s=min(30.0, seconds / 10))
        try:
            watched.wait_until_started()
            _soak(sandbox, watched, people, rng, seconds=seconds, rate=rate)
            asyncio.run(_until_at_rest(folder))
            soaked.exit_code = watched.stop()
        finally:
            watched.close()
        state = sandbox.state()
    soaked.complaints, soaked.cycles = watched.complaints, watched.cycles
    soaked.samples = len(watched.points["memory"])
    warm_up_s = min(600.0, seconds / 3)
    soaked.courses = [course(gauge, watched.points[gauge.name], warm_up_s=warm_up_s) for gauge in GAUGES]
    soaked.books.took_s = seconds
    asyncio.run(judge(soaked.books, folder, state))
    return soaked


def _soak(
    sandbox: Sandbox, watched: Watched, people: People, rng: random.Random, *, seconds: float, rate: float
) -> None:
    every_s = max(1.0, seconds / 720)
    began, made = time.monotonic(), 0
    sample_at, work_at = every_s, 5.0
    while (now := time.monotonic() - began) < seconds:
        for _ in range(int(now * rate) - made):
            flow, step = rng.choice(PLACES)
            (family,) = rng.choices(tuple(FAMILIES), tuple(FAMILIES.values()))
            sandbox.act(do="add_errors", flow=flow, step=step, family=family)
            made += 1
        if now >= sample_at:
            watched.sample()
            sample_at += every_s
        if now >= work_at:
            people.work()
            work_at += 5.0
        if sys.stderr.isatty():
            print(f"\r\x1b[K{now:.0f} of {seconds:.0f} s, {made} errors", end="", file=sys.stderr, flush=True)
        time.sleep(max(0.0, TICK_S - (time.monotonic() - began - now)))


async def _until_at_rest(folder: Path) -> None:
    deadline, quiet = time.monotonic() + PATIENCE_S, 0
    async with open_store(store_url(folder)) as store:
        while quiet < QUIET_S and time.monotonic() < deadline:
            quiet = quiet + 1 if await left_to_do(store) == (0, 0) else 0
            await asyncio.sleep(1.0)


def show_courses(soaked: Soaked) -> None:
    """Print how every figure went."""
    print(f"{soaked.cycles} cycles, {soaked.samples} samples; after the warm-up:\n")
    print(f"{'':18}{'first':>10}{'median':>10}{'last':>10}{'per hour':>11}")
    for each in soaked.courses:
        figures = f"{each.first:10.3f}{each.median:10.3f}{each.last:10.3f}{each.per_hour:+11.3f}"
        print(f"{each.gauge.name:18}{figures}  {each.gauge.unit:14}{each.verdict}")
    print()
    show(soaked.books)
    print(f"errors in the log    {len(soaked.complaints):6}   must be 0")
    for line in soaked.complaints[:20]:
        print(line)


def main() -> None:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=float, default=20, help="new errors a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="leave store, log and configuration in this folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        soaked = run(folder, seconds=asked.seconds, rate=asked.rate, seed=asked.seed)
    show_courses(soaked)
    sys.exit(not soaked.sound)


if __name__ == "__main__":
    main()
