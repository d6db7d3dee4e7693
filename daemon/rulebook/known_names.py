"""Hold the names in rules against those that an account has: a flow that was renamed leaves its rules without errors."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches

from daemon.core.facts import Facts
from daemon.core.records import ErrorRecord, Flow, Integration, Step, StepRef
from daemon.rulebook.ast import AllOf, FieldCondition, Place, RuleSource, Scalar
from daemon.rulebook.conditions import compile_condition
from daemon.rulebook.implication import exact_values, holds_on
from daemon.rulebook.problems import Problem
from daemon.rulebook.program import conjuncts, leaves
from daemon.rulebook.source_lines import SourceLines
from daemon.rulebook.subject import Subject

PLACES = ("account", "integration", "flow", "step")
SHOWN = 12
"""How many known names a message lists at most."""

NOBODY = ErrorRecord(error_id="", occurred_at=None)
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""An error and a moment for conditions that look at neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNames:
    """What is known of *account*: its integrations and flows, and all steps; a step never met has no name ("").

    *accounts* are all accounts of the configuration.
    """

    account: str
    accounts: tuple[str, ...]
    integrations: tuple[Integration, ...]
    flows: tuple[Flow, ...]
    steps: tuple[Step, ...]

    @property
    def unmet(self) -> int:
        """Return how many steps were never met, so that their names are not known."""
        return sum(not step.name for step in self.steps)

    def of(self, field: str) -> tuple[tuple[str, str], ...]:
        """Return (id, name) of everything that *field* can be."""
        if field == "account":
            return tuple((name, name) for name in self.accounts)
        if field == "integration":
            return tuple((each.integration_id, each.name) for each in self.integrations)
        if field == "flow":
            return tuple((each.flow_id, each.name) for each in self.flows)
        return tuple((each.ref.step_id, each.name) for each in self.steps)


def unknown_names(sources: Sequence[RuleSource], known: AccountNames, lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning for each name that nothing in the account has, and for each rule whose names have no step."""
    uses = Counter(leaf.place for source in sources for leaf in leaves(source.when))
    seen: set[tuple[Place | None, Scalar]] = set()
    for source in sources:
        about = _is_about(source, known.account)
        unknown = not about
        for leaf, value in _names(source):
            if (leaf.field != "account" and not about) or any(
                _fits(leaf, value, each) for pair in known.of(leaf.field) for each in pair if each
            ):
                continue
            unknown = True
            if (leaf.place, value) not in seen:
                seen.add((leaf.place, value))
                of_scope = uses[leaf.place] > 1 or (leaf.place is not None and leaf.place.line < source.place.line)
                yield _unknown(source, leaf, value, known, lines, rule="" if of_scope else source.rule.id)
        if not unknown:
            yield from _nowhere(source, known, lines)


def _is_about(source: RuleSource, account: str) -> bool:
    """Tell whether the rule can have anything to do with *account*."""
    asked = [part for part in conjuncts(source.when) if isinstance(part, FieldCondition) and part.field == "account"]
    step = Step(ref=StepRef(account=account, flow_id="", step_id=""), type="import")
    return compile_condition(AllOf(parts=tuple(asked))).judge(Subject(step, NOBODY, Facts(now=NEVER))) is True


def _names(source: RuleSource) -> Iterator[tuple[FieldCondition, Scalar]]:
    """Yield every single name, glob or the like that the rule asks for."""
    for leaf in leaves(source.when):
        for check in leaf.checks if leaf.field in PLACES else ():
            if check.operator != "exists":
                one = replace(leaf, checks=(check,))
                yield from ((one, value) for value in check.operands)


def _fits(leaf: FieldCondition, value: Scalar, name: str) -> bool:
    return any(
        holds_on(replace(check, operands=(value,)), name, ignore_case=leaf.ignore_case)
        for check in leaf.checks
        if check.operator != "exists"
    )


def _unknown(
    source: RuleSource, leaf: FieldCondition, value: Scalar, known: AccountNames, lines: SourceLines, *, rule: str
) -> Problem:
    shown = str(value).replace("[[]", "[")
    names = sorted({name or each for each, name in known.of(leaf.field)})
    spelled = {name.casefold(): name for name in names}
    near = get_close_matches(shown.casefold(), spelled, n=1)
    exact = exact_values(leaf.checks[0]) is not None
    where = "the configuration" if leaf.field == "account" else f'account "{known.account}"'
    what = f'no {leaf.field} "{shown}"' if exact else f'no {leaf.field} that fits "{shown}"'
    unmet = f"; {known.unmet} of its {len(known.steps)} steps never had an error, so their names are not known"
    return lines.warning(
        "W040" if exact else "W041",
        f"{where} has {what}",
        leaf.place or source.place,
        value=shown,
        rule=rule,
        hint=f'did you mean "{spelled[near[0]]}"?' if near else "",
        allowed=() if near or len(names) > SHOWN else names,
        why="it does nothing here: a slip, or renamed, or in another account"
        + (unmet if leaf.field == "step" and known.unmet else ""),
    )


def _nowhere(source: RuleSource, known: AccountNames, lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning where each name is known and no step has all of them."""
    asked = [part for part in conjuncts(source.when) if isinstance(part, FieldCondition) and part.field in PLACES]
    if len({part.field for part in asked}) < 2 or _has_step(asked, known.steps):
        return
    told = " and ".join(f"{part.field} {_said(part)}" for part in asked if part.field != "account")
    last = max((part.place for part in asked if part.place), key=lambda place: place.line, default=source.place)
    yield lines.warning(
        "W042",
        f'rule "{source.rule.id}" fits no step of account "{known.account}": nothing has {told} at once',
        last,
        rule=source.rule.id,
        hint="is the step in another flow, or the flow in another integration?",
        why="each of the names exists, and still the rule never acts",
    )


def _has_step(asked: Sequence[FieldCondition], steps: Iterable[Step]) -> bool:
    whole = compile_condition(AllOf(parts=tuple(asked)))
    but_name = compile_condition(AllOf(parts=tuple(part for part in asked if part.field != "step")))
    facts = Facts(now=NEVER)
    return any(
        (whole if step.name else but_name).judge(Subject(step, NOBODY, facts)) for step in steps
    )  # a step without a name yet may be the one


def _said(part: FieldCondition) -> str:
    names = (str(value).replace("[[]", "[") for check in part.checks for value in check.operands)
    return " or ".join(f'"{name}"' for name in names)
