"""How the explanation of an error is shown."""

from typing import Any

from daemon.app.explain import Explained
from daemon.cli.reasons import REASONS
from daemon.cli.render import clean, plural, say, stamp
from daemon.core.plans import PlannedGroup
from daemon.pipeline.judge import Judgement
from daemon.rulebook.explain import Verdict

SHOWN = 300


def show_explained(explained: Explained, *, every: bool) -> None:
    """Print what is known of the error, what becomes of it, the near misses, and (with *every*) all other rules."""
    record, step = explained.record, explained.step
    where = " › ".join(clean(name) for name in (step.integration_name, step.flow_name, step.name) if name)  # noqa: RUF001
    say(f"error {clean(record.error_id) or '(without an id)'}{f' on {where}' if where else ''}")
    for name in ("source", "code", "message", "trace_key"):
        say(f"   {name:<10}{clean(getattr(record, name), SHOWN) or '-'}")
    say(f"   {'occurred':<10}{stamp(record.occurred_at)}\n")
    winner = next((each for each in explained.verdicts if each.matches), None)
    if winner is None:
        say("No rule takes it: it is left alone.")
    else:
        say(f"{winner.source.place}  {winner.source.rule.id} takes it: {clean(winner.source.rule.why, SHOWN)}")
    if explained.judgement is not None:
        _show_decision(explained, explained.judgement)
    near = [each for each in explained.verdicts if each.near and _before(explained, each)]
    if near:
        say("\nNear misses (all but one condition hold):")
        _show_verdicts(near)
    others = [each for each in explained.verdicts if each is not winner and each not in near]
    if every and others:
        say("\nThe other rules, in order:")
        _show_verdicts(others)
    elif others:
        say(f"\n{plural(len(others), 'other rule')} not shown; --all shows every rule")


def _before(explained: Explained, verdict: Verdict) -> bool:
    """Tell whether the rule stood a chance: one after the winner is not asked."""
    ids = [each.source.rule.id for each in explained.verdicts]
    return not explained.winner or ids.index(verdict.source.rule.id) < ids.index(explained.winner)


def _show_decision(explained: Explained, judgement: Judgement) -> None:
    decision, group = judgement.decision, explained.group
    said = clean(decision.detail or REASONS.get(decision.reason, decision.reason), SHOWN)
    when = f", at {stamp(decision.due_at)}" if decision.due_at else ""
    say(f"   decision  {decision.verb.value}, {decision.reason}{when}: {said}")
    say(f"   mode      {decision.mode.name.lower()}")
    say(f"   case      {clean(judgement.case_key)}: {plural(explained.attempts, 'attempt')} so far")
    if group is not None:
        say(f"   next      {_what_goes(group)}")


def _what_goes(group: PlannedGroup) -> str:
    due = f"{group.send:,} of the {group.count:,} that this rule has due on the step may go now"
    return (
        f"{due}; {group.reason}: {clean(group.detail or REASONS.get(group.reason, ''), SHOWN)}" if group.reason else due
    )


def _show_verdicts(shown: list[Verdict]) -> None:
    for each in shown:
        head = f"   {each.source.place}  {each.source.rule.id}"
        if each.matches:
            say(f"{head}: would take it, but stands after the winner")
        else:
            more = f" (and {plural(len(each.failed) - 1, 'other condition')})" if len(each.failed) > 1 else ""
            say(f"{head}: {clean(each.failed[0], SHOWN)}{more}")


def explained_json(explained: Explained) -> dict[str, Any]:
    """Return the explanation for ``--json``, every rule in order."""
    record, judgement, group = explained.record, explained.judgement, explained.group
    told: dict[str, Any] = {
        "errorId": record.error_id,
        "rule": explained.winner or None,
        "rules": [
            {
                "rule": each.source.rule.id,
                "file": each.source.place.file,
                "line": each.source.place.line,
                "matches": each.matches,
                "near": each.near,
                "failed": list(each.failed),
            }
            for each in explained.verdicts
        ],
    }
    if judgement is not None:
        decision = judgement.decision
        told["decision"] = {
            "verb": decision.verb.value,
            "reason": decision.reason,
            "detail": decision.detail,
            "mode": decision.mode.name.lower(),
            "due_at": stamp(decision.due_at),
            "case": judgement.case_key,
            "attempts": explained.attempts,
        }
    if group is not None:
        told["due"] = {"count": group.count, "send": group.send, "reason": group.reason, "detail": group.detail}
    return told
