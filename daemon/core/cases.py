"""Cases: all errors of one business record on one step, and what has been tried on it so far (P2).

A failed retry comes back as a new error with a new id, so attempts are counted on the case, never on the error.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.core.decisions import Outcome
from daemon.core.records import TRACE_KEY_CUT, ErrorRecord

MEMORY = timedelta(days=30)
"""How long after a case's last attempt its attempts go on counting.

The platform keeps errors for about as long; a trace key that names a customer must not be exhausted for life.
"""


def is_cut(trace_key: str) -> bool:
    """Tell whether the platform may have cut *trace_key*, which counts characters as JavaScript does (UTF-16 units)."""
    if len(trace_key) * 2 < TRACE_KEY_CUT:
        return False
    return len(trace_key.encode("utf-16-le", "surrogatepass")) // 2 >= TRACE_KEY_CUT


def needs_digest(record: ErrorRecord) -> bool:
    """Tell whether the record's case cannot be named without its retry data: a blank or a cut trace key."""
    return record.retryable and (not record.trace_key or is_cut(record.trace_key))


def case_key(record: ErrorRecord, data_digest: str = "") -> str:
    """Name the case that *record* belongs to, within its step.

    ``t:`` the trace key · ``d:`` a hash of the retry data where the trace key is blank · ``c:`` both where the
    platform cut the trace key, which may then stand for several records · ``e:`` the error alone, with neither.
    """
    if record.trace_key and not is_cut(record.trace_key):
        return f"t:{record.trace_key}"
    if record.trace_key:
        return f"c:{data_digest or record.error_id}:{record.trace_key}"
    if data_digest:
        return f"d:{data_digest}"
    return f"e:{record.error_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHistory:
    """What is known of a case's attempts; the zero value is a case never seen.

    *attempts* counts every retry of the case, ours (also those whose outcome is unknown) and others'. *by_rule* counts
    ours per rule. *last_attempt_at* is when the newest was sent, *cured_at* when the newest that was confirmed was.
    *unsettled* means that one of them has no outcome yet, *unknown* that one ended without anybody knowing how.
    *nameless*: the retry data that would name the case cannot be read, so its attempts cannot be counted.
    """

    attempts: int = 0
    by_rule: Mapping[str, int] = field(default_factory=dict)
    last_attempt_at: datetime | None = None
    cured_at: datetime | None = None
    unsettled: bool = False
    unknown: bool = False
    nameless: bool = False

    @property
    def by_others(self) -> int:
        """Return how many of the attempts were not ours: they count against every rule's limit."""
        return self.attempts - sum(self.by_rule.values())


NEW_CASE = CaseHistory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One retry of a case, sent *at*; *rule_id* None: others made it, and what came of it is theirs to know."""

    at: datetime
    rule_id: str | None = None
    outcome: Outcome | None = None

    @property
    def unsettled(self) -> bool:
        """Tell whether it has no outcome yet."""
        return self.rule_id is not None and self.outcome is None


def history_of(attempts: Iterable[Attempt], now: datetime) -> CaseHistory:
    """Add up a case's *attempts* as of *now*.

    One that was refused, or that a person said was never sent, did not happen. After `MEMORY` without any attempt those
    before it count no more, but for such of which nobody knows what came of them. What was cured stays cured.
    """
    happened = [each for each in attempts if each.outcome is not Outcome.REFUSED]
    counted: list[Attempt] = []
    next_at = now
    for attempt in sorted(happened, key=lambda each: each.at, reverse=True):
        if next_at - attempt.at < MEMORY:
            next_at = attempt.at
        elif not attempt.unsettled and attempt.outcome is not Outcome.UNKNOWN:
            continue
        counted.append(attempt)
    return CaseHistory(
        attempts=len(counted),
        by_rule=dict(Counter(each.rule_id for each in counted if each.rule_id is not None)),
        last_attempt_at=max((each.at for each in counted), default=None),
        cured_at=max((each.at for each in happened if each.outcome is Outcome.CONFIRMED), default=None),
        unsettled=any(each.unsettled for each in counted),
        unknown=any(each.outcome is Outcome.UNKNOWN for each in counted),
    )
