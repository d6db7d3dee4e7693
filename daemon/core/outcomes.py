"""What came of one error of one write, from what has been read since (P4)."""

from dataclasses import dataclass

from daemon.core.batches import Act
from daemon.core.decisions import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one error after its write has run its course and a complete read has begun and ended since.

    *accepted*: the platform said that it took the write. *clean*: the retry job completed and counted no failure.
    *unexplained*: the job was cut short, or counted more failures than errors of its batch are known to have come back. *listed*: the
    error itself is still open. *returned*: its case is open under an id that was not known when the write was sent.
    *absent*: the error is surely not open. *overdue*: there was time enough.
    """

    act: Act
    accepted: bool
    clean: bool
    unexplained: bool
    listed: bool
    returned: bool
    absent: bool
    overdue: bool


def outcome_of(evidence: Evidence) -> Outcome | None:
    """Return the outcome, or None where one must wait and read again."""
    if evidence.act is Act.RESOLVE:
        return _of_resolve(evidence)
    if evidence.returned:
        return Outcome.CAME_BACK
    waiting = Outcome.UNKNOWN if evidence.overdue else None
    if evidence.listed:  # a job without failures and an error that is still listed contradict each other
        return waiting if evidence.clean else Outcome.CAME_BACK
    if evidence.unexplained or not evidence.absent:
        return waiting
    return Outcome.CONFIRMED


def _of_resolve(evidence: Evidence) -> Outcome | None:
    if evidence.listed:  # resolving again does no harm, so what may not have happened is simply open again
        return Outcome.REFUSED if evidence.overdue or not evidence.accepted else None
    if not evidence.absent:
        return None
    return Outcome.CONFIRMED if evidence.accepted else Outcome.VANISHED
