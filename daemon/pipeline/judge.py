"""Judge: match errors with the rules and let the policy decide, a page at a time.

The same code serves the first look (collect) and the look right before a write (act), so that both think alike (P9).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from daemon.core.actions import Mode, Retry
from daemon.core.cases import NEW_CASE, CaseHistory, suspects
from daemon.core.decisions import Decision, Match, Verb
from daemon.core.exceptions import RuleError
from daemon.core.facts import UNAVAILABLE, Facts, NeedsData
from daemon.core.judgements import Judged
from daemon.core.many import maker
from daemon.core.policy import Caps, decide
from daemon.core.records import ErrorRecord, RetryData, Step
from daemon.pipeline.naming import CaseReader, Page, RetryDataReader, open_page
from daemon.pipeline.retry_jobs import RetryJobs
from daemon.pipeline.slices import Turn, in_slices
from daemon.pipeline.terms import Rules

HANDS_OFF = frozenset({"assigned", "backlog", "no-time"})
"""Reasons of decisions about errors that are not ours to touch: not even a tag is written to them."""


_judged = maker(Judged)


class Judgement(NamedTuple):
    """One error, what the rules and the policy say of it, and what was read to find out; a tuple, for there are many.

    *case* is what was known of its case. *shared*: several records share its trace key, so that its case is named by the
    retry data as well.
    """

    record: ErrorRecord
    match: Match | None
    decision: Decision
    case_key: str
    case: CaseHistory = NEW_CASE
    data: RetryData | None = None
    shared: bool = False

    def to_keep(self) -> Judged:
        """Return what the store remembers of it."""
        record = self.record
        verb, reason, detail, rule, mode, due_at, hold = self.decision
        rule_id, tag, assign = "", False, False
        if rule is not None:
            rule_id = rule.id
            if reason not in HANDS_OFF:
                tag = not set(rule.tags) <= set(record.tags)
                assign = bool(rule.assign) and not record.assigned_to
            if mode is Mode.OBSERVE:
                hold = None
        error_id, at = record.error_id, record.occurred_at
        return _judged((
            error_id, self.case_key, at, record.fingerprint(), record.code,
            verb, rule_id, reason, detail, due_at, tag, assign, hold,
        ))  # fmt: skip


_judgement = maker(Judgement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judge errors of one account with one rule set.

    *name_all* reads the retry data of every error whose case cannot be named without it, not only of those to retry.
    *turn* is left by whoever has it while the platform is asked.
    """

    rules: Rules
    caps: Caps
    client: RetryDataReader
    store: CaseReader
    retries: RetryJobs
    log: FilteringBoundLogger
    name_all: bool = False
    turn: Turn = field(default_factory=Turn)

    async def judge(
        self, step: Step, records: Sequence[ErrorRecord], now: datetime, *, listed: Sequence[ErrorRecord] = ()
    ) -> list[Judgement]:
        """Return one judgement per record, in their order; as `some_at_a_time`."""
        return [each async for some in self.some_at_a_time(step, records, now, listed=listed) for each in some]

    async def some_at_a_time(
        self, step: Step, records: Sequence[ErrorRecord], now: datetime, *, listed: Sequence[ErrorRecord]
    ) -> AsyncIterator[list[Judgement]]:
        """Yield one judgement per record, in their order; *listed* are all errors of the pages that showed them.

        The retry data is read only where a rule's last open condition, or the name of a case that is to be retried,
        depends on it.
        """
        page = await self._open(step, records, now)
        for group in suspects(records, listed):
            asked = {record.error_id for record in records}
            mine = [record for record in group if record.error_id in asked]
            if any(
                self._must_name(self.rules.match(step, record, Facts(now, page.case(record)[1].attempts)))
                for record in mine
            ):
                async with self.turn.left():
                    await page.tell_apart(group)
        untried = Facts(now)
        cases = page.cases_as_listed(records)
        async for some in in_slices(records, lambda each: len(each.message)):
            judgements: list[Judgement] = []
            for record in some:
                key, case = next(cases)
                answer = self.rules.match(step, record, Facts(now, case.attempts) if case.attempts else untried)
                if isinstance(answer, NeedsData) or (self._must_name(answer) and page.needs_data(record)):
                    async with self.turn.left():
                        judgements.append(await self._judge_with_data(page, record))
                else:
                    judgements.append(self._conclude(page, record, answer, key, case))
            yield judgements

    async def with_data(self, step: Step, judgement: Judgement, now: datetime) -> Judgement:
        """Return the judgement with the retry data, read now if judging did not need it; None where there is none."""
        if judgement.data is not None:
            return judgement
        page = await self._open(step, [judgement.record], now)
        return judgement._replace(data=await page.read(judgement.record))

    async def _open(self, step: Step, records: Sequence[ErrorRecord], now: datetime) -> Page:
        oldest = now - self.caps.retry_max_age
        page = await open_page(self.client, self.store, self.retries, self.log, step, records, now, oldest)
        if any(case.gone_at for _, case in page.cases.values()):
            async with self.turn.left():
                await page.count_others(records)
        return page

    async def _judge_with_data(self, page: Page, record: ErrorRecord) -> Judgement:
        data = await page.read(record)
        failed = await page.as_it_failed(record)
        value = UNAVAILABLE if failed is None else failed.data
        key, case = page.case(record)
        answer = self._match(page, record, Facts(page.now, case.attempts, value))
        if page.needs_data(record) and self._must_name(answer):
            key, case = await page.case_by_data(record)
            if not case.nameless:
                answer = self._match(page, record, Facts(page.now, case.attempts, value))
        return self._conclude(page, record, answer, key, case, data)

    def _match(self, page: Page, record: ErrorRecord, facts: Facts) -> Match | None:
        """Match with all that can be known; a matcher that still asks for the retry data is a bug of ours."""
        answer = self.rules.match(page.step, record, facts)
        if isinstance(answer, NeedsData):
            msg = f"rules {', '.join(answer.rule_ids)} asked twice for the same retry data"
            raise RuleError(msg)
        return answer

    def _conclude(
        self,
        page: Page,
        record: ErrorRecord,
        match: Match | None,
        key: str,
        case: CaseHistory,
        data: RetryData | None = None,
    ) -> Judgement:
        decision = self._with_recheck(decide(record, match, case, page.now, self.caps), record, page.now)
        return _judgement((record, match, decision, key, case, data, record.trace_key in page.shared))

    def _must_name(self, answer: Match | NeedsData | None) -> bool:
        """Tell whether a record's case must be named: its attempts are, or may be, about to be counted."""
        if self.name_all or answer is None:
            return self.name_all
        return isinstance(answer, NeedsData) or isinstance(answer.rule.action, Retry)

    def _with_recheck(self, decision: Decision, record: ErrorRecord, now: datetime) -> Decision:
        """Let an error that only its age keeps from another rule be judged again when that age is reached."""
        later = self.rules.recheck_at(record, now)
        if later is None or decision.verb in (Verb.RETRY, Verb.RESOLVE):
            return decision
        if decision.due_at is not None and decision.due_at <= later:
            return decision
        return decision.due_again(later)
