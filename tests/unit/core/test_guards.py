"""How many may go (P6)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from daemon.core.actions import Limit, Mode, Resolve, Rule
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
from daemon.core.records import StepRef
from daemon.core.usage import Usage
from tests.makers import rule, step

LIMITS = Limits(retries_per_hour=1000, resolves_per_hour=200, resolve_share_of_open=0.5)
RETRY, RESOLVE = Act.RETRY, Act.RESOLVE


def due(count: int, rule_id: str = "r1", act: Act = RETRY, step_id: str = "s1") -> DueGroup:
    return DueGroup(step=step(step_id), rule_id=rule_id, act=act, count=count)


def weighed(
    groups: Sequence[DueGroup],
    rules: Iterable[Rule],
    *,
    mode: Mode = Mode.ENFORCE,
    most: Mapping[str, int] | None = None,
    hour: Mapping[tuple[str, Act], int] | None = None,
    day: Mapping[tuple[str, Act], int] | None = None,
    resolved: Mapping[tuple[str, StepRef], int] | None = None,
    open_on_step: Mapping[StepRef, int] | None = None,
) -> list[PlannedGroup]:
    """Weigh what is due; *most* is by rule what ramp or platform let go."""
    by_id = {one.id: one for one in rules}
    cut_down = [
        cut(group, most=(most or {}).get(group.rule_id), reason="ramp", detail="in stages")
        for group in wishes(groups, by_id, mode)
    ]
    usage = Usage(hour=hour or {}, day=day or {}, resolved=resolved or {})
    return weigh(cut_down, by_id, Scales(limits=LIMITS, usage=usage, open_on_step=open_on_step or {}))


def sends(planned: Sequence[PlannedGroup]) -> list[tuple[str, int, str]]:
    return [(group.rule_id, group.send, group.reason) for group in planned]


def test_what_is_under_every_limit_goes_whole() -> None:
    assert weighed([due(500)], [rule()]) == [
        PlannedGroup(step=step(), rule_id="r1", act=RETRY, count=500, send=500, mode=Mode.ENFORCE)
    ]


PER_HOUR = Limit(per_hour=10)
MUCH_OPEN = {step("s1"): 10_000, step("s2"): 10_000}


@pytest.mark.parametrize(
    ("limit", "act", "count", "used", "most"),
    [
        pytest.param(Limit(), RETRY, RULE_RETRIES_PER_HOUR, {}, None, id="500 retries are every rule's default"),
        pytest.param(Limit(), RETRY, 501, {}, "its limit is 500 an hour", id="501 are not"),
        pytest.param(Limit(), RESOLVE, RULE_RESOLVES_PER_HOUR, {}, None, id="50 resolves are every rule's default"),
        pytest.param(Limit(), RESOLVE, 51, {}, "its limit is 50 an hour", id="51 are not"),
        pytest.param(Limit(), RETRY, 400, {"hour": {("r1", RETRY): 100}}, None, id="with those of the last hour: 500"),
        pytest.param(Limit(), RETRY, 401, {"hour": {("r1", RETRY): 100}}, "after 100 in the last hour", id="501 in all"),
        pytest.param(Limit(), RETRY, 500, {"hour": {("r1", RESOLVE): 100}}, None, id="resolves are counted apart"),
        pytest.param(Limit(), RESOLVE, 50, {"hour": {("r1", RETRY): 400}}, None, id="retries are counted apart"),
        pytest.param(Limit(), RESOLVE, 50, {"hour": {("r1", RESOLVE): 1}}, "after 1 in the last hour", id="51 resolves"),
        pytest.param(Limit(), RETRY, 500, {"hour": {("r2", RETRY): 100}}, None, id="other rules are counted apart"),
        pytest.param(PER_HOUR, RETRY, 10, {}, None, id="per_hour met"),
        pytest.param(PER_HOUR, RETRY, 11, {}, "its limit is 10 an hour", id="per_hour exceeded"),
        pytest.param(PER_HOUR, RETRY, 1, {"hour": {("r1", RETRY): 10}}, "its limit is 10 an hour", id="per_hour used up"),
        pytest.param(Limit(per_hour=600), RETRY, 600, {}, None, id="a rule's own per_hour replaces the default"),
        pytest.param(Limit(per_hour=2000), RETRY, 1001, {}, "the account's limit is 1000", id="not the account's"),
        pytest.param(Limit(per_cycle=3), RETRY, 3, {}, None, id="per_cycle met"),
        pytest.param(Limit(per_cycle=3), RETRY, 4, {}, "in one cycle; its limit is 3", id="per_cycle exceeded"),
        pytest.param(Limit(per_cycle=3), RETRY, 3, {"hour": {("r1", RETRY): 100}}, None, id="per_cycle forgets"),
        pytest.param(Limit(per_day=5), RETRY, 5, {}, None, id="per_day met"),
        pytest.param(Limit(per_day=5), RETRY, 2, {"day": {("r1", RETRY): 4}}, "after 4 in the last day", id="per_day exceeded"),
        pytest.param(Limit(per_day=5), RETRY, 5, {"day": {("r1", RESOLVE): 4, ("r2", RETRY): 4}}, None, id="day of others"),
        pytest.param(
            Limit(), RETRY, 101, {"hour": {("r2", RETRY): 500, ("gone", RETRY): 400}},
            "the account's limit is 1000 an hour and 900 are used", id="rules not there any more used the account's",
        ),
        pytest.param(
            Limit(), RETRY, 100, {"hour": {("r2", RETRY): 500, ("gone", RETRY): 400, ("r2", RESOLVE): 9}}, None,
            id="exactly what the account has left",
        ),
        pytest.param(
            Limit(), RESOLVE, 11, {"hour": {("r2", RESOLVE): 190}}, "the account's limit is 200 an hour",
            id="the account's resolves",
        ),
        pytest.param(Limit(), Act.TAG, 9999, {}, None, id="tags are free"),
        pytest.param(Limit(), Act.ASSIGN, 9999, {}, None, id="assignments are free"),
    ],
)  # fmt: skip
def test_over_a_limit_all_of_the_rule_is_held_and_says_why(
    limit: Limit, act: Act, count: int, used: dict[str, Any], most: str | None
) -> None:
    [planned] = weighed([due(count, act=act)], [rule(limit=limit)], open_on_step=MUCH_OPEN, **used)
    assert planned.count == count
    if most is None:
        assert (planned.send, planned.reason, planned.detail) == (count, "", "")
    else:
        assert (planned.send, planned.reason) == (0, "limit")
        assert most in planned.detail
        assert f"wants to {act.value} {count}" in planned.detail


def test_a_limit_counts_all_steps_of_a_rule_together_and_holds_them_all() -> None:
    planned = weighed([due(6), due(5, step_id="s2")], [rule(limit=PER_HOUR)])
    assert sends(planned) == [("r1", 0, "limit")] * 2
    assert (
        planned[0].detail == planned[1].detail == "wants to retry 11 after 0 in the last hour; its limit is 10 an hour"
    )


def test_a_rule_over_its_limit_stops_no_other_rule() -> None:
    planned = weighed([due(501), due(500, "r2")], [rule(), rule("r2")])
    assert sends(planned) == [("r1", 0, "limit"), ("r2", 500, "")]


def test_one_act_over_its_limit_does_not_stop_the_rules_other_acts() -> None:
    planned = weighed([due(1, act=RESOLVE), due(501), due(3, act=Act.TAG)], [rule()])
    assert [(group.act, group.send) for group in planned] == [(Act.TAG, 3), (RETRY, 0), (RESOLVE, 1)]


def test_rules_earlier_in_the_set_use_up_the_accounts_limit_first() -> None:
    rules = [rule("late-id-but-first"), rule("b"), rule("c"), rule("d")]
    groups = [due(100, "d"), due(200, "c"), due(450, "b"), due(450, "late-id-but-first")]
    assert sends(weighed(groups, rules)) == [
        ("late-id-but-first", 450, ""),
        ("b", 450, ""),
        ("c", 0, "limit"),
        ("d", 100, ""),
    ]


def test_what_only_observes_uses_up_no_limit() -> None:
    rules = [rule("observes", mode=Mode.OBSERVE, limit=Limit(per_hour=1000)), rule("r1", limit=Limit(per_hour=1000))]
    assert sends(weighed([due(1000, "observes"), due(1000)], rules)) == [("observes", 0, "observe"), ("r1", 1000, "")]


def test_what_waits_for_a_person_uses_up_nothing_of_the_account() -> None:
    rules = [rule("asks", mode=Mode.APPROVE, limit=Limit(per_hour=1000)), rule("r1", limit=Limit(per_hour=1000))]
    assert sends(weighed([due(1000, "asks"), due(1000)], rules)) == [("asks", 1000, ""), ("r1", 1000, "")]


def test_what_waits_for_a_person_may_be_over_a_limit_too() -> None:
    rules = [rule("asks", mode=Mode.APPROVE), rule("r1", limit=Limit(per_hour=1000))]
    planned = weighed([due(300, "asks"), due(800)], rules, hour={("r1", RETRY): 190})
    assert sends(planned) == [("asks", 300, ""), ("r1", 800, "")]
    assert sends(weighed([due(501, "asks")], rules)) == [("asks", 0, "limit")]


def test_only_what_the_ramp_lets_go_now_is_weighed_and_uses_up_the_account() -> None:
    rules = [rule(one, limit=Limit(per_hour=1000)) for one in ("slow", "b", "c")]
    planned = weighed([due(5000, "slow"), due(970, "b"), due(1, "c")], rules, most={"slow": 30})
    assert sends(planned) == [("slow", 30, "ramp"), ("b", 970, ""), ("c", 0, "limit")]


def test_a_stage_of_the_ramp_that_is_over_a_limit_is_held_whole() -> None:
    planned = weighed([due(500)], [rule(limit=Limit(per_cycle=20))], most={"r1": 30})
    assert sends(planned) == [("r1", 0, "limit")]
    assert "wants to retry 30 in one cycle" in planned[0].detail


def test_what_something_else_holds_back_is_not_said_to_be_over_a_limit() -> None:
    planned = weighed([due(600)], [rule()], most={"r1": 0})
    assert sends(planned) == [("r1", 0, "ramp")]


def test_a_group_whose_rule_is_gone_is_left_out() -> None:
    assert sends(weighed([due(1, "gone"), due(1)], [rule()])) == [("r1", 1, "")]


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize(
    ("of_daemon", "of_rule"),
    [
        (Mode.OBSERVE, Mode.ENFORCE),
        (Mode.ENFORCE, Mode.OBSERVE),
        (Mode.OBSERVE, Mode.OBSERVE),
        (Mode.APPROVE, Mode.OBSERVE),
    ],
)
def test_nothing_at_all_is_sent_where_the_daemon_or_the_rule_observes(of_daemon: Mode, of_rule: Mode, act: Act) -> None:
    [planned] = weighed([due(1, act=act)], [rule(mode=of_rule)], mode=of_daemon)
    assert (planned.send, planned.reason, planned.mode) == (0, "observe", Mode.OBSERVE)
    assert planned.detail


@pytest.mark.parametrize(("of_daemon", "of_rule"), [(Mode.APPROVE, Mode.ENFORCE), (Mode.ENFORCE, Mode.APPROVE)])
def test_what_needs_approval_is_weighed_and_says_so(of_daemon: Mode, of_rule: Mode) -> None:
    [planned] = weighed([due(1)], [rule(mode=of_rule)], mode=of_daemon)
    assert (planned.send, planned.mode) == (1, Mode.APPROVE)


@pytest.mark.parametrize(
    ("own", "count", "open_now", "fits"),
    [
        pytest.param(None, 50, 100, True, id="half of the step"),
        pytest.param(None, 51, 100, False, id="over half of the step"),
        pytest.param(None, SHARE_FLOOR, 20, True, id="twenty are always allowed"),
        pytest.param(None, SHARE_FLOOR + 1, 20, False, id="twenty-one are not"),
        pytest.param(None, SHARE_FLOOR + 1, 41, False, id="half of 41 is less than 21"),
        pytest.param(None, SHARE_FLOOR + 1, 42, True, id="half of 42 is 21"),
        pytest.param(0.1, 30, 300, True, id="the rule's share is lower"),
        pytest.param(0.1, 31, 300, False, id="over the rule's share"),
        pytest.param(1.0, 51, 100, False, id="a rule cannot raise the share"),
        pytest.param(0.001, SHARE_FLOOR, 300, True, id="twenty also under a tiny share"),
        pytest.param(None, 1, 0, True, id="nothing else is open"),
    ],
)
def test_an_hour_resolves_no_more_than_a_share_of_a_step(
    own: float | None, count: int, open_now: int, fits: bool
) -> None:
    limit = Limit(per_hour=1000, share_of_open=own)
    [planned] = weighed([due(count, act=RESOLVE)], [rule(limit=limit)], open_on_step={step(): open_now})
    assert planned.send == (count if fits else 0)
    if not fits:
        share = min(own or 0.5, 0.5)
        assert planned.detail == (
            f"wants to resolve {count} of {open_now} open errors of step s1; its limit is a share of {share:g}"
        )


@pytest.mark.parametrize(
    ("taken", "by_others", "count", "open_now", "fits"),
    [
        pytest.param(30, 0, 20, 70, True, id="half of what was open an hour ago"),
        pytest.param(30, 0, 21, 70, False, id="over half of it"),
        pytest.param(50, 0, 1, 50, False, id="half was taken already: not even one more"),
        pytest.param(19, 0, 1, 1, True, id="twenty in an hour are always allowed"),
        pytest.param(20, 0, 1, 0, False, id="the twenty-first is not"),
        pytest.param(0, 50, 50, 50, True, id="another rule's half is not ours"),
        pytest.param(0, 50, 51, 50, False, id="but one of ours too many is"),
    ],
)
def test_a_share_cannot_be_taken_again_in_every_cycle(
    taken: int, by_others: int, count: int, open_now: int, fits: bool
) -> None:
    [planned] = weighed(
        [due(count, act=RESOLVE)],
        [rule(limit=Limit(per_hour=1000))],
        resolved={("r1", step()): taken, ("r2", step()): by_others, ("r1", step("s2")): 99},
        open_on_step={step(): open_now},
    )
    assert planned.send == (count if fits else 0)


def test_taking_all_that_is_allowed_in_every_cycle_takes_no_more_than_the_share() -> None:
    open_now, taken = 100, 0
    while True:
        most = [
            count
            for count in range(1, open_now + 1)
            if weighed(
                [due(count, act=RESOLVE)],
                [rule(limit=Limit(per_hour=5000))],
                resolved={("r1", step()): taken},
                open_on_step={step(): open_now},
            )[0].send
        ][-1:]
        if not most:
            break
        taken, open_now = taken + most[0], open_now - most[0]
    assert (taken, open_now) == (50, 50)  # not a half, then half of what is left, and so on


def test_one_step_over_its_share_holds_the_rule_on_all_steps() -> None:
    groups = [due(20, act=RESOLVE), due(21, act=RESOLVE, step_id="s2")]
    planned = weighed(groups, [rule(action=Resolve(because="done"))], open_on_step={step("s1"): 900})
    assert sends(planned) == [("r1", 0, "limit")] * 2
    assert "step s2" in planned[0].detail


def test_a_share_is_for_resolves_only() -> None:
    assert weighed([due(100)], [rule(limit=Limit(share_of_open=0.1))], open_on_step={step(): 100})[0].send == 100


@pytest.mark.parametrize(
    ("most", "send", "reason"),
    [
        pytest.param(None, 10, "", id="no cut"),
        pytest.param(11, 10, "", id="more than there is"),
        pytest.param(10, 10, "", id="as many as there are"),
        pytest.param(9, 9, "ramp", id="fewer"),
        pytest.param(0, 0, "ramp", id="none"),
    ],
)
def test_a_cut_takes_away_and_says_why_only_where_it_does(most: int | None, send: int, reason: str) -> None:
    [planned] = weighed([due(10)], [rule()])
    after = cut(planned, most=most, reason="ramp", detail="in stages")
    assert (after.count, after.send, after.reason, bool(after.detail)) == (10, send, reason, bool(reason))


def test_a_cut_does_not_hide_why_a_group_is_held_already() -> None:
    [planned] = weighed([due(501)], [rule()])
    assert cut(planned, most=3, reason="ramp", detail="in stages") is planned
