"""Incidents: retries of one rule on one step that do not help are told once, however many records they were (P15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.batches import Act, Written
from daemon.core.ramp import MEMORY, Stage, incident
from daemon.core.records import StepRef
from daemon.core.tally import Tally


class StageReader(Protocol):
    """What is known of retries that went out together."""

    async def stages(self, ref: StepRef, rule_id: str, since: datetime) -> list[Stage]:
        """Return what each plan sent of the rule on the step, and what has come of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents:
    """Tell where retries have begun to be useless."""

    store: StageReader
    log: FilteringBoundLogger

    async def notice(self, entries: Sequence[Written], tally: Tally, now: datetime) -> None:
        """Count and log the incidents that have begun with what has come of *entries*, which had no outcome before."""
        plans: dict[tuple[StepRef, str], set[int]] = {}
        for entry in entries:
            if entry.batch.act is Act.RETRY:
                plans.setdefault((entry.batch.step, entry.batch.rule_id), set()).add(entry.batch.plan_id)
        for (ref, rule_id), ended in plans.items():
            stages = incident(await self.store.stages(ref, rule_id, now - MEMORY), ended)
            if stages:
                tally.incidents += 1
                self.log.warning(
                    "stage.failed",
                    flow_id=ref.flow_id,
                    step_id=ref.step_id,
                    rule=rule_id,
                    plan=stages[0].plan_id,
                    confirmed=sum(stage.confirmed for stage in stages),
                    failed=sum(stage.failed for stage in stages),
                )
