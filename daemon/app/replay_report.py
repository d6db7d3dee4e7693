"""What replaying came to, in numbers."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from daemon.app.replay import BACKLOG, Judge, Remembrance, decided, differs
from daemon.core.decisions import Verb

Before = tuple[str, Verb]
"""The rule, "" for none, and the verb of what was decided then."""

Doubt = tuple[str, tuple[str, ...]]
"""A rule, and the fields that it asks about of which the recording does not say enough."""


@dataclass(slots=True, kw_only=True)
class RuleLine:
    """What one rule would have decided, and about which of these errors something else was decided then."""

    verbs: Counter[Verb] = field(default_factory=Counter)
    otherwise: Counter[Before] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class Replayed:
    """All errors of the past, by the rule that takes them: "" are those that none takes.

    *unsure* are by the rule that may have taken them and the fields that are not known. *backlog* were there before Flowmend and left to people then.
    """

    errors: int = 0
    lines: dict[str, RuleLine] = field(default_factory=dict)
    unsure: Counter[Doubt] = field(default_factory=Counter)
    backlog: int = 0

    @property
    def otherwise(self) -> int:
        """Return how many errors would have gone another way."""
        return sum(sum(line.otherwise.values()) for line in self.lines.values())


async def replay(past: AsyncIterator[Remembrance], judge: Judge, now: datetime) -> Replayed:
    """Judge the past and count what would have been decided."""
    found = Replayed()
    async for error in past:
        found.errors += 1
        before, after = decided(error), judge.judge(error, now)
        found.backlog += before.reason == BACKLOG
        if after.unsure:
            found.unsure[after.rule_id, after.unsure] += 1
            continue
        line = found.lines.setdefault(after.rule_id, RuleLine())
        line.verbs[after.verb] += 1
        if differs(before, after):
            line.otherwise[before.rule_id, before.verb] += 1
    return found
