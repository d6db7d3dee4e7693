"""What becomes of a plan while it is carried out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.core.exceptions import FlowmendError
from daemon.core.plans import PlannedGroup


@dataclass(slots=True, kw_only=True)
class Applied:
    """What became of the errors that one group of a plan names: *sent*, *refused* by the platform, or *dropped*.

    *ended* is false where sending was cut short; then `left` of them were neither, and are due again. *stopped* says that
    writing was stopped before some of them. In *group* the
    reason is what held it back as a whole, if anything did.
    """

    group: PlannedGroup
    sent: int = 0
    refused: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    ended: bool = False
    stopped: bool = False

    @property
    def left(self) -> int:
        """Return how many were not even tried."""
        return 0 if self.ended else max(0, self.group.send - self.sent - self.refused - self.dropped.total())

    def drop(self, reason: str, errors: int = 1) -> None:
        """Note that errors are not sent after all."""
        self.dropped[reason] += errors


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """What became of each group of a plan that a person applied; with a *failure* not all groups have *ended*."""

    applied: Sequence[Applied]
    failure: FlowmendError | None = None

    @property
    def sent(self) -> int:
        """Return how many errors were sent."""
        return sum(each.sent for each in self.applied)

    @property
    def left(self) -> int:
        """Return how many were not even tried."""
        return sum(each.left for each in self.applied)
