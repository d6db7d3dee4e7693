"""Survey: find the steps that must be read, with as few requests as the platform's summaries allow.

Integration summaries first; only a flow whose mark changed is asked for its steps, only a step whose mark changed is
read (API document, chapter 9). An idle survey costs one request per integration and one for their list.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.catalogue import Catalogue
from daemon.core.exceptions import AuthError, ProtocolError, RefusedError, TemporaryError
from daemon.core.records import Flow, Integration, Mark, Step, StepRef, StepType
from daemon.core.windows import StepProgress, Window, next_window, read_reason
from daemon.pipeline.terms import Terms

NO_INTEGRATION = "none"
"""The pseudo id under which the flows without an integration are summarised."""

QUIET = Mark(num_error=0)


class Summaries(Protocol):
    """The reads that tell what changed."""

    async def integrations(self) -> list[Integration]:
        """Return all integrations of the account."""

    async def integration_errors(self, integration_id: str) -> dict[str, Mark]:
        """Return the marks of the integration's flows; a flow without errors may be missing."""

    async def flows(self) -> list[Flow]:
        """Return all flows of the account."""

    async def flow(self, flow_id: str) -> Flow:
        """Return one flow as it is now."""

    async def flow_errors(self, flow_id: str) -> dict[str, Mark]:
        """Return the marks of the flow's steps."""

    async def step_detail(self, step_id: str, step_type: StepType) -> tuple[str, str]:
        """Return the step's name and the id of its connection."""


class SurveyStore(Protocol):
    """What the survey remembers between cycles."""

    async def catalogue(self, account: str) -> Catalogue:
        """Return the integrations and flows known so far."""

    async def save_catalogue(
        self, account: str, integrations: Sequence[Integration], flows: Sequence[Flow], at: datetime
    ) -> None:
        """Replace the catalogue."""

    async def save_flow(self, account: str, flow: Flow) -> None:
        """Remember one flow."""

    async def flow_marks(self, account: str) -> dict[str, Mark | None]:
        """Return the marks as of which flows have been read to the end; None where a flow must be read again."""

    async def save_flow_mark(self, account: str, flow_id: str, mark: Mark | None) -> None:
        """Remember that the flow has been read to the end as of *mark*, or (None) that it must be read again."""

    async def steps(self, account: str) -> dict[StepRef, Step]:
        """Return the steps met so far."""

    async def save_step(self, step: Step) -> None:
        """Remember a step's names and connection."""

    async def progress(self, ref: StepRef) -> StepProgress:
        """Return how far a step has been read."""

    async def stale_steps(self, account: str, rules: str, swept_before: datetime) -> list[StepRef]:
        """Return the steps with open errors that other rules judged, or whose full sweep is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWork:
    """One step to be read: up to where the summary says it goes, which window, and why."""

    step: Step
    summary: Mark
    window: Window
    reason: str


@dataclass(slots=True, kw_only=True)
class Surveyed:
    """What the survey found: the *work*, and the marks of the flows to be remembered once all their work is done.

    *failed* are the flows that could not be asked; nothing is known of them, and they are asked again next time.
    """

    work: list[StepWork] = field(default_factory=list)
    flow_marks: dict[str, Mark] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Find what changed on one account since it was last read. Reads only."""

    terms: Terms
    client: Summaries
    store: SurveyStore
    log: FilteringBoundLogger
    without_summary: set[str] = field(default_factory=set)

    async def run(self, basis: str, now: datetime) -> Surveyed:
        """Return the steps to read; *basis* names the rules (and terms) that every stored error must be judged with."""
        account = self.terms.account
        integrations = await self.client.integrations()
        catalogue = await self._catalogue(integrations, now)
        seen = await self.store.flow_marks(account)
        found = Surveyed()
        summaries = await self._summaries(found, catalogue)
        swept_before = now - self.terms.polling.full_sweep
        stale = {ref.flow_id for ref in await self.store.stale_steps(account, basis, swept_before)}
        changed = [
            flow_id
            for flow_id in sorted((set(summaries) | set(seen) | stale) - found.failed)
            if flow_id in stale or seen.get(flow_id, QUIET) != summaries.get(flow_id, QUIET)
        ]
        known: dict[str, dict[str, Step]] = {}
        for ref, step in (await self.store.steps(account)).items() if changed else ():
            known.setdefault(ref.flow_id, {})[ref.step_id] = step
        for flow_id in changed:
            with self._contained(found, [flow_id], flow_id=flow_id):
                summary = summaries.get(flow_id, QUIET)
                await self._survey_flow(found, catalogue, flow_id, summary, basis, now, known=known.get(flow_id, {}))
        for flow_id in found.failed:
            await self.store.save_flow_mark(account, flow_id, None)
        return found

    @contextmanager
    def _contained(self, found: Surveyed, flow_ids: Sequence[str], **where: str) -> Iterator[None]:
        """Let what fails inside stop no more than these flows (P13); *where* is told in the log.

        Raises:
            AuthError: the token was refused; the account must stop.
        """
        try:
            yield
        except (TemporaryError, ProtocolError, RefusedError) as failed:
            if token_refused(failed):
                raise
            found.failed |= set(flow_ids)
            self.log.warning("flow.failed", flows=len(flow_ids), reason=str(failed), **where)

    async def _catalogue(self, integrations: Sequence[Integration], now: datetime) -> Catalogue:
        account = self.terms.account
        known = await self.store.catalogue(account)
        fresh = known.read_at is not None and now - known.read_at < self.terms.polling.full_sweep
        # a new flow shows in its integration's summary; where there is none, only in the list of flows
        if (
            fresh
            and not self.without_summary
            and set(known.integrations) == {each.integration_id for each in integrations}
        ):
            return known
        await self.store.save_catalogue(account, integrations, await self.client.flows(), now)
        return await self.store.catalogue(account)

    async def _summaries(self, found: Surveyed, catalogue: Catalogue) -> dict[str, Mark]:
        """Return the marks of the flows; where an integration has no summary, added up from each of its flows."""
        members: dict[str, list[str]] = {integration_id: [] for integration_id in catalogue.integrations}
        for flow in catalogue.flows.values():
            members.setdefault(flow.integration_id or NO_INTEGRATION, []).append(flow.flow_id)
        marks: dict[str, Mark] = {}
        for integration_id, flow_ids in members.items():
            with self._contained(found, flow_ids, integration_id=integration_id):
                summary = await self._summary(integration_id, flows=len(flow_ids))
                if summary is not None:
                    marks |= summary
                    continue
            for flow_id in flow_ids:
                if flow_id not in found.failed and self.terms.includes(flow_id, catalogue.flows[flow_id].name):
                    with self._contained(found, [flow_id], flow_id=flow_id):
                        marks[flow_id] = total(await self.client.flow_errors(flow_id))
        return marks

    async def _summary(self, integration_id: str, *, flows: int) -> dict[str, Mark] | None:
        """Return what the integration's summary says of its flows, None where it has none; that is said once."""
        try:
            return await self.client.integration_errors(integration_id)
        except (RefusedError, ProtocolError) as refused:
            if token_refused(refused):
                raise
            if integration_id not in self.without_summary:
                self.without_summary.add(integration_id)
                self.log.warning("summary.unavailable", integration_id=integration_id, flows=flows)
            return None

    async def _survey_flow(
        self,
        found: Surveyed,
        catalogue: Catalogue,
        flow_id: str,
        summary: Mark,
        basis: str,
        now: datetime,
        *,
        known: Mapping[str, Step],
    ) -> None:
        account, polling = self.terms.account, self.terms.polling
        flow = catalogue.flows.get(flow_id)
        if flow is not None and not self.terms.includes(flow_id, flow.name):
            return
        try:
            marks = await self.client.flow_errors(flow_id)
            if flow is None or not set(marks) <= {step_id for step_id, _ in flow.steps}:
                flow = await self.client.flow(flow_id)
                await self.store.save_flow(account, flow)
                if not self.terms.includes(flow_id, flow.name):
                    return
        except RefusedError as refused:
            if refused.status != HTTPStatus.NOT_FOUND or summary.num_error:
                raise
            marks, flow = (
                {},
                flow or Flow(flow_id=flow_id),
            )  # it is gone and not counted any more: look for what is stored
        types = dict(flow.steps)
        for step_id in sorted(set(marks) | set(known)):
            ref = StepRef(account=account, flow_id=flow_id, step_id=step_id)
            mark, progress = marks.get(step_id, QUIET), await self.store.progress(ref)
            reason = read_reason(progress, mark, rules=basis, now=now, polling=polling)
            if reason:
                step = await self._step(known.get(step_id), ref, flow, catalogue, types.get(step_id, "import"))
                window = next_window(progress, mark, rules=basis, now=now, polling=polling)
                found.work.append(StepWork(step=step, summary=mark, window=window, reason=reason))
        found.flow_marks[flow_id] = summary

    async def _step(
        self, known: Step | None, ref: StepRef, flow: Flow, catalogue: Catalogue, step_type: StepType
    ) -> Step:
        integration, stored = catalogue.integrations.get(flow.integration_id), known
        if known is None:
            try:
                name, connection_id = await self.client.step_detail(ref.step_id, step_type)
            except RefusedError as refused:
                if token_refused(refused):
                    raise
                name, connection_id = "", ""
            known = Step(ref=ref, type=step_type, name=name, connection_id=connection_id)
        step = replace(
            known,
            flow_name=flow.name,
            integration_id=flow.integration_id,
            integration_name=integration.name if integration else "",
        )
        if step != stored:
            await self.store.save_step(step)
        return step


def token_refused(refused: Exception) -> bool:
    """Tell a token that is refused altogether (401) from one that may not see this one thing (403)."""
    return isinstance(refused, AuthError) and refused.status == HTTPStatus.UNAUTHORIZED


def total(marks: Mapping[str, Mark]) -> Mark:
    """Add the marks of a flow's steps up to what the integration's summary would say of the flow."""
    newest = [mark.last_error_at for mark in marks.values() if mark.last_error_at is not None]
    return Mark(num_error=sum(mark.num_error for mark in marks.values()), last_error_at=max(newest, default=None))
