"""The world of a sandbox: what one integrator.io account holds, and the only ways in which it changes.

A resource (an export or an import) may stand in several flows; its errors belong to the flow and the step together, so
`Step` is one resource within one flow. Error ids count per step: the same id on two steps means two different errors.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import count
from typing import Any, Literal

from daemon.sandbox.listing import Listing
from daemon.sandbox.stamps import stamp, whole_ms
from daemon.sandbox.truth import Truth

FIRST_ERROR_ID = 5646500001


@dataclass(slots=True, kw_only=True)
class Entry:
    """One error, open or resolved, as it is listed; *at* is what the list is filtered by."""

    error_id: str
    at: datetime
    record: Truth
    fields: dict[str, Any]
    _wire: str = ""

    @property
    def retry_key(self) -> str:
        """Return the retryDataKey, or "" where a retry is not possible."""
        return str(self.fields.get("retryDataKey") or "")

    def wire(self) -> str:
        """Return the error object as JSON; written once, then kept."""
        if not self._wire:
            self._wire = json.dumps(self.fields)
        return self._wire

    def change(self, **fields: Any) -> None:
        """Set fields of the error object."""
        self.fields.update(fields)
        self._wire = ""


@dataclass(slots=True, kw_only=True)
class RetryData:
    """What the platform kept of a failed record; *envelope* is JSON exactly as it was stored or last PUT.

    A ``live`` key belongs to an open error, a ``used`` one was retried, a ``gone`` one cannot be read or retried.
    """

    record: Truth
    error_id: str
    envelope: bytes
    state: Literal["live", "used", "gone"] = "live"


@dataclass(slots=True, kw_only=True)
class Resource:
    """One export or import; *kind_of_record* names the shape of the business records that pass it."""

    resource_id: str
    kind: Literal["export", "import"]
    name: str
    connection_id: str
    kind_of_record: str
    last_modified: datetime
    numeric_ids: bool = False
    audit: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Step:
    """One resource within one flow, with its errors."""

    flow_id: str
    resource: Resource
    open: Listing[Entry] = field(default_factory=Listing)
    resolved: Listing[Entry] = field(default_factory=Listing)
    retry_data: dict[str, RetryData] = field(default_factory=dict)
    open_by_trace: dict[str, tuple[str, ...]] = field(default_factory=dict)
    next_error_id: int = FIRST_ERROR_ID
    last_error_at: datetime | None = None

    @property
    def step_id(self) -> str:
        """Return the id of the export or import."""
        return self.resource.resource_id


@dataclass(slots=True, kw_only=True)
class Flow:
    """One flow; *branches* are its page processors, several of them where the flow has a router.

    *form* says how the flow's document names its steps: ``list``, ``routers``, or ``legacy`` (one export, one import).
    """

    flow_id: str
    name: str
    integration_id: str
    form: Literal["list", "routers", "legacy"]
    generators: tuple[str, ...]
    branches: tuple[tuple[str, ...], ...]
    last_modified: datetime
    auto_resolve: bool = True
    disabled: bool = False
    steps: dict[str, Step] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Connection:
    """One connection; *ping_heals* False keeps an offline one offline."""

    connection_id: str
    name: str
    type: str
    last_modified: datetime
    offline: bool = False
    ping_heals: bool = True


@dataclass(slots=True, kw_only=True)
class World:
    """Everything in one account. *seed* makes its ids; *token_valid* False purges the token, which is of *user_id*."""

    name: str
    seed: int
    integrations: dict[str, str] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    truths: dict[str, Truth] = field(default_factory=dict)
    token_valid: bool = True
    user_id: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_id(self, size_bytes: int = 12) -> str:
        """Return a fresh hexadecimal id of *size_bytes*; the same seed gives the same ids in the same order."""
        text = f"{self.name}/{self.seed}/{next(self._numbers)}"
        return blake2b(text.encode(), digest_size=size_bytes).hexdigest()

    def steps(self) -> Iterator[Step]:
        """Yield every step of every flow."""
        for flow in self.flows.values():
            yield from flow.steps.values()

    def find_step(self, flow: str, step: str) -> Step:
        """Return a step by the ids or the names of its flow and resource.

        Raises:
            LookupError: there is none.
        """
        for each in self.steps():
            if flow in (each.flow_id, self.flows[each.flow_id].name) and step in (each.step_id, each.resource.name):
                return each
        raise LookupError(f"no step {step!r} in a flow {flow!r}")

    def open_error(
        self, step: Step, record: Truth, *, at: datetime, envelope: bytes | None, auto_resolve: bool, **extra: Any
    ) -> Entry:
        """Open an error for *record* with its present face; *extra* adds fields or replaces them.

        *envelope* None means that it cannot be retried. With *auto_resolve* the older open errors of the same trace key
        are resolved as the platform does it.
        """
        at = whole_ms(at)
        error_id = str(step.next_error_id)
        step.next_error_id += 1
        fields = {
            **_face_fields(record, step, self.new_id(16)),
            "occurredAt": stamp(at),
            "errorId": int(error_id) if step.resource.numeric_ids else error_id,
        }
        if envelope is not None:
            fields["retryDataKey"] = key = self.new_id(16)
            step.retry_data[key] = RetryData(record=record, error_id=error_id, envelope=envelope)
        entry = Entry(error_id=error_id, at=at, record=record, fields=fields | extra)
        if auto_resolve and self.flows[step.flow_id].auto_resolve:
            self.resolve_older(step, record.trace_key, at=at)
        self.put_back(step, entry)
        record.error_ids.append(error_id)
        step.last_error_at = max(at, step.last_error_at or at)
        return entry

    def put_back(self, step: Step, entry: Entry) -> None:
        """List *entry* among the open errors, at the end of the list."""
        step.open.add(entry.error_id, entry, entry.at)
        entry.record.open_ids.add(entry.error_id)
        if trace := entry.record.trace_key:
            step.open_by_trace[trace] = (*step.open_by_trace.get(trace, ()), entry.error_id)

    def take(self, step: Step, error_id: str) -> Entry | None:
        """Take an error out of the open list; None where it is not in it."""
        entry = step.open.take(error_id)
        if entry is None:
            return None
        entry.record.open_ids.discard(error_id)
        if trace := entry.record.trace_key:
            left = tuple(each for each in step.open_by_trace[trace] if each != error_id)
            if left:
                step.open_by_trace[trace] = left
            else:
                del step.open_by_trace[trace]
        return entry

    def resolve(self, step: Step, error_id: str, *, by: str, at: datetime) -> bool:
        """Move an open error to the resolved list and drop its retry data; False where it is not open."""
        entry = self.take(step, error_id)
        if entry is None:
            return False
        self.file_resolved(step, entry, by=by, at=at)
        if data := step.retry_data.get(entry.retry_key):
            data.state = "gone"
        return True

    def resolve_older(self, step: Step, trace_key: str, *, at: datetime) -> None:
        """Resolve every open error of this trace key as the platform does; a blank key means no record."""
        for error_id in step.open_by_trace.get(trace_key, ()):
            self.resolve(step, error_id, by="auto", at=at)

    def file_resolved(self, step: Step, entry: Entry, *, by: str, at: datetime) -> None:
        """List *entry*, which is no longer open, among the resolved ones."""
        at = whole_ms(at)
        fields = entry.fields | {"resolvedAt": stamp(at), "resolvedBy": by}
        entry.record.resolved_by = by
        filed = Entry(error_id=entry.error_id, at=at, record=entry.record, fields=fields)
        step.resolved.add(entry.error_id, filed, at)

    def vanish(self, step: Step, error_id: str) -> bool:
        """Let an open error disappear without a trace, as a purge does; False where it is not open."""
        entry = self.take(step, error_id)
        if entry is None:
            return False
        entry.record.vanished = True
        if data := step.retry_data.get(entry.retry_key):
            data.state = "gone"
        return True


def _face_fields(record: Truth, step: Step, call_hash: str) -> dict[str, Any]:
    face = record.face
    fields: dict[str, Any] = {
        "source": face.source,
        "code": face.code,
        "message": face.message,
        "traceKey": record.trace_key,
        "exportDataURI": record.trace_key,
        "oIndex": "0",
        "_flowJobId": step.flow_id[::-1],
        "classification": face.classification,
        "classifiedBy": "autopilot" if face.classification else "",
        "retriable": record.cure.kind != "none",
    }
    if face.http_status is not None:
        fields["reqAndResKey"] = f"{step.next_error_id}000-{call_hash}-{face.http_status}-{face.method}"
    return fields
