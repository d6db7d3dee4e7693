"""What people and programs see on standard output: tables with rich on a terminal, plain lines when piped, or JSON."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from daemon.app.account import Figures
from daemon.app.demo import Truth
from daemon.core.actions import Mode
from daemon.core.plans import Plan
from daemon.core.rows import CaseEvent, ErrorRow, HeldRow
from daemon.core.tally import PER_RULE, Tally
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.problems import Problem, render, summary
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.testing import RuleTestResult

PLAIN_WIDTH = 200
COLUMNS = ("matched", "retried", "patched", "resolved", "held", "confirmed", "came_back")
"""The columns of the table per rule."""


def console() -> Console:
    """Return the console on standard output; piped it is wide and without colours."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False, soft_wrap=False)


def say(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_json(value: Any) -> None:
    """Print *value* as JSON and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: object) -> str:
    return stamp(value) if isinstance(value, datetime) else str(value)


def stamp(moment: datetime | None) -> str:
    """Return a moment as RFC 3339 UTC to the second, or "-"."""
    return "-" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def clean(text: str, most: int = 120) -> str:
    """Return text from outside on one line, with what does not print escaped, and cut."""
    from daemon.logs import printable

    return printable(text, most)


def figures_json(figures: Sequence[Figures]) -> dict[str, Any]:
    """Return what ``once --json`` prints."""
    return {"cycle": stamp(datetime.now(UTC)), "accounts": {each.account: each.to_json() for each in figures}}


class PassView:
    """Show a pass while it runs: live on a terminal, a line per step of the way when piped; quiet when not *shown*."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown
        self.tallies: dict[str, Tally] = {}
        self.words: dict[str, str] = {}
        self.live: Live | None = None
        self.last = ""

    def __enter__(self) -> Self:
        """Begin to show."""
        if self.shown and sys.stdout.isatty():
            self.live = Live(console=console(), refresh_per_second=8, transient=True)
            self.live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop showing."""
        if self.live is not None:
            self.live.__exit__(None, None, None)
            self.live = None

    def progress(self, account: str, word: str, tally: Tally) -> None:
        """Show where *account* is."""
        self.tallies[account], self.words[account] = tally, word
        if self.live is not None:
            self.live.update(self._table())
        elif self.shown:
            line = f"{account}: {word:9} {_sentence(tally)}"
            if line != self.last:
                say(line)
            self.last = line

    def finish(self, figures: Sequence[Figures], mode: Mode) -> None:
        """Show what came of it."""
        self.__exit__()
        if self.shown:
            for each in figures:
                show_figures(each, mode)

    def _table(self) -> Table:
        table = Table(box=None, show_header=False)
        for account, tally in self.tallies.items():
            table.add_row(account, self.words[account], _sentence(tally))
        return table


def _sentence(tally: Tally) -> str:
    counts = tally.counts
    parts = [f"{counts['new']} new", f"{counts['matched']} matched"]
    parts += [
        f"{counts[name]} {name.replace('_', ' ')}"
        for name in (
            "retried",
            "patched",
            "resolved",
            "held",
            "confirmed",
            "came_back",
            "refused",
            "unknown",
            "vanished",
        )
        if counts[name]
    ]
    return ", ".join(parts)


def rules_table(tally: Tally) -> Table:
    """Return the table of what each rule did."""
    table = Table(title="What each rule did", title_justify="left")
    table.add_column("rule", overflow="fold")
    for name in COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    for rule_id, counts in sorted(tally.rules.items(), key=lambda item: (-item[1]["matched"], item[0])):
        table.add_row(rule_id, *(_number(counts[name]) for name in COLUMNS))
    table.add_section()
    table.add_row("all", *(_number(tally.counts[name]) for name in COLUMNS))
    return table


def _number(count: int) -> str:
    return f"{count:,}" if count else "·"


def rules_json(figures: Figures) -> dict[str, dict[str, int]]:
    """Return what each rule did, for ``--json``."""
    return {rule_id: {name: counts[name] for name in PER_RULE} for rule_id, counts in figures.tally.rules.items()}


def show_books(figures: Figures, truth: Truth) -> None:
    """Hold Flowmend's figures against what the sandbox itself counted."""
    counts = figures.tally.counts
    names = ("retried", "patched", "resolved", "confirmed", "came_back")
    wrong = [name for name in names if counts[name] != getattr(truth, name)]
    say(
        f"The sandbox's own books: {truth.retried:,} retried, {truth.patched:,} patched, {truth.resolved:,} resolved, "
        f"{truth.confirmed:,} really fixed, {truth.came_back:,} came back, {truth.harmed} records there twice."
    )
    say("They agree with the table." if not wrong else f"They do not agree on: {', '.join(wrong)}.")


def show_figures(figures: Figures, mode: Mode) -> None:
    """Print what ``once`` did for one account."""
    out, tally = console(), figures.tally
    if tally.rules:
        out.print(rules_table(tally))
    out.print(f"{figures.account}: {figures.open:,} open, {_sentence(tally)}; {figures.requests:,} requests")
    if tally.counts["unmatched"]:
        out.print(
            f"{tally.counts['unmatched']:,} new errors match no rule; they are left alone (flowmend errors --unmatched)"
        )
    for reason, count in sorted(tally.skipped.items(), key=lambda item: -item[1]):
        if count:
            out.print(f"  not sent: {count:>6,}  {reason}: {REASONS.get(reason, 'see docs/rules.md')}")
    if figures.unsettled:
        out.print(f"{figures.unsettled:,} batches have no outcome yet; the next run goes on with them")
    if mode is Mode.OBSERVE:
        out.print('Observe mode: nothing was sent but reads. mode = "enforce" in the configuration lets it act.')
    if figures.failure is not None:
        sys.stderr.write(f"flowmend: {figures.account}: {figures.failure}\n")


REASONS: Mapping[str, str] = {
    "another-rule": "another rule takes it by now",
    "approve": "it waits for a person's approval",
    "assigned": "a person has been given it",
    "backlog": "it was there before Flowmend began; --adopt-backlog lets Flowmend act on these, too",
    "changed": "it changed since it was planned; it is judged again",
    "connection-offline": "its connection is offline; a retry would fail",
    "data-changed": "its retry data changed meanwhile; it is judged again",
    "exhausted": "its attempts are used up",
    "flow-disabled": "its flow is disabled; integrator.io refuses retries",
    "gone": "it left the open list meanwhile",
    "in-flight": "an attempt on the same record has no outcome yet",
    "limit": "its rule is over a limit; all of that rule is held",
    "observe": "its rule, or Flowmend, only observes",
    "patch-not-written": "its changed data could not be written",
    "patch-refused": "integrator.io refused its changed data",
    "patch-unknown": "whether its changed data was written is not known",
    "platform-retries": "the platform will retry it by itself",
    "ramp": "the rule goes in stages; the next stage takes it",
    "ramp-rests": "retries of this rule did not help just now; it rests for 15 minutes",
    "ramp-waits": "the stage before has no outcome yet",
    "retry-running": "another retry job of its step is at work",
    "state-unreadable": "the state of its flow or connection cannot be read",
    "unreachable": "integrator.io did not answer",
    "waiting": "its next attempt is due later",
}
"""What each reason of a skipped error means, for people."""


def plan_json(plan: Plan | None) -> dict[str, Any] | None:
    """Return a plan for ``--json``."""
    if plan is None:
        return None
    return {
        "plan": plan.plan_id,
        "rules": plan.rules,
        "made_at": stamp(plan.made_at),
        "expires_at": stamp(plan.expires_at),
        "groups": [
            {
                "rule": group.rule_id,
                "action": group.act.value,
                "flow": group.step.flow_id,
                "step": group.step.step_id,
                "due": group.count,
                "send": group.send,
                "mode": group.mode.name.lower(),
                "reason": group.reason,
                "detail": group.detail,
            }
            for group in plan.groups
        ],
    }


def show_plans(plans: Mapping[str, Plan | None], mode: Mode) -> None:
    """Print a line per rule: what is due, what would be sent, and why not all."""
    out = console()
    for account, plan in plans.items():
        if plan is None:
            out.print(f"{account}: nothing is due")
            continue
        out.print(f"{account}: plan {plan.plan_id} with {plan.rules}, holds until {stamp(plan.expires_at)}")
        table = Table()
        for name, justify in (
            ("rule", "left"),
            ("action", "left"),
            ("due", "right"),
            ("send", "right"),
            ("why not all", "left"),
        ):
            table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
        merged: dict[tuple[str, str], tuple[int, int, dict[str, None]]] = {}
        for group in plan.groups:
            due, send, why = merged.get((group.rule_id, group.act.value), (0, 0, {}))
            if group.reason:
                why[f"{group.reason}: {clean(group.detail, 200)}"] = None
            merged[group.rule_id, group.act.value] = (due + group.count, send + group.send, why)
        for (rule_id, act), (due, send, why) in merged.items():
            table.add_row(rule_id, act, _number(due), _number(send), "; ".join(why))
        out.print(table)
    if mode is Mode.OBSERVE:
        out.print('Observe mode: a cycle would send none of it. mode = "enforce" in the configuration lets it act.')


def show_check(
    problems: Sequence[Problem],
    rules: RuleSet | None,
    sources: Sequence[RuleSource],
    files: int,
    results: Sequence[RuleTestResult],
) -> None:
    """Print all problems, the failed tests, and one closing line."""
    if problems:
        say(render(problems))
    failed = [result for result in results if not result.passed]
    for result in failed:
        place = result.place
        where = f"{place.file}:{place.line}:{place.column}" if place else result.rule_id
        say(f'{where}  test failed in rule "{result.rule_id}": {result.name}\n  {result.detail}\n')
    if rules is None:
        say(f"{summary(problems)}: these rules would not be loaded")
        return
    tests = f"{len(results)} tests passed" if not failed else f"{len(failed)} of {len(results)} tests failed"
    say(f"{rules.version}: {len(sources)} rules in {files} files, {summary(problems)}, {tests}")


def result_json(result: RuleTestResult) -> dict[str, Any]:
    """Return one test of a rule for ``--json``."""
    place = result.place
    return {
        "rule": result.rule_id,
        "name": result.name,
        "winner": result.winner,
        "detail": result.detail,
        "file": place.file if place else "",
        "line": place.line if place else 0,
    }


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


def show_errors(rows: Sequence[ErrorRow], limit: int) -> None:
    """Print stored errors."""
    if not rows:
        say("No open error is known. (flowmend once reads them.)")
        return
    table = Table("flow / step", "error", "case", "code", "occurred", "rule", "what", "why")
    for row in rows:
        what = "in flight" if row.in_flight else row.verb.value
        table.add_row(
            f"{row.step.flow_id} / {row.step.step_id}",
            clean(row.error_id),
            clean(row.case_key.partition(":")[2]),
            clean(row.code),
            stamp(row.occurred_at),
            row.rule_id or "-",
            what,
            row.reason if row.due_at is None else f"{row.reason}, {stamp(row.due_at)}",
        )
    console().print(table)
    if len(rows) == limit:
        say(f"The first {limit}; --limit shows more.")


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
    }


def show_case(trace_key: str, events: Sequence[CaseEvent]) -> None:
    """Print the history of a case."""
    if not events:
        say(
            f"Nothing is known of {clean(trace_key)}. (Trace keys are case-sensitive; flowmend errors lists what is open.)"
        )
        return
    table = Table("when", "flow / step", "error", "what", "rule", "outcome", "detail")
    for event in events:
        table.add_row(
            stamp(event.at),
            f"{event.step.flow_id} / {event.step.step_id}",
            clean(event.error_id),
            event.what,
            event.rule_id or "-",
            event.outcome.value if event.outcome else "-",
            clean(event.detail),
        )
    console().print(table)


def held_json(row: HeldRow) -> dict[str, Any]:
    """Return one held error for ``--json``."""
    return {
        "account": row.step.account,
        "flow": row.step.flow_id,
        "step": row.step.step_id,
        "errorId": row.error_id,
        "queue": row.queue,
        "title": row.title,
        "rule": row.rule_id,
        "reason": row.reason,
        "detail": row.detail,
        "code": row.code,
        "held_at": stamp(row.held_at),
        "edit": [field.path for field in row.edit],
    }


def show_held(rows: Iterable[HeldRow]) -> None:
    """Print what waits for people, by queue."""
    by_queue: dict[str, list[HeldRow]] = {}
    for row in rows:
        by_queue.setdefault(row.queue, []).append(row)
    if not by_queue:
        say("Nothing is held.")
        return
    for queue, held in sorted(by_queue.items()):
        table = Table(title=f"{queue}: {len(held)}", title_justify="left")
        for name in ("flow / step", "error", "code", "held since", "what is wanted", "may be changed"):
            table.add_column(name, overflow="fold")
        for row in held:
            table.add_row(
                f"{row.step.flow_id} / {row.step.step_id}",
                clean(row.error_id),
                clean(row.code),
                stamp(row.held_at),
                clean(row.title or row.detail),
                ", ".join(field.path for field in row.edit) or "-",
            )
        console().print(table)
