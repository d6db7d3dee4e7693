"""The ramp: a rule's retries on a step go out in stages, each only after the one before has been seen to help (P15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HELPED = 0.9
"""The share of a stage that must have been confirmed before the next, larger one may go."""

MEMORY = timedelta(hours=1)
"""How long the stages of a step and rule count; after an hour without a retry the ramp starts anew."""

REST = timedelta(minutes=15)
"""How long a rule rests on a step after a stage that did not help, before its first stage is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What one plan sent of one rule on one step, and what has come of it: *open* items have no outcome yet."""

    plan_id: int
    sent_at: datetime
    sent: int
    confirmed: int
    failed: int
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many may go now, None for all; *reason* says why not all may, "" where all may."""

    most: int | None
    reason: str = ""
    detail: str = ""


def allowance(ramp: tuple[int, ...], stages: Sequence[Stage], now: datetime) -> Allowance:
    """Return how many errors the next stage may hold, given the *stages* of the last hour, oldest first.

    With the default ramp 3, then 30, then the rest. A stage without all its outcomes is waited for; one that was
    confirmed in less than 90 % stops the rule on that step for 15 minutes, then the first stage is tried again.
    """
    if not ramp:
        return Allowance(most=None)
    passed = 0
    for stage in stages:
        if now - stage.sent_at > MEMORY:
            continue
        if stage.open:
            return Allowance(most=0, reason="ramp-waits", detail=f"{stage.open} retries of the stage before are open")
        settled = stage.confirmed + stage.failed
        if stage.confirmed < HELPED * settled:
            passed = 0
            if now - stage.sent_at < REST:
                detail = f"only {stage.confirmed} of the last {settled} retries helped"
                return Allowance(most=0, reason="ramp-rests", detail=detail)
            continue
        if passed < len(ramp) and stage.confirmed >= HELPED * ramp[passed]:
            passed += 1
    if passed == len(ramp):
        return Allowance(most=None)
    return Allowance(most=ramp[passed], reason="ramp", detail=f"stage {passed + 1}: {ramp[passed]} first")
