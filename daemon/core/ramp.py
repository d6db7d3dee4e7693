"""The ramp: a rule's retries on a step go out in stages, each only after the one before has been seen to help (P15)."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HELPED = 0.9
"""The share of a stage that must have been confirmed before the next, larger one may go."""

MEMORY = timedelta(hours=1)
"""How long the stages of a step and rule count; after an hour without an outcome the ramp starts anew."""

REST = timedelta(minutes=15)
"""How long a rule rests on a step once a stage is known not to have helped, before a single record is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What one plan sent of one rule on one step, and what has come of it: *open* items have no outcome yet.

    *failed* are those that came back and those of which nobody knows what came; a record that vanished is neither
    confirmed nor failed. *settled_at* is when the newest outcome was known.
    """

    plan_id: int
    sent_at: datetime
    sent: int
    confirmed: int
    failed: int
    open: int
    settled_at: datetime | None = None

    @property
    def settled(self) -> int:
        """Return how many outcomes say something."""
        return self.confirmed + self.failed

    @property
    def useless(self) -> bool:
        """Tell whether all is known of it and too little of it helped."""
        return not self.open and self.confirmed < HELPED * self.settled

    def counts(self, now: datetime) -> bool:
        """Tell whether it still says something about its rule: an outcome is missing, or the last one is fresh."""
        return bool(self.open) or now - (self.settled_at or self.sent_at) <= MEMORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many may go now, None for all; *reason* says why not all may, "" where all may."""

    most: int | None
    reason: str = ""
    detail: str = ""


def allowance(ramp: tuple[int, ...], stages: Sequence[Stage], now: datetime) -> Allowance:
    """Return how many errors the next stage may hold, given the *stages* of the last hour, oldest first.

    With the default ramp 3, then 30, then the rest. A stage without all its outcomes is waited for; one that was
    confirmed in less than 90 % stops the rule on that step for 15 minutes. Then a single record is tried, every 15
    minutes until one is confirmed, and after that the first stage.
    """
    if not ramp:
        return Allowance(most=None)
    passed, one_first = 0, False
    for stage in stages:
        if not stage.counts(now):
            continue
        if stage.open:
            return Allowance(most=0, reason="ramp-waits", detail=f"{stage.open} retries of the stage before are open")
        if stage.useless:
            passed, one_first = 0, True
            if now - (stage.settled_at or stage.sent_at) < REST:
                detail = f"only {stage.confirmed} of the last {stage.settled} retries helped"
                return Allowance(most=0, reason="ramp-rests", detail=detail)
            continue
        one_first = one_first and not stage.confirmed
        if passed < len(ramp) and stage.confirmed >= HELPED * ramp[passed]:
            passed += 1
    if one_first:
        return Allowance(most=1, reason="ramp", detail="one first, since the last stage did not help")
    if passed == len(ramp):
        return Allowance(most=None)
    return Allowance(most=ramp[passed], reason="ramp", detail=f"stage {passed + 1}: {ramp[passed]} first")


def incident(stages: Sequence[Stage], ended: Container[int]) -> Sequence[Stage]:
    """Return the stages with which retries of a rule on a step have just begun to be useless, or none.

    *stages* are those of the last hour, oldest first, *ended* the plans that have just got their last outcome. What is
    useless after that, until a stage helps or an hour has passed, is the same incident.
    """
    useless: list[Stage] = []
    for stage in stages:
        if stage.useless:
            useless.append(stage)
        elif stage.confirmed and not stage.open:
            useless.clear()
    return useless if all(stage.plan_id in ended for stage in useless) else ()
