"""Record: what was judged, without the values in its message, so that other rules can be tried on it later."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.core.many import maker
from daemon.core.policy import UNMATCHED
from daemon.core.recordings import Recorded, ruling_of, said_by
from daemon.core.records import Step
from daemon.pipeline.judge import Judgement

_recorded = maker(Recorded)
_UNMATCHED = ruling_of(UNMATCHED)

Redact = Callable[[Sequence[str]], Sequence[str]]
"""Return messages as they are recorded, in their order, a little longer than is kept where one is too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Make the recordings of judgements."""

    redact: Redact

    def of(self, step: Step, judgements: Sequence[Judgement], now: datetime) -> list[Recorded]:
        """Return the recordings of what was judged *now*."""
        recorded: list[Recorded] = []
        ref = step.ref
        messages = self.redact([each.record.message for each in judgements])
        for each, message in zip(judgements, messages, strict=True):
            record = each.record
            ruling = _UNMATCHED if each.decision is UNMATCHED else ruling_of(each.decision)
            said = said_by(record, message)
            at, retry_at = record.occurred_at, record.retry_at
            recorded.append(_recorded((ref, record.error_id, at, said, ruling, now, now, 0, each.case, retry_at)))
        return recorded
