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
    """How far a plan has come.

    ``made`` by the plan command or a cycle · ``waiting`` for a person's approval · ``approved``: the next cycle sends it ·
    ``applying``: it is being sent, or was cut off while it was, and is never sent again · ``applied``: all of it was
    sent, refused or dropped · ``expired``: its time was up before any of it was sent; the store does not write this down.
    """

    MADE = "made"
    WAITING = "waiting"
    APPROVED = "approved"
    APPLYING = "applying"
    APPLIED = "applied"
    EXPIRED = "expired"


UNSENT = (PlanState.MADE, PlanState.WAITING, PlanState.APPROVED)
"""The states of a plan of which nothing has been sent."""


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
    """What one cycle or one ``flowmend plan`` means to do. The items are in the store.

    *decided_by* is the person who approved or applied it, "" where nobody had to.
    """

    plan_id: int
    account: str
    rules: str
    made_at: datetime
    expires_at: datetime
    state: PlanState
    groups: tuple[PlannedGroup, ...]
    decided_by: str = ""

    def standing(self, now: datetime) -> PlanState:
        """Return the state, ``expired`` where its time is up and nothing of it has been sent."""
        return PlanState.EXPIRED if self.state in UNSENT and self.expires_at <= now else self.state


def not_to_be_sent(plan: Plan, now: datetime) -> str:
    """Say why nothing of the plan may be sent any more and what to do, or ""."""
    who = f" by {plan.decided_by}" if plan.decided_by else ""
    match plan.standing(now):
        case PlanState.EXPIRED:
            return (
                f"plan {plan.plan_id} expired at {plan.expires_at:%H:%M} UTC, so nothing of it is sent. "
                "What it named and is still due comes into the next one: flowmend plan makes one now"
            )
        case PlanState.APPLIED:
            return f"plan {plan.plan_id} was applied already{who}; flowmend plan shows what is due now"
        case PlanState.APPLYING:
            return (
                f"plan {plan.plan_id} is being sent{who}, or was interrupted while it was. It is not sent again; "
                "what was not sent of it is due again: flowmend plan shows it"
            )
        case _:
            return ""
