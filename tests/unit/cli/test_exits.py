"""Exit codes: what a person must look at first wins."""

import pytest

from daemon.app.figures import Figures
from daemon.cli.exits import exit_code, worst
from daemon.core.exceptions import (
    AuthError,
    ConfigError,
    FlowmendError,
    LimitExceededError,
    ProtocolError,
    RuleError,
    StoreError,
    UnavailableError,
    UnknownResultError,
)
from daemon.core.tally import Tally


def figures(*, failure: FlowmendError | None = None, unsettled: int = 0, **counts: int) -> Figures:
    tally = Tally(steps_failed=counts.pop("steps_failed", 0))
    tally.skipped["limit"] = counts.pop("limit", 0)
    tally.counts.update(counts)
    return Figures(account="acme", open=0, tally=tally, requests=1, unsettled=unsettled, failure=failure)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ConfigError("c"), 2),
        (StoreError("s"), 2),
        (RuleError("r"), 1),
        (LimitExceededError("l"), 3),
        (AuthError("a", status=401), 4),
        (UnavailableError("u"), 4),
        (ProtocolError("p"), 4),
        (UnknownResultError("u"), 5),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, FlowmendError) else str(value),
)
def test_each_failure_has_its_exit_code(failure: FlowmendError, code: int) -> None:
    assert exit_code(failure) == code


@pytest.mark.parametrize(
    ("passes", "code"),
    [
        pytest.param([figures(confirmed=3)], 0, id="all done"),
        pytest.param([figures(limit=1)], 3, id="held by a limit"),
        pytest.param([figures(steps_failed=1)], 4, id="a step could not be read"),
        pytest.param([figures(failure=UnavailableError("u"))], 4, id="not reached"),
        pytest.param([figures(unknown=1)], 5, id="an unknown outcome"),
        pytest.param([figures(unsettled=1)], 5, id="a write without an outcome when the wait ran out"),
        pytest.param([figures(unsettled=1, failure=StoreError("s"))], 2, id="a failed store: the next run goes on"),
        pytest.param([figures(limit=1), figures(failure=StoreError("s"))], 2, id="the store before a limit"),
        pytest.param([figures(failure=UnavailableError("u")), figures(unknown=1)], 5, id="unknown before unreachable"),
    ],
)
def test_a_pass_ends_with_what_a_person_must_look_at_first(passes: list[Figures], code: int) -> None:
    assert worst(passes) == code
