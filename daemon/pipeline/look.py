"""Look: see each error of a plan again right before it is acted on, and drop what is no longer as it was (P3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from daemon.core.batches import Act
from daemon.core.cases import suspects
from daemon.core.decisions import Verb
from daemon.core.judgements import Known
from daemon.core.plans import PlanItem
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.pipeline.judge import HANDS_OFF, Judge, Judgement
from daemon.pipeline.pages import ErrorLister

TICK = timedelta(milliseconds=1)
"""The store and the platform's filter cut moments to milliseconds; the last error must not fall out of its window."""


class KnownErrors(Protocol):
    """What is asked of the store."""

    async def known(self, ref: StepRef, error_ids: Sequence[str]) -> Mapping[str, Known]:
        """Return what is held of those errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the second look found: *fit* to act on, *changed* (judged anew), *gone*, and the reason of each drop.

    An error that one page of several may have hidden is dropped as ``unseen``, not taken for *gone*.
    """

    fit: tuple[Judgement, ...]
    changed: tuple[Judgement, ...]
    gone: tuple[str, ...]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """Read the planned errors again through the window in which they occurred, and judge them again."""

    client: ErrorLister
    store: KnownErrors
    judge: Judge

    async def look(self, step: Step, rule_id: str, act: Act, items: Sequence[PlanItem], now: datetime) -> Looked:
        """Return which of *items*, in the order of their occurrence, still are what the plan says they are."""
        wanted = {item.error_id: item for item in items}
        since, until = items[0].occurred_at, items[-1].occurred_at + TICK
        found: dict[str, ErrorRecord] = {}
        beside: list[ErrorRecord] = []
        pages = 0
        async for page in self.client.errors(step.ref, since=since, until=until):
            pages += 1
            listed = page.records()
            on_page = {record.error_id: record for record in listed if record.error_id in wanted}
            beside += [record for group in suspects(on_page.values(), listed) for record in group]
            found |= on_page
        fit: list[Judgement] = []
        changed: list[Judgement] = []
        reasons: dict[str, str] = {}
        present = [found[item.error_id] for item in items if item.error_id in found]
        known = await self.store.known(step.ref, list(found))
        for judgement in await self.judge.judge(step, present, now, listed=beside):
            error_id = judgement.record.error_id
            reason = why_not(judgement, wanted[error_id], rule_id, act, now)
            if not reason and (error_id not in known or known[error_id].in_flight):
                reason = "in-flight"  # with another plan, or it left and is here again, not read yet
            if reason:
                changed.append(judgement)
                reasons[error_id] = reason
            else:
                fit.append(judgement)
        absent = tuple(error_id for error_id in wanted if error_id not in found)
        return Looked(
            fit=tuple(fit),
            changed=tuple(changed),
            gone=absent if pages <= 1 else (),
            reasons=reasons | dict.fromkeys(absent, "gone" if pages <= 1 else "unseen"),
        )

    async def again(self, step: Step, error_id: str, occurred_at: datetime | None, now: datetime) -> Judgement | None:
        """Return how one error is judged now, None where it is not open any more."""
        until = None if occurred_at is None else occurred_at + TICK
        found: list[ErrorRecord] = []
        async for page in self.client.errors(step.ref, since=occurred_at, until=until):
            found += [record for record in page.records() if record.error_id == error_id]
        judged = await self.judge.judge(step, found[:1], now)
        return await self.judge.with_data(step, judged[0], now) if judged else None


def why_not(judgement: Judgement, item: PlanItem, rule_id: str, act: Act, now: datetime) -> str:
    """Say why an error that a plan named may not be acted on any more, or ""."""
    decision, record = judgement.decision, judgement.record
    if record.fingerprint() != item.fingerprint:
        return "changed"
    if decision.rule_id != rule_id:
        return "another-rule"
    if act in (Act.TAG, Act.ASSIGN):
        return _why_not_mark(judgement, act)
    if decision.verb is not Verb(act.value):
        return decision.reason
    if decision.due_at is None or decision.due_at > now:
        return decision.reason
    return ""


def _why_not_mark(judgement: Judgement, act: Act) -> str:
    if judgement.decision.reason in HANDS_OFF:
        return judgement.decision.reason
    kept = judgement.to_keep()
    wanted = kept.tag if act is Act.TAG else kept.assign
    return "" if wanted else "done"
