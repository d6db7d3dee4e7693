"""What has been sent lately, for the limits to be counted against."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.core.batches import Act
from daemon.core.records import StepRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Errors sent per (rule id, act) of one account within the last hour and the last day; a pair not there is 0.

    Counted are the writes that happened or may have happened: all but those refused or not sent. *resolved* are the
    errors that a rule has taken off a step's open list within the last hour, without those that came back.
    """

    hour: Mapping[tuple[str, Act], int] = field(default_factory=dict)
    day: Mapping[tuple[str, Act], int] = field(default_factory=dict)
    resolved: Mapping[tuple[str, StepRef], int] = field(default_factory=dict)
