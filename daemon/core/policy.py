"""The policy: one rule, one error, its case and the time in; one decision with its reason out.

Everything that decides *whether* an error may be acted on stands here and nowhere else. What limits *how many* at once
stands in `guards`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.core.actions import Hold, Leave, Mode, Resolve, Retry, Rule
from daemon.core.backoff import due_at, later
from daemon.core.cases import CaseHistory
from daemon.core.decisions import LEFT_ALONE, Decision, Match, Verb
from daemon.core.durations import format_duration
from daemon.core.records import ErrorRecord

PLATFORM_RETRY_SLACK = timedelta(minutes=1)
"""How long after ``retryAt`` the platform is given to run its own retry before we look again."""

UNSETTLED_PAUSE = timedelta(minutes=1)
"""When to look again at a case that has an attempt without an outcome."""

METADATA_ONLY = "ftp_bridge"
"""The source whose retry data is metadata and must never be patched (API document, chapter 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What the configuration allows at most, whatever a rule says.

    What occurred before *act_after*, the moment a new store began, is left to people; None: nothing is.
    """

    mode: Mode
    max_attempts_per_case: int
    retry_max_age: timedelta
    act_after: datetime | None = None


UNMATCHED = Decision(verb=Verb.NONE, reason="unmatched")


def decide(record: ErrorRecord, match: Match | None, case: CaseHistory, now: datetime, caps: Caps) -> Decision:
    """Decide about *record*, which *match* won (None: no rule did), given its *case*'s history.

    Nothing is acted on that no rule matched, that a person has been given (unless the rule asks for ``assigned_to``),
    whose case has an attempt without an outcome or with an unknown one, or that the platform is about to retry.
    """
    if match is None:
        return UNMATCHED
    asked = _Asked(record=record, rule=match.rule, case=case, now=now, caps=caps)
    action = match.rule.action
    if isinstance(action, Leave):
        return asked.leave(LEFT_ALONE, match.rule.why)
    if isinstance(action, Hold):
        return asked.hold("hold", action.title or match.rule.why, action)
    obstacle = asked.obstacle()
    if obstacle is not None:
        return obstacle
    if isinstance(action, Resolve):
        return asked.answer(Verb.RESOLVE, "due", action.because, due_at=now)
    return asked.retry(action)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One question to the policy: this error, its rule, its case, now. Each method gives one kind of answer."""

    record: ErrorRecord
    rule: Rule
    case: CaseHistory
    now: datetime
    caps: Caps

    def answer(self, verb: Verb, reason: str, detail: str, *, due_at: datetime | None = None) -> Decision:
        mode = min(self.rule.mode, self.caps.mode)
        return Decision(verb=verb, reason=reason, detail=detail, rule=self.rule, mode=mode, due_at=due_at)

    def leave(self, reason: str, detail: str, *, look_again_at: datetime | None = None) -> Decision:
        return self.answer(Verb.LEAVE, reason, detail, due_at=look_again_at)

    def hold(self, reason: str, detail: str, hold: Hold | None = None) -> Decision:
        hold = hold or Hold(queue=reason, title=f"{self.rule.id}: {detail}")
        return self.answer(Verb.HOLD, reason, detail)._replace(hold=hold)

    def obstacle(self) -> Decision | None:
        """Return why nothing may be written for this error now, whatever its rule wants, or None."""
        record, case, caps = self.record, self.case, self.caps
        if record.assigned_to not in ("", self.rule.assign) and not self.rule.takes_assigned:
            return self.leave("assigned", "a person has been given it")
        if record.occurred_at is None:
            return self.hold("no-time", "it does not say when it occurred, so it cannot be looked at again")
        if caps.act_after is not None and record.occurred_at < caps.act_after:
            return self.leave("backlog", "it was there before Flowmend")
        if case.unsettled:
            detail = "an attempt on this case has no outcome yet"
            return self.leave("in-flight", detail, look_again_at=self.now + UNSETTLED_PAUSE)
        if case.unknown:
            return self.hold("unknown", "it is not known whether a retry of this record ran; look in the target first")
        platform_done_at = later(record.retry_at, PLATFORM_RETRY_SLACK) if record.retry_at else self.now
        if platform_done_at > self.now:
            detail = "the platform will retry it by itself"
            return self.leave("platform-retries", detail, look_again_at=platform_done_at)
        return None

    def retry(self, retry: Retry) -> Decision:
        """Return whether, and from when, this error may be retried."""
        record, case, occurred_at = self.record, self.case, self.record.occurred_at or self.now
        if not record.retryable:
            return self.hold("not-retryable", "the platform kept no data to retry it with")
        if case.nameless:
            return self.hold(
                "no-retry-data", "its retry data cannot be read, so nobody can tell how often it was tried"
            )
        if retry.patched and record.source == METADATA_ONLY:
            return self.hold("not-patchable", "its retry data is file metadata, which must not be changed")
        if case.cured_at is not None and occurred_at <= case.cured_at:
            return self.hold("superseded", "a later retry of the same record went through; this would run it twice")
        counted = case.by_rule.get(self.rule.id, 0) + case.by_others
        if counted >= retry.max_attempts or case.attempts >= self.caps.max_attempts_per_case:
            return self.exhausted(retry)
        longest = min(retry.max_age or self.caps.retry_max_age, self.caps.retry_max_age)
        if self.now - occurred_at > longest:
            age, most = format_duration(self.now - occurred_at), format_duration(longest)
            return self.hold("too-old", f"it is {age} old; after {most} its data may be out of date")
        due = due_at(retry, occurred_at=occurred_at, attempts=case.attempts, last_attempt_at=case.last_attempt_at)
        return self.answer(Verb.RETRY, "due" if due <= self.now else "waiting", self.rule.why, due_at=due)

    def exhausted(self, retry: Retry) -> Decision:
        """Return what becomes of a case that has had all its attempts (P2)."""
        detail = f"the case has had all its attempts: {self.case.attempts}"
        if retry.exhausted == "hold":
            return self.hold("exhausted", detail)
        if retry.exhausted == "leave":
            return self.leave("exhausted", detail)
        return self.answer(Verb.RESOLVE, "exhausted", detail, due_at=self.now)
