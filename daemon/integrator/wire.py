"""What the platform's JSON means: bodies in, values of ``daemon.core.records`` out.

Tolerant where a field is concerned (unknown, missing, null, blank, a number for a text), strict where the shape of a
whole answer is: what is not of the documented shape is a ``ProtocolError``, never "nothing there".
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from daemon.core.exceptions import ProtocolError
from daemon.core.many import maker
from daemon.core.records import ErrorRecord, ResolvedRecord
from daemon.integrator.protocol import one_line

Json = dict[str, Any]
T = TypeVar("T")


class WireError(msgspec.Struct, rename="camel", gc=False):
    """One entry of an error list or of a resolved list; any field may be missing or of a wrong type (chapter 6)."""

    error_id: Any = None
    occurred_at: Any = None
    source: Any = None
    code: Any = None
    message: Any = None
    trace_key: Any = None
    retry_data_key: Any = None
    req_and_res_key: Any = None
    classification: Any = None
    classified_by: Any = None
    assigned_to: Any = None
    tags: Any = None
    retry_at: Any = None
    purge_at: Any = None
    flow_job_id: Any = msgspec.field(default=None, name="_flowJobId")
    resolved_at: Any = None
    resolved_by: Any = None


class _ErrorsPage(msgspec.Struct):
    entries: list[WireError] = msgspec.field(name="errors")
    next_page: Any = msgspec.field(default=None, name="nextPageURL")


class _ResolvedPage(msgspec.Struct):
    entries: list[WireError] = msgspec.field(name="resolved")
    next_page: Any = msgspec.field(default=None, name="nextPageURL")


class _Identity(msgspec.Struct, rename="camel", gc=False):
    error_id: str


class _IdentityPage(msgspec.Struct):
    entries: list[_Identity] = msgspec.field(name="errors")
    next_page: str | None = msgspec.field(default=None, name="nextPageURL")


_IDENTITIES = msgspec.json.Decoder(_IdentityPage)
_ERRORS = msgspec.json.Decoder(_ErrorsPage)
_RESOLVED = msgspec.json.Decoder(_ResolvedPage)
_Pages = msgspec.json.Decoder[_ErrorsPage] | msgspec.json.Decoder[_ResolvedPage]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsPage:
    """One page of open errors: their ids are read at once, all that they say when it is asked for.

    An entry without an id is left out: nothing can be done about it. *where* names the page in messages.
    """

    error_ids: Sequence[str]
    body: bytes = field(repr=False)
    where: str

    def records(self) -> list[ErrorRecord]:
        """Return the errors of the page, in its order."""
        entries, _ = _page(self.body, "errors", _ERRORS, self.where)
        return [record for entry in entries if (record := error_record(entry)).error_id]


NO_ERRORS = ErrorsPage(error_ids=(), body=b'{"errors":[]}', where="")


def errors_page(body: bytes, where: str) -> tuple[ErrorsPage, str]:
    """Return one page of open errors and the next page's URL ("" on the last).

    Raises:
        ProtocolError: this is not a page of errors; it does not mean that there are none.
    """
    try:
        page = _IDENTITIES.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # something on it is odd
        entries, next_page = _page(body, "errors", _ERRORS, where)
        ids = [text(entry.error_id) for entry in entries]
    else:
        ids, next_page = [entry.error_id for entry in page.entries], page.next_page or ""
    return ErrorsPage(
        error_ids=[each for each in ids if each and not each.isspace()], body=body, where=where
    ), next_page.strip()


def resolved_page(body: bytes, where: str) -> tuple[list[ResolvedRecord], str]:
    """Return the entries of one page of a resolved list and the next page's URL; as ``errors_page``."""
    entries, next_page = _page(body, "resolved", _RESOLVED, where)
    return [record for entry in entries if (record := _resolved_record(entry)).error_id], next_page


def _page(body: bytes, key: str, decoder: _Pages, where: str) -> tuple[list[WireError], str]:
    next_page: Any
    try:
        page = decoder.decode(body)
        entries, next_page = page.entries, page.next_page
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # something on it is odd: entry by entry
        answer = decode(body, where)
        if not isinstance(answer, dict) or not isinstance(answer.get(key), list):
            raise ProtocolError(f'{where}: the answer has no list "{key}"; it is not taken for an empty one') from None
        entries = [msgspec.convert(entry, WireError) for entry in objects(answer[key])]
        next_page = answer.get("nextPageURL")
    if next_page is not None and not isinstance(next_page, str):
        raise ProtocolError(f"{where}: nextPageURL is not a text; the list is not whole")
    return entries, (next_page or "").strip()


_record = maker(ErrorRecord)


def error_record(entry: WireError) -> ErrorRecord:
    """Return one open error."""
    return _record(
        (
            text(entry.error_id),
            moment(entry.occurred_at),
            text(entry.source),
            text(entry.code),
            text(entry.message),
            text(entry.trace_key),
            text(entry.retry_data_key),
            _http_status(text(entry.req_and_res_key)),
            text(entry.classification),
            text(entry.classified_by),
            text(entry.assigned_to),
            _tag_ids(entry.tags),
            moment(entry.retry_at),
            moment(entry.purge_at),
            text(entry.flow_job_id),
        )
    )


def error_of(body: bytes, where: str) -> ErrorRecord:
    """Return the one error that *body* holds, as the platform lists it.

    Raises:
        ProtocolError: it does not hold one JSON object.
    """
    entry: WireError = msgspec.convert(json_object(body, where), WireError)
    return error_record(entry)


def _resolved_record(entry: WireError) -> ResolvedRecord:
    return ResolvedRecord(
        error_id=text(entry.error_id),
        trace_key=text(entry.trace_key),
        resolved_at=moment(entry.resolved_at),
        resolved_by=text(entry.resolved_by),
    )


def json_object(body: bytes, where: str) -> Json:
    """Return an answer that must be one JSON object."""
    answer = decode(body, where)
    if not isinstance(answer, dict):
        raise ProtocolError(f"{where}: the answer is not a JSON object")
    return answer


def values(body: bytes, of: Callable[[Json], T], where: str) -> list[T]:
    """Return an answer that must be an array of JSON objects, each as *of* makes it."""
    answer = decode(body, where)
    if not isinstance(answer, list):
        raise ProtocolError(f"{where}: the answer is not a list; it is not taken for an empty one")
    return [of(entry) for entry in objects(answer)]


def decode(body: bytes, where: str) -> Any:
    """Return what *body* says, also where it has half a surrogate pair, broken UTF-8 or a number out of all bounds.

    Raises:
        ProtocolError: it is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        # JavaScript cuts texts between the halves of a pair; standard readers take that, msgspec and stores do not.
        loose = json.loads(body.decode("utf-8-sig", "replace"), parse_int=str, parse_float=str, parse_constant=str)
        whole = json.dumps(loose, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return json.loads(whole)
    except (ValueError, RecursionError):
        raise ProtocolError(
            f"{where}: the answer is not JSON: {one_line(body[:80].decode('utf-8', 'replace'))}"
        ) from None


def text(value: Any) -> str:
    """Return a field as text: "" for null and blanks, a number in digits, anything else as its JSON."""
    if type(value) is str:
        return "" if value.isspace() else value
    if value is None:
        return ""
    return msgspec.json.encode(value).decode()


def moment(value: Any) -> datetime | None:
    """Return a moment in UTC from ISO 8601 (UTC where it has no offset) or epoch milliseconds; None for the rest."""
    if value is None:
        return None
    try:
        if type(value) is str and not value.isdecimal():
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is UTC:
                return parsed
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        return datetime.fromtimestamp(float(value) / 1000, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _http_status(req_and_res_key: str) -> int | None:
    """Read ``<number>-<hash>-<httpStatus>-<METHOD>``."""
    _, _, status = req_and_res_key.rpartition("-")[0].rpartition("-")
    return int(status) if status.isdecimal() and len(status) == 3 else None


def _tag_ids(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    tags = value if isinstance(value, list) else [value]
    return tuple(text(tag.get("tagId") if isinstance(tag, dict) else tag) for tag in tags)


def objects(value: Any) -> list[Json]:
    """Return those entries of a list that are JSON objects; none where it is no list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
