"""Incidents: retries of one rule on one step that do not help are told once, however many records they were (P15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.batches import Act, UnderWay
from daemon.core.ramp import MEMORY, Stage, incident
from daemon.core.records import Step, StepRef
from daemon.core.tally import Tally


class StageReader(Protocol):
    """What is known of retries that went out together, and what is kept of those that did not help."""

    async def stages(self, ref: StepRef, rule_id: str, since: datetime) -> list[Stage]:
        """Return what each plan sent of the rule on the step, and what has come of it."""

    async def note_incident(self, ref: StepRef, rule_id: str, reason: str, now: datetime) -> None:
        """Keep that a rule's retries on a step have begun to be useless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents:
    """Tell where retries have begun to be useless."""

    store: StageReader
    log: FilteringBoundLogger

    async def notice(
        self, entries: Sequence[UnderWay], steps: Mapping[StepRef, Step], tally: Tally, now: datetime
    ) -> None:
        """Count, keep and log the incidents that have begun with *entries*, which have just got their last outcome."""
        plans: dict[tuple[StepRef, str], set[int]] = {}
        for entry in entries:
            if entry.act is Act.RETRY:
                plans.setdefault((entry.step, entry.rule_id), set()).add(entry.plan_id)
        for (ref, rule_id), ended in plans.items():
            stages = incident(await self.store.stages(ref, rule_id, now - MEMORY), ended)
            if stages:
                confirmed, failed = sum(each.confirmed for each in stages), sum(each.failed for each in stages)
                reason = f"only {confirmed} of {confirmed + failed} retries helped"
                tally.incidents += 1
                await self.store.note_incident(ref, rule_id, reason, now)
                self.log.warning(
                    "stage.failed",
                    flow_id=ref.flow_id,
                    step_id=ref.step_id,
                    name=steps[ref].full_name if ref in steps else "",
                    rule=rule_id,
                    plan=stages[0].plan_id,
                    confirmed=confirmed,
                    failed=failed,
                )
