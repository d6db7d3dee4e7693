"""Compare two rule sets: which rules differ, and what that would have changed for the errors of the past."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import SequenceMatcher

from daemon.app.replay import Judge, Remembrance, Ruled, differs
from daemon.app.replay_report import Doubt
from daemon.core.decisions import Verb
from daemon.core.recordings import BY_PEOPLE, Fate
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.fingerprint import digest
from daemon.rulebook.ruleset import RuleSet

EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChanges:
    """How the rules of two sets differ, by id. *renamed* maps old ids to new ones; *moved* stand elsewhere in the order."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    moved: tuple[str, ...] = ()

    @property
    def none(self) -> bool:
        """Tell whether the two sets decide alike."""
        return not (self.added or self.removed or self.changed or self.renamed or self.moved)


def rule_changes(old: RuleSet, new: RuleSet) -> RuleChanges:
    """Return how *new* differs from *old*; what explains a rule to people (why, owner) makes no difference."""
    before, after = _contents(old), _contents(new)
    gone, fresh = [each for each in before if each not in after], [each for each in after if each not in before]
    renamed: dict[str, str] = {}
    for one in gone:
        same = next((each for each in fresh if after[each] == before[one] and each not in renamed.values()), None)
        if same is not None:
            renamed[one] = same
    common = [renamed.get(each, each) for each in before if each in after or each in renamed]
    return RuleChanges(
        added=tuple(each for each in fresh if each not in renamed.values()),
        removed=tuple(each for each in gone if each not in renamed),
        changed=tuple(each for each in before if each in after and before[each] != after[each]),
        renamed=renamed,
        moved=_moved(common, [each for each in after if each in set(common)]),
    )


def _contents(rules: RuleSet) -> dict[str, str]:
    """Return what each rule decides by, whatever its name."""
    return {source.rule.id: digest([_nameless(source)]) for source in rules.sources}


def _nameless(source: RuleSource) -> RuleSource:
    return replace(source, rule=replace(source.rule, id=""))


def _moved(before: list[str], after: list[str]) -> tuple[str, ...]:
    """Return the rules that stand elsewhere among the others."""
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    stayed = {rule_id for block in blocks for rule_id in before[block.a : block.a + block.size]}
    return tuple(each for each in after if each not in stayed)


Way = tuple[str, Verb, str, Verb]
"""New rule and verb, old rule and verb."""


@dataclass(slots=True, kw_only=True)
class Difference:
    """Errors that would have gone another way, by what came of them, with a few error ids of each."""

    fates: Counter[Fate] = field(default_factory=Counter)
    examples: dict[Fate, list[str]] = field(default_factory=dict)

    def count(self, error: Remembrance) -> None:
        """Count one."""
        self.fates[error.fate] += 1
        shown = self.examples.setdefault(error.fate, [])
        if len(shown) < EXAMPLES:
            shown.append(error.error_id)


@dataclass(slots=True, kw_only=True)
class RuleDiff:
    """What would have been different in the past, of *errors* in all; *unsure* is of what that cannot be told."""

    changes: RuleChanges
    errors: int = 0
    differences: dict[Way, Difference] = field(default_factory=dict)
    unsure: dict[Doubt, Difference] = field(default_factory=dict)

    @property
    def unsafe(self) -> dict[Way, Difference]:
        """Return the new resolves that would have taken errors that people worked on."""
        return {
            way: found
            for way, found in self.differences.items()
            if way[1] is Verb.RESOLVE and way[3] is not Verb.RESOLVE and BY_PEOPLE & found.fates.keys()
        }


async def compare(past: AsyncIterator[Remembrance], old: Judge, new: Judge, now: datetime) -> RuleDiff:
    """Judge the past with both rule sets and count what differs."""
    found = RuleDiff(changes=rule_changes(old.rules, new.rules))
    renamed = found.changes.renamed
    touched = {*found.changes.added, *found.changes.changed}
    async for error in past:
        found.errors += 1
        before, after = old.judge(error, now), new.judge(error, now)
        before = replace(before, rule_id=renamed.get(before.rule_id, before.rule_id))
        if before.unsure or after.unsure:
            if not _same_doubt(before, after) or after.rule_id in touched:
                doubted = after if after.unsure else before
                found.unsure.setdefault((doubted.rule_id, doubted.unsure), Difference()).count(error)
        elif differs(before, after):
            way = (after.rule_id, after.verb, before.rule_id, before.verb)
            found.differences.setdefault(way, Difference()).count(error)
    return found


def _same_doubt(before: Ruled, after: Ruled) -> bool:
    return bool(before.unsure and after.unsure) and before.rule_id == after.rule_id
