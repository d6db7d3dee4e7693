"""Exit codes: 0 done · 1 problems · 2 usage, configuration, store · 3 held · 4 integrator.io · 5 unknown outcome."""

import sys
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from daemon.core.exceptions import (
    ConfigError,
    FlowmendError,
    LimitExceededError,
    LockedError,
    LockLostError,
    PlanError,
    ProtocolError,
    RateLimitedError,
    RuleError,
    StoreError,
    TemporaryError,
    UnknownResultError,
)

if TYPE_CHECKING:
    from daemon.app.figures import Figures
    from daemon.core.continuity import Outdated
    from daemon.core.plans import Plan

OF_FAILURE: tuple[tuple[type[FlowmendError], str], ...] = (
    (
        RateLimitedError,
        "Other tools may be using up the account's requests. Nothing is lost; try again in a few minutes",
    ),
    (LockLostError, "The other process goes on; flowmend errors and case show what came of it"),
    (LockedError, "Nothing was done. Stop that one first, or look with flowmend errors, case and hold list"),
    (TemporaryError, "Nothing is lost. Look at the network (DNS, proxy, firewall) and at base_url, and try again"),
    (ProtocolError, "Nothing was concluded from it. Is base_url right, and no proxy or login page in between?"),
)
"""What to do about failures that do not say it by themselves."""

PROBLEMS, UNUSABLE, HELD, UNREACHABLE, UNKNOWN = 1, 2, 3, 4, 5

ON_PURPOSE = ("breaker-open", "limit", "paused", "stopped")
"""Reasons for which something is held that only a person, or time, lets go: exit code 3."""


def exit_code(failure: FlowmendError) -> int:
    """Return the exit code of a command that ended with *failure*."""
    if isinstance(failure, ConfigError | StoreError):
        return UNUSABLE
    if isinstance(failure, RuleError):
        return PROBLEMS
    if isinstance(failure, LimitExceededError | LockedError | PlanError):
        return HELD
    if isinstance(failure, UnknownResultError):
        return UNKNOWN
    return UNREACHABLE


def sentence(failure: FlowmendError, account: str = "") -> str:
    """Return what happened, to which account, and what to do about it."""
    text = f"{account}: {str(failure).removeprefix(f'{account}: ')}" if account else str(failure)
    advice = next((said for kind, said in OF_FAILURE if isinstance(failure, kind)), "")
    return f"{text}. {advice}" if advice else text


def complain(text: str) -> None:
    """Tell on standard error what failed."""
    sys.stderr.write(f"flowmend: {text}\n")


def tell_outdated(outdated: "Outdated | None") -> None:
    """Tell on standard error that a store does not know all that was sent, and what to do, where it is so."""
    if outdated is not None:
        from daemon.core.continuity import ADVICE

        complain(f"{outdated}. {ADVICE}")


def of_plan(plan: "Plan | None", *, steps_failed: int, outdated: "Outdated | None") -> set[int]:
    """Return the exit codes that the making of one plan amounts to."""
    codes = {UNREACHABLE} if steps_failed else set[int]()
    if outdated is not None or (plan and any(group.reason in ON_PURPOSE for group in plan.groups)):
        codes.add(HELD)
    return codes


def worst(figures: Iterable["Figures"], *, rules_broken: bool = False) -> int:
    """Return the exit code of a pass over all accounts: what a person must look at first wins."""
    codes = {PROBLEMS} if rules_broken else set[int]()
    for each in figures:
        if each.tally.counts["unknown"] or (each.unsettled and each.failure is None):
            codes.add(UNKNOWN)
        if each.failure is not None:
            codes.add(exit_code(each.failure))
        if each.tally.steps_failed:
            codes.add(UNREACHABLE)
        if each.outdated is not None or any(each.tally.skipped[reason] for reason in ON_PURPOSE):
            codes.add(HELD)
    return worst_of(codes)


def worst_of(codes: Collection[int]) -> int:
    """Return the exit code for several ends: what a person must look at first wins."""
    return next((code for code in (UNKNOWN, UNREACHABLE, UNUSABLE, PROBLEMS, HELD) if code in codes), 0)
