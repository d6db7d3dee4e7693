"""How the past under other rules is shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from daemon.app.replay_report import Before, Doubt, Replayed, RuleLine
from daemon.cli.render import console, number, plural, say, table
from daemon.core.decisions import Verb
from daemon.rulebook.ruleset import RuleSet

HIDDEN = {"message": "values in the message", "trace_key": "trace key", "data": "retry data"}
VERBS = (Verb.RETRY, Verb.RESOLVE, Verb.HOLD, Verb.LEAVE)
DONE = {
    Verb.RETRY: "retried",
    Verb.RESOLVE: "resolved",
    Verb.HOLD: "held",
    Verb.LEAVE: "left alone",
    Verb.NONE: "unmatched",
}
WAYS = 3


def show_replayed(replayed: Replayed, rules: RuleSet, days: int) -> None:
    """Print a line a rule, what no rule takes, and what cannot be told."""
    if not replayed.errors:
        return
    say(f"{plural(replayed.errors, 'error')} of the last {plural(days, 'day')}, judged by {rules.version}\n")
    drawn = table(
        "rule", "takes", "retry", "resolve", "hold", "leave", "decided otherwise then", right=("takes", *VERBS)
    )
    idle = 0
    for source in rules.sources:
        line = replayed.lines.get(source.rule.id)
        if line is None:
            idle += 1
        else:
            _add(drawn, source.rule.id, line)
    if "" in replayed.lines:
        _add(drawn, "(no rule)", replayed.lines[""])
    console().print(drawn)
    if idle:
        say(f"\n{plural(idle, 'rule')} would have taken nothing.")
    if replayed.backlog:
        say(
            f"\n{plural(replayed.backlog, 'error')} were there before Flowmend and left to people then; here they are "
            "judged like the rest."
        )
    show_unsure(replayed.unsure)


def _add(drawn: Any, name: str, line: RuleLine) -> None:
    counts = [number(line.verbs[verb]) for verb in VERBS]
    drawn.add_row(name, number(sum(line.verbs.values())), *counts, ways(line.otherwise.items()) or "·")


def ways(counts: Iterable[tuple[Before, int]]) -> str:
    """Say how many errors went which way then, the most frequent first."""
    ordered = sorted(counts, key=lambda each: (-each[1], each[0]))
    shown = [f"{count:,} {way(*before)}" for before, count in ordered[:WAYS]]
    rest = sum(count for _, count in ordered[WAYS:])
    return ", ".join([*shown, f"{rest:,} in other ways"] if rest else shown)


def way(rule_id: str, verb: Verb) -> str:
    """Say what was decided: ``held by out-of-stock``."""
    return f"{DONE[verb]} by {rule_id}" if rule_id else DONE[Verb.NONE]


def show_unsure(unsure: Mapping[Doubt, int]) -> None:
    """Print, for each rule in doubt, how many errors it may have taken, and which fields are not known."""
    if not unsure:
        return
    say(f"\n{plural(sum(unsure.values()), 'error')} cannot be told, because recordings do not say enough:")
    for (rule_id, fields), count in sorted(unsure.items(), key=lambda each: (-each[1], each[0])):
        say(
            f"   {count:,} that {rule_id} may take: it asks about the {' and the '.join(HIDDEN[name] for name in fields)}"
        )
    if any("message" in fields for _, fields in unsure):
        say("   With recordings.messages = true messages are kept with their values from then on.")


def replayed_json(replayed: Replayed, rules: RuleSet, days: int) -> dict[str, Any]:
    """Return the same for ``--json``, every rule in order."""
    return {
        "rules": rules.version,
        "days": days,
        "errors": replayed.errors,
        "by_rule": [
            _line_json(source.rule.id, replayed.lines.get(source.rule.id, RuleLine()), replayed)
            for source in rules.sources
        ],
        "unmatched": _line_json("", replayed.lines.get("", RuleLine()), replayed),
        "decided_otherwise": replayed.otherwise,
        "cannot_tell": sum(replayed.unsure.values()),
        "backlog": replayed.backlog,
    }


def _line_json(rule_id: str, line: RuleLine, replayed: Replayed) -> dict[str, Any]:
    return {
        "rule": rule_id or None,
        "matched": sum(line.verbs.values()),
        **{verb.value: line.verbs[verb] for verb in VERBS},
        "decided_otherwise": [
            {"rule": before or None, "verb": verb.value, "errors": count}
            for (before, verb), count in sorted(line.otherwise.items())
        ],
        "cannot_tell": sum(count for (doubted, _), count in replayed.unsure.items() if doubted == rule_id),
    }
