"""What the policy never does, over anything that may come (P1, P2, P7, P15)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.actions import Action, Hold, Leave, Mode, Resolve, Retry
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Match, Verb
from daemon.core.policy import PLATFORM_RETRY_SLACK, Caps, decide
from tests.makers import CAPS, NOW, ago, decided, record, rule

RESOLVE = Resolve(because="it is there already")
HOLD = Hold(queue="warehouse", title="Not enough stock")


@pytest.mark.parametrize("of_daemon", Mode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("of_rule", Mode, ids=lambda mode: mode.name)
@pytest.mark.parametrize("action", [Retry(), RESOLVE, HOLD, Leave()], ids=["retry", "resolve", "hold", "leave"])
def test_the_lower_mode_counts(action: Action, of_rule: Mode, of_daemon: Mode) -> None:
    caps = Caps(mode=of_daemon, max_attempts_per_case=5, retry_max_age=timedelta(days=7))
    decision = decided(action, of_rule={"mode": of_rule}, caps=caps)
    lower = next(mode for mode in (Mode.OBSERVE, Mode.APPROVE, Mode.ENFORCE) if mode in {of_rule, of_daemon})
    assert decision.mode is lower


MOMENTS = st.integers(-15 * 24 * 60, 2 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
MAYBE_MOMENT = st.none() | MOMENTS
SPANS = st.integers(0, 10 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
PEOPLE = st.sampled_from(["", "", "", "clerk@example.com", "bot@example.com"])
RECORDS = st.builds(
    record,
    occurred_at=st.one_of(st.none(), MOMENTS, MOMENTS, MOMENTS),
    retry_key=st.sampled_from(["", "k1", "k1", "k1"]),
    source=st.sampled_from(["application", "ftp_bridge"]),
    assigned_to=PEOPLE,
    retry_at=st.none() | MAYBE_MOMENT,
)
RETRIES = st.builds(
    Retry,
    after=SPANS,
    max_attempts=st.integers(1, 6),
    max_age=st.none() | SPANS.filter(bool),
    exhausted=st.sampled_from(["hold", "leave", "resolve"]),
    patched=st.booleans(),
)
ACTIONS = st.one_of(RETRIES, RETRIES, RETRIES, st.just(RESOLVE), st.just(HOLD), st.just(Leave()))


def history(by_others: int, by_rule: dict[str, int], **more: Any) -> CaseHistory:
    """Return a case with the attempts that its parts add up to."""
    return CaseHistory(attempts=by_others + sum(by_rule.values()), by_rule=by_rule, **more)


CASES = st.builds(
    history,
    by_others=st.sampled_from([0, 0, 0, 1, 3]),
    by_rule=st.dictionaries(st.sampled_from(["r1", "r2"]), st.integers(0, 4)),
    last_attempt_at=MAYBE_MOMENT,
    cured_at=st.none() | MAYBE_MOMENT,
    unsettled=st.sampled_from([False, False, False, True]),
    unknown=st.sampled_from([False, False, False, True]),
)
ALL_CAPS = st.builds(
    Caps,
    mode=st.sampled_from(Mode),
    max_attempts_per_case=st.integers(1, 7),
    retry_max_age=SPANS.filter(bool),
    act_after=MAYBE_MOMENT,
)
MATCHES = st.builds(
    rule,
    action=ACTIONS,
    mode=st.sampled_from(Mode),
    assign=st.sampled_from(["", "bot@example.com"]),
    takes_assigned=st.booleans(),
).map(lambda one: Match(rule=one))

Asked = tuple[Any, Match, CaseHistory, Caps]
ASKED = st.tuples(RECORDS, MATCHES, CASES, ALL_CAPS)
WRITES = (Verb.RETRY, Verb.RESOLVE)


@given(ASKED)
def test_the_same_question_always_gets_the_same_answer(asked: Asked) -> None:
    error, match, case, caps = asked
    assert decide(error, match, case, NOW, caps) == decide(error, match, case, NOW, caps)


@given(ASKED)
def test_the_mode_is_never_above_either_of_both(asked: Asked) -> None:
    error, match, case, caps = asked
    assert decide(error, match, case, NOW, caps).mode <= min(match.rule.mode, caps.mode)


@given(ASKED)
@example((record(), Match(rule=rule(action=Retry())), CaseHistory(), CAPS))
def test_nothing_is_ever_written_past_an_obstacle(asked: Asked) -> None:
    error, match, case, caps = asked
    if decide(error, match, case, NOW, caps).verb not in WRITES:
        return
    assert isinstance(match.rule.action, Retry | Resolve)
    assert error.assigned_to in {"", match.rule.assign} or match.rule.takes_assigned
    assert error.occurred_at is not None
    assert caps.act_after is None or error.occurred_at >= caps.act_after
    assert not case.unsettled
    assert not case.unknown
    assert error.retry_at is None or error.retry_at + PLATFORM_RETRY_SLACK <= NOW


@given(ASKED)
@example((record(), Match(rule=rule(action=Retry())), CaseHistory(), CAPS))
@example((record(), Match(rule=rule(action=Retry())), CaseHistory(attempts=5, by_rule={"another": 5}), CAPS))
def test_nothing_is_ever_retried_beyond_its_bounds(asked: Asked) -> None:
    error, match, case, caps = asked
    decision = decide(error, match, case, NOW, caps)
    if decision.verb is not Verb.RETRY:
        return
    retry = match.rule.action
    assert isinstance(retry, Retry)
    assert case.attempts < caps.max_attempts_per_case
    assert case.by_rule.get("r1", 0) < retry.max_attempts
    assert error.retry_key
    assert not (retry.patched and error.source == "ftp_bridge")
    assert error.occurred_at > (case.cured_at or ago(days=4000))
    assert NOW - error.occurred_at <= caps.retry_max_age
    assert retry.max_age is None or NOW - error.occurred_at <= retry.max_age
    assert decision.due_at is not None
    assert decision.due_at >= error.occurred_at + retry.after
    assert (decision.reason == "due") is (decision.due_at <= NOW)
    if case.attempts and case.last_attempt_at:
        assert decision.due_at > case.last_attempt_at


@given(ASKED)
def test_only_a_write_or_a_second_judgement_has_a_time_and_only_a_hold_a_queue(asked: Asked) -> None:
    error, match, case, caps = asked
    decision = decide(error, match, case, NOW, caps)
    assert (decision.hold is not None) is (decision.verb is Verb.HOLD)
    if decision.verb is Verb.RESOLVE:
        assert decision.due_at == NOW
    if decision.verb is Verb.HOLD:
        assert decision.due_at is None
    if decision.verb is Verb.LEAVE:
        assert (decision.due_at is not None) is (decision.reason in {"in-flight", "platform-retries"})
        assert decision.due_at is None or decision.due_at > NOW


@given(RETRIES, st.integers(1, 7), st.lists(st.sampled_from(["r1", "other", "people"]), max_size=20))
def test_however_it_comes_back_a_case_is_never_retried_more_often_than_allowed(
    retry: Retry, cap: int, who: list[str]
) -> None:
    caps = Caps(mode=Mode.ENFORCE, max_attempts_per_case=cap, retry_max_age=timedelta(days=9000))
    match = Match(rule=rule(action=retry))
    by_rule: dict[str, int] = {}
    attempts, sent, now = 0, 0, NOW
    for number, by in enumerate([*who, *["r1"] * 10]):
        now += timedelta(days=30)
        error = record(error_id=f"e{number}", occurred_at=now - (retry.max_age or timedelta(days=11)))
        case = CaseHistory(attempts=attempts, by_rule=dict(by_rule), last_attempt_at=now - timedelta(days=20))
        if by == "people":
            attempts += 1
        elif by == "other" and attempts < cap:
            attempts += 1
            by_rule["other"] = by_rule.get("other", 0) + 1
        elif by == "r1" and decide(error, match, case, now, caps).verb is Verb.RETRY:
            attempts += 1
            sent += 1
            by_rule["r1"] = by_rule.get("r1", 0) + 1
            assert attempts <= cap
    assert sent <= retry.max_attempts
    if not who and not (retry.patched or (retry.max_age and retry.after > retry.max_age)):
        assert sent == min(retry.max_attempts, cap)
