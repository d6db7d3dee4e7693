"""Guards: how much of what is due may go now (P6). They cut whole rules, never a random part of one.

The policy has decided *whether* each error may be acted on; here only numbers count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.core.actions import Mode, Rule
from daemon.core.batches import Act
from daemon.core.plans import DueGroup, PlannedGroup
from daemon.core.records import StepRef
from daemon.core.usage import Usage

RULE_RETRIES_PER_HOUR = 500
RULE_RESOLVES_PER_HOUR = 50
"""A rule's hourly limits where its file names none."""

SHARE_FLOOR = 20
"""A resolve rule may always take this many of a step's open errors, however few are open."""


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
    """What a rule's wishes are weighed against: the daemon's mode, the limits, and what is known of the last day."""

    mode: Mode
    limits: Limits
    usage: Usage
    open_on_step: Mapping[StepRef, int]


def weigh(groups: Sequence[DueGroup], rules: Mapping[str, Rule], scales: Scales) -> list[PlannedGroup]:
    """Return *groups* in the order of the rules, each with how many of it may go and why not all.

    A group whose rule is gone is left out; one whose rule only observes may not go. Where one limit does not fit all
    that a rule wants, over all its steps, none of it goes. Rules earlier in the set use up the account's limit first.
    """
    wishes: dict[tuple[str, Act], list[DueGroup]] = {}
    for group in groups:
        wishes.setdefault((group.rule_id, group.act), []).append(group)
    used = {act: _sent_last_hour(scales.usage, act) for act in LIMITED}
    planned: list[PlannedGroup] = []
    for rule in rules.values():
        for act in Act:
            mine = wishes.get((rule.id, act), [])
            mode = min(scales.mode, rule.mode)
            reason, detail = "", ""
            if mode is Mode.OBSERVE:
                reason, detail = "observe", "the rule or the daemon only observes"
            elif act in LIMITED and (detail := _over(rule, act, mine, scales, used[act])):
                reason = "limit"
            elif act in LIMITED:
                used[act] += sum(group.count for group in mine)
            planned += [_planned(group, mode, reason=reason, detail=detail) for group in mine]
    return planned


def cut(group: PlannedGroup, *, most: int | None, reason: str, detail: str) -> PlannedGroup:
    """Return *group* with at most *most* of it to be sent (None: all), for the reason given."""
    if most is None or most >= group.send:
        return group
    return replace(group, send=most, reason=reason, detail=detail)


def _over(rule: Rule, act: Act, groups: Sequence[DueGroup], scales: Scales, used: int) -> str:
    """Say which limit the rule's whole set would exceed, with its figures, or ""."""
    wanted = sum(group.count for group in groups)
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


def _over_share(rule: Rule, groups: Sequence[DueGroup], scales: Scales) -> str:
    share = scales.limits.resolve_share_of_open
    if rule.limit.share_of_open is not None:
        share = min(share, rule.limit.share_of_open)
    for group in groups:
        open_now = scales.open_on_step.get(group.step, 0)
        if group.count > max(SHARE_FLOOR, share * open_now):
            return (
                f"wants to resolve {group.count} of {open_now} open errors of step {group.step.step_id}; "
                f"its limit is a share of {share:g}"
            )
    return ""


def _sent_last_hour(usage: Usage, act: Act) -> int:
    return sum(count for (_, used_act), count in usage.hour.items() if used_act is act)


def _planned(group: DueGroup, mode: Mode, *, reason: str, detail: str) -> PlannedGroup:
    return PlannedGroup(
        step=group.step,
        rule_id=group.rule_id,
        act=group.act,
        count=group.count,
        send=0 if reason else group.count,
        mode=mode,
        reason=reason,
        detail=detail,
    )
