"""The endpoints of integrator.io that Flowmend uses, each as a function that builds the request (chapter 4).

Four write bodies, four shapes: ``errors`` (resolve), ``retryDataKeys`` (retry), ``errorIds`` (assign) and
``errors: [{id, rdk}]`` (tags).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlencode

import msgspec

from daemon.core.exceptions import LimitExceededError, ProtocolError
from daemon.core.moments import stamp
from daemon.core.records import StepRef, StepType
from daemon.integrator.protocol import Request

BATCH_CAP = 1000
"""The most ids that one call may name; Celigo's own clients send no more."""


def token_info() -> Request:
    """Ask whose token it is."""
    return _request("GET", "/tokenInfo")


def integrations() -> Request:
    """Ask for the first page of the integrations."""
    return _request("GET", "/integrations")


def integration_errors(integration_id: str) -> Request:
    """Ask which flows of an integration have errors."""
    return _request("GET", "/integrations/{integration}/errors", integration=integration_id)


def flows() -> Request:
    """Ask for the first page of the flows."""
    return _request("GET", "/flows")


def flow(flow_id: str) -> Request:
    """Ask for one flow."""
    return _request("GET", "/flows/{flow}", flow=flow_id)


def flow_errors(flow_id: str) -> Request:
    """Ask which steps of a flow have errors."""
    return _request("GET", "/flows/{flow}/errors", flow=flow_id)


def errors(ref: StepRef, *, since: datetime | None, until: datetime | None, source: str) -> Request:
    """Ask for the first page of a step's open errors that occurred from *since* to *until*."""
    window = {"occurredAt_gte": _iso(since), "occurredAt_lte": _iso(until), "source": source}
    return _step_request("GET", "/flows/{flow}/{step}/errors", ref, query=window)


def resolved(ref: StepRef, *, since: datetime | None, until: datetime | None) -> Request:
    """Ask for the first page of what was resolved on a step from *since* to *until*."""
    window = {"resolvedAt_gte": _iso(since), "resolvedAt_lte": _iso(until)}
    return _step_request("GET", "/flows/{flow}/{step}/resolved", ref, query=window)


def resolve(ref: StepRef, error_ids: Sequence[str]) -> Request:
    """Close errors; no call re-opens them."""
    return _step_request("PUT", "/flows/{flow}/{step}/resolved", ref, body={"errors": _batch(error_ids)})


def retry(ref: StepRef, retry_keys: Sequence[str]) -> Request:
    """Run records again. Not idempotent: sent twice, they may run twice."""
    return _step_request("POST", "/flows/{flow}/{step}/retry", ref, body={"retryDataKeys": _batch(retry_keys)})


def retry_data(ref: StepRef, retry_key: str) -> Request:
    """Ask for the retry data of one error."""
    return _step_request("GET", "/flows/{flow}/{step}/{key}/data", ref, key=retry_key)


def put_retry_data(ref: StepRef, retry_key: str, envelope: bytes) -> Request:
    """Replace the retry data of one error by *envelope*, which is JSON already."""
    return _step_request("PUT", "/flows/{flow}/{step}/{key}/data", ref, key=retry_key, body=msgspec.Raw(envelope))


def assign(ref: StepRef, error_ids: Sequence[str], email: str) -> Request:
    """Give errors to a person."""
    body = {"errorIds": _batch(error_ids), "email": email}
    return _step_request("PUT", "/flows/{flow}/{step}/errors/assign", ref, body=body)


def set_tags(ref: StepRef, tagged: Sequence[tuple[str, str]], tag_ids: Sequence[str]) -> Request:
    """Replace the set of tags on errors, each named by its id and its retry key ("" where it has none)."""
    _batch([error_id for error_id, _ in tagged])
    named = [{"id": error_id, "rdk": key} if key else {"id": error_id} for error_id, key in tagged]
    return _step_request("PUT", "/flows/{flow}/{step}/tags", ref, body={"errors": named, "tagIds": list(tag_ids)})


def tags() -> Request:
    """Ask for the account's tags."""
    return _request("GET", "/tags")


def retry_jobs(ref: StepRef, step_type: StepType, *, since: datetime | None, until: datetime | None) -> Request:
    """Ask for the newest retry jobs of a step that were created from *since* to *until*."""
    step = "_importId" if step_type == "import" else "_exportId"
    window = {"createdAt_gte": _iso(since), "createdAt_lte": _iso(until)}
    return _request("GET", "/jobs", query={"type": "retry", "_flowId": ref.flow_id, step: ref.step_id, **window})


def job(job_id: str) -> Request:
    """Ask for one job."""
    return _request("GET", "/jobs/{job}", job=job_id)


def step(step_id: str, step_type: StepType) -> Request:
    """Ask for the export or import behind a step."""
    return _request("GET", "/imports/{step}" if step_type == "import" else "/exports/{step}", step=step_id)


def connection(connection_id: str) -> Request:
    """Ask for one connection; never a ping, which can bring it back online."""
    return _request("GET", "/connections/{connection}", connection=connection_id)


def _step_request(
    method: str, template: str, ref: StepRef, *, query: dict[str, str] | None = None, body: object = None, key: str = ""
) -> Request:
    ids = {"flow": ref.flow_id, "step": ref.step_id} | ({"key": key} if "{key}" in template else {})
    return replace(_request(method, template, query=query, body=body, **ids), step=ref)


def _request(
    method: str, template: str, *, query: dict[str, str] | None = None, body: object = None, **ids: str
) -> Request:
    return Request(
        method=method,
        path=template.format_map({name: _segment(value) for name, value in ids.items()}),
        endpoint=f"{method} {template}",
        query=urlencode({name: value for name, value in (query or {}).items() if value}),
        body=None if body is None else msgspec.json.encode(body),
    )


def _segment(value: str) -> str:
    """Return an id as one segment of a path: whatever is in it, it cannot become another path."""
    if value.strip() in {"", ".", ".."}:
        raise ProtocolError(f"{value!r} is not an id that integrator.io can have given")
    return quote(value, safe="")


def _batch(ids: Sequence[str]) -> list[str]:
    if not 1 <= len(ids) <= BATCH_CAP:
        raise LimitExceededError(f"a batch has 1 to {BATCH_CAP} errors, not {len(ids)}; nothing was sent")
    if not all(ids) or len(set(ids)) != len(ids):
        raise LimitExceededError("a batch names an error twice, or one without an id; nothing was sent")
    return list(ids)


def _iso(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return stamp(moment, "milliseconds")
