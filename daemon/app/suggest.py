"""Suggest: what no rule takes, as patterns, with what people did about them and a rule for each."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon.app.error_files import ToldError
from daemon.app.replay import Remembrance
from daemon.core.decisions import Match
from daemon.core.exceptions import RuleError
from daemon.core.facts import Facts
from daemon.core.message_patterns import find_patterns
from daemon.core.recordings import CUT, SIGNS, Fate, Said, record_of, said_by
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.file_finder import FoundFile
from daemon.rulebook.hindsight import Hindsight
from daemon.rulebook.problems import render
from daemon.rulebook.reader import read_found
from daemon.rulebook.redaction import Redaction
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.suggestion import Known, Proposal, propose
from daemon.rulebook.suggestion_text import PLACE, file_text, rules_text
from daemon.rulebook.testing import run_tests

_AS_DIGITS = str.maketrans(dict.fromkeys(SIGNS, "0"))
"""A hidden character belongs to a value, and so do digits."""

DIGITS_OF_AN_ID, CODES_OF_ONE_KIND = 4, 4
"""So many codes that differ in such a number at their end are one code with ids in it."""

NOWHERE = Step(ref=StepRef(account="", flow_id="", step_id=""), type="import")
AT_ANY_TIME = datetime.min.replace(tzinfo=UTC)
"""Suggested rules ask neither where an error is nor when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One error that no rule takes, or that one does (*matched*), and what came of it."""

    error_id: str
    step: Step
    said: Said
    matched: bool
    occurred_at: datetime | None = None
    fate: Fate = Fate.OPEN
    trace: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """A pattern and the rule for it. Of the errors seen, it *takes* so many that no rule takes now.

    *overlap* of those that another rule takes now would be its own if it stood before that rule.
    """

    proposal: Proposal
    takes: int
    overlap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """What was found among *errors*, of which no rule takes *unmatched*: rules, the most frequent pattern first.

    *rare* patterns were seen too seldom, *more* would be beyond the limit, *vague* have too little in common.
    """

    errors: int
    unmatched: int
    patterns: int
    rules: Sequence[Suggested]
    rare: int = 0
    more: int = 0
    vague: int = 0

    @property
    def in_file_order(self) -> Sequence[Proposal]:
        """Return the rules in the order in which they must stand in a file."""
        return _in_file_order([each.proposal for each in self.rules])

    def text(self, indent: int = 2) -> str:
        """Return the rules as entries of a rule file."""
        return rules_text(self.in_file_order, indent)


async def sightings(past: AsyncIterator[Remembrance], rules: RuleSet) -> list[Sighting]:
    """Return the errors of the past, judged by *rules* as they were when they were last judged."""
    hindsight = Hindsight(rules)
    found: list[Sighting] = []
    async for error in past:
        last = error.recordings[-1].recorded
        facts = Facts(now=last.last_at, attempts=last.case.attempts)
        matched = hindsight.match(error.step, last.said, record_of(last), facts) is not None
        found.append(
            Sighting(
                error_id=error.error_id,
                step=error.step,
                said=_shared(last.said),
                matched=matched,
                occurred_at=last.occurred_at,
                fate=error.fate,
                trace=last.trace,
            )
        )
    return found


def told_sightings(told: Iterable[ToldError], rules: RuleSet, now: datetime) -> list[Sighting]:
    """Return errors from a file, without the values in their messages."""
    redaction = Redaction()
    return [
        Sighting(
            error_id=each.record.error_id,
            step=each.step,
            said=_shared(said_by(each.record, redaction.redact(each.record.message))),
            matched=rules.match(each.step, each.record, Facts(now=now, attempts=each.attempts, data=each.data))
            is not None,
            occurred_at=each.record.occurred_at,
        )
        for each in told
    ]


def _shared(said: Said) -> Said:
    """Return *said* without what is one error's own: who has it and how it is tagged."""
    return said._replace(assigned_to="", classified_by="", tags=())


def suggest(seen: Sequence[Sighting], rules: RuleSet, *, days: int, least: int, most: int) -> Suggestions:
    """Return the patterns of what no rule takes and a rule for each that was seen *least* times, *most* of them."""
    unmatched = [each for each in seen if not each.matched]
    latest = _latest(seen)
    patterns = sorted((_known(pattern, each, latest) for pattern, each in _patterns(unmatched)), key=_rank)
    frequent = [known for known in patterns if known.count >= least]
    all_said = list(dict.fromkeys(each.said for each in seen))
    ids = {source.rule.id for source in rules.sources}
    proposals: list[Proposal] = []
    vague = asked = 0
    for known in frequent:
        if len(proposals) == most:
            break
        asked += 1
        mine = set(known.said)
        others = [said for said in all_said if said not in mine]
        proposal = propose(known, others, [one for one in patterns if one is not known], ids, days)
        if proposal is None:
            vague += 1
        else:
            proposals.append(proposal)
            ids.add(proposal.rule_id)
    sound, sources = _sound(_in_file_order(proposals), rules)
    return Suggestions(
        errors=len(seen),
        unmatched=len(unmatched),
        patterns=len(patterns),
        rules=_with_effect(sound, sources, seen),
        rare=len(patterns) - len(frequent),
        more=len(frequent) - asked,
        vague=vague + len(proposals) - len(sound),
    )


def _rank(known: Known) -> tuple[int, float, str]:
    """Return what patterns are ordered by: how many errors, then since when."""
    return -known.count, known.first_at.timestamp() if known.first_at else 0.0, known.pattern


def _patterns(unmatched: Sequence[Sighting]) -> Iterator[tuple[str, Sequence[Sighting]]]:
    """Yield each pattern with its errors; those of different codes are never of one pattern."""
    kinds = Counter(
        (source, _kind(code)) for source, code in {(each.said.source, each.said.code) for each in unmatched}
    )
    by_code: dict[tuple[str, str], dict[Said, list[Sighting]]] = defaultdict(lambda: defaultdict(list))
    for each in unmatched:
        source, code = each.said.source, each.said.code
        kind = source, _kind(code)
        by_code[kind if kinds[kind] >= CODES_OF_ONE_KIND else (source, code)][each.said].append(each)
    for _, by_said in sorted(by_code.items()):
        said = list(by_said)
        for pattern in find_patterns(one.message.removesuffix(CUT).translate(_AS_DIGITS) for one in said):
            yield str(pattern), [each for member in pattern.members for each in by_said[said[member]]]


def _kind(code: str) -> str:
    """Return *code* without the number at its end, if that is long enough to be an id."""
    start = code.rstrip("0123456789")
    return f"{start}…" if start and len(code) - len(start) >= DIGITS_OF_AN_ID else code


def _latest(seen: Sequence[Sighting]) -> Mapping[tuple[StepRef, int], datetime]:
    """Return when the newest error of each case occurred."""
    found: dict[tuple[StepRef, int], datetime] = {}
    for each in seen:
        if each.trace and each.occurred_at is not None:
            case = each.step.ref, each.trace
            found[case] = max(found.get(case, each.occurred_at), each.occurred_at)
    return found


def _known(pattern: str, members: Sequence[Sighting], latest: Mapping[tuple[StepRef, int], datetime]) -> Known:
    retried = [each for each in members if each.fate is Fate.PERSON_RETRIED]
    moments = [each.occurred_at for each in members if each.occurred_at is not None]
    return Known(
        pattern=pattern,
        said=tuple(dict.fromkeys(each.said for each in members)),
        count=len(members),
        open=sum(each.fate is Fate.OPEN for each in members),
        steps=len({each.step.ref for each in members}),
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
        retried=len(retried),
        # without a trace key nobody can tell whether it came back
        worked=sum(latest.get((each.step.ref, each.trace)) == each.occurred_at is not None for each in retried),
        resolved=sum(each.fate is Fate.PERSON_RESOLVED for each in members),
    )


def _in_file_order(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return *proposals* so that of two for one code the narrower goes first; those for any code go last."""
    first: dict[str, int] = {}
    for place, proposal in enumerate(proposals):
        first.setdefault(str(proposal.when.get("code")), place)
    return sorted(proposals, key=lambda one: (_width(one), first[str(one.when.get("code"))], -one.letters, one.rule_id))


def _width(proposal: Proposal) -> int:
    """Return how many codes the rule is for: one, those that begin alike, or any."""
    code = proposal.when.get("code")
    return 0 if isinstance(code, str) else 1 if code else 2


def read_text(text: str) -> Sequence[RuleSource]:
    """Return the rules of *text*, read as a rule file is.

    Raises:
        RuleError: it cannot be loaded.
    """
    found = read_found([FoundFile(name=str(PLACE), path=PLACE, content=text.encode())])
    errors = [problem for problem in found.problems if problem.is_error]
    if errors:
        raise RuleError(f"a suggested rule would not be loaded: {render(errors)}")
    return found.sources


def _sound(proposals: Sequence[Proposal], rules: RuleSet) -> tuple[list[Proposal], Sequence[RuleSource]]:
    """Return those whose tests pass behind all rules that there are, and the rules made of them."""
    left = list(proposals)
    while left:
        sources = read_text(file_text(left))
        whole = compile_rules([*rules.sources, *sources])
        mine = {source.rule.id for source in sources}
        failed = {result.rule_id for result in run_tests(whole, whole.sources) if not result.passed} & mine
        if not failed:
            return left, sources
        left = [proposal for proposal in left if proposal.rule_id not in failed]
    return [], ()


def _with_effect(
    proposals: Sequence[Proposal], sources: Sequence[RuleSource], seen: Sequence[Sighting]
) -> tuple[Suggested, ...]:
    """Return *proposals* with how many of the errors seen each would take, those that take most first."""
    hindsight = Hindsight(compile_rules(sources))
    takes: Counter[tuple[str, bool]] = Counter()
    for (said, matched), count in Counter((each.said, each.matched) for each in seen).items():
        record = ErrorRecord(error_id="", occurred_at=None, source=said.source, code=said.code, message=said.message)
        match = hindsight.match(NOWHERE, said, record, Facts(now=AT_ANY_TIME))
        if isinstance(match, Match):
            takes[match.rule.id, matched] += count
    return tuple(
        Suggested(proposal=each, takes=takes[each.rule_id, False], overlap=takes[each.rule_id, True])
        for each in sorted(proposals, key=lambda one: _rank(one.known))
    )
