"""How the errors, cases and held errors in the store are shown."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from daemon.cli.render import clean, console, plural, say, stamp, table
from daemon.core.decisions import Outcome
from daemon.core.records import Step, StepRef
from daemon.core.rows import CaseEvent, ErrorRow, HeldRow

Names = Mapping[StepRef, Step]

NEVER = datetime.min.replace(tzinfo=UTC)

WIDE = 150
"""From this many columns on an error has one line."""


def error_json(row: ErrorRow) -> dict[str, Any]:
    """Return one stored error for ``--json``."""
    return {
        "account": row.step.account,
        "flow": row.step.flow_id,
        "step": row.step.step_id,
        "errorId": row.error_id,
        "case": row.case_key,
        "code": row.code,
        "verb": row.verb.value,
        "rule": row.rule_id,
        "reason": row.reason,
        "detail": row.detail,
        "occurred_at": stamp(row.occurred_at),
        "due_at": stamp(row.due_at),
        "in_flight": row.in_flight,
    }


def newest_first(rows: Iterable[ErrorRow]) -> list[ErrorRow]:
    """Return stored errors in the order of the store; those whose time is not known come last."""
    return sorted(rows, key=lambda row: row.occurred_at or NEVER, reverse=True)


def show_errors(rows: Sequence[ErrorRow], names: Names, limit: int, rule: str | None = None) -> None:
    """Print stored errors, step by step; the step of the newest comes first. *rule* is the one that was asked for."""
    if not rows:
        asked = "; is that the rule's id, letter by letter?" if rule else "."
        say(f"No open error is known that fits{asked} (flowmend once reads what is open.)")
        return
    out = console()
    by_step: dict[StepRef, list[ErrorRow]] = {}
    for row in rows:
        by_step.setdefault(row.step, []).append(row)
    for step, mine in by_step.items():
        wide = out.width >= WIDE
        heads = (
            ("record", "occurred", "code", "rule", "decision")
            if wide
            else ("record, time and code; rule and decision",)
        )
        drawn = table("error", *heads)
        for row in mine:
            facts = (record(row.case_key), stamp(row.occurred_at), clean(row.code) or "-")
            rule, decision = row.rule_id or "-", _decision(row)
            drawn.add_row(clean(row.error_id), *((*facts, rule, decision) if wide else (_two(facts, rule, decision),)))
        out.print(place(step, names), style="bold")
        out.print(drawn)
        out.print()
    if len(rows) == limit:
        say(f"The newest {limit:,} only; --limit shows more.")


def _two(facts: Sequence[str], rule: str, decision: str) -> str:
    return "  ".join(facts) + "\n" + (decision if rule == "-" else f"{rule}: {decision}")


def _decision(row: ErrorRow) -> str:
    if row.in_flight:
        return "in flight: its outcome is not known yet"
    if row.reason == "due" and row.due_at is not None:
        return f"{row.verb.value}, due {stamp(row.due_at)}"
    decision = row.reason if row.reason in ("", row.verb.value, "unmatched") else f"{row.verb.value}, {row.reason}"
    return decision if row.due_at is None else f"{decision}, due {stamp(row.due_at)}"


def case_json(event: CaseEvent) -> dict[str, Any]:
    """Return one event of a case for ``--json``."""
    return {
        "at": stamp(event.at),
        "account": event.step.account,
        "flow": event.step.flow_id,
        "step": event.step.step_id,
        "errorId": event.error_id,
        "what": event.what,
        "rule": event.rule_id,
        "detail": event.detail,
        "outcome": event.outcome.value if event.outcome else None,
        "by": event.by,
    }


def show_case(trace_key: str, events: Sequence[CaseEvent], names: Names) -> None:
    """Print the history of a case on each step."""
    if not events:
        say(
            f"Nothing is known of {clean(trace_key)}. (Trace keys are case-sensitive; flowmend errors lists what is open.)"
        )
        return
    out = console()
    by_step: dict[StepRef, list[CaseEvent]] = {}
    for event in events:
        by_step.setdefault(event.step, []).append(event)
    for step, mine in by_step.items():
        drawn = table("when", "error", "what")
        for event in mine:
            by = f"said by {clean(event.by)}" if event.by else ""
            said = ", ".join(part for part in (_what(event), event.rule_id, by, clean(event.detail)) if part)
            drawn.add_row(stamp(event.at), clean(event.error_id), said)
        out.print(place(step, names), style="bold")
        out.print(drawn)
        out.print()


def _what(event: CaseEvent) -> str:
    if event.outcome is None:
        return event.what
    if event.by and event.outcome is Outcome.REFUSED:
        return "outcome: not sent"
    return f"{event.what}: {event.outcome.value.replace('_', ' ')}"


def held_json(row: HeldRow) -> dict[str, Any]:
    """Return one held error for ``--json``."""
    return {
        "account": row.step.account,
        "flow": row.step.flow_id,
        "step": row.step.step_id,
        "errorId": row.error_id,
        "case": row.case_key,
        "queue": row.queue,
        "title": row.title,
        "rule": row.rule_id,
        "reason": row.reason,
        "detail": row.detail,
        "code": row.code,
        "held_at": stamp(row.held_at),
        "edit": [field.path for field in row.edit],
    }


def show_held(rows: Iterable[HeldRow], names: Names) -> None:
    """Print what waits for people: queue by queue, what is wanted, and the errors that want it."""
    by_queue: dict[str, dict[tuple[str, str, str], list[HeldRow]]] = {}
    for row in rows:
        wanted = (clean(row.title or row.detail), ", ".join(field.path for field in row.edit), place(row.step, names))
        by_queue.setdefault(row.queue, {}).setdefault(wanted, []).append(row)
    if not by_queue:
        say("Nothing is held.")
        return
    out = console()
    for queue, groups in sorted(by_queue.items()):
        out.print(f"{queue}: {plural(sum(len(held) for held in groups.values()), 'error')}", style="bold cyan")
        for (title, edit, where), held in groups.items():
            drawn = table("error", "record", "code", "held since")
            for row in held:
                drawn.add_row(clean(row.error_id), record(row.case_key), clean(row.code) or "-", stamp(row.held_at))
            edits = f"\nPeople may change: {edit}" if edit else ""
            out.print(Padding(Group(Text(f"{title}{edits}", style="bold"), where, drawn), (1, 0, 0, 2), expand=False))
        out.print()


def place(ref: StepRef, names: Names) -> str:
    """Return where an error is: by the names that people know, and by the ids that --flow and --step take."""
    step = names.get(ref)
    ids = f"flow {ref.flow_id}, step {ref.step_id}"
    if step is None or not (step.flow_name and step.name):
        return f"{ref.account}: {ids}"
    return f"{ref.account}: {clean(step.flow_name)} › {clean(step.name)}\n{ids}"  # noqa: RUF001 - the sign between names


def record(case_key: str) -> str:
    """Return what `flowmend case` takes: the trace key, or the key of a case that has none."""
    return clean(case_key.removeprefix("t:"))
