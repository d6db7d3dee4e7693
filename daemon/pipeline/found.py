"""Found: what was made of one page of errors, until that is stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.core.actions import Mode
from daemon.core.decisions import Verb
from daemon.core.judgements import Judged, Known
from daemon.core.recordings import Recorded
from daemon.core.records import StepRef
from daemon.core.tally import Tally
from daemon.core.windows import Window
from daemon.pipeline.judge import Judgement


@dataclass(slots=True, kw_only=True)
class Found:
    """What is to be kept of one page, and what is counted once it is.

    The errors themselves are not in it: eight pages at once wait to be stored, which would take 10 MB more with them.

    *moments* are when those errors occurred that were not known before. *matched* counts these by rule and verb, *held* by
    rule those that are held for people from now on. *told* are those of which the log tells each.
    """

    kept: list[Judged] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    moments: list[datetime | None] = field(default_factory=list)
    matched: Counter[tuple[str, Verb]] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    told: list[Judgement] = field(default_factory=list)

    def add(self, some: Sequence[Judgement], known: Mapping[str, Known]) -> Sequence[Judgement]:
        """Add judgements; return those of errors that were not *known* before."""
        self.kept += [each.to_keep() for each in some]
        for each in some:
            if each.match is None:
                continue
            decision, error_id = each.decision, each.record.error_id
            if error_id not in known:
                self.matched[decision.rule_id, decision.verb] += 1
            before = known.get(error_id)
            if decision.hold is not None and decision.mode is not Mode.OBSERVE and not (before and before.held):
                self.held[decision.rule_id] += 1
        new = [each for each in some if each.record.error_id not in known] if known else some
        self.moments += [each.record.occurred_at for each in new]
        return new

    def came_later(self, window: Window) -> int:
        """Count the new errors of a full read that its summary need not have counted; in doubt one came later."""
        listed_until = window.settled_at
        return 0 if listed_until is None else sum(at is None or at > listed_until for at in self.moments)

    def count(self, tally: Tally, ref: StepRef) -> None:
        """Count the errors of one step that were not known before, which of them a rule matched, and what is held."""
        new = len(self.moments)
        tally.add("new", new)
        tally.add("unmatched", new - self.matched.total())
        if new:
            tally.totals.see(ref, new)
        for (rule_id, verb), count in self.matched.items():
            tally.add("matched", count, rule_id=rule_id)
            tally.totals.decide(rule_id, verb.value, count)
        for rule_id, count in self.held.items():
            tally.add("held", count, rule_id=rule_id)
