"""Judge: match errors with the rules and let the policy decide, a page at a time.

The same code serves the first look (collect) and the look right before a write (act), so that both think alike (P9).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.core.actions import Mode, Retry
from daemon.core.cases import NEW_CASE, CaseHistory, case_key, needs_digest
from daemon.core.decisions import Decision, Match, Verb
from daemon.core.exceptions import ProtocolError, RefusedError, RuleError
from daemon.core.facts import UNAVAILABLE, Facts, NeedsData
from daemon.core.judgements import Judged
from daemon.core.policy import Caps, decide
from daemon.core.records import ErrorRecord, RetryData, Step, StepRef
from daemon.pipeline.survey import token_refused
from daemon.pipeline.terms import Rules

NAMELESS = CaseHistory(nameless=True)

HANDS_OFF = frozenset({"assigned", "backlog", "no-time"})
"""Reasons of decisions about errors that are not ours to touch: not even a tag is written to them."""


class RetryDataReader(Protocol):
    """The one client call that judging may need."""

    async def retry_data(self, ref: StepRef, retry_key: str) -> RetryData:
        """Read the retry data of one error; `RefusedError` or `ProtocolError` where there is none to be had."""


class CaseReader(Protocol):
    """The one question that judging asks the store."""

    async def case_histories(
        self, ref: StepRef, keys: Sequence[str], now: datetime
    ) -> Mapping[str, tuple[str, CaseHistory]]:
        """Return for each key that is known the case's own key and its history as of *now*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One error, what the rules and the policy say of it, and what was read to find out."""

    record: ErrorRecord
    match: Match | None
    decision: Decision
    case_key: str
    data: RetryData | None = None

    def to_keep(self) -> Judged:
        """Return what the store remembers of it."""
        decision, record, rule = self.decision, self.record, self.decision.rule
        observed = decision.mode is Mode.OBSERVE
        ours = decision.reason not in HANDS_OFF
        return Judged(
            error_id=record.error_id,
            case_key=self.case_key,
            occurred_at=record.occurred_at,
            fingerprint=record.fingerprint(),
            code=record.code,
            verb=decision.verb,
            rule_id=decision.rule_id,
            reason=decision.reason,
            detail=decision.detail,
            due_at=decision.due_at,
            tag=ours and rule is not None and not set(rule.tags) <= set(record.tags),
            assign=ours and rule is not None and bool(rule.assign) and not record.assigned_to,
            hold=None if observed else decision.hold,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judge errors of one account with one rule set.

    *name_all* reads the retry data of every error whose case cannot be named without it, not only of those to retry.
    """

    rules: Rules
    caps: Caps
    client: RetryDataReader
    store: CaseReader
    name_all: bool = False

    async def judge(self, step: Step, records: Sequence[ErrorRecord], now: datetime) -> list[Judgement]:
        """Return one judgement per record, in their order.

        The retry data is read only where a rule's last open condition, or the name of a case that is to be retried,
        depends on it.
        """
        keys = {record.error_id: case_key(record) for record in records}
        cases = await self.store.case_histories(step.ref, sorted(set(keys.values())), now)
        judged: list[Judgement] = []
        for record in records:
            key, case = cases.get(keys[record.error_id], (keys[record.error_id], NEW_CASE))
            answer = self.rules.match(step, record, Facts(now=now, attempts=case.attempts))
            if isinstance(answer, NeedsData) or self._must_name(answer, record):
                judged.append(await self._judge_with_data(step, record, key, case, now))
            else:
                judged.append(self._conclude(record, answer, key, case, now))
        return judged

    async def _judge_with_data(
        self, step: Step, record: ErrorRecord, key: str, case: CaseHistory, now: datetime
    ) -> Judgement:
        data = await self._read(step.ref, record)
        value = UNAVAILABLE if data is None else data.data
        answer = self._match(step, record, Facts(now=now, attempts=case.attempts, data=value))
        if self._must_name(answer, record):
            if data is None:
                return self._conclude(record, answer, key, NAMELESS, now)
            key = case_key(record, data.data_digest)
            key, case = (await self.store.case_histories(step.ref, [key], now)).get(key, (key, NEW_CASE))
            answer = self._match(step, record, Facts(now=now, attempts=case.attempts, data=value))
        return self._conclude(record, answer, key, case, now, data)

    def _match(self, step: Step, record: ErrorRecord, facts: Facts) -> Match | None:
        """Match with all that can be known; a matcher that still asks for the retry data is a bug of ours."""
        answer = self.rules.match(step, record, facts)
        if isinstance(answer, NeedsData):
            msg = f"rules {', '.join(answer.rule_ids)} asked twice for the same retry data"
            raise RuleError(msg)
        return answer

    def _conclude(
        self,
        record: ErrorRecord,
        match: Match | None,
        key: str,
        case: CaseHistory,
        now: datetime,
        data: RetryData | None = None,
    ) -> Judgement:
        decision = self._with_recheck(decide(record, match, case, now, self.caps), record, now)
        return Judgement(record=record, match=match, decision=decision, case_key=key, data=data)

    def _must_name(self, answer: Match | None, record: ErrorRecord) -> bool:
        """Tell whether the record's case must be named by its retry data: its attempts are about to be counted."""
        if not needs_digest(record):
            return False
        return self.name_all or (answer is not None and isinstance(answer.rule.action, Retry))

    def _with_recheck(self, decision: Decision, record: ErrorRecord, now: datetime) -> Decision:
        """Let an error that only its age keeps from another rule be judged again when that age is reached."""
        if decision.verb in (Verb.RETRY, Verb.RESOLVE):
            return decision
        later = self.rules.recheck_at(record, now)
        if later is None or (decision.due_at is not None and decision.due_at <= later):
            return decision
        return decision.due_again(later)

    async def _read(self, ref: StepRef, record: ErrorRecord) -> RetryData | None:
        if not record.retryable:
            return None
        try:
            return await self.client.retry_data(ref, record.retry_key)
        except (RefusedError, ProtocolError) as refused:
            if token_refused(refused):
                raise
            return None  # gone, closed to us, or not to be read without loss: this error has no data for us
