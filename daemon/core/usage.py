"""What has been sent lately, for the limits to be counted against."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.core.batches import Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Errors sent per (rule id, act) of one account within the last hour and the last day; a pair not there is 0.

    Counted are the writes that happened or may have happened: all but those refused or not sent.
    """

    hour: Mapping[tuple[str, Act], int] = field(default_factory=dict)
    day: Mapping[tuple[str, Act], int] = field(default_factory=dict)
