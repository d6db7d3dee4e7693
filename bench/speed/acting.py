"""Acting: retries through the journal, sent and confirmed, and how often the disk is waited for."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.speed.processes import Figures, measured, peak_mb, server
from bench.speed.product import opened, timed_cycle, write_config
from bench.speed.rows import Plan, Row, spread
from bench.speed.rules_on_disk import write_one_rule

SHAPE = {"integrations": 5, "flows": 2, "steps": 4}
RECORDS, QUICK_RECORDS = 100_000, 16_000
BATCH = 100
LIMITS = {"retries_per_hour": 10_000_000}
PASSES = 10
"""After so many confirmations everything is settled, or something is wrong."""

MARK = "flowmend-bench-mark"
SYNCS = "fsync,fdatasync,sync_file_range"


async def act(base_url: str) -> Figures:
    """Read everything; then retry all of it and confirm what came of it, which is what is timed."""
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as name:
        folder = Path(name)
        write_one_rule(folder / "rules")
        config = write_config(
            folder, base_url, folder / "rules", mode="enforce", poll={"settle": "0s"}, limits=LIMITS
        )  # fmt: skip
        async with opened(config) as (_, runner):
            first = await timed_cycle(runner, act=False)
            mark(folder)
            began, cpu = time.perf_counter(), time.process_time()
            sent = await timed_cycle(runner)
            confirmed = passes = 0
            while (runner.unsettled or not passes) and passes < PASSES:
                confirmed += (await runner.confirm()).counts["confirmed"]
                passes += 1
            took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
            mark(folder)
    return {
        "took_s": took_s,
        "cpu_s": cpu_s,
        "read": first["new"],
        "sent_s": sent["took_s"],
        "batches": sent["batches"],
        "requests": sent["requests"],
        "confirmed": confirmed,
        "passes": passes,
        "peak_mb": peak_mb(),
    }


def mark(folder: Path) -> None:
    """Leave a sync that is told from all others by the name of its file, for whoever counts them."""
    with (folder / MARK).open("w", encoding="ascii") as file:
        os.fsync(file.fileno())


def rows(plan: Plan) -> Iterator[Row]:
    """Measure the rate, then the syncs of a smaller lot."""
    records = min(plan.errors, QUICK_RECORDS if plan.quick else RECORDS)
    found = []
    for _ in range(plan.long_runs):
        with server("acting_server", errors=records, shape=SHAPE) as url:
            found.append(_whole(measured("acting:act", base_url=url)))
    rates = [each["confirmed"] / each["took_s"] for each in found]
    last = found[-1]
    yield Row(
        key="acting",
        figure=f"{median(rates):,.0f}/s",
        ok=median(rates) >= 5_000,
        detail=f"{records:,} records in {last['batches']} batches, sent in {last['sent_s']:.2f} s of "
        f"{spread(each['took_s'] for each in found)}; CPU {last['cpu_s']:.2f} s; {last['requests']} requests to send",
        values=rates,
    )
    yield _syncs_a_batch(min(records, QUICK_RECORDS))


def _whole(found: Figures) -> Figures:
    if found["confirmed"] != found["read"] or not found["confirmed"]:
        raise SystemExit(f"not every retry was confirmed: {found}")
    return found


def _syncs_a_batch(records: int) -> Row:
    """Compare two lots: what is synced once for all batches of a plan is no batch's."""
    if shutil.which("strace") is None:
        return Row(what="acting: fsyncs per batch", figure="no strace", detail="apt-get install strace")
    few_batches, few = _syncs(records // 2)
    many_batches, many = _syncs(records)
    a_batch = (many - few) / (many_batches - few_batches)
    return Row(
        key="fsyncs",
        figure=f"{a_batch:.2f}",
        ok=a_batch <= 2,
        detail=f"{few} for {few_batches} batches sent and confirmed, {many} for {many_batches} (counted by strace)",
        values=[a_batch],
    )


def _syncs(records: int) -> tuple[int, int]:
    """Return how many batches the records made, and how often the disk was waited for until they were confirmed."""
    with tempfile.NamedTemporaryFile("r", prefix="flowmend-bench-") as told:
        trace = ["strace", "--quiet=all", "-f", "--seccomp-bpf", "-y", "-e", f"trace={SYNCS}", "-o", told.name]
        with server("acting_server", errors=records, shape=SHAPE) as url:
            found = _whole(measured("acting:act", under=trace, base_url=url))
        lines = [line for line in told if "(" in line and "resumed" not in line]
    first, last = (place for place, line in enumerate(lines) if MARK in line)
    return found["batches"], last - first - 1
