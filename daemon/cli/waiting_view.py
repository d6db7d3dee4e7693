"""How plans that wait for a person are shown."""

from collections.abc import Iterable, Sequence
from typing import Any

from daemon.cli.listings import Names, place
from daemon.cli.render import clean, console, number, plural, say, stamp, table
from daemon.core.actions import Mode
from daemon.core.plans import Plan, PlannedGroup, PlanState

FEW = 5
"""So many rules of a plan are named in one line; flowmend approve lists them all."""


def waiting_json(plan: Plan) -> dict[str, Any]:
    """Return one open plan for ``--json``."""
    return {
        "plan": plan.plan_id,
        "account": plan.account,
        "state": plan.state.value,
        "rules": plan.rules,
        "made_at": stamp(plan.made_at),
        "expires_at": stamp(plan.expires_at),
        "decided_by": plan.decided_by,
        "groups": [
            {
                "rule": group.rule_id,
                "action": group.act.value,
                "flow": group.step.flow_id,
                "step": group.step.step_id,
                "send": group.send,
                "why": why_it_waits(group),
            }
            for group in plan.groups
        ],
    }


def show_waiting(plans: Sequence[Plan], names: Names) -> None:
    """Print the plans that wait or are approved: what each would send, where, why it waits, and what to type."""
    if not plans:
        say("No plan waits for approval.")
        return
    out = console()
    for plan in plans:
        head, until = f"plan {plan.plan_id} of {plan.account}", stamp(plan.expires_at)
        if plan.state is PlanState.APPROVED:
            head = f"{head} is approved by {plan.decided_by}; it is sent at the next cycle that begins before {until}"
        else:
            head = f"{head} waits until {until}"
        out.print(f"{head} ({plan.rules})", style="bold")
        drawn = table("rule", "action", "errors", "step", "why it waits", right=("errors",))
        for group in plan.groups:
            where = place(group.step, names)
            drawn.add_row(group.rule_id, group.act.value, number(group.send), where, why_it_waits(group))
        out.print(drawn)
        out.print()
    waiting = [plan.plan_id for plan in plans if plan.state is PlanState.WAITING]
    if waiting:
        say(
            f"flowmend approve {waiting[0]} lets the running service send that plan; flowmend apply {waiting[0]} does it now."
        )


def why_it_waits(group: PlannedGroup) -> str:
    """Say why a group needs a person."""
    if group.reason == "limit":
        return f"over a limit: {clean(group.detail, 200)}"
    return "its rule, or Flowmend, runs in approve mode" if group.mode is Mode.APPROVE else "it was planned by a person"


def waiting_lines(plans: Iterable[Plan]) -> list[tuple[str, str]]:
    """Return a line for each plan that waits: which, and what is in it with the command that lets it go."""
    lines = []
    for plan in plans:
        rules = _few(sorted({group.rule_id for group in plan.groups}))
        held = plural(sum(group.send for group in plan.groups), "error")
        said = (
            f"{held} of {rules}; flowmend approve {plan.plan_id} lets exactly these go (until {stamp(plan.expires_at)})"
        )
        lines.append((f"plan {plan.plan_id} waits", said))
    return lines


def _few(rules: Sequence[str]) -> str:
    if len(rules) <= FEW:
        return ", ".join(rules)
    return f"{', '.join(rules[: FEW - 1])} and {len(rules) - FEW + 1} more rules"
