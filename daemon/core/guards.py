"""Guards: how much of what is due may go now (P6). They cut whole rules, never a random part of one.

The policy has decided *whether* each error may be acted on; here only numbers count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from daemon.core.actions import Mode, Rule
from daemon.core.batches import Act
from daemon.core.plans import DueGroup, PlannedGroup
from daemon.core.records import StepRef
from daemon.core.usage import Usage

RULE_RETRIES_PER_HOUR = 500
RULE_RESOLVES_PER_HOUR = 50
"""A rule's hourly limits where its file names none."""

SHARE_FLOOR = 20
"""A resolve rule may always take this many of a step's open errors within an hour, however few are open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one account allows over every rule, as configured under ``limits``."""

    retries_per_hour: int
    resolves_per_hour: int
    resolve_share_of_open: float


LIMITED = (Act.RETRY, Act.RESOLVE)
"""The acts that change records; tagging and assigning are free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What a rule's wishes are weighed against: the limits, and what is known of the last day."""

    limits: Limits
    usage: Usage
    open_on_step: Mapping[StepRef, int]


def wishes(groups: Sequence[DueGroup], rules: Mapping[str, Rule], mode: Mode) -> list[PlannedGroup]:
    """Return *groups* in the order of the rules and of their acts; nothing may go where rule or daemon only observes.

    A group whose rule is gone is left out.
    """
    places = {rule_id: place for place, rule_id in enumerate(rules)}
    acts = list(Act)
    known = [group for group in groups if group.rule_id in rules]
    known.sort(key=lambda group: (places[group.rule_id], acts.index(group.act)))
    return [_wish(group, min(mode, rules[group.rule_id].mode)) for group in known]


def weigh(groups: Sequence[PlannedGroup], rules: Mapping[str, Rule], scales: Scales) -> list[PlannedGroup]:
    """Hold all that a rule would send now, over all its steps, where one limit does not fit it; keep the order.

    *groups* come as `wishes` orders them, after ramp and platform have cut them: only what is really to be sent is
    weighed. Rules earlier in the set use up the account's limit first; what waits for a person uses up nothing yet.
    """
    used = {act: _sent_last_hour(scales.usage, act) for act in LIMITED}
    weighed: list[PlannedGroup] = []
    for (rule_id, act), same in groupby(groups, key=lambda group: (group.rule_id, group.act)):
        mine = list(same)
        if act in LIMITED:
            over = _over(rules[rule_id], act, mine, scales, used[act])
            if over:
                mine = [cut(group, most=0, reason="limit", detail=over) for group in mine]
            used[act] += sum(group.send for group in mine if group.mode is Mode.ENFORCE)
        weighed += mine
    return weighed


def cut(group: PlannedGroup, *, most: int | None, reason: str, detail: str) -> PlannedGroup:
    """Return *group* with at most *most* of it to be sent (None: all), for the reason given."""
    if most is None or most >= group.send:
        return group
    return replace(group, send=most, reason=reason, detail=detail)


def _over(rule: Rule, act: Act, groups: Sequence[PlannedGroup], scales: Scales, used: int) -> str:
    """Say which limit all that the rule would send now exceeds, with its figures, or ""."""
    wanted = sum(group.send for group in groups)
    if not wanted:
        return ""
    limit, verb = rule.limit, act.value
    retries = act is Act.RETRY
    per_hour = limit.per_hour
    if per_hour is None:
        per_hour = RULE_RETRIES_PER_HOUR if retries else RULE_RESOLVES_PER_HOUR
    account_hour = scales.limits.retries_per_hour if retries else scales.limits.resolves_per_hour
    hour, day = scales.usage.hour.get((rule.id, act), 0), scales.usage.day.get((rule.id, act), 0)
    if limit.per_cycle is not None and wanted > limit.per_cycle:
        return f"wants to {verb} {wanted} in one cycle; its limit is {limit.per_cycle}"
    if hour + wanted > per_hour:
        return f"wants to {verb} {wanted} after {hour} in the last hour; its limit is {per_hour} an hour"
    if limit.per_day is not None and day + wanted > limit.per_day:
        return f"wants to {verb} {wanted} after {day} in the last day; its limit is {limit.per_day} a day"
    if used + wanted > account_hour:
        return f"wants to {verb} {wanted}; the account's limit is {account_hour} an hour and {used} are used"
    return "" if retries else _over_share(rule, groups, scales)


def _over_share(rule: Rule, groups: Sequence[PlannedGroup], scales: Scales) -> str:
    """Say on which step the rule would have resolved more than its share of what was open there within the last hour."""
    share = scales.limits.resolve_share_of_open
    if rule.limit.share_of_open is not None:
        share = min(share, rule.limit.share_of_open)
    resolved = scales.usage.resolved
    for group in groups:
        taken = resolved.get((rule.id, group.step), 0)
        by_all = sum(count for (_, step), count in resolved.items() if step == group.step)
        were_open = scales.open_on_step.get(group.step, 0) + by_all
        if group.send and taken + group.send > max(SHARE_FLOOR, share * were_open):
            before = f" after {taken} in the last hour," if taken else ""
            return (
                f"wants to resolve {group.send}{before} of {were_open} open errors of step {group.step.step_id}; "
                f"its limit is a share of {share:g}"
            )
    return ""


def _sent_last_hour(usage: Usage, act: Act) -> int:
    return sum(count for (_, used_act), count in usage.hour.items() if used_act is act)


def _wish(group: DueGroup, mode: Mode) -> PlannedGroup:
    observed = mode is Mode.OBSERVE
    return PlannedGroup(
        step=group.step,
        rule_id=group.rule_id,
        act=group.act,
        count=group.count,
        send=0 if observed else group.count,
        mode=mode,
        reason="observe" if observed else "",
        detail="the rule or the daemon only observes" if observed else "",
    )
