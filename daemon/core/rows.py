"""What people are shown of the store: one class per table of the command line and the web page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from daemon.core.actions import EditField
from daemon.core.batches import Act, WriteState
from daemon.core.decisions import Outcome, Verb
from daemon.core.records import StepRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """One stored error and the decision about it; *due_at* is None while a write on it has no outcome."""

    step: StepRef
    error_id: str
    case_key: str
    code: str
    verb: Verb
    rule_id: str
    reason: str
    detail: str
    occurred_at: datetime | None
    due_at: datetime | None
    in_flight: bool
    first_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """One error that waits for a person in *queue*, with the only fields they may change; *held_at* is when it got there."""

    step: StepRef
    error_id: str
    queue: str
    title: str
    edit: tuple[EditField, ...]
    rule_id: str
    reason: str
    detail: str
    held_at: datetime
    code: str
    case_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One thing that happened to a case.

    *what* is an act (``retry``, ``resolve``, ``tag``, ``assign``), ``patch`` (its data was changed for the retry),
    ``outcome``, ``retried elsewhere`` (not by us) or ``open`` (an error of the case that is open now). *by* is the
    person who said what the outcome was, "" where reading showed it.
    """

    at: datetime
    step: StepRef
    error_id: str
    what: str
    rule_id: str = ""
    detail: str = ""
    outcome: Outcome | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownRow:
    """One retry of which nobody knew what came of it: it waits for a person, or *settled_by* is who has said it.

    *why* is why it was not known or, once settled, the person's reason. *case_key* is the case's own key.
    """

    step: StepRef
    batch_id: int
    error_id: str
    case_key: str
    rule_id: str
    sent_at: datetime
    job_id: str
    outcome: Outcome
    settled_at: datetime
    settled_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRow:
    """One entry of the journal in numbers: *sent* errors, of which those in *outcomes* have ended."""

    batch_id: int
    step: StepRef
    act: Act
    rule_id: str
    rules: str
    plan_id: int
    state: WriteState
    intended_at: datetime
    job_id: str
    reason: str
    sent: int
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesRow:
    """One loading of a rule set."""

    version: str
    loaded_at: datetime
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceKeyRow:
    """Of the *open* errors of a step: how many have no trace key, one that was cut, one that several records share."""

    flow_name: str
    step_name: str
    open: int
    blank: int
    cut: int
    shared: int
