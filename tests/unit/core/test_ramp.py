"""How fast a rule's retries may go on one step (P15)."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.ramp import HELPED, REST, Stage, allowance, incident
from tests.makers import NOW, ago

RAMP = (3, 30)
NUMBERS = count(1)


def stage(
    confirmed: int = 0,
    failed: int = 0,
    *,
    open: int = 0,  # noqa: A002 - the figure's name
    vanished: int = 0,
    minutes_ago: float = 20,
    known: float | None = None,
) -> Stage:
    """Return a stage sent so many minutes ago, whose last outcome is *known* since so many (as long as it was sent)."""
    return Stage(
        plan_id=next(NUMBERS),
        sent_at=ago(minutes=minutes_ago),
        sent=confirmed + failed + open + vanished,
        confirmed=confirmed,
        failed=failed,
        open=open,
        settled_at=ago(minutes=minutes_ago if known is None else known) if confirmed + failed + vanished else None,
    )


@pytest.mark.parametrize(
    ("stages", "most", "reason"),
    [
        pytest.param([], 3, "ramp", id="nothing sent yet: the first stage"),
        pytest.param([stage(open=3)], 0, "ramp-waits", id="the first stage has no outcome yet"),
        pytest.param([stage(confirmed=2, open=1)], 0, "ramp-waits", id="one outcome is missing"),
        pytest.param([stage(failed=3, open=1, minutes_ago=1)], 0, "ramp-waits", id="bad already, but not whole"),
        pytest.param([stage(confirmed=3)], 30, "ramp", id="the first stage helped: the second"),
        pytest.param([stage(confirmed=2)], 3, "ramp", id="too few to tell: the first stage again"),
        pytest.param([stage(confirmed=2), stage(confirmed=2)], 3, "ramp", id="stages are not added up"),
        pytest.param([stage(confirmed=2, vanished=1)], 3, "ramp", id="two of three confirmed, one vanished: not 90 %"),
        pytest.param([stage(vanished=3)], 3, "ramp", id="all vanished: nothing is known"),
        pytest.param([stage(confirmed=3), stage(confirmed=30)], None, "", id="both stages helped: all"),
        pytest.param([stage(confirmed=3), stage(confirmed=27, failed=3)], None, "", id="exactly 90 %"),
        pytest.param([stage(confirmed=3), stage(confirmed=28, vanished=2)], None, "", id="28 of 30, two vanished"),
        pytest.param([stage(confirmed=3), stage(confirmed=26, vanished=4)], 30, "ramp", id="26 of 30, four vanished"),
        pytest.param([stage(confirmed=300)], 30, "ramp", id="one stage, however large, is one stage"),
        pytest.param(
            [stage(confirmed=3), stage(confirmed=5)], 30, "ramp", id="a small stage does not pass as the second"
        ),
        pytest.param(
            [stage(confirmed=3), stage(confirmed=30), stage(confirmed=1)], None, "", id="small ones after all"
        ),
        pytest.param([stage(confirmed=3), stage(confirmed=30), stage(open=9)], 0, "ramp-waits", id="all, and waiting"),
        pytest.param([stage(confirmed=2, failed=1, minutes_ago=14.9)], 0, "ramp-rests", id="one of three failed: rest"),
        pytest.param([stage(failed=1, minutes_ago=14.9)], 0, "ramp-rests", id="the only one failed: rest"),
        pytest.param([stage(failed=1, minutes_ago=15)], 1, "ramp", id="after the rest: a single one"),
        pytest.param(
            [stage(failed=3, minutes_ago=30, known=14)], 0, "ramp-rests", id="the rest begins with the last outcome"
        ),
        pytest.param([stage(failed=3, minutes_ago=90, known=16)], 1, "ramp", id="known late, it still counts"),
        pytest.param([stage(open=3, minutes_ago=90)], 0, "ramp-waits", id="open for over an hour: still waited for"),
        pytest.param([stage(failed=3, minutes_ago=50), stage(failed=1)], 1, "ramp", id="a single one again and again"),
        pytest.param(
            [stage(failed=3, minutes_ago=50), stage(vanished=1)], 1, "ramp", id="it vanished: another single one"
        ),
        pytest.param(
            [stage(failed=3, minutes_ago=50), stage(confirmed=1)], 3, "ramp", id="a single one helped: the first stage"
        ),
        pytest.param(
            [stage(failed=3, minutes_ago=50), stage(confirmed=1, minutes_ago=30), stage(confirmed=3)],
            30,
            "ramp",
            id="and then as it began",
        ),
        pytest.param([stage(failed=1, minutes_ago=61)], 3, "ramp", id="a failure of over an hour ago is forgotten"),
        pytest.param(
            [stage(confirmed=3), stage(confirmed=26, failed=4, minutes_ago=14)], 0, "ramp-rests", id="just under 90 %"
        ),
        pytest.param(
            [stage(confirmed=3), stage(confirmed=30), stage(failed=9)],
            1,
            "ramp",
            id="a bad stage loses what was gained",
        ),
        pytest.param(
            [stage(failed=9, minutes_ago=40), stage(confirmed=3)], 30, "ramp", id="gained again after a bad one"
        ),
        pytest.param([stage(open=1, failed=9, minutes_ago=1)], 0, "ramp-waits", id="useless, but one is still open"),
        pytest.param([stage(confirmed=3, minutes_ago=60)], 30, "ramp", id="an hour ago still counts"),
        pytest.param([stage(confirmed=3, minutes_ago=60.1)], 3, "ramp", id="over an hour ago is forgotten"),
        pytest.param(
            [stage(confirmed=3, minutes_ago=61), stage(confirmed=30, minutes_ago=50)],
            30,
            "ramp",
            id="forgotten one by one",
        ),
    ],
)
def test_a_stage_goes_only_after_the_one_before_helped(stages: list[Stage], most: int | None, reason: str) -> None:
    allowed = allowance(RAMP, stages, NOW)
    assert (allowed.most, allowed.reason) == (most, reason)
    assert bool(allowed.detail) is bool(reason)


def test_without_a_ramp_all_may_go_at_once() -> None:
    allowed = allowance((), [stage(failed=9, minutes_ago=1), stage(open=9)], NOW)
    assert (allowed.most, allowed.reason, allowed.detail) == (None, "", "")


@pytest.mark.parametrize(
    ("stages", "detail"),
    [
        pytest.param([stage(open=2, confirmed=1)], "2 retries of the stage before are open", id="waiting"),
        pytest.param(
            [stage(confirmed=2, failed=1, minutes_ago=1)], "only 2 of the last 3 retries helped", id="resting"
        ),
        pytest.param([stage(confirmed=3)], "stage 2: 30 first", id="a stage"),
    ],
)
def test_the_figures_are_told(stages: list[Stage], detail: str) -> None:
    assert allowance(RAMP, stages, NOW).detail == detail


def test_a_single_stage_then_the_rest() -> None:
    assert allowance((1,), [], NOW).most == 1
    assert allowance((1,), [stage(confirmed=1)], NOW).most is None


def _known(one: Stage) -> st.SearchStrategy[datetime | None]:
    """Draw when the stage's last outcome was known: between its sending and now."""
    if one.settled_at is None:
        return st.none()
    return st.integers(0, int((NOW - one.sent_at).total_seconds()) // 60).map(
        lambda minutes: one.sent_at + timedelta(minutes=minutes)
    )


COUNTS = st.integers(0, 60)
STAGES = st.lists(
    st.builds(
        stage,
        COUNTS,
        COUNTS,
        open=st.sampled_from([0, 0, 0, 1, 9]),
        vanished=COUNTS,
        minutes_ago=st.integers(0, 80),
    ).flatmap(lambda one: st.builds(replace, st.just(one), settled_at=_known(one))),
    max_size=6,
).map(lambda stages: sorted(stages, key=lambda one: one.sent_at))
RAMPS = st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True).map(sorted).map(tuple)


@given(RAMPS, STAGES)
def test_nothing_goes_while_a_stage_is_open_or_has_just_gone_wrong(ramp: tuple[int, ...], stages: list[Stage]) -> None:
    bad = [one for one in stages if one.failed and one.confirmed < HELPED * (one.confirmed + one.failed)]
    resting = [one for one in bad if one.settled_at is not None and NOW - one.settled_at < REST]
    must_stop = any(one.open for one in stages) or bool(resting)
    assert (allowance(ramp, stages, NOW).most == 0) is must_stop


@given(RAMPS, STAGES)
def test_no_stage_goes_before_as_many_as_the_stages_before_it_were_confirmed(
    ramp: tuple[int, ...], stages: list[Stage]
) -> None:
    most = allowance(ramp, stages, NOW).most
    assert most is None or most in {0, 1, *ramp}
    if most is not None and most not in ramp:
        return
    passed = ramp if most is None else ramp[: ramp.index(most)]
    confirmed = sum(one.confirmed for one in stages if one.counts(NOW))
    assert confirmed >= HELPED * sum(passed)


@given(RAMPS, STAGES)
def test_after_a_stage_that_did_not_help_no_more_than_one_goes_before_one_was_confirmed(
    ramp: tuple[int, ...], stages: list[Stage]
) -> None:
    counted = [one for one in stages if one.counts(NOW)]
    failed = [place for place, one in enumerate(counted) if one.useless]
    if failed and not any(one.confirmed for one in counted[failed[-1] + 1 :]):
        assert allowance(ramp, stages, NOW).most in {0, 1}


@given(RAMPS, STAGES, st.integers(0, 20))
def test_what_is_over_an_hour_old_changes_nothing(ramp: tuple[int, ...], stages: list[Stage], failed: int) -> None:
    old = stage(failed=failed, minutes_ago=61)
    assert allowance(ramp, [old, *stages], NOW) == allowance(ramp, stages, NOW)


@given(RAMPS, st.integers(1, 500), st.integers(0, 400), st.sampled_from([1, 5, 20]))
def test_a_storm_costs_no_more_than_the_stages_before_it(
    ramp: tuple[int, ...], backlog: int, good: int, every_min: int
) -> None:
    """All goes well for *good* records, then everything fails: at most one stage larger than its proof is lost."""
    stages: list[Stage] = []
    sent = failed_first = 0
    now = NOW
    while sent < backlog and now < NOW + timedelta(hours=1):
        most = allowance(ramp, stages, now).most
        size = min(backlog - sent, backlog if most is None else most)
        if size:
            confirmed = max(0, min(size, good - sent))
            stages.append(
                Stage(
                    plan_id=len(stages),
                    sent_at=now,
                    sent=size,
                    confirmed=confirmed,
                    failed=size - confirmed,
                    open=0,
                    settled_at=now,
                )
            )
            sent += size
            if confirmed < size:
                failed_first = size - confirmed
                break
        now += timedelta(minutes=every_min)
    if failed_first and good < HELPED * sum(ramp):
        assert failed_first <= max(ramp)
    if failed_first > 0.1 * stages[-1].sent:
        assert allowance(ramp, stages, now + REST - timedelta(seconds=1)).most == 0
        assert allowance(ramp, stages, now + REST).most == 1


INCIDENTS = [
    pytest.param([], [], id="nothing was sent"),
    pytest.param([stage(confirmed=3), stage(confirmed=30)], [], id="all helped"),
    pytest.param([stage(confirmed=2, vanished=9)], [], id="many vanished"),
    pytest.param([stage(failed=9, open=1)], [], id="not all is known yet"),
    pytest.param([stage(failed=3)], [0], id="the first stage failed"),
    pytest.param([stage(confirmed=3), stage(confirmed=3, failed=27)], [1], id="the second stage failed"),
    pytest.param([stage(failed=3, minutes_ago=40), stage(failed=1)], [], id="the same incident goes on"),
    pytest.param(
        [stage(failed=3, minutes_ago=40), stage(vanished=1, minutes_ago=25), stage(failed=1)], [], id="it still goes on"
    ),
    pytest.param(
        [stage(failed=3, minutes_ago=40), stage(confirmed=1, minutes_ago=25), stage(failed=3)],
        [2],
        id="another, after one had helped",
    ),
]


@pytest.mark.parametrize(("stages", "begun"), INCIDENTS)
def test_an_incident_is_told_when_it_begins_and_not_again(stages: list[Stage], begun: list[int]) -> None:
    just_ended = {stages[-1].plan_id} if stages else set()
    assert list(incident(stages, just_ended)) == [stages[place] for place in begun]


def test_stages_that_fail_at_the_same_time_are_one_incident() -> None:
    stages = [stage(failed=30), stage(failed=20)]
    assert incident(stages, {one.plan_id for one in stages}) == stages
