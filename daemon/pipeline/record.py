"""Record: what was judged, without the values in its message, so that other rules can be tried on it later."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from daemon.core.recordings import Recorded, ruling_of, said_by
from daemon.core.records import Step
from daemon.pipeline.judge import Judgement

Redact = Callable[[str], str]
"""Return a message as it is recorded, a little longer than is kept where it is too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Make the recordings of judgements."""

    redact: Redact

    def of(self, step: Step, judgement: Judgement, now: datetime) -> Recorded:
        """Return the recording of what was judged *now*."""
        record = judgement.record
        return Recorded(
            step.ref,
            record.error_id,
            record.occurred_at,
            said_by(record, self.redact(record.message)),
            ruling_of(judgement.decision),
            judged_at=now,
            last_at=now,
            case=judgement.case,
            retry_at=record.retry_at,
        )
