"""Faults: which call of which endpoint goes wrong, and how.

Endpoints are named by method and a word. This is the whole vocabulary, also for the counts in ``/_sandbox/state``::

    GET tokenInfo      GET integrations    GET integration-errors   GET flows       GET flow      GET flow-errors
    POST run           GET errors          GET resolved             PUT resolved    POST retry    GET data
    PUT data           PUT assign          PUT step-tags            GET tags        GET jobs      GET job
    PUT cancel         GET connection      GET ping                 GET import      GET export    GET audit

Kinds::

    before         the connection is reset; nothing was done
    after          the work is done; then the connection is closed without an answer
    half_body      the work is done; half of the answer's body arrives
    status:<code>  refused with 401, 403, 429, 500, 502 or 503; nothing was done
    hang           never answered; nothing was done
    not_json       the work is done; the answer is an HTML page
    wrong_types    the work is done; the answer is JSON of another shape

As text: ``<endpoint>:<call>:<kind>``, several with commas between. ``<call>`` is a number that counts the endpoint's
calls from 1, ``*`` for every call, or ``*5`` for every fifth: ``POST retry:1:after,GET errors:*5:status:503``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ENDPOINTS = frozenset({
    "GET tokenInfo", "GET integrations", "GET integration-errors", "GET flows", "GET flow", "GET flow-errors",
    "POST run", "GET errors", "GET resolved", "PUT resolved", "POST retry", "GET data",
    "PUT data", "PUT assign", "PUT step-tags", "GET tags", "GET jobs", "GET job",
    "PUT cancel", "GET connection", "GET ping", "GET import", "GET export", "GET audit",
})  # fmt: skip

STATUSES = frozenset({"401", "403", "429", "500", "502", "503"})

KINDS = frozenset({"before", "after", "half_body", "hang", "not_json", "wrong_types"}) | {
    f"status:{status}" for status in STATUSES
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: on call number *call* of *endpoint* (from 1), or on every *every*-th call where *call* is 0.

    Raises:
        ValueError: the endpoint or the kind is not in the vocabulary, or the call is neither.
    """

    endpoint: str
    kind: str
    call: int = 0
    every: int = 0

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"unknown endpoint {self.endpoint!r}; one of: {', '.join(sorted(ENDPOINTS))}")
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; one of: {', '.join(sorted(KINDS))}")
        if (self.call < 1) == (self.every < 1):
            raise ValueError(f"{self.endpoint}:{self.kind}: the call is a number from 1, '*', or '*' and a number")

    def hits(self, endpoint: str, call: int) -> bool:
        """Tell whether call number *call* of *endpoint* goes wrong."""
        return endpoint == self.endpoint and (call == self.call if self.call else call % self.every == 0)


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read faults from their text form; "" means none.

    Raises:
        ValueError: with a sentence that names the faulty part and what is allowed.
    """
    return tuple(_parse_fault(part.strip()) for part in text.split(",") if part.strip())


def _parse_fault(text: str) -> Fault:
    endpoint, _, rest = text.partition(":")
    call, _, kind = rest.partition(":")
    if not call or not kind:
        raise ValueError(f"fault {text!r} is not <endpoint>:<call>:<kind>, such as 'POST retry:1:after'")
    number = call.removeprefix("*") or "1"
    if not number.isdecimal():
        raise ValueError(f"fault {text!r}: the call is a number from 1, '*', or '*' and a number, not {call!r}")
    if call.startswith("*"):
        return Fault(endpoint=endpoint, kind=kind, every=int(number))
    return Fault(endpoint=endpoint, kind=kind, call=int(number))


def fault_for(faults: Sequence[Fault], endpoint: str, call: int) -> str:
    """Return the kind of the first fault that hits this call, or ""."""
    return next((fault.kind for fault in faults if fault.hits(endpoint, call)), "")
