"""What the guards never let through, over any wishes, rules and limits (P6, P7)."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.actions import Limit, Mode, Resolve, Retry, Rule
from daemon.core.batches import Act
from daemon.core.guards import RULE_RESOLVES_PER_HOUR, RULE_RETRIES_PER_HOUR, SHARE_FLOOR, Limits, Scales, weigh
from daemon.core.plans import DueGroup, PlannedGroup
from daemon.core.usage import Usage
from tests.makers import rule, step

RETRY, RESOLVE = Act.RETRY, Act.RESOLVE


def group_of(count: int, rule_id: str, act: Act, step_id: str) -> DueGroup:
    return DueGroup(step=step(step_id), rule_id=rule_id, act=act, count=count)


FEW = st.integers(0, 60)
MAYBE = st.none() | FEW
OWN_LIMITS = st.builds(
    Limit, per_cycle=MAYBE, per_hour=MAYBE, per_day=MAYBE, share_of_open=st.none() | st.floats(0.01, 1)
)
RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["a", "b", "c", "d"]),
        action=st.sampled_from([Retry(), Resolve(because="done")]),
        mode=st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE]),
        limit=OWN_LIMITS,
    ),
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
    max_size=12,
    unique_by=lambda group: (group.rule_id, group.act, group.step),
)
COUNTED = st.dictionaries(st.tuples(st.sampled_from(["a", "b", "gone"]), st.sampled_from([RETRY, RESOLVE])), FEW)
ALL_SCALES = st.builds(
    Scales,
    mode=st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.APPROVE, Mode.OBSERVE]),
    limits=st.builds(
        Limits,
        retries_per_hour=st.integers(1, 150),
        resolves_per_hour=st.integers(1, 150),
        resolve_share_of_open=st.floats(0.01, 1),
    ),
    usage=st.builds(Usage, hour=COUNTED, day=COUNTED),
    open_on_step=st.dictionaries(st.sampled_from([step("s1"), step("s2")]), st.integers(0, 300)),
)


def total(planned: Iterable[PlannedGroup], act: Act, rule_id: str = "") -> int:
    return sum(group.send for group in planned if group.act is act and rule_id in {"", group.rule_id})


@given(GROUPS, RULES, ALL_SCALES)
def test_no_limit_is_ever_exceeded(groups: list[DueGroup], rules: list[Rule], weights: Scales) -> None:
    planned = weigh(groups, {one.id: one for one in rules}, weights)
    hour, day, limits = weights.usage.hour, weights.usage.day, weights.limits
    for act, per_rule, per_account in (
        (RETRY, RULE_RETRIES_PER_HOUR, limits.retries_per_hour),
        (RESOLVE, RULE_RESOLVES_PER_HOUR, limits.resolves_per_hour),
    ):
        sent = sum(count for (_, other), count in hour.items() if other is act)
        assert not total(planned, act) or total(planned, act) + sent <= per_account
        for one in rules:
            wanted = total(planned, act, one.id)
            most = [
                one.limit.per_cycle,
                (per_rule if one.limit.per_hour is None else one.limit.per_hour) - hour.get((one.id, act), 0),
                None if one.limit.per_day is None else one.limit.per_day - day.get((one.id, act), 0),
            ]
            assert not wanted or all(bound is None or wanted <= bound for bound in most)
    for group in planned:
        if group.act is RESOLVE and group.send > SHARE_FLOOR:
            assert group.send <= limits.resolve_share_of_open * weights.open_on_step.get(group.step, 0)


@given(GROUPS, RULES, ALL_SCALES)
def test_a_rules_act_goes_whole_or_not_at_all(groups: list[DueGroup], rules: list[Rule], weights: Scales) -> None:
    planned = weigh(groups, {one.id: one for one in rules}, weights)
    for one in rules:
        for act in Act:
            mine = [group for group in planned if (group.rule_id, group.act) == (one.id, act)]
            assert len({(group.reason, group.detail, group.mode) for group in mine}) <= 1
            assert all(group.send == (0 if group.reason else group.count) for group in mine)


@given(GROUPS, RULES, ALL_SCALES)
def test_every_group_of_a_rule_is_answered_once_and_in_the_order_of_the_rules(
    groups: list[DueGroup], rules: list[Rule], weights: Scales
) -> None:
    planned = weigh(groups, {one.id: one for one in rules}, weights)
    known = [one.id for one in rules]
    asked = {(group.step, group.rule_id, group.act, group.count) for group in groups if group.rule_id in known}
    answered = [(group.step, group.rule_id, group.act, group.count) for group in planned]
    assert len(answered) == len(asked)
    assert set(answered) == asked
    places = [(known.index(group.rule_id), list(Act).index(group.act)) for group in planned]
    assert places == sorted(places)


@given(GROUPS, RULES, ALL_SCALES)
def test_a_later_rule_never_takes_anything_from_an_earlier_one(
    groups: list[DueGroup], rules: list[Rule], weights: Scales
) -> None:
    whole = weigh(groups, {one.id: one for one in rules}, weights)
    without_last = weigh(groups, {one.id: one for one in rules[:-1]}, weights)
    assert whole[: len(without_last)] == without_last


@given(GROUPS, RULES, ALL_SCALES)
def test_nothing_is_sent_beyond_its_mode(groups: list[DueGroup], rules: list[Rule], weights: Scales) -> None:
    modes = {one.id: min(one.mode, weights.mode) for one in rules}
    for group in weigh(groups, {one.id: one for one in rules}, weights):
        assert group.mode is modes[group.rule_id]
        assert not group.send or group.mode > Mode.OBSERVE
