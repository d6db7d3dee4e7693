"""One request out, one answer back, for one account: in its turn, observed, checked.

Reads are tried a few times; a read that cannot be finished raises and is never taken for a whole one (P5). Writes are
sent once (P1), not at all where they are not allowed (P7), and not while something stops them (P12, P16), which is
asked last, right before they would leave: what follows is the caller's decision.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

import stamina

from daemon.core.exceptions import LimitExceededError, RateLimitedError, TemporaryError, WritesStoppedError
from daemon.core.records import StepRef
from daemon.integrator.pacing import Pacer
from daemon.integrator.protocol import WAIT_S, Answer, BaseUrl, Request, check, headers


class Transport(Protocol):
    """The way to the platform and back."""

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        """Send *request* once; raise UnavailableError or UnknownResultError where no whole answer came."""


def _unobserved(_endpoint: str, _status: int, _took_s: float) -> None:
    pass


def _untold(_endpoint: str, _wait_s: float) -> None:
    pass


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _nothing_stops(_ref: StepRef) -> str:
    return ""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Talks to integrator.io on behalf of one account.

    *token* may be a function, so that a token that was replaced is used from the next request on. *may_write* is asked
    right before each write and says why nothing may be written to the step now, or "". *observe* is told of every
    request: endpoint template, HTTP status (0 where no answer came) and seconds; *throttled* of every 429: endpoint
    template and by how many seconds all requests of the account are put off. A read is sent at most *attempts*
    times, and not again once *patience_s* have passed. *requests* counts what was sent.
    """

    account: str
    base_url: BaseUrl
    token: Callable[[], str] | str = field(repr=False)
    transport: Transport = field(repr=False)
    pacer: Pacer = field(repr=False)
    writes_allowed: bool
    version: str
    share_id: str = ""
    may_write: Callable[[StepRef], Awaitable[str]] = field(default=_nothing_stops, repr=False)
    observe: Callable[[str, int, float], None] = field(default=_unobserved, repr=False)
    throttled: Callable[[str, float], None] = field(default=_untold, repr=False)
    now: Callable[[], datetime] = field(default=_utc_now, repr=False)
    clock: Callable[[], float] = field(default=monotonic, repr=False)
    attempts: int = 4
    patience_s: float = 180.0
    requests: int = field(default=0, init=False)

    async def _read(self, request: Request) -> Answer:
        began_s = self.clock()
        try:
            return await self._send(request)
        except TemporaryError as failed:  # only now: what stamina prepares costs as much as a third of an answer
            left_s = self.patience_s - (self.clock() - began_s)
            return await self._read_again(request, failed, left_s)

    async def _read_again(self, request: Request, failed: TemporaryError, patience_s: float) -> Answer:
        """Try a read again that has *failed* once, which is the first attempt of those that it has."""
        failures = [failed]

        async def attempt() -> Answer:
            if failures:
                raise failures.pop()
            return await self._send(request)

        retrying = stamina.AsyncRetryingCaller(
            attempts=self.attempts, timeout=patience_s, wait_initial=0.5, wait_max=10.0
        )
        return await retrying(wait_before_next, attempt)

    async def _send(self, request: Request) -> Answer:
        if request.is_write and not self.writes_allowed:
            raise LimitExceededError(f"{self.account}: {request} was not sent: writes are not allowed in this mode")
        token = self.token if isinstance(self.token, str) else self.token()
        sent = headers(request, token=token.strip(), share_id=self.share_id, version=self.version)
        await self.pacer.turn()
        if request.is_write and (stopped := await self._why_not_now(request)):
            raise WritesStoppedError(f"{self.account}: {request} was not sent: {stopped}", wait_s=0.0)
        self.requests += 1
        began_s, status = self.clock(), 0
        try:
            answer = await self.transport.send(request, sent)
            status = answer.status
        finally:
            self.observe(request.endpoint, status, self.clock() - began_s)
        try:
            check(answer, request, account=self.account, base_url=self.base_url, now=self.now())
        except RateLimitedError as limited:
            self.throttled(request.endpoint, self.pacer.shut(limited.wait_s))
            raise
        return answer

    async def _why_not_now(self, request: Request) -> str:
        if request.step is None:
            return "it names no step, so nobody can say whether it may be"
        return await self.may_write(request.step)


def wait_before_next(error: Exception) -> bool | float:
    """Tell stamina whether to try a read again: after the wait that the platform named, else after its own pauses."""
    if not isinstance(error, TemporaryError):
        return False
    return error.wait_s if error.wait_s > WAIT_S else True
