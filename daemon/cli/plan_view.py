"""How plans are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.cli.reasons import REASONS
from daemon.cli.render import clean, console, number, say, stamp, table
from daemon.cli.waiting_view import waiting_lines
from daemon.core.actions import Mode, Rule
from daemon.core.batches import Act
from daemon.core.guards import LIMITED, RULE_RESOLVES_PER_HOUR, RULE_RETRIES_PER_HOUR
from daemon.core.plans import Plan
from daemon.core.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What each rule may still do within this hour."""

    rules: Sequence[Rule]
    usage: Usage

    def of(self, rule_id: str, act: Act) -> tuple[int, int] | None:
        """Return how much the rule has used within the last hour, and of how much; None where nothing limits it."""
        rule = next((rule for rule in self.rules if rule.id == rule_id), None)
        if rule is None or act not in LIMITED:
            return None
        default = RULE_RETRIES_PER_HOUR if act is Act.RETRY else RULE_RESOLVES_PER_HOUR
        most = default if rule.limit.per_hour is None else rule.limit.per_hour
        return self.usage.hour.get((rule_id, act), 0), most


def plan_json(plan: Plan | None, budgets: Budgets, waits: Sequence[Plan]) -> dict[str, Any] | None:
    """Return a plan for ``--json``; ``used`` and ``per_hour`` are the rule's budget, null where nothing limits it.

    ``plans_waiting`` are the ids of the account's plans that wait for a person.
    """
    if plan is None:
        return None
    groups = []
    for group in plan.groups:
        used, per_hour = budgets.of(group.rule_id, group.act) or (None, None)
        groups.append(
            {
                "rule": group.rule_id,
                "action": group.act.value,
                "flow": group.step.flow_id,
                "step": group.step.step_id,
                "due": group.count,
                "send": group.send,
                "used": used,
                "per_hour": per_hour,
                "mode": group.mode.name.lower(),
                "reason": group.reason,
                "detail": group.detail,
            }
        )
    return {
        "plan": plan.plan_id,
        "rules": plan.rules,
        "made_at": stamp(plan.made_at),
        "expires_at": stamp(plan.expires_at),
        "groups": groups,
        "plans_waiting": [each.plan_id for each in waits],
    }


def show_plan(account: str, plan: Plan | None, budgets: Budgets, not_due: Mapping[str, int], mode: Mode) -> None:
    """Print a line per rule: what is due, what would be sent, its budget, and why not all; then what is not due."""
    out = console()
    if plan is None:
        out.print(f"{account}: nothing is due")
    else:
        out.print(f"{account}: plan {plan.plan_id} with {plan.rules}, holds until {stamp(plan.expires_at)}\n")
        drawn = table("rule", "action", "due", "send", "used/h", "why not all", right=("due", "send", "used/h"))
        for (rule_id, act), (due, send, why) in _by_rule(plan).items():
            budget = budgets.of(rule_id, act)
            used = f"{budget[0]:,}/{budget[1]:,}" if budget else "-"
            drawn.add_row(rule_id, act.value, number(due), number(send), used, "\n".join(why))
        out.print(drawn)
        out.print()
    for reason, count in sorted(not_due.items(), key=lambda item: -item[1]):
        out.print(f"{account}: {count:,} not due: {reason}: {REASONS.get(reason, 'see docs/rules.md')}")
    if mode is Mode.OBSERVE:
        out.print('Observe mode: a cycle would send none of it. mode = "enforce" in the configuration lets it act.')


def show_commands(plan: Plan | None, waits: Sequence[Plan]) -> None:
    """Print what to type to have the plan done, or one that waits for a person."""
    if plan is not None and any(group.send for group in plan.groups):
        say(f"flowmend apply {plan.plan_id} does exactly this now and waits for the outcomes.")
        say(f"flowmend approve {plan.plan_id} lets the running service do it at its next cycle.")
    for which, what in waiting_lines(waits):
        say(f"{which}: {what}")


def _by_rule(plan: Plan) -> dict[tuple[str, Act], tuple[int, int, list[str]]]:
    """Return for each rule and act, over all steps: how many are due, how many may go, and why not all."""
    found: dict[tuple[str, Act], tuple[int, int, dict[str, int]]] = {}
    for group in plan.groups:
        due, send, why = found.get((group.rule_id, group.act), (0, 0, {}))
        if group.reason:
            said = f"{group.reason}: {clean(group.detail, 200)}"
            why[said] = why.get(said, 0) + 1
        found[group.rule_id, group.act] = (due + group.count, send + group.send, why)
    return {
        key: (due, send, [f"{said} (on {steps} steps)" if steps > 1 else said for said, steps in why.items()])
        for key, (due, send, why) in found.items()
    }
