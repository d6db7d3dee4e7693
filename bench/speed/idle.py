"""A cycle in which nothing changed: requests and CPU of an account with 5,000 steps."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.speed.processes import Figures, measured, server
from bench.speed.product import opened, timed_cycle, write_config
from bench.speed.rows import Plan, Row, spread
from bench.speed.rules_on_disk import write_rules

SHAPE = {"integrations": 100, "flows": 10, "steps": 5}
SMALL = {"integrations": 100, "flows": 2, "steps": 1}
RULES = 10


async def idle(base_url: str, runs: int) -> Figures:
    """Read everything once, then *runs* times see that nothing changed."""
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as name:
        folder = Path(name)
        write_rules(folder / "rules", RULES)
        async with opened(write_config(folder, base_url, folder / "rules")) as (_, runner):
            first = await timed_cycle(runner)
            return {"first": first, "idle": [await timed_cycle(runner) for _ in range(runs)]}


def rows(plan: Plan) -> Iterator[Row]:
    """Measure; the whole account where there is time for its first reading, which takes 11,000 requests."""
    shape = SMALL if plan.quick else SHAPE
    steps = shape["integrations"] * shape["flows"] * shape["steps"]
    with server("page_server", errors=steps, shape=shape) as url:
        found = measured("idle:idle", base_url=url, runs=plan.runs)
    cycles = found["idle"]
    requests = {each["requests"] for each in cycles}
    cpu_ms = [each["cpu_s"] * 1000 / each["requests"] for each in cycles]
    yield Row(
        key="idle",
        figure=f"{max(requests)} requests; {median(cpu_ms):.2f} ms",
        ok=requests == {shape["integrations"] + 1} and median(cpu_ms) <= 1.0,
        detail=f"{spread(cpu_ms, 'ms')}; a cycle {spread(each['took_s'] for each in cycles)}; "
        f"{steps:,} steps with an error each",
        values=cpu_ms,
    )
