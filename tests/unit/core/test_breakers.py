"""When retries to a step or a connection stop, and how they begin again (P15)."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.breakers import (
    ENOUGH,
    FIRST_WAIT,
    LONGEST_WAIT,
    OFFLINE,
    STORM,
    Breaker,
    BreakerState,
    Kind,
    gate,
    seen,
    signs_for,
    turned,
    wait,
)
from daemon.core.signs import NEWEST, WINDOW, RetryRun, Signs, overtaken, probe_rank
from tests.makers import NOW, ago, step

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
STEP = Breaker(kind=Kind.STEP, target="f1/s1")
CONNECTION = Breaker(kind=Kind.CONNECTION, target="c1")


def run(confirmed: int = 0, came_back: int = 0, unknown: int = 0, *, rule: str = "r1", on: str = "s1", ended: float = 5, sent: float | None = None) -> RetryRun:  # fmt: skip
    """Return a batch of retries that ended so many minutes ago, sent a minute before."""
    return RetryRun(
        step=step(on),
        rule_id=rule,
        sent_at=ago(minutes=ended + 1 if sent is None else sent),
        ended_at=ago(minutes=ended),
        confirmed=confirmed,
        came_back=came_back,
        unknown=unknown,
    )


def after(breaker: Breaker, runs: list[RetryRun], now: datetime = NOW) -> Breaker:
    """Return what becomes of the breaker."""
    return turned(breaker, signs_for(breaker, runs, now), now)


def tripped(state: BreakerState = OPEN, *, minutes_ago: float = 2, trips: int = 1, kind: Kind = Kind.STEP) -> Breaker:
    """Return a breaker that came into its state so long ago; an open one lets a probe through when its wait is over."""
    since = ago(minutes=minutes_ago)
    probe_at = since + wait(trips) if state is OPEN else None
    return Breaker(kind=kind, target="f1/s1", state=state, reason="bad", since=since, probe_at=probe_at, trips=trips)


STORMS = [
    pytest.param(STEP, [], CLOSED, id="nothing was retried"),
    pytest.param(STEP, [run(0, 9)], CLOSED, id="nine are too few to tell"),
    pytest.param(STEP, [run(0, 10)], OPEN, id="ten came back"),
    pytest.param(STEP, [run(0, 0, 10)], OPEN, id="of ten nobody knows"),
    pytest.param(STEP, [run(0, 5, 5)], OPEN, id="five came back, of five nobody knows"),
    pytest.param(STEP, [run(2, 8)], OPEN, id="eight of ten came back"),
    pytest.param(STEP, [run(3, 9)], CLOSED, id="nine of twelve came back"),
    pytest.param(STEP, [run()] * 20, CLOSED, id="all vanished: nothing is known"),
    pytest.param(STEP, [run(0, 3, rule=f"r{n}") for n in range(3)], CLOSED, id="the first stages of three rules"),
    pytest.param(STEP, [run(0, 3, rule=f"r{n}") for n in range(4)], OPEN, id="the first stages of four rules"),
    pytest.param(
        STEP, [run(0, 100), run(3, rule="good")], CLOSED, id="one hopeless rule, however long, and one that helps"
    ),
    pytest.param(
        STEP,
        [run(0, 100), run(0, 100, rule="r2"), run(10, rule="good")],
        CLOSED,
        id="two hopeless rules and one that helps",
    ),
    pytest.param(STEP, [run(500, ended=30), run(0, 10, ended=1)], OPEN, id="its newest ten count, whatever was before"),
    pytest.param(STEP, [run(0, 500, ended=30), run(10, ended=1)], CLOSED, id="it helps again"),
    pytest.param(STEP, [run(9, ended=30), run(0, 9, ended=1)], CLOSED, id="what makes up ten counts whole"),
    pytest.param(STEP, [run(0, 10), run(10), run(10)], CLOSED, id="what ended together counts together"),
    pytest.param(STEP, [run(10), run(0, 10), run(0, 40)], OPEN, id="together, and nearly all of it bad"),
    pytest.param(STEP, [run(0, 10, ended=60)], OPEN, id="an hour ago still counts"),
    pytest.param(STEP, [run(0, 10, ended=60.1)], CLOSED, id="over an hour ago is forgotten"),
    pytest.param(CONNECTION, [run(0, 50)], CLOSED, id="one rule on one step says nothing of the connection"),
    pytest.param(
        CONNECTION,
        [run(0, 10), run(0, 10, rule="r2")],
        CLOSED,
        id="a step in trouble is its own breaker's business",
    ),
    pytest.param(
        CONNECTION,
        [run(0, 10, on=f"s{n}") for n in range(5)],
        CLOSED,
        id="one rule that helps on no step says nothing of the connection",
    ),
    pytest.param(
        CONNECTION, [run(0, 10), run(0, 9, rule="r2", on="s2")], CLOSED, id="nineteen on two steps are too few"
    ),
    pytest.param(CONNECTION, [run(0, 10), run(0, 10, rule="r2", on="s2")], OPEN, id="twenty on two steps"),
    pytest.param(
        CONNECTION,
        [run(0, 10), run(0, 10, rule="r2", on="s2"), run(6, rule="r3", on="s3")],
        CLOSED,
        id="a third step takes what is sent",
    ),
]


@pytest.mark.parametrize(("breaker", "runs", "state"), STORMS)
def test_a_breaker_opens_when_nearly_all_of_enough_did_not_help(
    breaker: Breaker, runs: list[RetryRun], state: BreakerState
) -> None:
    became = after(breaker, runs)
    assert became.state is state
    if state is OPEN:
        assert (became.since, became.probe_at, became.trips) == (NOW, NOW + FIRST_WAIT, 1)
    else:
        assert became is breaker


@pytest.mark.parametrize("state", BreakerState)
def test_a_clock_that_jumps_back_prolongs_nothing(state: BreakerState) -> None:
    before = tripped(state, minutes_ago=-300, trips=2)
    again = after(before, [run(0, 50, ended=-200)])
    assert again == replace(before, since=NOW, probe_at=NOW + wait(2) if state is OPEN else None)
    late = after(again, [run(0, 50, ended=-200)], NOW + wait(2))
    assert late.state is (HALF_OPEN if state is OPEN else state)
    assert after(late, [run(0, 50, ended=-200)], NOW + wait(2)) is late, (
        "what was sent by the clock before says nothing"
    )


def test_it_says_why_it_opened_in_records() -> None:
    assert after(STEP, [run(2, 30, 1), run(0, 3, rule="r2")]).reason == "34 of 36 retries did not help"


@pytest.mark.parametrize(
    ("breaker", "runs", "state", "trips"),
    [
        pytest.param(tripped(minutes_ago=4.9), [], OPEN, 1, id="open until its time"),
        pytest.param(tripped(minutes_ago=5), [], HALF_OPEN, 1, id="its time has come"),
        pytest.param(tripped(minutes_ago=500), [], HALF_OPEN, 1, id="its time came while nobody looked"),
        pytest.param(tripped(trips=3, minutes_ago=19), [], OPEN, 3, id="the third time it takes 20 minutes"),
        pytest.param(tripped(minutes_ago=4), [run(50, ended=1)], OPEN, 1, id="open whatever is still coming in"),
        pytest.param(tripped(HALF_OPEN), [], HALF_OPEN, 1, id="the probe has no outcome yet"),
        pytest.param(tripped(HALF_OPEN), [run(1, ended=0.5, sent=1)], CLOSED, 0, id="the probe was confirmed"),
        pytest.param(tripped(HALF_OPEN), [run(0, 1, ended=0.5, sent=1)], OPEN, 2, id="the probe came back"),
        pytest.param(tripped(HALF_OPEN), [run(0, 0, 1, ended=0.5, sent=1)], OPEN, 2, id="of the probe nobody knows"),
        pytest.param(tripped(HALF_OPEN), [run(ended=0.5, sent=1)], HALF_OPEN, 1, id="the probe vanished"),
        pytest.param(
            tripped(HALF_OPEN), [run(0, 9, ended=0.5, sent=3)], HALF_OPEN, 1, id="sent before: it is not the probe"
        ),
        pytest.param(
            tripped(HALF_OPEN, minutes_ago=600),
            [run(0, 1, ended=500, sent=599)],
            OPEN,
            2,
            id="the probe's outcome came while nobody looked",
        ),
        pytest.param(tripped(HALF_OPEN, trips=9), [run(0, 1, ended=0.5, sent=1)], OPEN, 10, id="the tenth in a row"),
        pytest.param(tripped(CLOSED), [run(0, 99, ended=1, sent=3)], CLOSED, 1, id="what was sent before it closed"),
        pytest.param(tripped(CLOSED, trips=0), [run(0, 99, ended=1, sent=1)], OPEN, 1, id="another storm since"),
    ],
)
def test_an_open_one_lets_one_through_and_what_comes_of_that_decides(
    breaker: Breaker, runs: list[RetryRun], state: BreakerState, trips: int
) -> None:
    became = after(breaker, runs)
    assert (became.state, became.trips) == (state, trips)
    assert became.since == (NOW if state is not breaker.state else breaker.since)
    assert (became.probe_at is not None) is (state is OPEN)


@pytest.mark.parametrize(
    ("before", "offline", "state", "probe_at"),
    [
        pytest.param(CONNECTION, False, CLOSED, None, id="online"),
        pytest.param(CONNECTION, True, OPEN, None, id="offline: open at once"),
        pytest.param(tripped(), True, OPEN, None, id="offline while it was open"),
        pytest.param(tripped(HALF_OPEN), True, OPEN, None, id="offline before the probe"),
        pytest.param(tripped(), False, OPEN, tripped().probe_at, id="online while it is open: its wait goes on"),
        pytest.param(tripped(HALF_OPEN), False, HALF_OPEN, None, id="online: the probe may go"),
        pytest.param(seen(CONNECTION, offline=True, now=ago(hours=3)), True, OPEN, None, id="offline still"),
        pytest.param(
            seen(CONNECTION, offline=True, now=ago(hours=3)), False, HALF_OPEN, None, id="online again: not yet trusted"
        ),
    ],
)
def test_an_offline_connection_is_open_until_it_is_seen_online(
    before: Breaker, offline: bool, state: BreakerState, probe_at: datetime | None
) -> None:
    became = seen(before, offline=offline, now=NOW)
    assert (became.state, became.probe_at) == (state, probe_at)
    assert after(became, []) == became, "time alone changes nothing"


def test_an_offline_connection_counts_as_one_more_opening() -> None:
    offline = seen(tripped(HALF_OPEN, trips=2, kind=Kind.CONNECTION), offline=True, now=NOW)
    assert offline.trips == 3
    assert seen(offline, offline=False, now=NOW).trips == 3


@pytest.mark.parametrize(("trips", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (1000, 60)])
def test_the_wait_doubles_up_to_an_hour(trips: int, minutes: int) -> None:
    assert wait(trips) == timedelta(minutes=minutes)


GATES = [
    pytest.param([STEP, CONNECTION], set(), None, "", id="both closed"),
    pytest.param([tripped(), CONNECTION], set(), 0, "breaker-open", id="the step is open"),
    pytest.param([STEP, tripped(kind=Kind.CONNECTION)], set(), 0, "breaker-open", id="the connection is open"),
    pytest.param([STEP, seen(CONNECTION, offline=True, now=NOW)], set(), 0, OFFLINE, id="the connection is offline"),
    pytest.param([tripped(HALF_OPEN), CONNECTION], set(), 1, "breaker-probes", id="one probe"),
    pytest.param([tripped(HALF_OPEN)], {STEP.key}, 0, "breaker-probes", id="the probe is under way"),
    pytest.param([tripped(HALF_OPEN)], {CONNECTION.key}, 1, "breaker-probes", id="another's probe is under way"),
    pytest.param([STEP, CONNECTION], {STEP.key}, None, "", id="closed and busy"),
    pytest.param(
        [tripped(HALF_OPEN), tripped(HALF_OPEN, kind=Kind.CONNECTION)],
        {(Kind.CONNECTION, "f1/s1")},
        0,
        "breaker-probes",
        id="the connection's probe goes to another step",
    ),
    pytest.param(
        [tripped(HALF_OPEN), tripped(kind=Kind.CONNECTION)], set(), 0, "breaker-open", id="the connection is still open"
    ),
]


@pytest.mark.parametrize(("breakers", "busy", "most", "reason"), GATES)
def test_the_strictest_breaker_of_a_step_counts(
    breakers: list[Breaker], busy: set[tuple[Kind, str]], most: int | None, reason: str
) -> None:
    allowed = gate(breakers, busy)
    assert (allowed.most, allowed.reason) == (most, reason)
    assert bool(allowed.detail) is bool(reason)


def test_the_reason_and_the_time_of_the_probe_are_told() -> None:
    assert gate([tripped()], set()).detail == "step f1/s1: bad; a probe goes at 12:03 UTC"


def test_a_rule_that_helped_probes_first_then_one_not_tried_then_the_one_that_failed_longest_ago() -> None:
    runs = [
        run(0, 9, rule="hopeless", ended=50),
        run(0, 1, rule="hopeless", ended=3),
        run(0, 5, rule="longest-ago", ended=40),
        run(9, 1, rule="helped", ended=2),
        run(0, 5, rule="helped", ended=30),
        run(9, rule="elsewhere", on="s2"),
        run(rule="vanished", ended=1),
    ]
    rules = ["hopeless", "longest-ago", "elsewhere", "vanished", "helped"]
    order = sorted(rules, key=lambda rule: probe_rank(runs, step("s1"), rule))
    assert order == ["helped", "elsewhere", "vanished", "longest-ago", "hopeless"]


COUNTS = st.integers(0, 30)
RUNS = st.lists(
    st.builds(
        run,
        COUNTS,
        COUNTS,
        COUNTS,
        rule=st.sampled_from("abc"),
        on=st.sampled_from(["s1", "s2"]),
        ended=st.integers(0, 70),
    ),
    max_size=12,
)
BREAKERS = st.sampled_from([STEP, CONNECTION, tripped(HALF_OPEN, minutes_ago=20), tripped(CLOSED, minutes_ago=20)])


@given(BREAKERS, RUNS, st.randoms())
def test_the_order_in_which_outcomes_are_told_changes_nothing(
    breaker: Breaker, runs: list[RetryRun], dice: Random
) -> None:
    shuffled = list(runs)
    dice.shuffle(shuffled)
    assert signs_for(breaker, shuffled, NOW) == signs_for(breaker, runs, NOW)


def lasting(one: RetryRun, minutes: int) -> RetryRun:
    return replace(one, sent_at=one.ended_at - timedelta(minutes=minutes))


@given(
    BREAKERS,
    st.lists(st.builds(lasting, RUNS.filter(bool).map(lambda runs: runs[0]), st.integers(-30, 30)), max_size=25),
)
def test_what_has_been_overtaken_changes_nothing(breaker: Breaker, runs: list[RetryRun]) -> None:
    runs = [one for one in runs if one.sent_at <= NOW]
    left = [one for one in runs if not overtaken(one, runs)]
    if breaker.state is not HALF_OPEN:
        assert signs_for(breaker, left, NOW) == signs_for(breaker, runs, NOW)
    for on in ("s1", "s2"):
        for rule in "abc":
            assert probe_rank(left, step(on), rule) == probe_rank(runs, step(on), rule)


@given(RUNS, st.builds(run, COUNTS, COUNTS, COUNTS, ended=st.integers(0, 19), sent=st.just(20)))
def test_a_probe_is_never_overtaken_by_what_was_sent_before_it(runs: list[RetryRun], probe: RetryRun) -> None:
    earlier = [one for one in runs if one.sent_at <= probe.sent_at]
    assert not overtaken(probe, [*earlier, probe])


@given(st.sampled_from([STEP, CONNECTION]), RUNS)
def test_a_closed_breaker_opens_on_a_storm_and_on_nothing_else(breaker: Breaker, runs: list[RetryRun]) -> None:
    signs = signs_for(breaker, runs, NOW)
    opened = after(breaker, runs).state is OPEN
    rules = {one.rule_id for one in runs if one.known and NOW - one.ended_at <= WINDOW}
    assert signs.bad <= signs.weight <= NEWEST * len(rules)
    if opened:
        assert signs.weight >= ENOUGH[breaker.kind]
        assert signs.came_back + signs.unknown > 0
    if not signs.confirmed and signs.weight >= ENOUGH[breaker.kind] and signs.steps > 1:
        assert opened
    if signs.bad < STORM * signs.weight:
        assert not opened


@given(RUNS, st.integers(1, 40))
def test_one_hopeless_rule_alone_never_stops_a_connection(runs: list[RetryRun], more: int) -> None:
    mine = [run(0, more, on=on, ended=0) for on in ("s1", "s2", "s3")]
    assert after(CONNECTION, mine).state is CLOSED
    helped = [one for one in runs if not one.failed]
    assert after(STEP, [*helped, *mine, run(10, rule="good", ended=0)]).state is CLOSED


@given(st.lists(st.sampled_from(["came back", "unknown", "confirmed", "offline", "later"]), max_size=30))
def test_waits_only_grow_until_a_probe_is_confirmed(events: list[str]) -> None:
    breaker, now = after(CONNECTION, [run(0, 10), run(0, 10, rule="r2", on="s2")]), NOW
    last = wait(1)
    for event in events:
        now += timedelta(minutes=3)
        if event == "offline":
            breaker = seen(seen(breaker, offline=True, now=now), offline=False, now=now)
        breaker = turned(breaker, Signs(), now)
        if breaker.state is HALF_OPEN and event in {"came back", "unknown", "confirmed"}:
            came = Signs(
                confirmed=int(event == "confirmed"),
                came_back=int(event == "came back"),
                unknown=int(event == "unknown"),
            )
            breaker = turned(breaker, came, now)
            if event == "confirmed":
                assert (breaker.state, breaker.trips) == (CLOSED, 0)
                return
            assert breaker.state is OPEN
            assert breaker.probe_at is not None
            assert last <= breaker.probe_at - now <= LONGEST_WAIT
            assert breaker.probe_at - now == min(LONGEST_WAIT, FIRST_WAIT * 2 ** (breaker.trips - 1))
            last = breaker.probe_at - now
