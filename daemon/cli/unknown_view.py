"""How retries whose outcome is unknown are shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from daemon.cli.listings import Names, place, record
from daemon.cli.render import clean, console, plural, say, stamp, table
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.core.rows import UnknownRow

UNEXPLAINED = "reading did not show what came of it"


def unknown_json(row: UnknownRow) -> dict[str, Any]:
    """Return one retry for ``--json``."""
    return {
        "account": row.step.account,
        "flow": row.step.flow_id,
        "step": row.step.step_id,
        "errorId": row.error_id,
        "case": row.case_key,
        "rule": row.rule_id,
        "write": row.batch_id,
        "sent_at": stamp(row.sent_at),
        "job": row.job_id,
        "why": row.why or UNEXPLAINED,
    }


def said_json(outcome: Outcome, by: str, why: str, at: datetime) -> dict[str, Any]:
    """Return what a person said of it."""
    return {"outcome": outcome.value, "settled_by": by, "settled_at": stamp(at), "reason": why}


def show_unknown(rows: Sequence[UnknownRow], names: Names) -> None:
    """Print them step by step, with what to do."""
    if not rows:
        say("No retry is without a known outcome.")
        return
    out = console()
    by_step: dict[StepRef, list[UnknownRow]] = {}
    for row in rows:
        by_step.setdefault(row.step, []).append(row)
    for step, mine in by_step.items():
        drawn = table("error", "record", "rule", "sent", "job", "why nobody knows")
        for row in mine:
            why = clean(row.why) or UNEXPLAINED
            drawn.add_row(
                clean(row.error_id), record(row.case_key), row.rule_id, stamp(row.sent_at), row.job_id or "-", why
            )
        out.print(place(step, names), style="bold")
        out.print(drawn)
        out.print()
    say(
        f"{plural(len(rows), 'retried record')} may or may not have run, and none is sent again before a person has said so. Look "
        "for the record in the target application, then:\n"
        "  flowmend case RECORD --settle confirmed    it is there\n"
        "  flowmend case RECORD --settle not-sent     it is not, and may be tried again"
    )
