"""How a report is shown as text: first what needs a person, then what is only load, then the figures."""

from io import StringIO

from rich.console import Console

from daemon.cli.render import PIPED_WIDTH, clean, number, plural, table
from daemon.cli.report_figures import FIGURES
from daemon.cli.report_words import (
    count,
    day,
    incident,
    lasted,
    missing,
    needs_people,
    only_load,
    place,
    rate,
    roughly,
    rule_name,
    trend,
)
from daemon.core.periods import Period
from daemon.core.report import AccountReport, Report, Window


def report_text(report: Report) -> str:
    """Return the report as plain text."""
    text = StringIO()
    draw_report(report, Console(file=text, width=PIPED_WIDTH, highlight=False, markup=False, emoji=False))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def draw_report(report: Report, out: Console) -> None:
    """Print every account, and all of them together where there are several."""
    window = report.window
    out.print(f"Report on the {plural(window.days, 'day')} from {day(window.since)} to {day(window.until)} UTC")
    for account in report.accounts:
        out.print()
        out.print(clean(account.name), style="bold cyan")
        _draw_account(account, window, out)
    if len(report.accounts) > 1:
        out.print()
        out.print("all accounts", style="bold cyan")
        _draw_period(report.now, report.before, out)


def _draw_account(account: AccountReport, window: Window, out: Console) -> None:
    _draw_list("What needs a person", needs_people(account, window), "bold red", out)
    _draw_expiring(account, out)
    _draw_list("What is only load", [only_load(rule) for rule in account.only_load], "bold yellow", out)
    out.print()
    out.print(f"Open now: {account.open:,}, and {account.in_flight:,} whose outcome is awaited", style="bold")
    out.print()
    _draw_period(account.now, account.before, out)
    _draw_rules(account, out)
    _draw_incidents(account, window, out)
    for sentence in missing(account, window):
        out.print()
        out.print(sentence)


def _draw_list(title: str, lines: list[str], style: str, out: Console) -> None:
    if lines:
        out.print()
        out.print(title, style=style)
        for line in lines:
            out.print(f"  {line}")


def _draw_expiring(account: AccountReport, out: Console) -> None:
    if account.expiring:
        drawn = table("soon deleted", "errors", "the oldest occurred", right=("errors",))
        for step in account.expiring:
            drawn.add_row(
                place(step.step, account), number(step.expiring), day(step.oldest_at) if step.oldest_at else "-"
            )
        out.print()
        out.print(drawn)


def _draw_period(now: Period, before: Period, out: Console) -> None:
    this, last = "this period", "before"
    drawn = table("", this, last, right=(this, last))
    for name, figure in FIGURES:
        drawn.add_row(name, count(figure(now)), count(figure(before)))
    out.print(drawn)


def _draw_rules(account: AccountReport, out: Console) -> None:
    if not account.rules:
        return
    numbers = ("took", "retried", "confirmed", "came back", "resolved")
    drawn = table("rule", *numbers, "success rate", "trend", "time to fix", right=numbers)
    for rule in account.rules:
        now = rule.now
        took = (now.new, now.retried("sent"), now.retried("confirmed"), now.retried("came_back"))
        figures = [count(each) if each is None else number(each) for each in (*took, now.resolved("confirmed"))]
        fix = "-" if rule.to_fix is None else roughly(rule.to_fix)
        drawn.add_row(rule_name(rule.rule_id), *figures, rate(rule.rate), trend(rule), fix)
    out.print()
    out.print(drawn)


def _draw_incidents(account: AccountReport, window: Window, out: Console) -> None:
    if not account.incidents:
        return
    drawn = table("incident", "began", "lasted", "why")
    for each in account.incidents:
        drawn.add_row(incident(each, account), day(each.began_at), lasted(each, window), clean(each.reason))
    out.print()
    out.print(drawn)
