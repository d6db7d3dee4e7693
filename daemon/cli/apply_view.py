"""How it is shown what became of a plan."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from daemon.app.figures import Figures
from daemon.cli.reasons import REASONS
from daemon.cli.render import console, number, plural, table
from daemon.core.applied import Applied, CarriedOut
from daemon.core.batches import Act
from daemon.core.decisions import Outcome
from daemon.core.plans import Plan

Outcomes = Mapping[tuple[str, Act], Counter[Outcome | None]]


def applied_json(plan: Plan, figures: Figures, done: CarriedOut, outcomes: Outcomes) -> dict[str, Any]:
    """Return what ``apply --json`` prints: per rule and action what was planned, what of it was sent, and what came of it."""
    told: dict[str, Any] = {
        "plan": plan.plan_id,
        "account": plan.account,
        "rules": [
            {
                "rule": rule_id,
                "action": act.value,
                "planned": sum(each.group.send for each in mine),
                "sent": sum(each.sent for each in mine),
                "refused": sum(each.refused for each in mine),
                "dropped": dict(_dropped(mine)),
                "left": sum(each.left for each in mine),
                **_counts(outcomes.get((rule_id, act), Counter())),
            }
            for (rule_id, act), mine in _by_rule(done.applied).items()
        ],
        "unsettled": figures.unsettled,
        "requests": figures.requests,
    }
    if figures.failure is not None:
        told["failure"] = str(figures.failure)
    return told


def show_applied(plan: Plan, figures: Figures, done: CarriedOut, outcomes: Outcomes) -> None:
    """Print a line per rule, then why errors were dropped."""
    out = console()
    heads = ("planned", "sent", "dropped", "refused", "confirmed", "came back", "unknown", "pending")
    drawn = table("rule", "action", *heads, right=heads)
    for (rule_id, act), mine in _by_rule(done.applied).items():
        came = _counts(outcomes.get((rule_id, act), Counter()))
        cells = (
            sum(each.group.send for each in mine),
            sum(each.sent for each in mine),
            _dropped(mine).total(),
            sum(each.refused for each in mine),
            came["confirmed"],
            came["came_back"],
            came["unknown"],
            came["pending"],
        )
        drawn.add_row(rule_id, act.value, *map(number, cells))
    out.print(drawn)
    out.print()
    for reason, count in _dropped(done.applied).most_common():
        out.print(Text(f"{count:,} dropped: {reason}: {REASONS.get(reason, 'see docs/rules.md')}"))
    planned = sum(each.group.send for each in done.applied)
    out.print(f"plan {plan.plan_id} of {plan.account}: {done.sent:,} of {plural(planned, 'error')} sent")
    if figures.unsettled:
        out.print(
            f"{plural(figures.unsettled, 'batch')} without an outcome yet; flowmend once, or the service, goes on from there."
        )


def _by_rule(applied: Iterable[Applied]) -> dict[tuple[str, Act], list[Applied]]:
    found: dict[tuple[str, Act], list[Applied]] = {}
    for each in applied:
        found.setdefault((each.group.rule_id, each.group.act), []).append(each)
    return found


def _dropped(applied: Sequence[Applied]) -> Counter[str]:
    return sum((each.dropped for each in applied), Counter[str]())


def _counts(outcomes: Counter[Outcome | None]) -> dict[str, int]:
    counted = {outcome.value: outcomes[outcome] for outcome in Outcome if outcome is not Outcome.REFUSED}
    return counted | {"pending": outcomes[None]}
