"""Whether an error may be acted on (P1, P2, P7, P15)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.core.actions import Action, Hold, Leave, Mode, Resolve, Retry
from daemon.core.backoff import LAST
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Verb
from daemon.core.policy import PLATFORM_RETRY_SLACK, UNSETTLED_PAUSE, Caps, decide
from tests.makers import CAPS, NOW, ago, decided, record

RESOLVE = Resolve(because="it is there already")
HOLD = Hold(queue="warehouse", title="Not enough stock")


def test_an_error_that_no_rule_matched_is_left_alone() -> None:
    decision = decide(record(), None, CaseHistory(), NOW, CAPS)
    assert (decision.verb, decision.reason, decision.rule, decision.due_at) == (Verb.NONE, "unmatched", None, None)
    assert decision.mode is Mode.OBSERVE


@pytest.mark.parametrize(
    ("action", "verb", "reason", "due_at"),
    [
        pytest.param(Retry(), Verb.RETRY, "due", ago(hours=1), id="retry at once"),
        pytest.param(Retry(after=timedelta(hours=1)), Verb.RETRY, "due", NOW, id="retry due this very moment"),
        pytest.param(
            Retry(after=timedelta(hours=2)), Verb.RETRY, "waiting", NOW + timedelta(hours=1), id="retry later"
        ),
        pytest.param(RESOLVE, Verb.RESOLVE, "due", NOW, id="resolve"),
        pytest.param(HOLD, Verb.HOLD, "hold", None, id="hold"),
        pytest.param(Leave(), Verb.LEAVE, "leave", None, id="leave"),
    ],
)
def test_an_error_without_obstacles_gets_what_its_rule_wants(
    action: Action, verb: Verb, reason: str, due_at: datetime | None
) -> None:
    decision = decided(action)
    assert (decision.verb, decision.reason, decision.due_at, decision.rule_id) == (verb, reason, due_at, "r1")


@pytest.mark.parametrize(
    ("action", "of_rule", "detail"),
    [
        pytest.param(Retry(), {"why": "a timeout"}, "a timeout", id="retry: the rule's why"),
        pytest.param(RESOLVE, {"why": "a duplicate"}, "it is there already", id="resolve: because"),
        pytest.param(Leave(), {"why": "known"}, "known", id="leave: the rule's why"),
        pytest.param(HOLD, {"why": "no stock"}, "Not enough stock", id="hold: its title"),
        pytest.param(Hold(queue="q"), {"why": "no stock"}, "no stock", id="hold without title: the rule's why"),
    ],
)
def test_the_detail_is_the_sentence_that_the_rule_gives(action: Action, of_rule: dict[str, Any], detail: str) -> None:
    assert decided(action, of_rule=of_rule).detail == detail


def test_a_rule_that_holds_decides_queue_and_fields() -> None:
    assert decided(HOLD).hold == HOLD


def test_what_the_policy_itself_holds_goes_to_a_queue_named_after_the_reason() -> None:
    decision = decided(Retry(), retry_key="")
    assert decision.hold == Hold(queue="not-retryable", title="r1: the platform kept no data to retry it with")


SETTLED_TRIES = CaseHistory(attempts=3, by_rule={"r1": 3}, last_attempt_at=ago(hours=2))
OBSTACLES = [
    pytest.param({"assigned_to": "clerk@example.com"}, {}, Verb.LEAVE, "assigned", None, id="given to a person"),
    pytest.param({"occurred_at": None}, {}, Verb.HOLD, "no-time", None, id="does not say when"),
    pytest.param(
        {"occurred_at": ago(days=2, seconds=1)},
        {
            "caps": Caps(
                mode=Mode.ENFORCE, max_attempts_per_case=5, retry_max_age=timedelta(days=7), act_after=ago(days=2)
            )
        },
        Verb.LEAVE,
        "backlog",
        None,
        id="older than the store",
    ),
    pytest.param(
        {},
        {"case": CaseHistory(attempts=1, unsettled=True)},
        Verb.LEAVE,
        "in-flight",
        NOW + UNSETTLED_PAUSE,
        id="an attempt without outcome",
    ),
    pytest.param(
        {}, {"case": CaseHistory(attempts=1, unknown=True)}, Verb.HOLD, "unknown", None, id="an attempt nobody knows of"
    ),
    pytest.param(
        {"retry_at": NOW + timedelta(minutes=4)},
        {},
        Verb.LEAVE,
        "platform-retries",
        NOW + timedelta(minutes=4) + PLATFORM_RETRY_SLACK,
        id="the platform retries it soon",
    ),
    pytest.param(
        {"retry_at": NOW - PLATFORM_RETRY_SLACK + timedelta(seconds=1)},
        {},
        Verb.LEAVE,
        "platform-retries",
        NOW + timedelta(seconds=1),
        id="the platform is retrying it now",
    ),
]


@pytest.mark.parametrize("action", [Retry(), RESOLVE], ids=["retry", "resolve"])
@pytest.mark.parametrize(("of_record", "given_that", "verb", "reason", "due_at"), OBSTACLES)
def test_nothing_is_written_for_an_error_with_an_obstacle(
    action: Action,
    of_record: dict[str, Any],
    given_that: dict[str, Any],
    verb: Verb,
    reason: str,
    due_at: datetime | None,
) -> None:
    decision = decided(action, **given_that, **of_record)
    assert (decision.verb, decision.reason, decision.due_at) == (verb, reason, due_at)


@pytest.mark.parametrize("action", [HOLD, Leave()], ids=["hold", "leave"])
@pytest.mark.parametrize(("of_record", "given_that", "_verb", "_reason", "_due_at"), OBSTACLES)
def test_an_obstacle_does_not_keep_an_error_from_people(
    action: Action,
    of_record: dict[str, Any],
    given_that: dict[str, Any],
    _verb: Verb,
    _reason: str,
    _due_at: datetime | None,
) -> None:
    expected = Verb.HOLD if isinstance(action, Hold) else Verb.LEAVE
    decision = decided(action, **given_that, **of_record)
    assert (decision.verb, decision.reason) == (expected, expected.value)


@pytest.mark.parametrize(
    ("of_record", "given_that"),
    [
        pytest.param({"retry_at": NOW - PLATFORM_RETRY_SLACK}, {}, id="the platform's retry is over"),
        pytest.param(
            {"occurred_at": ago(days=2)},
            {
                "caps": Caps(
                    mode=Mode.ENFORCE, max_attempts_per_case=5, retry_max_age=timedelta(days=7), act_after=ago(days=2)
                )
            },
            id="occurred when the store began",
        ),
        pytest.param(
            {"assigned_to": "bot@example.com"}, {"of_rule": {"assign": "bot@example.com"}}, id="given by the rule"
        ),
        pytest.param(
            {"assigned_to": "bot@example.com"}, {"of_rule": {"takes_assigned": True}}, id="the rule asks for it"
        ),
    ],
)
@pytest.mark.parametrize(("action", "verb"), [(Retry(), Verb.RETRY), (RESOLVE, Verb.RESOLVE)], ids=["retry", "resolve"])
def test_an_obstacle_ends_where_it_says(
    action: Action, verb: Verb, of_record: dict[str, Any], given_that: dict[str, Any]
) -> None:
    assert decided(action, **given_that, **of_record).verb is verb


def test_a_rule_that_assigns_does_not_take_errors_given_to_somebody_else() -> None:
    decision = decided(Retry(), of_rule={"assign": "bot@example.com"}, assigned_to="clerk@example.com")
    assert decision.reason == "assigned"


@pytest.mark.parametrize(
    ("retry", "of_record", "case", "reason"),
    [
        pytest.param(Retry(), {"retry_key": ""}, CaseHistory(), "not-retryable", id="no retry data"),
        pytest.param(Retry(patched=True), {"source": "ftp_bridge"}, CaseHistory(), "not-patchable", id="metadata only"),
        pytest.param(
            Retry(), {"occurred_at": ago(hours=3)}, CaseHistory(attempts=1, cured_at=ago(hours=2)), "superseded",
            id="a later retry of the record went through",
        ),
        pytest.param(
            Retry(), {"occurred_at": ago(hours=2)}, CaseHistory(attempts=1, cured_at=ago(hours=2)), "superseded",
            id="the very error that was cured",
        ),
        pytest.param(Retry(), {}, SETTLED_TRIES, "exhausted", id="as often as the rule allows"),
        pytest.param(
            Retry(max_attempts=9), {}, CaseHistory(attempts=5, by_rule={"r1": 1, "r2": 4}), "exhausted",
            id="as often as the configuration allows, under whatever rules",
        ),
        pytest.param(
            Retry(max_attempts=9), {}, CaseHistory(attempts=5), "exhausted", id="as often as allowed, all by other people"
        ),
        pytest.param(
            Retry(max_attempts=2), {}, CaseHistory(attempts=4, by_rule={"r1": 4}), "exhausted",
            id="more often than a rule allows that was changed since",
        ),
        pytest.param(Retry(), {"occurred_at": ago(days=7, seconds=1)}, CaseHistory(), "too-old", id="over retry_max_age"),
        pytest.param(
            Retry(max_age=timedelta(hours=1)), {"occurred_at": ago(hours=1, seconds=1)}, CaseHistory(), "too-old",
            id="over the rule's max_age",
        ),
        pytest.param(
            Retry(max_age=timedelta(days=30)), {"occurred_at": ago(days=8)}, CaseHistory(), "too-old",
            id="a rule cannot raise retry_max_age",
        ),
    ],
)  # fmt: skip
def test_an_error_that_must_not_be_retried_is_held_with_the_reason(
    retry: Retry, of_record: dict[str, Any], case: CaseHistory, reason: str
) -> None:
    decision = decided(retry, case=case, **of_record)
    assert (decision.verb, decision.reason, decision.due_at) == (Verb.HOLD, reason, None)
    assert decision.hold is not None
    assert decision.hold.queue == reason
    assert decision.detail
    assert decision.detail in decision.hold.title


@pytest.mark.parametrize(
    ("retry", "of_record", "case"),
    [
        pytest.param(Retry(patched=True), {"source": "application"}, CaseHistory(), id="a patch elsewhere"),
        pytest.param(Retry(), {"source": "ftp_bridge"}, CaseHistory(), id="metadata without a patch"),
        pytest.param(
            Retry(), {"occurred_at": ago(hours=2)}, CaseHistory(attempts=1, cured_at=ago(hours=2, seconds=1)),
            id="a new error after the cure",
        ),
        pytest.param(
            Retry(), {}, CaseHistory(attempts=2, by_rule={"r1": 2}, last_attempt_at=ago(hours=2)), id="one attempt left"
        ),
        pytest.param(
            Retry(max_attempts=9), {}, CaseHistory(attempts=4, by_rule={"r1": 4}, last_attempt_at=ago(hours=2)),
            id="one attempt left of the configuration's",
        ),
        pytest.param(
            Retry(max_attempts=1), {}, CaseHistory(attempts=1, by_rule={"r2": 1}, last_attempt_at=ago(hours=2)),
            id="the attempts were another rule's",
        ),
        pytest.param(Retry(), {"occurred_at": ago(days=7)}, CaseHistory(), id="just young enough"),
        pytest.param(
            Retry(max_age=timedelta(hours=1)), {"occurred_at": ago(hours=1)}, CaseHistory(), id="just young enough for the rule"
        ),
        pytest.param(
            Retry(), {}, CaseHistory(attempts=1, by_rule={"r1": 1}, last_attempt_at=ago(minutes=1)),
            id="the pause is over",
        ),
    ],
)  # fmt: skip
def test_an_error_just_inside_every_bound_is_retried(
    retry: Retry, of_record: dict[str, Any], case: CaseHistory
) -> None:
    decision = decided(retry, case=case, **of_record)
    assert (decision.verb, decision.reason) == (Verb.RETRY, "due")


def test_the_pause_between_attempts_is_waited_for() -> None:
    case = CaseHistory(attempts=1, by_rule={"r1": 1}, last_attempt_at=ago(minutes=2))
    decision = decided(Retry(after=timedelta(minutes=5)), case=case)
    assert (decision.verb, decision.reason, decision.due_at) == (Verb.RETRY, "waiting", NOW + timedelta(minutes=3))


@pytest.mark.parametrize(
    ("exhausted", "verb", "due_at"),
    [("hold", Verb.HOLD, None), ("leave", Verb.LEAVE, None), ("resolve", Verb.RESOLVE, NOW)],
)
def test_a_case_without_attempts_left_ends_as_its_rule_says(
    exhausted: str, verb: Verb, due_at: datetime | None
) -> None:
    retry = Retry(exhausted=exhausted)  # type: ignore[arg-type]
    decision = decided(retry, case=SETTLED_TRIES)
    assert (decision.verb, decision.reason, decision.due_at) == (verb, "exhausted", due_at)
    assert decision.detail == "the case has had all its attempts: 3"


def test_an_exhausted_case_is_not_resolved_while_the_platform_retries_it() -> None:
    decision = decided(Retry(exhausted="resolve"), case=SETTLED_TRIES, retry_at=NOW + timedelta(minutes=1))
    assert (decision.verb, decision.reason) == (Verb.LEAVE, "platform-retries")


def test_a_too_old_error_says_how_old_and_what_is_allowed() -> None:
    decision = decided(Retry(), occurred_at=ago(days=8))
    assert decision.detail == "it is 8d old; after 7d its data may be out of date"


@pytest.mark.parametrize(
    ("of_record", "reason"),
    [
        ({"occurred_at": LAST}, "waiting"),
        ({"retry_at": LAST}, "platform-retries"),
        ({"occurred_at": datetime.min.replace(tzinfo=UTC)}, "too-old"),
    ],
    ids=["occurs in 9999", "retried in 9999", "occurred in the year 1"],
)
def test_an_absurd_moment_of_the_platform_is_answered_and_not_acted_on(of_record: dict[str, Any], reason: str) -> None:
    assert decided(Retry(after=timedelta(days=3650)), **of_record).reason == reason


@pytest.mark.parametrize(
    ("case", "may_go"),
    [
        pytest.param(CaseHistory(attempts=2, by_rule={"r1": 2}), True, id="two of ours, three allowed"),
        pytest.param(CaseHistory(attempts=3, by_rule={"r1": 2}), False, id="two of ours and one of a person"),
        pytest.param(CaseHistory(attempts=3, by_rule={}), False, id="three of people"),
        pytest.param(CaseHistory(attempts=4, by_rule={"r1": 2, "r2": 2}), True, id="another rule's do not count here"),
    ],
)
def test_retries_that_others_made_count_against_the_rules_limit(case: CaseHistory, *, may_go: bool) -> None:
    decision = decided(Retry(max_attempts=3), case=case)
    assert (decision.verb is Verb.RETRY) is may_go


def test_a_case_that_cannot_be_named_is_held_because_its_attempts_cannot_be_counted() -> None:
    decision = decided(Retry(), case=CaseHistory(nameless=True), trace_key="")
    assert (decision.verb, decision.reason) == (Verb.HOLD, "no-retry-data")
