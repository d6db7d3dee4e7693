"""Typed stand-ins for what Flowmend talks to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from typing import Any, TypeVar

from daemon.core.actions import Rule
from daemon.core.backoff import LAST
from daemon.core.decisions import Match
from daemon.core.facts import Facts, NeedsData, Patched, PatchRefused
from daemon.core.records import ErrorRecord, Job, RetryData, Step, StepRef
from daemon.integrator.client import Client
from daemon.integrator.exchange import Transport
from daemon.integrator.pacing import Pacer
from daemon.integrator.protocol import Answer, BaseUrl, Request
from daemon.pipeline.pages import ErrorsPage

T = TypeVar("T")

NEVER = datetime.min.replace(tzinfo=UTC)


class FakeTransport:
    """Plays a script: each request gets the next answer, or the next exception raised."""

    def __init__(self, script: Iterable[Answer | Exception] = ()) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.headers: list[dict[str, str]] = []

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        self.requests.append(request)
        self.headers.append(headers)
        if not self.script:
            raise AssertionError(f"nothing is scripted for {request}?{request.query}")
        played = self.script.pop(0)
        if isinstance(played, Exception):
            raise played
        return played

    @property
    def sent(self) -> list[str]:
        """Return what was sent, as ``METHOD path?query``."""
        return [f"{request}{'?' if request.query else ''}{request.query}" for request in self.requests]


@dataclass
class FakeTime:
    """A clock that only moves when somebody sleeps."""

    now_s: float = 1000.0
    slept_s: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, for_s: float) -> None:
        self.slept_s.append(for_s)
        self.now_s += for_s


def scripted_client(*script: Answer | Exception, **fields: Any) -> tuple[Client, FakeTransport]:
    """Return a real client of account "acme" over a ``FakeTransport`` with *script*; it never waits in earnest."""
    transport, time = FakeTransport(script), FakeTime()
    pacer = Pacer(requests_per_s=1000.0, random=lambda: 0.0, clock=time.clock, sleep=time.sleep)
    known: dict[str, Any] = {
        "account": "acme",
        "base_url": BaseUrl.parse("https://api.integrator.io/v1"),
        "token": "secret-token",
        "transport": transport,
        "pacer": pacer,
        "writes_allowed": True,
        "version": "1.2",
        "now": lambda: datetime(2026, 3, 4, 12, 0, tzinfo=UTC),
        "clock": time.clock,
    }
    return Client(**known | fields), transport


def answer(value: object, **headers: str) -> Answer:
    """Return a 200 that says *value* in JSON."""
    return Answer(status=200, headers=headers, body=json.dumps(value).encode())


async def everything(pages: AsyncIterator[list[T]]) -> list[T]:
    """Return what is on all pages."""
    return [entry async for page in pages for entry in page]


async def all_errors(pages: AsyncIterator[ErrorsPage]) -> list[ErrorRecord]:
    """Return the errors of all pages; the ids that are read first are those of the errors."""
    found: list[ErrorRecord] = []
    async for page in pages:
        assert list(page.error_ids) == [record.error_id for record in page.records()]
        found += page.records()
    return found


@dataclass(frozen=True)
class FakePage:
    """A page of errors."""

    errors: Sequence[ErrorRecord]

    @property
    def error_ids(self) -> list[str]:
        return [record.error_id for record in self.errors]

    def records(self) -> list[ErrorRecord]:
        return list(self.errors)


@dataclass
class FakeClock:
    """The daemon's and the sandbox's common clock: time passes only while somebody waits."""

    moment: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, wait_s: float) -> None:
        self.pass_by(timedelta(seconds=wait_s))
        await asyncio.sleep(0)

    def pass_by(self, time: timedelta) -> None:
        """Let *time* pass."""
        self.moment += time


class HookedTransport:
    """Another transport, with something that happens *before* a request is sent or *after* its answer has come.

    Hooks are by endpoint, as in ``POST /flows/{flow}/{step}/retry``; each happens once. What a hook raises takes the
    place of the answer; one that is a coroutine is waited for.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        before: Mapping[str, Callable[[], object]] | None = None,
        after: Mapping[str, Callable[[], object]] | None = None,
    ) -> None:
        self.inner = inner
        self.before = dict(before or {})
        self.after = dict(after or {})

    async def send(self, request: Request, headers: dict[str, str]) -> Answer:
        await self._happen(self.before.pop(request.endpoint, None))
        answer = await self.inner.send(request, headers)
        await self._happen(self.after.pop(request.endpoint, None))
        return answer

    async def _happen(self, hook: Callable[[], object] | None) -> None:
        done = hook() if hook else None
        if isawaitable(done):
            await done


@dataclass
class FakeErrors:
    """A step's list of open errors in pages, cut to the window that is asked for, and no retry data."""

    pages: list[list[ErrorRecord]]

    async def errors(self, ref: StepRef, *, since: datetime | None, until: datetime | None) -> AsyncIterator[FakePage]:
        assert ref.account
        for page in self.pages:
            yield FakePage(
                [each for each in page if each.occurred_at and (since or NEVER) <= each.occurred_at <= (until or LAST)]
            )

    async def retry_data(self, ref: StepRef, retry_key: str) -> RetryData:
        raise AssertionError(f"nobody needs the retry data {retry_key} of {ref}")

    def parse(self, retry_key: str, envelope: bytes) -> RetryData:
        raise AssertionError(f"nobody needs {len(envelope)} bytes of the retry data {retry_key}")

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        raise AssertionError(f"nobody asks for the retry jobs of {step.ref} since {since}")

    async def job(self, job_id: str) -> Job:
        raise AssertionError(f"nobody asks for the job {job_id}")


@dataclass
class OneRule:
    """A rule set of one rule that matches every error."""

    rule: Rule
    version: str = "rules@1"

    @property
    def rules(self) -> Sequence[Rule]:
        return (self.rule,)

    def match(self, _step: Step, _record: ErrorRecord, _facts: Facts) -> Match | NeedsData | None:
        return Match(rule=self.rule)

    def recheck_at(self, _record: ErrorRecord, _now: datetime) -> datetime | None:
        return None

    def patch(self, _match: Match, _record: ErrorRecord, data: object) -> Patched | PatchRefused:
        return Patched(data=data)
