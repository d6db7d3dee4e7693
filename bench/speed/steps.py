"""How many steps of Python's interpreter an error takes, by thread and module: unlike time, the same on each machine.

``python -m bench.speed.steps [--errors 20000] [--lines 20]`` counts them in a first cycle and in a reading with nothing new.
What C does (decoding, RE2, SQLite, hashing) is one step each.
"""

import argparse
import asyncio
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from bench.speed.processes import server
from bench.speed.product import opened, timed_cycle, write_config
from bench.speed.rules_on_disk import write_rules
from bench.speed.scan import RULES, ask_for_fewer

PACKAGES = ("daemon", "site-packages", "python3.11")


class Steps:
    """Counts the steps of all threads that begin after it was turned on, and of this one."""

    def __init__(self) -> None:
        self.taken: Counter[tuple[str, str]] = Counter()

    def count(self, frame: FrameType, event: str, _: Any) -> Any:
        """Be told of what the interpreter does, as `sys.settrace` tells it."""
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            self.taken[threading.current_thread().name.partition("_")[0], frame.f_code.co_filename] += 1
        return self.count


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.steps", description=__doc__)
    parser.add_argument("--errors", type=int, default=20_000)
    parser.add_argument("--lines", type=int, default=20)
    asked = parser.parse_args()
    with server("page_server", errors=asked.errors) as url:
        asyncio.run(_counted(url, asked.errors, asked.lines))


async def _counted(url: str, errors: int, lines: int) -> None:
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as name:
        folder = Path(name)
        write_rules(folder / "rules", RULES)
        steps = Steps()
        threading.settrace(steps.count)
        async with opened(write_config(folder, url, folder / "rules")) as (_, runner):
            for title in ("first cycle", "nothing new"):
                steps.taken.clear()
                sys.settrace(steps.count)
                await timed_cycle(runner)
                sys.settrace(None)
                print(f"\n{title}: {steps.taken.total() / errors:.0f} steps an error")
                for (thread, file), times in steps.taken.most_common(lines):
                    print(f"  {times / errors:7.1f}  {thread:12} {_module(file)}")
                await ask_for_fewer(url)


def _module(file: str) -> str:
    return next((file.partition(f"/{each}/")[2] for each in PACKAGES if f"/{each}/" in file), file)


if __name__ == "__main__":
    main()
