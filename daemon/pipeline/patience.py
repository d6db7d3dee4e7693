"""Patience: how often the platform's lists are read for a write that they say nothing about yet."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LONGEST = timedelta(minutes=5)


@dataclass(slots=True, kw_only=True)
class Patience:
    """When to look again for each entry of the journal that a look did not settle.

    At once, since a list may just have moved while it was read; then after *first*, twice that, and so on up to
    `LONGEST`. A process that starts looks at once.
    """

    first: timedelta
    looks: dict[int, tuple[int, datetime]] = field(default_factory=dict)

    def is_due(self, batch_id: int, now: datetime) -> bool:
        """Tell whether it is time to look (again); what lies too far ahead was dated by a clock that was ahead."""
        return batch_id not in self.looks or not now < self.looks[batch_id][1] <= now + LONGEST

    def looked(self, batch_id: int, now: datetime, *, deadline: datetime) -> None:
        """Note a look that settled nothing; the one at *deadline*, when an outcome is unknown, is not put off."""
        count, _ = self.looks.get(batch_id, (0, now))
        wait = min(self.first * 2 ** min(count - 1, 16), LONGEST) if count else timedelta(0)
        due = now + wait
        self.looks[batch_id] = count + 1, deadline if now < deadline < due else due

    def keep(self, batch_ids: Collection[int]) -> None:
        """Forget all entries but these: the others are settled."""
        self.looks = {each: look for each, look in self.looks.items() if each in batch_ids}
