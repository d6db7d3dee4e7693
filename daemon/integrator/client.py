"""The client of one integrator.io account: one method per question, one per act.

How a single request is sent, and when it is not, is in `exchange`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from daemon.core.exceptions import ProtocolError
from daemon.core.records import (
    Connection,
    Flow,
    Integration,
    Job,
    Mark,
    ResolvedRecord,
    RetryData,
    Step,
    StepRef,
    StepType,
    TokenInfo,
)
from daemon.integrator import endpoints, resources, retry_data, wire
from daemon.integrator.exchange import Exchange
from daemon.integrator.pages import PageTrail, next_link
from daemon.integrator.protocol import Request

T = TypeVar("T")

JOBS_PER_ANSWER = 1001
"""A job list this long is not the whole list: the rest is asked for by ``createdAt_lte``."""


@dataclass(slots=True, kw_only=True)
class Client(Exchange):
    """Asks and tells integrator.io on behalf of one account; its fields are those of `Exchange`.

    Any method may raise AuthError, RefusedError, ProtocolError, RateLimitedError and UnavailableError; the writes
    (``resolve``, ``retry``, ``put_retry_data``, ``assign``, ``set_tags``) UnknownResultError as well, and
    LimitExceededError or WritesStoppedError where nothing was sent because it may not be (now).
    """

    async def token_info(self) -> TokenInfo:
        """Return whose token it is; a good first question."""
        return resources.token_info(await self._object(endpoints.token_info()))

    async def integrations(self) -> list[Integration]:
        """Return every integration of the account."""
        return [
            found for found in await self._list(endpoints.integrations(), resources.integration) if found.integration_id
        ]

    async def integration_errors(self, integration_id: str) -> dict[str, Mark]:
        """Return what the integration's summary says, by flow id.

        Raises:
            RefusedError, ProtocolError: there is no such summary here; ask each flow instead.
        """
        request = endpoints.integration_errors(integration_id)
        answer = await self._read(request)
        return {} if answer.empty else resources.marks(wire.decode(answer.body, str(request)), "_flowId", str(request))

    async def flows(self) -> list[Flow]:
        """Return every flow of the account with its steps."""
        return [found for found in await self._list(endpoints.flows(), resources.flow) if found.flow_id]

    async def flow(self, flow_id: str) -> Flow:
        """Return one flow with its steps."""
        return resources.flow(await self._object(endpoints.flow(flow_id)))

    async def flow_errors(self, flow_id: str) -> dict[str, Mark]:
        """Return what the flow's summary says, by step id; steps without errors may be among them."""
        request = endpoints.flow_errors(flow_id)
        answer = await self._read(request)
        if answer.empty:
            return {}
        summary = wire.json_object(answer.body, str(request))
        return resources.marks(summary.get("flowErrors"), "_expOrImpId", str(request))

    def errors(
        self, ref: StepRef, *, since: datetime | None, until: datetime | None, source: str = ""
    ) -> AsyncIterator[wire.ErrorsPage]:
        """Yield the open errors page by page, in no order, some perhaps twice; raise where the list was cut short."""
        first = endpoints.errors(ref, since=since, until=until, source=source)
        return self._pages(first, wire.errors_page, wire.NO_ERRORS)

    def resolved(
        self, ref: StepRef, *, since: datetime | None, until: datetime | None
    ) -> AsyncIterator[list[ResolvedRecord]]:
        """Yield what was resolved page by page; as ``errors``."""
        return self._pages(endpoints.resolved(ref, since=since, until=until), wire.resolved_page, [])

    async def resolve(self, ref: StepRef, error_ids: Sequence[str]) -> None:
        """Close 1 to 1,000 errors for good."""
        await self._send(endpoints.resolve(ref, error_ids))

    async def retry(self, ref: StepRef, retry_keys: Sequence[str]) -> str:
        """Run 1 to 1,000 records again and return the job's id, "" where the answer had none: it was accepted anyway.

        Raises:
            UnknownResultError: it may have been accepted; never send it again before reading has shown that it was not.
        """
        request = endpoints.retry(ref, retry_keys)
        answer = await self._send(request)
        try:
            return "" if answer.empty else resources.job(wire.json_object(answer.body, str(request))).job_id
        except ProtocolError:
            return ""

    async def retry_data(self, ref: StepRef, retry_key: str) -> RetryData:
        """Return the retry data of one error.

        Raises:
            ProtocolError: there is none (any more), or it cannot be read without loss; leave the record alone.
        """
        request = endpoints.retry_data(ref, retry_key)
        return retry_data.read(retry_key, (await self._read(request)).body, str(request))

    def parse(self, retry_key: str, envelope: bytes) -> RetryData:
        """Read an envelope that was kept; nothing is sent.

        Raises:
            ProtocolError: it cannot be read without loss.
        """
        return retry_data.read(retry_key, envelope, self.account)

    def rewrite(self, before: RetryData, data: object) -> RetryData:
        """Return *before* with *data* in the place of its own and nothing else changed; nothing is sent.

        Raises:
            ProtocolError: it has no data to replace, or *data* cannot be written without loss.
        """
        return retry_data.rewrite(before, data, self.account)

    async def put_retry_data(self, ref: StepRef, after: RetryData) -> None:
        """Write a whole envelope, made by ``rewrite``; the last writer wins, so read again just before."""
        await self._send(endpoints.put_retry_data(ref, after.retry_key, after.envelope))

    async def assign(self, ref: StepRef, error_ids: Sequence[str], email: str) -> None:
        """Give 1 to 1,000 errors to the person with *email*."""
        await self._send(endpoints.assign(ref, error_ids, email))

    async def set_tags(self, ref: StepRef, errors: Sequence[tuple[str, str]], tag_ids: Sequence[str]) -> None:
        """Replace the set of tags on 1 to 1,000 errors, given as (error id, retry key)."""
        await self._send(endpoints.set_tags(ref, errors, tag_ids))

    async def tags(self) -> dict[str, str]:
        """Return the names of the account's tags, by ``tagId``."""
        return dict(await self._list(endpoints.tags(), resources.tag))

    async def retry_jobs(self, step: Step, *, since: datetime) -> list[Job]:
        """Return the step's retry jobs created since then, newest first."""
        found: dict[str, Job] = {}
        until = None
        while True:
            request = endpoints.retry_jobs(step.ref, step.type, since=since, until=until)
            jobs = await self._array(request, resources.job)
            oldest = min((job.created_at for job in jobs if job.created_at), default=None)
            known = len(found)
            found |= {job.job_id: job for job in jobs if job.job_id}
            if len(jobs) < JOBS_PER_ANSWER:
                return list(found.values())
            if oldest is None or len(found) == known:
                raise ProtocolError(f"{request}: more jobs than can be told apart by time; the list is not whole")
            until = oldest

    async def job(self, job_id: str) -> Job:
        """Return one job."""
        return resources.job(await self._object(endpoints.job(job_id)))

    async def step_detail(self, step_id: str, step_type: StepType) -> tuple[str, str]:
        """Return the step's name and its connection's id, each "" where the platform names none."""
        return resources.step_detail(await self._object(endpoints.step(step_id, step_type)))

    async def connection(self, connection_id: str) -> Connection:
        """Return one connection."""
        return resources.connection(await self._object(endpoints.connection(connection_id)))

    async def _object(self, request: Request) -> dict[str, Any]:
        return wire.json_object((await self._read(request)).body, str(request))

    async def _array(self, request: Request, of: Callable[[wire.Json], T]) -> list[T]:
        answer = await self._read(request)
        return [] if answer.empty else wire.values(answer.body, of, str(request))

    async def _list(self, first: Request, of: Callable[[wire.Json], T]) -> list[T]:
        trail, request, found = PageTrail(base_url=self.base_url, first=first), first, list[T]()
        while True:
            answer = await self._read(request)
            found += [] if answer.empty else wire.values(answer.body, of, str(request))
            if not (target := next_link(answer.headers)):
                return found
            request = trail.follow(target)

    async def _pages(self, first: Request, page: Callable[[bytes, str], tuple[T, str]], empty: T) -> AsyncIterator[T]:
        trail, request = PageTrail(base_url=self.base_url, first=first), first
        while True:
            answer = await self._read(request)
            # an empty page is a page too: a list of several can have moved, and the caller must know of how many
            found, target = (empty, "") if answer.empty else page(answer.body, str(request))
            yield found
            if not target:
                return
            request = trail.follow(target)
