"""Reading a backlog for the first time, then all of it again with nothing new, and what that takes of memory and disk."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from yarl import URL

from bench.speed.page_server import FEWER
from bench.speed.processes import Figures, measured, peak_mb, server
from bench.speed.product import Clock, opened, size_bytes, timed_cycle, write_config
from bench.speed.rows import Plan, Row, spread
from bench.speed.rules_on_disk import write_rules

RULES = 200
SWEEP = {"interval": "1s", "full_sweep": "1s"}
"""Every cycle reads everything in full, as the sweep of every six hours does."""

SWEEP_DUE = timedelta(seconds=2)

SCRIPT_ERRORS = 20_000
"""How many errors the sequential script reads; it would need a minute for a million."""

FLOORS_A_RUN = 5


async def cycles(base_url: str, rules: int = RULES, *, record: bool = True, again: bool = True) -> Figures:
    """Read everything into a new store; with *again* everything once more as a sweep, then because counts differ."""
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as name:
        folder = Path(name)
        write_rules(folder / "rules", rules)
        others: dict[str, Any] = {} if record else {"recordings": {"keep": "0s"}}
        sweeping = write_config(folder, base_url, folder / "rules", poll=SWEEP, **others)
        found: Figures = {}
        clock = Clock()
        async with opened(sweeping, clock) as (_, runner):
            found["first"] = await timed_cycle(runner)
            found["peak_mb"] = peak_mb()
            if again:
                clock.ahead = SWEEP_DUE
                found["sweep"] = await timed_cycle(runner)
        found["disk_bytes"] = size_bytes(folder)
        if again:
            calm = write_config(folder, base_url, folder / "rules", **others)
            await ask_for_fewer(base_url)
            async with opened(calm, clock) as (_, runner):  # whose clock must not be behind that of the sweep
                found["counts"] = await timed_cycle(runner)
        found["peak_again_mb"] = peak_mb()
    return found


async def ask_for_fewer(base_url: str) -> None:
    """Let the summaries count one error less on each step than they did: newer errors cannot explain that."""
    async with aiohttp.ClientSession() as session, session.get(URL(base_url).join(URL(FEWER.decode()))):
        pass


def rows(plan: Plan) -> Iterator[Row]:
    """Measure the floor, the script and Flowmend in turns on one server."""
    with server("page_server", errors=plan.errors) as url:
        bytes_only = [measured("floor:read", base_url=url, decoded=False) for _ in range(plan.long_runs)]
        script = _script(url, plan)
    floors, ours = [], []
    for _ in range(plan.long_runs):
        with server("page_server", errors=plan.errors) as url:  # a new one: the last reading changed its summaries
            floors += [measured("floor:read", base_url=url, decoded=True) for _ in range(FLOORS_A_RUN)]
            ours.append(measured("scan:cycles", base_url=url))
    yield Row(
        what="the bytes alone", figure=_seconds(bytes_only), detail="aiohttp, nothing decoded: what the server can"
    )
    yield Row(what="the floor", figure=_seconds(floors), detail="aiohttp + msgspec, every field; the same pages")
    yield script
    yield _against("first", floors, [each["first"] for each in ours], most=6.0)
    yield _against("again", floors, [each["counts"] for each in ours], most=1.0)
    yield _against("", floors, [each["sweep"] for each in ours], what="the same as a sweep: everything judged again")
    yield from _memory(plan, [each["peak_mb"] for each in ours], [each["peak_again_mb"] for each in ours])
    yield from _disk(plan, [each["disk_bytes"] / plan.errors for each in ours])


def _against(key: str, floors: list[Figures], ours: list[Figures], *, what: str = "", most: float | None = None) -> Row:
    unread = [each for each in ours if each["steps_failed"] or not each["steps_read"]]
    if unread:
        raise SystemExit(f"not everything was read: {unread[0]}")
    ratio = median(each["took_s"] for each in ours) / median(each["took_s"] for each in floors)
    cpu_ratio = median(each["cpu_s"] for each in ours) / median(each["cpu_s"] for each in floors)
    return Row(
        key=key,
        what=what,
        figure=f"{ratio:.1f} x",
        ok=None if most is None else ratio <= most,
        detail=f"{_seconds(ours)}; CPU {cpu_ratio:.1f} x ({_microseconds(ours, floors[0]['errors'])}); {ours[0]['requests']} requests; "
        f"{ours[0]['matched']:,} matched",
        values=[each["took_s"] for each in ours],
    )


def _microseconds(found: list[Figures], errors: int) -> str:
    """Return what an error costs of CPU, and how much of it in the event loop's thread."""
    each, in_loop = (median(run[name] for run in found) / errors * 1e6 for name in ("cpu_s", "loop_cpu_s"))
    return f"{each:.0f} us an error, {in_loop:.0f} in the loop"


def _script(url: str, plan: Plan) -> Row:
    what = "a sequential script: requests + json + re, 100 rules"
    if find_spec("requests") is None:
        return Row(what=what, figure="not installed", detail="pip install flowmend[bench]")
    found = measured("floor:script", base_url=url, errors=min(plan.errors, SCRIPT_ERRORS))
    scripted_s = found["took_s"] / found["errors"] * plan.errors
    return Row(what=what, figure=f"{scripted_s:.1f} s", detail=f"from its first {found['errors']:,} errors")


def _seconds(found: list[Figures]) -> str:
    return spread(each["took_s"] for each in found)


def _memory(plan: Plan, peaks: list[float], again: list[float]) -> Iterator[Row]:
    peak = median(peaks)
    yield Row(
        key="memory",
        figure=f"{peak:.0f} MB",
        ok=peak <= 150,
        detail=f"first cycle over {plan.errors:,}; after two more {median(again):.0f} MB",
        values=peaks,
    )
    other = plan.errors * 10 if plan.full else plan.errors // 10
    with server("page_server", errors=other) as url:
        found = measured("scan:cycles", base_url=url, again=False)["peak_mb"]
    ratio = found / peak if plan.full else peak / found
    yield Row(
        key="memory-flat",
        figure=f"{ratio:.2f} x",
        ok=ratio <= 1.2,
        detail=f"{found:.0f} MB at {other:,}, {peak:.0f} MB at {plan.errors:,}",
    )


def _disk(plan: Plan, per_error: list[float]) -> Iterator[Row]:
    with server("page_server", errors=plan.errors) as url:
        bare = measured("scan:cycles", base_url=url, record=False, again=False)
    yield Row(
        key="disk",
        figure=f"{median(per_error):.0f} bytes",
        ok=median(per_error) <= 120,
        detail=f"{bare['disk_bytes'] / plan.errors:.0f} without recordings (recordings.keep = 0s)",
        values=per_error,
    )
    yield Row(
        what="first cycle without recordings",
        figure=f"{bare['first']['took_s']:.2f} s",
        detail=f"CPU {bare['first']['cpu_s']:.2f} s",
    )
