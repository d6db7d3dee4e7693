"""What a rule does where its file says nothing: the defaults of the rule format."""

from datetime import timedelta

from daemon.core.actions import Backoff, Limit, Mode, Retry
from daemon.core.plans import PLAN_LIFE
from tests.makers import rule


def test_a_retry_has_the_documented_defaults() -> None:
    assert Retry() == Retry(
        after=timedelta(0),
        max_attempts=3,
        backoff=Backoff(factor=2.0, longest=timedelta(hours=1)),
        max_age=None,
        ramp=(3, 30),
        exhausted="hold",
        patched=False,
    )


def test_a_rule_enforces_within_the_default_limits_and_leaves_assigned_errors_to_people() -> None:
    usual = rule()
    assert (usual.mode, usual.limit, usual.takes_assigned) == (Mode.ENFORCE, Limit(), False)
    assert Limit() == Limit(per_cycle=None, per_hour=None, per_day=None, share_of_open=None)


def test_the_modes_are_ordered_from_harmless_to_acting() -> None:
    assert sorted(Mode) == [Mode.OBSERVE, Mode.APPROVE, Mode.ENFORCE]


def test_a_plan_may_be_applied_for_half_an_hour() -> None:
    assert timedelta(minutes=30) == PLAN_LIFE
