"""The longest time for which the event loop does not turn, while pages come that are meant to hold it up."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from bench.speed.page_server import PAGE
from bench.speed.processes import Figures, measured, server
from bench.speed.product import opened, timed_cycle, write_config
from bench.speed.rows import Plan, Row, spread
from bench.speed.rules_on_disk import write_rules

TICK_S = 0.001
RULES = 1_000
ODD = {
    "": "ordinary pages of 1,000",
    "pumped": "a page of 1,000 messages of 8 KB that almost fit each pattern again and again",
    "huge": "a page with a message of 5 MB",
    "escaped": "a page with a message of 5 MB of escaped quotes",
}


async def longest(base_url: str, rules: int = RULES) -> Figures:
    """Read one page on every step and return the longest gap between two turns of the loop, in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as name:
        folder = Path(name)
        write_rules(folder / "rules", rules)
        async with opened(write_config(folder, base_url, folder / "rules")) as (_, runner):
            gaps: list[tuple[float, float]] = []
            ticking = asyncio.create_task(_tick(gaps))
            done = await timed_cycle(runner)
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
    return {"longest_ms": max(gaps)[0] * 1000, "busy_ms": max(busy for _, busy in gaps) * 1000, **done}


async def _tick(gaps: list[tuple[float, float]]) -> None:
    """Note every gap between two turns, with how much of it this thread was at work itself."""
    last, busy = time.perf_counter(), time.thread_time()
    while True:
        await asyncio.sleep(TICK_S)
        now, busy_now = time.perf_counter(), time.thread_time()
        gaps.append((now - last - TICK_S, busy_now - busy))
        last, busy = now, busy_now


def rows(plan: Plan) -> Iterator[Row]:
    """Measure each kind of page; the worst of their medians counts."""
    found: dict[str, list[Figures]] = {}
    times = plan.long_runs if plan.quick else plan.runs
    for odd in ODD:
        with server("page_server", errors=8 * PAGE, shape={"integrations": 1, "flows": 2, "steps": 4}, odd=odd) as url:
            found[odd] = [measured("stall:longest", base_url=url) for _ in range(times)]
    medians = {odd: median(each["longest_ms"] for each in runs) for odd, runs in found.items()}
    worst = max(medians.values())
    yield Row(
        key="stall",
        figure=f"{worst:.0f} ms",
        ok=worst < 100,
        detail="; ".join(_told(odd, runs) for odd, runs in found.items()),
        values=list(medians.values()),
    )


def _told(odd: str, runs: list[Figures]) -> str:
    gaps = spread((each["longest_ms"] for each in runs), "ms", 0)
    return f"{ODD[odd]}: {gaps}, at work itself {median(each['busy_ms'] for each in runs):.0f} ms"
