"""What one pass did for one account, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.continuity import Outdated
from daemon.core.exceptions import FlowmendError
from daemon.core.plans import Plan
from daemon.core.tally import COUNTS, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What ``once`` did for one account: the product's JSON figures, per rule, how it ended, and what *waits* now."""

    account: str
    open: int
    tally: Tally
    requests: int
    unsettled: int
    failure: FlowmendError | None = None
    waits: Sequence[Plan] = ()
    outdated: Outdated | None = None

    def to_json(self) -> dict[str, object]:
        """Return the account's part of ``once --json``; *plans_waiting* (their ids) only where there are any.

        So are *incidents*, *steps_failed*, *failure* and *outdated*.
        """
        counts = {name: self.tally.counts[name] for name in COUNTS}
        skipped = {reason: count for reason, count in sorted(self.tally.skipped.items()) if count}
        told: dict[str, object] = {"open": self.open, **counts, "skipped": skipped, "requests": self.requests}
        if self.waits:
            told["plans_waiting"] = [plan.plan_id for plan in self.waits]
        if self.tally.incidents:
            told["incidents"] = self.tally.incidents
        if self.tally.steps_failed:
            told["steps_failed"] = self.tally.steps_failed
        if self.failure is not None:
            told["failure"] = str(self.failure)
        if self.outdated is not None:
            told["outdated"] = str(self.outdated)
        return told
