"""Look at what the store knows of an account's errors: what is unsettled, and how well trace keys tell records apart."""

from datetime import datetime, timedelta

from daemon.app.findings import Finding, Grade, Topic, counted
from daemon.app.rules_state import stamp
from daemon.core.plans import PlanState
from daemon.core.rows import TraceKeyRow
from daemon.store.sql import SqlStore


async def examine_queue(name: str, store: SqlStore, now: datetime, late: timedelta) -> Finding:
    """Return what is under way and what waits for people; after *late* an outcome should have been known."""
    said, advice, grade = [], [], Grade.OK
    if entries := await store.under_way(name):
        oldest = min(entry.intended_at for entry in entries)
        said.append(f"{counted(len(entries), 'batch', 'batches')} sent and without an outcome, since {stamp(oldest)}")
        if now - oldest > late + timedelta(minutes=1):
            grade = Grade.WARNING
            advice.append("a running service would have settled them by now (actions.confirm_timeout): flowmend run")
    if unknown := await store.unknown_count(name):
        grade = Grade.WARNING
        said.append(
            f"of {counted(unknown, 'retry', 'retries')} nobody knows what came of it, and nothing sends that again"
        )
        advice.append("flowmend errors --unknown lists them")
    if held := await store.held_counts(name):
        queues = ", ".join(f"{queue} {count:,}" for queue, count in sorted(held.items()))
        said.append(f"{counted(sum(held.values()), 'error')} held for people ({queues})")
    plans = [plan for plan in await store.open_plans(name, now) if plan.state is PlanState.WAITING]
    if plans:
        said.append(f"{counted(len(plans), 'plan')} waiting for flowmend approve")
    return Finding(
        topic=Topic.QUEUE,
        account=name,
        grade=grade,
        said="; ".join(said) or "nothing is under way, and nothing waits for people",
        advice="; ".join(advice),
    )


async def examine_trace_keys(name: str, store: SqlStore) -> Finding:
    """Return how many open errors have a trace key that does not name one record, step by step."""
    rows = await store.trace_keys(name)
    bad = [_said(row) for row in rows.values() if row.blank or row.cut or row.shared]
    if not bad:
        total = counted(sum(row.open for row in rows.values()), "open error")
        return Finding(topic=Topic.TRACE_KEYS, account=name, grade=Grade.OK, said=f"{total}, each with one of its own")
    return Finding(
        topic=Topic.TRACE_KEYS,
        account=name,
        grade=Grade.WARNING,
        said="\n".join(["on these steps they do not always name one record", *bad]),
        advice="set the trace key of the export to the field that names a record, such as the order's number; until then "
        "Flowmend tells these records apart by their retry data, and those without any cannot be counted at all",
    )


def _said(row: TraceKeyRow) -> str:
    parts = [
        (row.blank, "without a trace key"),
        (row.cut, "with one that was cut at 128 characters"),
        (row.shared, "with one that several records share"),
    ]
    told = ", ".join(f"{count:,} {words}" for count, words in parts if count)
    return f"{row.flow_name} / {row.step_name}: of {counted(row.open, 'open error')} {told}"
