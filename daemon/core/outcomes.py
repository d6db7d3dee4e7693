"""What came of each error of one write, from what has been read since its end (P4).

A retry is confirmed only where the job's own counts leave no doubt: it completed and counted a success for every record
that was sent. In every other case (a failure among many, a record that was not there any more, a job that was cut short,
one that was only looked for because the answer was lost) an error that is gone may have been resolved or purged by
others instead. Then the platform's list of resolved errors must show it, and no more of them than the job counted
successes. What stays in doubt is unknown in the end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from daemon.core.batches import WriteState, Written
from daemon.core.decisions import Outcome
from daemon.core.records import Job

AUTO = ("auto", "")
"""Who resolved an error that the platform resolved by itself, or does not say of whom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one complete read, begun after the end of a write, shows of its errors that have no outcome yet.

    *listed*: still open. *returned*: its case is open under an id that was not known when the write was sent, with the
    time when the newest such error occurred. *absent*: surely not open. *resolved*: by whom, of those that are in the
    list of resolved errors, empty where nobody had to ask. *overdue*: there was time enough.
    """

    listed: frozenset[str]
    returned: Mapping[str, datetime | None]
    absent: frozenset[str]
    overdue: bool
    resolved: Mapping[str, str]


def must_ask(entry: Written, job: Job | None, sight: Sight) -> bool:
    """Tell whether the list of resolved errors is needed to say what came of *entry*."""
    gone = sight.absent - sight.returned.keys()
    if job is None:
        return bool(gone)
    doubtful = bool(sight.listed or sight.returned) and job.num_success > 0
    return not _all_passed(entry, job) and (bool(gone) or doubtful)


def came_of_retry(entry: Written, job: Job, sight: Sight, user_id: str) -> dict[str, Outcome]:
    """Return the outcomes that can be told of a retry whose *job* has ended; the others are to be read again.

    An error that is open again is a failure only where the job counted as many, and where it is not resolved as passed.
    Else the platform is behind with its list, or another run failed on a record that the job has just cured, and one
    more retry would run it twice. One that occurred after the job's end came back in any case.
    """
    errors = frozenset(entry.batch.error_ids)
    ours = {each for each, who in sight.resolved.items() if who in (job.triggered_by, user_id) and who}
    later = {each for each, at in sight.returned.items() if at and job.ended_at and at > job.ended_at}
    again = (sight.listed | sight.returned.keys()) - later
    completed = job.status == "completed"
    failures = (job.num_error if completed else entry.sent - job.num_success) - entry.came_back
    back = later | (again - ours if len(again - ours) <= failures else set())
    outcomes = dict.fromkeys(back, Outcome.CAME_BACK)
    seen = not completed or failures <= len(again)
    if seen:
        outcomes |= _of_gone(entry, job, sight, (errors & sight.absent) - later - again, ours)
    if sight.overdue:
        outcomes = dict.fromkeys(errors, Outcome.UNKNOWN) | outcomes
    return outcomes


def _of_gone(
    entry: Written, job: Job, sight: Sight, gone: Collection[str], ours: Collection[str]
) -> dict[str, Outcome]:
    """Return the outcomes of errors that are surely not open, all failures of the job having been seen."""
    if _all_passed(entry, job):
        return dict.fromkeys(gone, Outcome.CONFIRMED)
    by_us = {each for each in gone if each in ours}
    by_platform = {each for each in gone if sight.resolved.get(each) in AUTO} - by_us
    by_others = {each for each in gone if each in sight.resolved} - by_us - by_platform
    outcomes = dict.fromkeys(by_others, Outcome.VANISHED)
    left = job.num_success - entry.confirmed - len(by_us)
    if left < 0:
        return outcomes
    outcomes |= dict.fromkeys(by_us, Outcome.CONFIRMED)
    if len(by_platform) <= left:
        outcomes |= dict.fromkeys(by_platform, Outcome.CONFIRMED)
        left -= len(by_platform)
    elif not left:
        outcomes |= dict.fromkeys(by_platform, Outcome.VANISHED)
    if sight.overdue and not left and job.status == "completed":
        # each success has its error, so what is in no list has not been run: it left without us, as a purge does it
        outcomes |= dict.fromkeys((each for each in gone if each not in sight.resolved), Outcome.VANISHED)
    return outcomes


def came_of_resolve(entry: Written, sight: Sight, user_id: str) -> dict[str, Outcome]:
    """Return the outcomes that can be told of a resolve, answered or not; the others are to be read again."""
    outcomes: dict[str, Outcome] = {}
    for error_id in entry.batch.error_ids:
        if error_id in sight.listed:  # resolving again does no harm, so what may not have happened is simply open again
            if sight.overdue or entry.state is not WriteState.ACCEPTED:
                outcomes[error_id] = Outcome.REFUSED
        elif error_id in sight.absent and (error_id in sight.resolved or sight.overdue):
            ours = sight.resolved.get(error_id) == user_id
            outcomes[error_id] = Outcome.CONFIRMED if ours else Outcome.VANISHED
    return outcomes


def _all_passed(entry: Written, job: Job) -> bool:
    passed = job.status == "completed" and not job.num_error and job.num_success >= entry.sent
    return passed and entry.answered
