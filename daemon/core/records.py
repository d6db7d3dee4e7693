"""What the platform holds: accounts' flows and steps, and the open errors on them.

Source of every field: the API document, chapters 6 (error object) and 9 (flows and steps).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Literal, NamedTuple

StepType = Literal["export", "import"]

TRACE_KEY_CUT = 128
"""integrator.io cuts trace keys to this many characters; one this long may stand for several records."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class StepRef:
    """The address of one step: the same export or import used by two flows is two steps."""

    account: str
    flow_id: str
    step_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step with the names that rules may use instead of ids; a name not known (yet) is ""."""

    ref: StepRef
    type: StepType
    name: str = ""
    connection_id: str = ""
    flow_name: str = ""
    integration_id: str = ""
    integration_name: str = ""

    @property
    def full_name(self) -> str:
        """Return flow and step as the log and messages name them; "" where neither is known."""
        return " / ".join(name for name in (self.flow_name, self.name) if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One integration, the folder that flows live in."""

    integration_id: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One flow and the addresses of its steps, each once, in the order of the flow.

    *integration_id* is "" for a flow that belongs to no integration.
    """

    flow_id: str
    name: str = ""
    integration_id: str = ""
    disabled: bool = False
    steps: tuple[tuple[str, StepType], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a summary says of a flow or a step; two equal marks mean "probably nothing changed"."""

    num_error: int
    last_error_at: datetime | None = None


class ErrorRecord(NamedTuple):
    """One open error as the platform lists it; identity is its step + *error_id*.

    A tuple, because a million of them are made in one read: a frozen dataclass takes ten times as long to make.

    Text fields are "" where the platform sent nothing, null or blanks. *retry_key* "" means that it cannot be
    retried. *message* is whole, however long. *occurred_at* is None where the platform sent none that can be read.
    """

    error_id: str
    occurred_at: datetime | None
    source: str = ""
    code: str = ""
    message: str = ""
    trace_key: str = ""
    retry_key: str = ""
    http_status: int | None = None
    classification: str = ""
    classified_by: str = ""
    assigned_to: str = ""
    tags: tuple[str, ...] = ()
    retry_at: datetime | None = None
    purge_at: datetime | None = None
    flow_job_id: str = ""

    def __repr__(self) -> str:
        """Return which error it is, and nothing of what it says (P10)."""
        return f"ErrorRecord(error_id={self.error_id!r}, occurred_at={self.occurred_at!r}, source={self.source!r})"

    @property
    def retryable(self) -> bool:
        """Tell whether the platform kept data to retry with."""
        return bool(self.retry_key)

    def fingerprint(self) -> int:
        """Return a signed 64-bit hash of what the error says; a new value means that it is another error by now.

        What people do with it (tags, assignment) is not part of it.
        """
        said = "\x1f".join(self[2:7])  # source, code, message, trace_key, retry_key
        digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRecord:
    """One entry of a step's resolved list; *resolved_by* is a user id or "auto"."""

    error_id: str
    trace_key: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""


JobStatus = Literal["queued", "running", "retrying", "canceling", "completed", "failed", "canceled"]

ENDED: frozenset[str] = frozenset({"completed", "failed", "canceled"})
"""Job statuses after which nothing more will happen; any other, known or not, means "still at work"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of the platform; *status* is kept as sent, so that a new one is taken for "still at work"."""

    job_id: str
    type: str = ""
    status: str = ""
    num_success: int = 0
    num_error: int = 0
    triggered_by: str = ""
    created_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Tell whether the job can change nothing more."""
        return self.status in ENDED

    def at_work(self, moment: datetime, *, late: timedelta = timedelta(0)) -> bool:
        """Tell whether the job was at work at *moment*, or had ended less than *late* before."""
        if self.created_at is None or moment < self.created_at:
            return False
        return self.ended_at is None or moment <= self.ended_at + late


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection, the way into one application; behind many steps there may be a single one."""

    connection_id: str
    name: str = ""
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """Whose token it is."""

    user_id: str
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryData:
    """The retry data of one error, as GET returned it.

    *envelope* is the raw JSON of the whole answer, byte for byte; *data* its decoded ``data`` with every number that
    is not an integer as a Decimal, so that nothing is lost (P14). *digest* identifies the envelope's content,
    *data_digest* that of its ``data``.
    """

    retry_key: str
    envelope: bytes = field(repr=False)
    data: object = field(repr=False)
    digest: str = ""
    data_digest: str = ""
