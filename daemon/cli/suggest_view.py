"""How suggested rules are shown."""

from pathlib import Path
from typing import Any

from daemon.app.suggest import Suggested, Suggestions
from daemon.cli.render import clean, plural, say, stamp
from daemon.rulebook.suggestion import Known, code_of
from daemon.rulebook.suggestion_text import HEAD

PATTERN_SHOWN = 160


def show_suggestions(made: Suggestions, written: Path | None) -> None:
    """Print each pattern with what is known of it, the rules as a file has them, and what to do next."""
    if not made.errors:
        return
    if not made.unmatched:
        nothing = f" Nothing was written to {written}." if written else ""
        say(f"Of {plural(made.errors, 'error')}, each is taken by a rule: there is nothing to suggest.{nothing}")
        return
    say(
        f"{made.unmatched:,} of {plural(made.errors, 'error')} are taken by no rule; they say "
        f"{plural(made.patterns, 'different thing')}."
    )
    for number, each in enumerate(made.rules, start=1):
        say()
        _show(number, each)
    say()
    for line in _left_out(made):
        say(line)
    if not made.rules:
        if written:
            say(f"Nothing was written to {written}.")
        return
    if written is None:
        say(f"\n{HEAD}{made.text()}".rstrip())
        say("\nTo use them: flowmend suggest --write FILE, or copy them into a rule file, and:")
    else:
        say(f"{plural(len(made.rules), 'rule')} written to {written}. What to do next:")
    say("  1. read each rule: say in why what it means, and choose what is to be done")
    say("  2. flowmend check and flowmend test: is it sound, and does it do what its tests say?")
    say("  3. flowmend diff running FOLDER: what would it have done in the past days?")
    say("  4. it only observes; when you have seen that it takes the right errors, change mode to enforce")


def _show(number: int, each: Suggested) -> None:
    known = each.proposal.known
    asked = code_of(known.said)
    code = f" · code {clean(asked.text, 60)}{'' if asked.whole else '…'}" if asked.text else ""
    since = f" since {stamp(known.first_at)}" if known.first_at else ""
    say(f"{number}. {each.proposal.rule_id}: {plural(known.count, 'error')}{since}, {known.open:,} open{code}")
    say(f"   {clean(known.pattern, PATTERN_SHOWN) or '(no message)'}")
    if people := _people(known):
        say(f"   people {people}")
    (action,) = each.proposal.then
    overlap = "none that another rule takes now"
    if each.overlap:
        overlap = f"and would take {each.overlap:,} more that other rules take: keep it behind those"
    say(f"   {action}: takes {each.takes:,} of these errors, {overlap}")


def _people(known: Known) -> str:
    told = []
    if known.retried:
        told.append(f"retried {known.retried:,}, of which {known.worked:,} did not come back")
    if known.resolved:
        told.append(f"resolved {known.resolved:,}")
    return "; ".join(told)


def _left_out(made: Suggestions) -> list[str]:
    lines = []
    if made.more:
        lines.append(f"{plural(made.more, 'more pattern')}: --limit shows more.")
    if made.rare:
        lines.append(f"{plural(made.rare, 'pattern')} seen too rarely: --min-count 1 shows all.")
    if made.vague:
        lines.append(f"{plural(made.vague, 'pattern')} without a rule: there is too little that only these errors say.")
    return lines


def suggestions_json(made: Suggestions, written: Path | None) -> dict[str, Any]:
    """Return the same as JSON; *rules* have what a rule file would say, and *text* is that file."""
    return {
        "errors": made.errors,
        "unmatched": made.unmatched,
        "patterns": made.patterns,
        "rare": made.rare,
        "more": made.more,
        "vague": made.vague,
        "rules": [_rule_json(each) for each in made.rules],
        "text": HEAD + made.text() if made.rules else "",
        "written": str(written) if written and made.rules else None,
    }


def _rule_json(each: Suggested) -> dict[str, Any]:
    proposal, known = each.proposal, each.proposal.known
    return {
        "id": proposal.rule_id,
        "why": proposal.why,
        "classify": proposal.classify,
        "mode": "observe",
        "when": proposal.when,
        "then": proposal.then,
        "tests": list(proposal.tests),
        "pattern": known.pattern,
        "count": known.count,
        "open": known.open,
        "steps": known.steps,
        "first_at": known.first_at,
        "last_at": known.last_at,
        "people": {"retried": known.retried, "did_not_come_back": known.worked, "resolved": known.resolved},
        "effect": {"takes": each.takes, "taken_by_others_now": each.overlap},
    }
