"""Exit codes: 0 done · 1 problems · 2 usage, configuration, store · 3 held · 4 integrator.io · 5 unknown outcome."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from daemon.core.exceptions import (
    ConfigError,
    FlowmendError,
    LimitExceededError,
    RuleError,
    StoreError,
    UnknownResultError,
)

if TYPE_CHECKING:
    from daemon.app.account import Figures

PROBLEMS, UNUSABLE, HELD, UNREACHABLE, UNKNOWN = 1, 2, 3, 4, 5


def exit_code(failure: FlowmendError) -> int:
    """Return the exit code of a command that ended with *failure*."""
    if isinstance(failure, ConfigError | StoreError):
        return UNUSABLE
    if isinstance(failure, RuleError):
        return PROBLEMS
    if isinstance(failure, LimitExceededError):
        return HELD
    if isinstance(failure, UnknownResultError):
        return UNKNOWN
    return UNREACHABLE


def worst(figures: Iterable["Figures"]) -> int:
    """Return the exit code of a pass over all accounts: what a person must look at first wins."""
    codes: set[int] = set()
    for each in figures:
        if each.tally.counts["unknown"]:
            codes.add(UNKNOWN)
        if each.failure is not None:
            codes.add(exit_code(each.failure))
        if each.tally.steps_failed:
            codes.add(UNREACHABLE)
        if each.tally.skipped["limit"]:
            codes.add(HELD)
    return next((code for code in (UNKNOWN, UNREACHABLE, UNUSABLE, HELD) if code in codes), 0)
