"""Cases: all errors of one business record on one step, and what has been tried on it so far (P2).

A failed retry comes back as a new error with a new id, so attempts are counted on the case, never on the error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from daemon.core.records import TRACE_KEY_CUT, ErrorRecord


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
