"""The figures of a report as data: the lines that every form has, JSON with stable keys, CSV for spreadsheets."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from io import StringIO
from typing import Any

from daemon.cli.render import stamp
from daemon.cli.report_words import missing
from daemon.core.periods import Ends, Gone, Period
from daemon.core.rates import Rate
from daemon.core.records import StepRef
from daemon.core.report import EXPIRES_WITHIN, AccountReport, Report, RuleReport, Window

ENDS = ("sent", *(each.name for each in fields(Ends)))


def _left(period: Period, how: str) -> int | None:
    return None if period.gone is None else int(getattr(period.gone, how))


def _sent(period: Period, end: str) -> int | None:
    retried, resolved = period.retried(end), period.resolved(end)
    return None if retried is None or resolved is None else retried + resolved


def _vanished(period: Period) -> int | None:
    """Return what vanished while we acted on it, and what vanished otherwise, where that is recorded."""
    sent, left = _sent(period, "vanished"), _left(period, "vanished")
    return None if sent is None or left is None else sent + left


Figure = Callable[[Period], int | None]
FIGURES: Sequence[tuple[str, Figure]] = (
    ("new", lambda period: period.new),
    ("fixed by the robot (confirmed)", lambda period: period.retried("confirmed")),
    ("resolved by the robot", lambda period: period.resolved("confirmed")),
    ("dealt with by people", lambda period: period.by_people),
    ("settled by the platform", lambda period: _left(period, "platform")),
    ("vanished", _vanished),
    ("left, not asked how yet", lambda period: _left(period, "not_asked")),
    ("came back", lambda period: _sent(period, "came_back")),
    ("refused", lambda period: _sent(period, "refused")),
    ("unknown", lambda period: _sent(period, "unknown")),
    ("said by people, once unknown", lambda period: _sent(period, "said_by_people")),
    ("under way", lambda period: _sent(period, "under_way")),
)
"""The lines about a period, by name: all that came, and all that was sent or left, each once."""


def report_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON; the keys stay."""
    window = report.window
    return {
        "flowmend": version("flowmend"),
        "days": window.days,
        "from": stamp(window.since),
        "until": stamp(window.until),
        "total": {"period": period_json(report.now), "before": period_json(report.before)},
        "accounts": {account.name: _account_json(account, window) for account in report.accounts},
    }


def period_json(period: Period) -> dict[str, Any]:
    """Return a period; null is what is not kept."""
    gone = period.gone
    return {
        "new": period.new,
        "retries": _ends(period.retries),
        "resolves": _ends(period.resolves),
        "left": None if gone is None else {"total": gone.left, "by_people": gone.by_people, **asdict(gone)},
    }


def _ends(ends: Ends | None) -> dict[str, int] | None:
    return None if ends is None else {end: getattr(ends, end) for end in ENDS}


def _account_json(account: AccountReport, window: Window) -> dict[str, Any]:
    oldest = account.oldest
    return {
        "recorded_since": _moment(account.recorded_since),
        "sent_since": stamp(account.sent_since),
        "notes": missing(account, window),
        "period": period_json(account.now),
        "before": period_json(account.before),
        "by_day": _days_json(account.by_day, window),
        "open": account.open,
        "in_flight": account.in_flight,
        "unmatched": account.unmatched,
        "unmatched_share": account.unmatched / account.open if account.open else None,
        "unknown": account.unknown,
        "held": dict(account.held),
        "oldest": oldest and {**_step_json(oldest.step, account), "occurred_at": _moment(oldest.oldest_at)},
        "expiring_within_days": EXPIRES_WITHIN.days,
        "expiring": [
            {**_step_json(step.step, account), "errors": step.expiring, "oldest_at": _moment(step.oldest_at)}
            for step in account.expiring
        ],
        "rules": [_rule_json(rule, window) for rule in account.rules],
        "incidents": [
            {
                "kind": each.kind.value,
                "target": each.target,
                "rule": each.rule_id or None,
                "reason": each.reason,
                "began_at": stamp(each.began_at),
                "ended_at": _moment(each.ended_at),
            }
            for each in account.incidents
        ],
    }


def _rule_json(rule: RuleReport, window: Window) -> dict[str, Any]:
    return {
        "rule": rule.rule_id or None,
        "period": period_json(rule.now),
        "before": period_json(rule.before),
        "success_rate": _rate_json(rule.rate),
        "success_rate_before": _rate_json(rule.before.rate),
        "trend": rule.trend.value,
        "only_load": rule.rate.only_load,
        "median_time_to_fix_s": None if rule.to_fix is None else rule.to_fix.total_seconds(),
        "by_day": _days_json(rule.by_day, window),
    }


def _rate_json(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {
        "helped": rate.helped,
        "tried": rate.tried,
        "share": rate.share,
        "low": low,
        "high": high,
        "too_few": rate.too_few,
    }


def _days_json(days: Sequence[Period], window: Window) -> list[dict[str, Any]]:
    return [{"from": stamp(start), **period_json(period)} for start, period in zip(window.starts(), days, strict=True)]


def _step_json(ref: StepRef, account: AccountReport) -> dict[str, Any]:
    step = account.steps.get(ref)
    return {
        "flow": ref.flow_id,
        "step": ref.step_id,
        "flow_name": step.flow_name if step else "",
        "step_name": step.name if step else "",
    }


def _moment(moment: Any) -> str | None:
    return None if moment is None else stamp(moment)


def report_csv(report: Report) -> str:
    """Return a line for each account, rule and day, as RFC 4180 has it; what is not kept is an empty cell."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["account", "rule", "day_from", *_cells(Period())])
    for account in report.accounts:
        for rule in account.rules:
            for start, period in zip(report.window.starts(), rule.by_day, strict=True):
                cells = _cells(period).values()
                writer.writerow([_harmless(account.name), _harmless(rule.rule_id), stamp(start), *cells])
    return text.getvalue()


def _cells(period: Period) -> Mapping[str, int | None]:
    return {
        "new": period.new,
        **{f"retries_{end}": period.retried(end) for end in ENDS},
        **{f"resolves_{end}": period.resolved(end) for end in ENDS},
        **{f"left_{each.name}": _left(period, each.name) for each in fields(Gone)},
    }


def _harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
