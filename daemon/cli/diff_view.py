"""How the difference of two rule sets is shown."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.app.replay import ACTING
from daemon.app.rule_diff import Difference, RuleChanges, RuleDiff, Way
from daemon.app.rule_versions import NamedRules
from daemon.cli.render import clean, plural, say
from daemon.cli.replay_view import DONE, show_unsure, way
from daemon.core.actions import Mode
from daemon.core.recordings import BY_PEOPLE, Fate

CAME = {
    Fate.PERSON_RETRIED: "retried by a person",
    Fate.PERSON_RESOLVED: "resolved by a person",
    Fate.CONFIRMED: "retried and confirmed",
    Fate.CAME_BACK: "retried and came back",
    Fate.UNKNOWN: "retried, and nobody knows what came of it",
    Fate.UNDER_WAY: "on its way",
    Fate.RESOLVED: "resolved by a rule",
    Fate.PLATFORM: "retried or resolved by the platform",
    Fate.OPEN: "still open",
    Fate.LEFT: "gone, nobody knows how",
}
"""What came of errors, what people did first."""


def show_diff(found: RuleDiff, old: NamedRules, new: NamedRules, days: int) -> None:
    """Print which rules differ, what would have been different rule by rule, and what is unsafe about it."""
    say(f"{old.name}: {plural(len(old.rules.rules), 'rule')} → {new.name}: {plural(len(new.rules.rules), 'rule')}\n")
    for line in _changes(found.changes, old, new):
        say(line)
    if not found.errors:
        return
    different = sum(sum(each.fates.values()) for each in found.differences.values())
    past = f"{plural(found.errors, 'error')} of the last {plural(days, 'day')}"
    say(f"\n{different:,} of {past} would have gone another way." if different else f"\nNo difference for {past}.")
    modes = {rule.id: rule.mode for rule in new.rules.rules}
    for rule_id, ways in _by_rule(found).items():
        say(f"\n{rule_id or '(no rule)'}")
        for way_, each in ways:
            _show_way(way_, each, modes)
    if found.unsure:
        show_unsure({doubt: each.fates.total() for doubt, each in found.unsure.items()})
    for way_, each in found.unsafe.items():
        _show_unsafe(way_, each)


def _changes(changes: RuleChanges, old: NamedRules, new: NamedRules) -> Iterator[str]:
    before = {source.rule.id: source.place for source in old.rules.sources}
    after = {source.rule.id: source.place for source in new.rules.sources}
    yield from (f"added    {each}  {after[each]}" for each in changes.added)
    yield from (f"removed  {each}  {before[each]}" for each in changes.removed)
    yield from (f"changed  {each}  {after[each]}" for each in changes.changed)
    yield from (f"renamed  {one} → {other}  {after[other]}" for one, other in changes.renamed.items())
    yield from (f"moved    {each}  {after[each]}: it stands elsewhere in the order" for each in changes.moved)
    if changes.none:
        yield "The rules decide alike; only comments, places or words for people may differ."
    if changes.none and old.is_running:
        yield (
            f"{new.name} is in force already: a running service takes rules over as soon as they are saved, and flowmend "
            "once and plan take them, too.\nTo see what a change would do before it is in force, change a copy of the "
            "folder: flowmend diff running COPY"
        )


def _by_rule(found: RuleDiff) -> Mapping[str, list[tuple[Way, Difference]]]:
    """Return the differences by the rule they are due to: the new one, or the old one where none takes them now."""
    by_rule: dict[str, list[tuple[Way, Difference]]] = {}
    for each, difference in sorted(found.differences.items(), key=lambda one: -one[1].fates.total()):
        by_rule.setdefault(each[0] or each[2], []).append((each, difference))
    return by_rule


def _show_way(each: Way, difference: Difference, modes: Mapping[str, Mode]) -> None:
    rule_id, verb, before, verb_before = each
    now = f"would have been {DONE[verb]}" if rule_id else "would have been taken by no rule"
    if modes.get(rule_id) is Mode.OBSERVE and verb in ACTING:
        now += ", if the rule did more than observe"
    say(f"   {plural(difference.fates.total(), 'error')} {now}; before: {way(before, verb_before)}")
    came = [f"{difference.fates[fate]:,} {said}" for fate, said in CAME.items() if difference.fates[fate]]
    say(f"      what came of them: {' · '.join(came)}")


def _show_unsafe(each: Way, difference: Difference) -> None:
    worked = [fate for fate in CAME if fate in BY_PEOPLE and difference.fates[fate]]
    count = sum(difference.fates[fate] for fate in worked)
    say(f"\nUNSAFE  {each[0]} would have resolved {plural(count, 'error')} that people worked on:")
    for fate in worked:
        ids = ", ".join(clean(error_id) for error_id in difference.examples[fate])
        more = ", …" if difference.fates[fate] > len(difference.examples[fate]) else ""
        say(f"   {difference.fates[fate]:,} {CAME[fate]}, such as {ids}{more}")
    if Fate.PERSON_RETRIED in worked:
        say("   What people retry they want to go through; once resolved, nothing opens it again.")
    say("   Narrow its conditions, hold instead of resolving, or ask those who did it. Exit code 3.")


def diff_json(found: RuleDiff, old: NamedRules, new: NamedRules, days: int) -> dict[str, Any]:
    """Return the same for ``--json``."""
    changes = found.changes
    return {
        "old": {"name": old.name, "rules": old.rules.version},
        "new": {"name": new.name, "rules": new.rules.version},
        "days": days,
        "errors": found.errors,
        "added": list(changes.added),
        "removed": list(changes.removed),
        "changed": list(changes.changed),
        "renamed": dict(changes.renamed),
        "moved": list(changes.moved),
        "differences": [
            {
                "rule": each[0] or None,
                "verb": each[1].value,
                "rule_before": each[2] or None,
                "verb_before": each[3].value,
                **_difference_json(difference),
                "unsafe": each in found.unsafe,
            }
            for each, difference in found.differences.items()
        ],
        "cannot_tell": [
            {"rule": rule_id, "fields": list(fields), **_difference_json(difference)}
            for (rule_id, fields), difference in found.unsure.items()
        ],
        "unsafe": bool(found.unsafe),
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    return {
        "errors": difference.fates.total(),
        "came_of_them": {fate.value: count for fate, count in difference.fates.items()},
        "examples": {fate.value: ids for fate, ids in difference.examples.items()},
    }
