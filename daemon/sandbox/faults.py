"""Faults: which call of which endpoint goes wrong, and how.

Endpoints are named by method and a word. This is the whole vocabulary, also for the counts in ``/_sandbox/state``::

    GET tokenInfo      GET integrations    GET integration-errors   GET flows       GET flow      GET flow-errors
    POST run           GET errors          GET resolved             PUT resolved    POST retry    GET data
    PUT data           PUT assign          PUT step-tags            GET tags        GET jobs      GET job
    PUT cancel         GET connection      GET ping                 GET import      GET export    GET audit

Kinds that take the place of the answer::

    before           the connection is reset; nothing was done
    after            the work is done; then the connection is closed without an answer
    half_body        the work is done; half of the answer's body arrives
    hang             never answered; nothing was done
    hang_after       the work is done; never answered
    status:<code>    refused with 401, 403, 404, 408, 422, 429, 500, 502, 503 or 504; nothing was done
    late:<code>      the work is done; answered with 500, 502, 503 or 504 all the same
    throttle:<wait>  429; its Retry-After is so many seconds, or: none (no header), date (2 s from now), past, junk
    not_json         the work is done; the answer is an HTML page
    wrong_types      the work is done; the answer is JSON of another shape

Kinds that leave the answer as it is::

    job:<how>        the retry job that this call starts (only of POST retry): hangs (it never ends), fails (it ends
                     failed, nothing ran), halves (the first half of its records runs, rounded up; then it ends
                     failed), vanishes (it runs, but no call shows it)
    meanwhile:<who>  right before the call is answered, somebody (see `daemon.sandbox.meanwhile`): resolve, retry,
                     assign, edit, vanish, auto_resolve, auto_retry, disable, offline, revoke
    clock:<shift>    from this call on the platform's clock is ahead by so much more: 90s, 5m, 2h, -1d

As text: ``<endpoint>:<call>:<kind>``, several with commas between. ``<call>`` is a number that counts the endpoint's
calls from 1, ``3-7`` for a run of calls, ``*`` for every call, or ``*5`` for every fifth:
``POST retry:1:after,GET errors:3-7:throttle:30,GET job:*5:status:503``. All faults that hit a call happen; of those that
take the place of the answer, the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

ENDPOINTS = frozenset({
    "GET tokenInfo", "GET integrations", "GET integration-errors", "GET flows", "GET flow", "GET flow-errors",
    "POST run", "GET errors", "GET resolved", "PUT resolved", "POST retry", "GET data",
    "PUT data", "PUT assign", "PUT step-tags", "GET tags", "GET jobs", "GET job",
    "PUT cancel", "GET connection", "GET ping", "GET import", "GET export", "GET audit",
})  # fmt: skip

RETRY = "POST retry"
REFUSALS = frozenset({"401", "403", "404", "408", "422", "429", "500", "502", "503", "504"})
BROKEN = frozenset({"500", "502", "503", "504"})
WAITS = frozenset({"none", "date", "past", "junk"})
JOB_FATES = frozenset({"hangs", "fails", "halves", "vanishes"})
MEANWHILE = frozenset({
    "resolve", "retry", "assign", "edit", "vanish", "auto_resolve", "auto_retry", "disable", "offline", "revoke",
})  # fmt: skip
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}

KINDS = frozenset({"before", "after", "half_body", "hang", "hang_after", "not_json", "wrong_types"}) | {
    f"{word}:{value}"
    for word, values in (
        ("status", REFUSALS), ("late", BROKEN), ("throttle", WAITS), ("job", JOB_FATES), ("meanwhile", MEANWHILE),
    )
    for value in values
}  # fmt: skip
"""Every kind but those with a number: ``throttle:<seconds>`` and ``clock:<shift>``."""

ASIDE = ("job", "meanwhile", "clock")
"""The kinds, by their first word, that leave the answer as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: on the calls *call* to *last* of *endpoint*, or on every *every*-th call where *call* is 0.

    *last* 0 means *call* alone.

    Raises:
        ValueError: the endpoint or the kind is not in the vocabulary, or the calls are none of these.
    """

    endpoint: str
    kind: str
    call: int = 0
    last: int = 0
    every: int = 0

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"unknown endpoint {self.endpoint!r}; one of: {', '.join(sorted(ENDPOINTS))}")
        if not _known(self.kind):
            known = ", ".join(sorted({*KINDS, "throttle:<seconds>", "clock:<shift>"}))
            raise ValueError(f"unknown kind of fault {self.kind!r}; one of: {known}")
        if self.kind.startswith("job:") and self.endpoint != RETRY:
            raise ValueError(f"{self.endpoint}:{self.kind}: only {RETRY} starts a retry job")
        if (self.call < 1) == (self.every < 1) or (self.last and self.last < self.call):
            raise ValueError(f"{self.endpoint}:{self.kind}: the call is {CALLS}")

    def hits(self, endpoint: str, call: int) -> bool:
        """Tell whether call number *call* of *endpoint* goes wrong."""
        if endpoint != self.endpoint:
            return False
        return self.call <= call <= (self.last or self.call) if self.call else call % self.every == 0


CALLS = "a number from 1, a run like 3-7, '*', or '*' and a number"


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
    first, dash, last = (call.removeprefix("*") or "1").partition("-")
    if not first.isdecimal() or (dash and (call.startswith("*") or not last.isdecimal())):
        raise ValueError(f"fault {text!r}: the call is {CALLS}, not {call!r}")
    if call.startswith("*"):
        return Fault(endpoint=endpoint, kind=kind, every=int(first))
    return Fault(endpoint=endpoint, kind=kind, call=int(first), last=int(last or 0))


def _known(kind: str) -> bool:
    word, _, value = kind.partition(":")
    if word == "clock":
        try:
            shift_of(value)
        except ValueError:
            return False
        return True
    return kind in KINDS or (word == "throttle" and value.removeprefix("-").isdecimal())


def shift_of(text: str) -> timedelta:
    """Read how far a clock jumps, such as ``2h`` or ``-90s``.

    Raises:
        ValueError: it is not a whole number with a unit (s, m, h, d).
    """
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS_S or not number.removeprefix("-").removeprefix("+").isdecimal():
        raise ValueError(f"{text!r} is not a number of s, m, h or d")
    return timedelta(seconds=int(number) * UNITS_S[unit])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What goes wrong at one call: all *kinds*; *answer* is the one that takes the place of the answer, or ""."""

    kinds: tuple[str, ...]

    @property
    def answer(self) -> str:
        """Return the first kind that takes the place of the answer, "" where the answer is as it would be."""
        return next((kind for kind in self.kinds if kind.partition(":")[0] not in ASIDE), "")

    def aside(self, word: str) -> list[str]:
        """Return what stands behind *word* (``job``, ``meanwhile``, ``clock``) in each kind that begins with it."""
        return [kind.partition(":")[2] for kind in self.kinds if kind.partition(":")[0] == word]


def hit_of(faults: Sequence[Fault], endpoint: str, call: int) -> Hit:
    """Return what goes wrong at this call."""
    return Hit(kinds=tuple(fault.kind for fault in faults if fault.hits(endpoint, call)))
