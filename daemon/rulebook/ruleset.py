"""The compiled rules as the rest of Flowmend sees them: match an error, patch its data, and the set's name."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from daemon.core.actions import Rule
from daemon.core.decisions import Match
from daemon.core.exceptions import RuleError
from daemon.core.facts import Facts, NeedsData, Patched, PatchRefused
from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.fingerprint import digest
from daemon.rulebook.matcher import MESSAGES_KEPT, Matcher
from daemon.rulebook.patching import Patch
from daemon.rulebook.prefilter import Prefilter
from daemon.rulebook.program import Program, leaves

VERSION_DIGITS = 8
"""Of the hash shown in a version; four would make two of a few hundred sets look alike."""

_TICK = timedelta(microseconds=1)

Compiled = TypeVar("Compiled")


class RuleSet:
    """All rules, in order, compiled; the first that matches wins.

    *version* names the content, as in ``rules@9c1d04e2``; *digest* is the whole hash. *needs_attempts*: some rule asks
    how often the case was retried.
    """

    def __init__(self, sources: Sequence[RuleSource], *, messages_kept: int = MESSAGES_KEPT) -> None:
        self.sources = tuple(sources)
        self.rules: tuple[Rule, ...] = tuple(source.rule for source in sources)
        self.digest = digest(sources)
        self.version = f"rules@{self.digest[:VERSION_DIGITS]}"
        self.needs_attempts = any(leaf.field == "attempts" for source in sources for leaf in leaves(source.when))
        prefilter = Prefilter()
        programs = [_compiled(source, Program, source.rule, source.when, prefilter) for source in sources]
        prefilter.build()
        self._matcher = Matcher(programs, prefilter, messages_kept=messages_kept)
        self._patches = {
            source.rule.id: _compiled(source, Patch, source.patch, source.tables) for source in sources if source.patch
        }
        self._age_flips = sorted({flip for source in sources for flip in _age_flips(source)})

    def match(self, step: Step, record: ErrorRecord, facts: Facts) -> Match | NeedsData | None:
        """Return the match of the first rule that holds, None where none does, or what must be fetched to tell."""
        return self._matcher.match(step, record, facts)

    def recheck_at(self, record: ErrorRecord, now: datetime) -> datetime | None:
        """Return the next moment after *now* at which *record* may match otherwise by its age alone, or None."""
        if record.occurred_at is None or not self._age_flips:
            return None
        upcoming = bisect_right(self._age_flips, now - record.occurred_at)
        try:
            return record.occurred_at + self._age_flips[upcoming]
        except (IndexError, OverflowError):
            return None

    def patch(self, match: Match, record: ErrorRecord, data: object) -> Patched | PatchRefused:
        """Return *data*, the retry data's ``data``, as the rule of *match* changes it, or why it cannot.

        *data* itself is left as it is. A rule without a patch gives the data back unchanged.
        """
        patch = self._patches.get(match.rule.id)
        return patch.apply(match, record, data) if patch else Patched(data=data)


def compile_rules(sources: Sequence[RuleSource]) -> RuleSet:
    """Compile *sources*, in their order, to one rule set.

    Raises:
        RuleError: a rule cannot be compiled; the message names it. The running set stays (P8).
    """
    return RuleSet(sources)


def _compiled(source: RuleSource, make: Callable[..., Compiled], *arguments: object) -> Compiled:
    try:
        return make(*arguments)
    except RuleError as problem:
        msg = f'{source.place.file}:{source.place.line}: rule "{source.rule.id}": {problem}'
        raise RuleError(msg) from None


def _age_flips(source: RuleSource) -> Iterator[timedelta]:
    """Yield the ages at which a condition of *source* may change: at its operand, or a tick later for gt and lte."""
    for leaf in leaves(source.when):
        if leaf.field == "age":
            for operand in (
                operand for check in leaf.checks if check.operator != "exists" for operand in check.operands
            ):
                if isinstance(operand, int | float) and timedelta(seconds=operand) < timedelta.max:
                    yield timedelta(seconds=operand)
                    yield timedelta(seconds=operand) + _TICK
