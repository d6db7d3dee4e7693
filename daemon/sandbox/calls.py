"""One call and its answer, as plain values: the API itself knows nothing of sockets."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MOST_IDS = 1000
"""No limit is documented; Celigo's own clients never send more ids than this in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that was let in. *path* holds the path's variables, *query* every pair in order.

    *job_fate* is what becomes of a retry job that the call starts, of the vocabulary of faults; "" the usual.
    """

    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: bytes
    now: datetime
    origin: str
    job_fate: str = ""

    def asked(self, name: str) -> str:
        """Return one query parameter, "" where it is missing.

        Raises:
            RefusedCallError: it is given more than once.
        """
        values = [value for key, value in self.query if key == name]
        if len(values) > 1:
            raise RefusedCallError(400, "invalid_query", f"{name} may be given once.", name)
        return values[0] if values else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back; an empty *body* goes without a content type."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Responder = Callable[[Call], Answer]


class RefusedCallError(Exception):
    """The API refuses a call: becomes the documented envelope of errors."""

    def __init__(self, status: int, code: str, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field_name = field_name

    def answer(self) -> Answer:
        """Return the refusal as it is sent."""
        error = {"code": self.code, "message": str(self)}
        if self.field_name:
            error["field"] = self.field_name
        return answer_json({"errors": [error]}, status=self.status)


def answer_json(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return *value* as a JSON answer."""
    return Answer(status=status, body=json.dumps(value).encode(), headers=headers or {})


def broken(status: str) -> Answer:
    """Return what something on the way answers in place of the platform."""
    return Answer(status=int(status), body=b"upstream connect error", content_type="text/plain")


def not_found(what: str, which: str) -> RefusedCallError:
    """Return the refusal of an id that leads nowhere."""
    return RefusedCallError(404, "invalid_ref", f"{what} {which} not found.", "_id")


def body_object(call: Call, *fields: str) -> dict[str, Any]:
    """Return the body, a JSON object of exactly *fields*.

    Raises:
        RefusedCallError: it is not, as when one write's body is sent to another write.
    """
    try:
        body = json.loads(call.body)
    except ValueError:
        raise RefusedCallError(400, "invalid_json", "The request body is not valid JSON.") from None
    if not isinstance(body, dict) or set(body) != set(fields):
        raise RefusedCallError(422, "invalid_body", f"The request body must hold {' and '.join(fields)}, nothing else.")
    return body


def id_list(values: Any, field_name: str) -> list[str]:
    """Return a list of 1 to 1,000 ids as strings; numbers are allowed.

    Raises:
        RefusedCallError: it is something else.
    """
    if not isinstance(values, list) or not values:
        raise RefusedCallError(422, "invalid_body", f"{field_name} must be a list of ids.", field_name)
    if len(values) > MOST_IDS:
        raise RefusedCallError(422, "too_many", f"{field_name} holds more than {MOST_IDS} ids.", field_name)
    if not all(isinstance(each, str | int) and not isinstance(each, bool) and each != "" for each in values):
        raise RefusedCallError(422, "invalid_body", f"{field_name} must hold ids only.", field_name)
    return [str(each) for each in values]
