"""Processes of the bench: what serves, and what is measured in a process of its own; and what one took.

``python -m bench.speed.processes MODULE:FUNCTION '{"name": value}'`` calls that function of ``bench.speed`` and prints the
JSON object that it returns.
"""

import asyncio
import inspect
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Figures = dict[str, Any]


@contextmanager
def server(module: str, **parameters: Any) -> Iterator[str]:
    """Run a server of ``bench.speed`` in a process of its own and give its base URL."""
    command = [sys.executable, "-m", f"bench.speed.{module}", json.dumps(parameters)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise SystemExit(f"bench.speed.{module} did not start")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def measured(what: str, *, under: Sequence[str] = (), **parameters: Any) -> Figures:
    """Return what *what* (``module:function``) measured in a process of its own, *under* another program if need be."""
    command = [*under, sys.executable, "-m", "bench.speed.processes", what, json.dumps(parameters)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} failed with {done.returncode}; what it said is above")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def environment() -> dict[str, str]:
    """Return our environment without settings of Flowmend's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWMEND_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def peak_mb() -> float:
    """Return the most memory that this process ever had, in MB.

    Not by ``getrusage``: that knows the memory of the process that started this one, too.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    """Measure what the arguments say."""
    module, _, function = sys.argv[1].partition(":")
    found = getattr(import_module(f"bench.speed.{module}"), function)(**json.loads(sys.argv[2]))
    if inspect.iscoroutine(found):
        found = asyncio.run(found)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
