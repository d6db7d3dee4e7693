"""Find the first rule that holds, at a cost that hardly grows with the number of rules.

What a rule asks is split by when it can be judged (program.py). The step and the fields with few different values
leave a mask of rules, kept per combination (profiles.py); the literals in the message narrow it to a few candidates
(prefilter.py), kept per combination of literals; only these are verified, in the order of the rules. Most messages
leave none. What one came to that did is kept for the next one that reads the same. Trace key, age, attempts and retry
data are judged each time.
"""

from collections.abc import Iterable, Iterator, Sequence

from daemon.core.decisions import Match
from daemon.core.facts import Facts, NeedsData
from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.index import chosen
from daemon.rulebook.memo import Memo
from daemon.rulebook.prefilter import ClauseIndex, Prefilter
from daemon.rulebook.profiles import Profile, Profiles
from daemon.rulebook.program import Judges, Program, Verdict, Verdicts
from daemon.rulebook.subject import Subject, Text, message_of

PLANS_KEPT = 32_768
"""Combinations kept of a profile and the literals found; some 500 bytes each, so 16 MB at worst."""

MESSAGES_KEPT = 8_192
MESSAGE_KEPT_CHARS = 1_024
"""How many messages are kept with their verdicts, and how long they may be: dumps and stack traces hardly repeat."""

Candidate = tuple[Program, Judges]


class Matcher:
    """The programs of all rules behind their indexes and memos."""

    def __init__(
        self, programs: Sequence[Program], prefilter: Prefilter, *, messages_kept: int = MESSAGES_KEPT
    ) -> None:
        self._programs = programs
        self._prefilter = prefilter
        self._profiles = Profiles(programs)
        self._clauses = ClauseIndex([program.clauses for program in programs])
        self._possible: Memo[tuple[int, ...], int] = Memo(PLANS_KEPT)
        self._plans: Memo[tuple[Profile, tuple[int, ...]], tuple[Candidate, ...]] = Memo(PLANS_KEPT)
        self._verdicts: Memo[tuple[Profile, str], Verdicts] = Memo(messages_kept)

    def match(self, step: Step, record: ErrorRecord, facts: Facts) -> Match | NeedsData | None:
        """Return the first rule that holds, or that no rule does, or that retry data is needed to tell."""
        profile = self._profiles.of(step, record, facts)
        subject: Subject | None = None
        verdicts = profile.verdicts
        if verdicts is None:
            message = message_of(record)
            plan = self._plan(profile, message)
            if not plan:
                return None
            key = (profile, record.message) if len(record.message) <= MESSAGE_KEPT_CHARS else None
            verdicts = self._verdicts[key] if key else None
            if verdicts is None:
                subject = Subject(step, record, facts, message)
                verdicts = tuple(_verified(plan, subject))
                if key:
                    self._verdicts.put(key, verdicts)
        if not verdicts:
            return None
        return verdicts[0][1] or _settle(verdicts, subject or Subject(step, record, facts))

    def _plan(self, profile: Profile, message: Text) -> tuple[Candidate, ...]:
        hits = self._prefilter.hits(message)
        if hits is None:
            return tuple((program, program.judges_after(None)) for program in chosen(self._programs, profile.mask))
        possible = self._possible[hits]
        if possible is None:
            possible = self._clauses.possible(hits)
            self._possible.put(hits, possible)
        mask = profile.mask & possible
        if not mask:
            return ()
        plan = self._plans[profile, hits]
        if plan is None:
            plan = tuple(self._candidates(mask, hits))
            self._plans.put((profile, hits), plan)
        return plan

    def _candidates(self, mask: int, hits: tuple[int, ...]) -> Iterator[Candidate]:
        found = frozenset(hits)
        for program in chosen(self._programs, mask):
            if program.possible(found):
                judges = program.judges_after(found)
                yield program, judges
                if not judges and program.late is None:
                    return


def _verified(plan: Iterable[Candidate], subject: Subject) -> Iterator[Verdict]:
    """Yield what may win on this message: rules with something late to judge, up to the first without."""
    for program, judges in plan:
        if all(judge(subject) for judge in judges):
            yield program, program.match(subject) if program.kept else None
            if program.late is None:
                return


def _settle(verdicts: Verdicts, subject: Subject) -> Match | NeedsData | None:
    """Judge what is late, in order."""
    waiting: list[str] = []
    for program, known in verdicts:
        held = program.late is None or program.late.judge(subject)
        if held is None:
            waiting.append(program.rule.id)
        elif held:
            return NeedsData(rule_ids=tuple(waiting)) if waiting else known or program.match(subject)
    return NeedsData(rule_ids=tuple(waiting)) if waiting else None
