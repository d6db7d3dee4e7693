"""A task: one group of one plan on its way out, and how its errors become batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from daemon.core.actions import Rule
from daemon.core.applied import Applied
from daemon.core.batches import Act, Batch, BatchItem
from daemon.core.plans import Plan, PlanItem
from daemon.core.records import Step
from daemon.core.tally import Tally
from daemon.pipeline.judge import Judgement
from daemon.pipeline.patch import STOPPED, Rewritten, name_after


class Sent(Enum):
    """How sending one batch went; YES also where the answer was lost, since it may have happened."""

    YES = "yes"
    NO = "no"
    REFUSED = "refused"
    SOME_GONE = "some gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One group of one plan on its way out; *cases* are those sent since the last look, under all their names."""

    plan: Plan
    applied: Applied
    step: Step
    rule: Rule
    tally: Tally
    cases: set[str] = field(default_factory=set)

    @property
    def act(self) -> Act:
        """Return what is done to the errors."""
        return self.applied.group.act

    def drop(self, reason: str, errors: int = 1) -> None:
        """Count planned errors that are not sent after all; of what was only stopped, the plan is not done."""
        self.tally.dropped[reason] += errors
        if reason == STOPPED:
            self.applied.stopped = True
        else:
            self.applied.drop(reason, errors)

    def refuse(self, errors: int) -> None:
        """Count errors that the platform refused to act on."""
        self.applied.refused += errors
        self.tally.add("refused", errors, rule_id=self.rule.id)

    def first_of_its_case(self, item: BatchItem) -> bool:
        """Tell whether nothing of the item's case has been sent, and note that it is; a patch can make two cases one."""
        names = {item.case_key, item.alias} - {""}
        if names & self.cases:
            self.drop("in-flight")
            return False
        self.cases.update(names)
        return True

    def count_sent(self, errors: int) -> None:
        """Count a batch that left the process."""
        self.applied.sent += errors
        self.tally.batches_sent += 1
        if self.act is Act.RETRY:
            self.tally.add("retried", errors, rule_id=self.rule.id)
        elif self.act is Act.RESOLVE:
            self.tally.add("resolved", errors, rule_id=self.rule.id)

    def batch(
        self, run: Sequence[Judgement], *, rewritten: Mapping[str, Rewritten] | None = None, detail: str = ""
    ) -> Batch:
        """Return what one call sends of *run*, with the patches by error id where there are any."""
        return Batch(
            step=self.step.ref,
            act=self.act,
            rule_id=self.rule.id,
            rules=self.plan.rules,
            plan_id=self.plan.plan_id,
            items=tuple(_batch_item(each, (rewritten or {}).get(each.record.error_id)) for each in run),
            detail=detail,
        )


def by_tags(run: Sequence[Judgement], tags: Sequence[str]) -> dict[tuple[str, ...], list[Judgement]]:
    """Group *run* by the whole set of tags each error is to have, because a PUT of tags replaces what is there."""
    groups: dict[tuple[str, ...], list[Judgement]] = {}
    for each in run:
        groups.setdefault(tuple(sorted({*each.record.tags, *tags})), []).append(each)
    return groups


def _batch_item(judgement: Judgement, rewritten: Rewritten | None) -> BatchItem:
    record, data = judgement.record, judgement.data
    if rewritten is None:
        alias = "" if data is None else name_after(judgement, data)
        return BatchItem(error_id=record.error_id, case_key=judgement.case_key, retry_key=record.retry_key, alias=alias)
    return BatchItem(
        error_id=record.error_id,
        case_key=judgement.case_key,
        retry_key=record.retry_key,
        before=rewritten.before.envelope,
        after=rewritten.after.envelope,
        alias=rewritten.name,
    )


def plan_item(judgement: Judgement) -> PlanItem:
    """Return what a plan says of an error that is to be looked at once more."""
    record = judgement.record
    if record.occurred_at is None:  # the policy never lets such an error be due
        msg = f"error {record.error_id} is planned but does not say when it occurred"
        raise LookupError(msg)
    return PlanItem(
        error_id=record.error_id,
        case_key=judgement.case_key,
        occurred_at=record.occurred_at,
        fingerprint=record.fingerprint(),
    )


def ids_of(run: Sequence[Judgement]) -> list[str]:
    """Return the error ids of *run*, in its order."""
    return [each.record.error_id for each in run]
