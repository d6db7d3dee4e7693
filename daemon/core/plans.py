"""Plans: the frozen list of what is to be done in one go, in groups of one step, one rule and one act (P3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.core.actions import Mode
from daemon.core.batches import Act
from daemon.core.records import StepRef

PLAN_LIFE = timedelta(minutes=30)
"""How long a plan may be applied after it was made."""


class PlanState(StrEnum):
    """``made`` by the plan command or a cycle, ``waiting`` for a person's approval, ``applied``, or ``expired``."""

    MADE = "made"
    WAITING = "waiting"
    APPLIED = "applied"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class DueGroup:
    """The errors of one step that one rule wants to act on now. *count* is cases for a retry, errors otherwise."""

    step: StepRef
    rule_id: str
    act: Act
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGroup:
    """A due group after the guards: *send* of its *count* may go now; *reason* says why not all (or none) may."""

    step: StepRef
    rule_id: str
    act: Act
    count: int
    send: int
    mode: Mode
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One error named in a plan, as it was when it was judged; acting on it looks at it again first."""

    error_id: str
    case_key: str
    occurred_at: datetime
    fingerprint: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one cycle or one ``flowmend plan`` means to do. The items are in the store."""

    plan_id: int
    account: str
    rules: str
    made_at: datetime
    expires_at: datetime
    state: PlanState
    groups: tuple[PlannedGroup, ...]
