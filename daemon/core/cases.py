"""Cases: all errors of one business record on one step, and what has been tried on it so far (P2).

A failed retry comes back as a new error with a new id, so attempts are counted on the case, never on the error.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.core.decisions import Outcome
from daemon.core.records import TRACE_KEY_CUT, ErrorRecord

MEMORY = timedelta(days=30)
"""How long after a case's last attempt its attempts go on counting.

The platform keeps errors for about as long; a trace key that names a customer must not be exhausted for life.
"""


def former_key(key: str) -> str:
    """Return the name that a ``c:`` case had before its trace key was known to be shared, "" for any other case."""
    return f"t:{key[2:].partition(':')[2]}" if key.startswith("c:") else ""


def is_cut(trace_key: str) -> bool:
    """Tell whether the platform may have cut *trace_key*, which counts characters as JavaScript does (UTF-16 units)."""
    if len(trace_key) * 2 < TRACE_KEY_CUT:
        return False
    return len(trace_key.encode("utf-16-le", "surrogatepass")) // 2 >= TRACE_KEY_CUT


def needs_digest(record: ErrorRecord, *, shared: bool = False) -> bool:
    """Tell whether the record's case cannot be named without its retry data: a blank, a cut or a shared trace key."""
    return record.retryable and (shared or not record.trace_key or is_cut(record.trace_key))


def case_key(record: ErrorRecord, data_digest: str = "", *, shared: bool = False) -> str:
    """Name the case that *record* belongs to, within its step.

    ``t:`` the trace key · ``d:`` a hash of the retry data where the trace key is blank · ``c:`` both where the trace
    key stands for several records: cut by the platform, or *shared* · ``e:`` the error alone, with neither.
    """
    trace_key = record.trace_key
    if trace_key and not shared and not is_cut(trace_key):
        return f"t:{trace_key}"
    if trace_key:
        return f"c:{data_digest or record.error_id}:{trace_key}"
    if data_digest:
        return f"d:{data_digest}"
    return f"e:{record.error_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHistory:
    """What is known of a case's attempts; the zero value is a case never seen.

    *attempts* counts every retry of the case, ours (also those whose outcome is unknown) and others'. *by_rule* counts
    ours per rule. *last_attempt_at* is when the newest was sent. What occurred until *cured_at* is from before its newest
    cure: when a retry that was confirmed was sent, or when a person said that the record is in the target.
    *unsettled* means that one of them has no outcome yet, *unknown* that one ended without anybody knowing how.
    *nameless*: the retry data that would name the case cannot be read, so its attempts cannot be counted. *shared*: the
    case is a trace key that several records are known to share, so it must be named by the retry data as well. *gone_at*:
    when the newest of its errors occurred that left the open list without us; what occurs later may be a retry of others.
    """

    attempts: int = 0
    by_rule: Mapping[str, int] = field(default_factory=dict)
    last_attempt_at: datetime | None = None
    cured_at: datetime | None = None
    unsettled: bool = False
    unknown: bool = False
    nameless: bool = False
    shared: bool = False
    gone_at: datetime | None = None

    @property
    def by_others(self) -> int:
        """Return how many of the attempts were not ours: they count against every rule's limit."""
        return self.attempts - sum(self.by_rule.values())


NEW_CASE = CaseHistory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One retry of a case, sent *at*; *rule_id* None: others made it, and what came of it is theirs to know.

    *said_at*: when a person said what came of it. What was tried under a trace key alone, before several records were
    known to share that, is an attempt on each of them, and a cure of each: nobody can tell which of them it was.
    """

    at: datetime
    rule_id: str | None = None
    outcome: Outcome | None = None
    said_at: datetime | None = None

    @property
    def unsettled(self) -> bool:
        """Tell whether it has no outcome yet."""
        return self.rule_id is not None and self.outcome is None


def history_of(
    attempts: Iterable[Attempt], now: datetime, *, shared: bool = False, gone_at: datetime | None = None
) -> CaseHistory:
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
    cured = [each.said_at or each.at for each in happened if each.outcome is Outcome.CONFIRMED]
    return CaseHistory(
        attempts=len(counted),
        by_rule=dict(Counter(each.rule_id for each in counted if each.rule_id is not None)),
        last_attempt_at=max((each.at for each in counted), default=None),
        cured_at=max(cured, default=None),
        unsettled=any(each.unsettled for each in counted),
        unknown=any(each.outcome is Outcome.UNKNOWN for each in counted),
        shared=shared,
        gone_at=gone_at,
    )


def suspects(records: Iterable[ErrorRecord], listed: Collection[ErrorRecord]) -> list[Sequence[ErrorRecord]]:
    """Return the groups of errors of one page that have one trace key and yet seem to be of different records.

    A record fails at most once per step in one run: two errors of one run that are open at the same time are of two
    records, unless their data is the same. Each group has one of *records*, the errors asked about, among its own;
    *listed* are all errors of the page.
    """
    if len({record.trace_key for record in listed}) == len(listed):  # as on most pages: nothing shares a trace key
        return []
    times_listed = Counter(record.trace_key for record in listed)
    groups: dict[tuple[str, str], dict[str, ErrorRecord]] = {
        (record.trace_key, record.flow_job_id): {}
        for record in records
        if times_listed[record.trace_key] > 1 and _tells_of_its_run(record)
    }
    for record in listed if groups else ():
        group = groups.get((record.trace_key, record.flow_job_id))
        if group is not None and record.retryable:
            group[record.error_id] = record
    return [tuple(group.values()) for group in groups.values() if len(group) > 1]


def _tells_of_its_run(record: ErrorRecord) -> bool:
    return bool(record.retryable and record.flow_job_id and record.trace_key) and not is_cut(record.trace_key)
