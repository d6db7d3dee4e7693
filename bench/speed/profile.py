"""Where the time goes: one measured process under py-spy, its samples by thread and function.

``python -m bench.speed.profile first|sweep|counts|acting [--errors N] [--lines 25] [--gil]``: the first cycle, the readings
of all that is known as a sweep or because counts differ (five of them, after a first cycle), or retries. What a function
took with all that it called, and by itself, as a share of its thread's time at work, and in microseconds an error. Waiting
for Python's lock counts as work, too; with ``--gil`` it does not, and neither does what SQLite does without the lock.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.speed.processes import ROOT, Figures, environment, server
from bench.speed.product import Clock, opened, timed_cycle, write_config
from bench.speed.rules_on_disk import write_rules
from bench.speed.scan import RULES, SWEEP, SWEEP_DUE, ask_for_fewer

RATE = 250
"""Samples a second."""

SHAPE = {"integrations": 5, "flows": 2, "steps": 4}
AGAIN = 5

MEASURED: dict[str, tuple[str, dict[str, object]]] = {
    "first": ("scan:cycles", {"again": False}),
    "sweep": ("profile:again", {"sweep": True, "times": AGAIN}),
    "counts": ("profile:again", {"sweep": False, "times": AGAIN}),
    "acting": ("acting:act", {}),
}


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.profile", description=__doc__)
    parser.add_argument("what", choices=MEASURED)
    parser.add_argument("--errors", type=int, default=50_000)
    parser.add_argument("--lines", type=int, default=25)
    parser.add_argument("--gil", action="store_true")
    asked = parser.parse_args()
    function, parameters = MEASURED[asked.what]
    module = "acting_server" if asked.what == "acting" else "page_server"
    with tempfile.TemporaryDirectory() as folder, server(module, errors=asked.errors, shape=SHAPE) as url:
        stacks = Path(folder) / "stacks"
        command = [sys.executable, "-m", "bench.speed.processes", function, json.dumps(parameters | {"base_url": url})]
        spy = ["py-spy", "record", "--format", "raw", "--threads", "--rate", str(RATE), "--output", str(stacks)]
        subprocess.run(
            [*spy, *["--gil"] * asked.gil, "--", *command], cwd=ROOT, env=environment(), check=True, capture_output=True
        )
        times = AGAIN if "times" in parameters else 1
        show(stacks.read_text(encoding="utf-8"), asked.errors * times, asked.lines)


async def again(base_url: str, sweep: bool, times: int) -> Figures:  # noqa: FBT001 - called with JSON
    """Read everything into a new store, then *times* times all of it in full with nothing new."""
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as name:
        folder = Path(name)
        write_rules(folder / "rules", RULES)
        config = write_config(folder, base_url, folder / "rules", poll=SWEEP if sweep else {})
        clock = Clock()
        async with opened(config, clock) as (_, runner):
            await timed_cycle(runner)
            found = []
            for _ in range(times):
                clock.ahead += SWEEP_DUE
                await ask_for_fewer(base_url)
                found.append(await timed_cycle(runner))
    return {"again": found}


def show(stacks: str, errors: int, lines: int) -> None:
    """Print the samples of each thread."""
    threads: dict[str, Counter[tuple[str, ...]]] = {}
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        thread, *inner = frames.split(";")
        if not inner or any("_find_and_load" in frame for frame in inner):
            continue  # imports are the business of ``commands``
        name = thread.partition(": ")[2] or "MainThread"
        threads.setdefault(name, Counter())[tuple(inner)] += int(count)
    for name, samples in sorted(threads.items(), key=lambda each: -each[1].total()):
        total, own, own_line, within = samples.total(), Counter[str](), Counter[str](), Counter[str]()
        for stack, times in samples.items():
            own[_function(stack[-1])] += times
            own_line[stack[-1]] += times
            within.update(dict.fromkeys({_function(frame) for frame in stack}, times))
        print(f"\n{name}: {total / RATE:.1f} s at work, {total / RATE / errors * 1e6:.1f} us an error")
        for title, counts in (("with what it calls", within), ("by itself", own), ("by line", own_line)):
            print(f"  {title}")
            for where, seen in counts.most_common(lines):
                print(f"    {seen / total:6.1%} {seen / RATE / errors * 1e6:8.2f} us  {where}")


def _function(frame: str) -> str:
    """Return a frame without its line."""
    name, _, place = frame.partition(" (")
    return f"{name} ({place.rpartition(':')[0]})"


if __name__ == "__main__":
    main()
