"""What the guards never let through, over any wishes, rules and limits (P6, P7)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.actions import Limit, Mode, Resolve, Retry, Rule
from daemon.core.batches import Act
from daemon.core.guards import (
    RULE_RESOLVES_PER_HOUR,
    RULE_RETRIES_PER_HOUR,
    SHARE_FLOOR,
    Limits,
    Scales,
    cut,
    weigh,
    wishes,
)
from daemon.core.plans import DueGroup, PlannedGroup
from daemon.core.usage import Usage
from tests.makers import rule, step

RETRY, RESOLVE = Act.RETRY, Act.RESOLVE


def group_of(count: int, rule_id: str, act: Act, step_id: str) -> DueGroup:
    return DueGroup(step=step(step_id), rule_id=rule_id, act=act, count=count)


FEW = st.integers(0, 60)
MODES = st.sampled_from([Mode.ENFORCE] * 4 + [Mode.APPROVE, Mode.OBSERVE])
MAYBE = st.none() | FEW
OWN_LIMITS = st.just(Limit()) | st.builds(
    Limit, per_cycle=MAYBE, per_hour=MAYBE, per_day=MAYBE, share_of_open=st.none() | st.floats(0.01, 1)
)
RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["a", "b", "c", "d"]),
        action=st.sampled_from([Retry(), Resolve(because="done")]),
        mode=MODES,
        limit=OWN_LIMITS,
    ),
    min_size=2,
    max_size=4,
    unique_by=lambda one: one.id,
)
GROUPS = st.lists(
    st.builds(
        group_of,
        FEW,
        st.sampled_from(["a", "b", "c", "d", "gone"]),
        st.sampled_from(Act),
        st.sampled_from(["s1", "s2"]),
    ),
    min_size=4,
    max_size=12,
    unique_by=lambda group: (group.rule_id, group.act, group.step),
)
RULE_IDS = st.sampled_from(["a", "b", "gone"])
STEPS = st.sampled_from([step("s1"), step("s2")])
COUNTED = st.dictionaries(st.tuples(RULE_IDS, st.sampled_from([RETRY, RESOLVE])), FEW, max_size=2)
CUTS = st.lists(st.none() | st.integers(0, 40), min_size=12, max_size=12)
"""How much of each group ramp or platform lets go, None for all."""
ALL_SCALES = st.builds(
    Scales,
    limits=st.builds(
        Limits,
        retries_per_hour=st.integers(1, 150),
        resolves_per_hour=st.integers(1, 150),
        resolve_share_of_open=st.floats(0.01, 1),
    ),
    usage=st.builds(
        Usage, hour=COUNTED, day=COUNTED, resolved=st.dictionaries(st.tuples(RULE_IDS, STEPS), st.integers(1, 60))
    ),
    open_on_step=st.dictionaries(STEPS, st.integers(0, 300)),
)


@dataclass(frozen=True)
class Case:
    """What is due, under which rules, cut how, weighed against what."""

    groups: list[DueGroup]
    rules: list[Rule]
    mode: Mode
    cuts: list[int | None]
    scales: Scales

    def wishes(self, rules: Sequence[Rule]) -> list[PlannedGroup]:
        """Return what rules want to send after the cuts; a group is cut alike whatever other rules there are."""
        places = {(group.step, group.rule_id, group.act): place for place, group in enumerate(self.groups)}
        return [
            cut(each, most=self.cuts[places[each.step, each.rule_id, each.act]], reason="cut", detail="by the ramp")
            for each in wishes(self.groups, {one.id: one for one in rules}, self.mode)
        ]

    def weighed(self, rules: Sequence[Rule] | None = None) -> list[PlannedGroup]:
        """Return what may go."""
        rules = self.rules if rules is None else rules
        return weigh(self.wishes(rules), {one.id: one for one in rules}, self.scales)


CASES = st.builds(Case, GROUPS, RULES, MODES, CUTS, ALL_SCALES)


def total(planned: Iterable[PlannedGroup], act: Act, rule_id: str = "", *, itself: bool = False) -> int:
    """Return how many may go; *itself* counts only what goes without a person."""
    return sum(
        group.send
        for group in planned
        if group.act is act and rule_id in {"", group.rule_id} and (group.mode is Mode.ENFORCE or not itself)
    )


@given(CASES)
def test_no_limit_is_ever_exceeded(case: Case) -> None:
    planned = case.weighed()
    usage, limits = case.scales.usage, case.scales.limits
    for act, per_rule, per_account in (
        (RETRY, RULE_RETRIES_PER_HOUR, limits.retries_per_hour),
        (RESOLVE, RULE_RESOLVES_PER_HOUR, limits.resolves_per_hour),
    ):
        sent = sum(count for (_, other), count in usage.hour.items() if other is act)
        going = total(planned, act, itself=True)
        assert not going or going + sent <= per_account
        for one in case.rules:
            wanted = total(planned, act, one.id)
            most = [
                one.limit.per_cycle,
                (per_rule if one.limit.per_hour is None else one.limit.per_hour) - usage.hour.get((one.id, act), 0),
                None if one.limit.per_day is None else one.limit.per_day - usage.day.get((one.id, act), 0),
            ]
            assert not wanted or all(bound is None or wanted <= bound for bound in most)
    for group in planned:
        if group.act is RESOLVE and group.send:
            taken = usage.resolved.get((group.rule_id, group.step), 0)
            gone = sum(count for (_, ref), count in usage.resolved.items() if ref == group.step)
            share = limits.resolve_share_of_open * (case.scales.open_on_step.get(group.step, 0) + gone)
            assert taken + group.send <= max(SHARE_FLOOR, share)


@given(CASES)
def test_by_the_limits_all_that_a_rule_would_send_goes_or_nothing(case: Case) -> None:
    wished, planned = case.wishes(case.rules), case.weighed()
    for one in case.rules:
        for act in Act:
            key = (one.id, act)
            pairs = [pair for pair in zip(wished, planned, strict=True) if (pair[0].rule_id, pair[0].act) == key]
            asking = [pair for pair in pairs if pair[0].send]
            held = [after.reason == "limit" for _, after in asking]
            assert all(held) or not any(held)
            assert len({after.detail for _, after in asking if after.reason == "limit"}) <= 1
            for before, after in pairs:
                assert after == before or (before.send and (after.send, after.reason) == (0, "limit"))


@given(CASES)
def test_every_group_of_a_rule_is_answered_once_and_in_the_order_of_the_rules(case: Case) -> None:
    planned = case.weighed()
    known = [one.id for one in case.rules]
    asked = {(group.step, group.rule_id, group.act, group.count) for group in case.groups if group.rule_id in known}
    answered = [(group.step, group.rule_id, group.act, group.count) for group in planned]
    assert len(answered) == len(asked)
    assert set(answered) == asked
    places = [(known.index(group.rule_id), list(Act).index(group.act)) for group in planned]
    assert places == sorted(places)


@given(CASES)
def test_a_later_rule_never_takes_anything_from_an_earlier_one(case: Case) -> None:
    without_last = case.weighed(case.rules[:-1])
    assert case.weighed()[: len(without_last)] == without_last


@given(CASES)
def test_a_rule_that_sends_nothing_by_itself_takes_nothing_from_a_later_one(case: Case) -> None:
    planned = case.weighed()
    idle = {one.id for one in case.rules if not any(total(planned, act, one.id, itself=True) for act in Act)}
    busy = [one for one in case.rules if one.id not in idle]
    assert case.weighed(busy) == [group for group in planned if group.rule_id not in idle]


@given(CASES)
def test_nothing_is_sent_beyond_its_mode(case: Case) -> None:
    modes = {one.id: min(one.mode, case.mode) for one in case.rules}
    for group in case.weighed():
        assert group.mode is modes[group.rule_id]
        assert not group.send or group.mode > Mode.OBSERVE
