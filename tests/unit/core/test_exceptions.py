"""What the class of an exception allows its catcher to do."""

import pytest

from daemon.core.exceptions import (
    AuthError,
    ConfigError,
    FlowmendError,
    LimitExceededError,
    LockedError,
    LockLostError,
    ProtocolError,
    RateLimitedError,
    RefusedError,
    RuleError,
    StoreError,
    TemporaryError,
    UnavailableError,
    UnknownResultError,
    WritesStoppedError,
)


@pytest.mark.parametrize(
    "lost",
    [
        ConfigError,
        RuleError,
        StoreError,
        ProtocolError,
        LimitExceededError,
        LockedError,
        LockLostError,
        RefusedError,
        AuthError,
        UnknownResultError,
    ],
)
def test_only_where_nothing_happened_may_the_same_be_sent_again(lost: type[FlowmendError]) -> None:
    assert not issubclass(lost, TemporaryError)


@pytest.mark.parametrize("failed", [RateLimitedError, UnavailableError, WritesStoppedError])
def test_where_nothing_happened_it_is_said_how_long_to_wait(failed: type[TemporaryError]) -> None:
    assert failed("try again").wait_s == 1.0
    waiting = failed("try again", wait_s=7.5)
    assert (str(waiting), waiting.wait_s) == ("try again", 7.5)


def test_a_lost_answer_is_never_taken_for_a_refusal() -> None:
    assert not issubclass(UnknownResultError, RefusedError)


def test_a_refusal_keeps_what_the_platform_said() -> None:
    refused = AuthError("the token was refused", status=401, code="invalid_token")
    assert isinstance(refused, RefusedError)
    assert (str(refused), refused.status, refused.code) == ("the token was refused", 401, "invalid_token")
    assert RefusedError("no", status=422).code == ""
