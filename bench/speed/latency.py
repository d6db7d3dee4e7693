"""Latency: from the moment an error is visible at the platform to the arrival of its retry, with the service itself."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.speed.acting_server import BETWEEN_S
from bench.speed.processes import environment, server
from bench.speed.product import write_config
from bench.speed.rows import Plan, Row, spread
from bench.speed.rules_on_disk import write_one_rule

SHAPE = {"integrations": 5, "flows": 2, "steps": 4}
SAMPLES, QUICK_SAMPLES = 20, 5
START_WITHIN_S, LAST_WITHIN_S = 60, 20
POLL = {"interval": "1s", "settle": "0s"}


def rows(plan: Plan) -> Iterator[Row]:
    """Run the service beside the server, and ask the server how long each error waited."""
    samples = QUICK_SAMPLES if plan.quick else SAMPLES
    with server("acting_server", errors=0, shape=SHAPE) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_one_rule(folder / "rules")
        config = write_config(folder, url, folder / "rules", mode="enforce", poll=POLL)
        command = [sys.executable, "-c", "from daemon.cli import main; main()", "run", "--config", str(config)]
        with (folder / "run.log").open("wb") as log:
            service = subprocess.Popen(command, env=environment(), stdout=log, stderr=log)
        try:
            _until(lambda: '"cycle.finished"' in (folder / "run.log").read_text(encoding="utf-8"), START_WITHIN_S)
            _get(url, f"show?count={samples}")
            _until(lambda: len(_get(url, "latencies")) >= samples, samples * BETWEEN_S[1] + LAST_WITHIN_S)
            waits = _get(url, "latencies")
        finally:
            service.terminate()
            service.wait()
    middle = median(waits)
    yield Row(key="latency", figure=f"{middle:.2f} s", ok=middle <= 1.6, detail=spread(waits), values=waits)


def _get(url: str, what: str) -> list[float]:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/_bench/{what}", timeout=10) as answer:
        found: list[float] = json.load(answer)
    return found


def _until(done: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"the service did not do its work within {within_s:.0f} s")
        time.sleep(0.2)
