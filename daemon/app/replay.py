"""Replay: judge what was recorded with any rules, by the code that the service runs, and see what came of it (P9)."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol

from daemon.core.decisions import Decision, Verb
from daemon.core.facts import Facts
from daemon.core.policy import Caps, decide
from daemon.core.recordings import Fate, Remembered, record_of
from daemon.core.records import Step, StepRef
from daemon.rulebook.hindsight import CannotTell, Hindsight
from daemon.rulebook.ruleset import RuleSet

ACTING = (Verb.RETRY, Verb.RESOLVE)
BACKLOG = "backlog"

PAGE = 2_000


class Past(Protocol):
    """What replaying asks of the store."""

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        """Return the account's steps with their names."""

    async def recorded_steps(self, account: str | None, since: datetime) -> Sequence[StepRef]:
        """Return the steps with errors judged since then; None asks for those of all accounts."""

    async def remembered(
        self, ref: StepRef, since: datetime, *, after: str = "", limit: int = PAGE
    ) -> Sequence[Remembered]:
        """Return the recordings since then of the next *limit* errors of a step, by error id, the oldest first."""

    async def acted_on(self, ref: StepRef, since: datetime) -> Mapping[str, Fate]:
        """Return what came of the errors of a step that were retried or resolved since then, by error id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of the past: from *since* to *now*; None asks for all accounts, flows (id or name) and steps."""

    since: datetime
    now: datetime
    account: str | None = None
    flow: str | None = None
    step: str | None = None

    def includes(self, step: Step) -> bool:
        """Tell whether errors of the step are asked about."""
        flow, of_step = (step.ref.flow_id, step.flow_name), (step.ref.step_id, step.name)
        return self.flow in (None, *flow) and self.step in (None, *of_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembrance:
    """One error of the past on its step: all that was recorded of it, oldest first, and what came of it."""

    step: Step
    recordings: Sequence[Remembered]
    fate: Fate

    @property
    def error_id(self) -> str:
        """Return the error's id."""
        return self.recordings[0].recorded.error_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What is decided about an error: by the rule *rule_id*, "" where none matches.

    *unsure* are the fields of which the recording does not say enough; the rule is the first that may have matched.
    """

    rule_id: str
    verb: Verb
    reason: str
    unsure: tuple[str, ...] = ()

    @property
    def decides(self) -> bool:
        """Tell whether nothing that was recorded of the error later matters any more."""
        return bool(self.unsure) or self.verb in ACTING


async def past_errors(store: Past, asked: Asked) -> AsyncIterator[Remembrance]:
    """Yield every error that was judged in the part of the past that is asked about, step by step."""
    for ref in await store.recorded_steps(asked.account, asked.since):
        step = (await store.steps(ref.account))[ref]
        if not asked.includes(step):
            continue
        acted = await store.acted_on(ref, asked.since)
        after = ""
        while page := await store.remembered(ref, asked.since, after=after):
            for error_id, kept in groupby(page, key=lambda each: each.recorded.error_id):
                recordings = tuple(kept)
                fate = recordings[-1].fate(acted.get(error_id))
                yield Remembrance(step=step, recordings=recordings, fate=fate)
            after = page[-1].recorded.error_id


def decided(error: Remembrance) -> Ruled:
    """Return what was decided about the error: the first time it was to be acted on, else the last time."""
    rulings = (each.recorded.ruling for each in error.recordings)
    return _deciding(Ruled(rule_id=ruling.rule_id, verb=ruling.verb, reason=ruling.reason) for ruling in rulings)


def differs(before: Ruled, after: Ruled) -> bool:
    """Tell whether two decisions about an error differ, of which neither is unsure.

    What was left to people because it was there before Flowmend tells nothing but the rule: the rest was not asked.
    """
    if BACKLOG in (before.reason, after.reason):
        return before.rule_id != after.rule_id
    return (before.rule_id, before.verb) != (after.rule_id, after.verb)


class Judge:
    """Judge errors of the past with one rule set and what the configuration caps."""

    def __init__(self, rules: RuleSet, caps: Caps) -> None:
        self.rules = rules
        self._hindsight = Hindsight(rules)
        self._caps = caps

    def judge(self, error: Remembrance, now: datetime) -> Ruled:
        """Return what these rules would have decided: the first time they would have acted, else the last time."""
        return _deciding(self._each_time(error, now))

    def _each_time(self, error: Remembrance, now: datetime) -> Iterator[Ruled]:
        """Yield what would have been decided at each recording, and whenever mere age would have changed that."""
        for place, each in enumerate(error.recordings):
            later = error.recordings[place + 1 :]
            until = later[0].recorded.judged_at if later else each.left_at or now
            at: datetime | None = each.recorded.judged_at
            while at is not None:
                yield self._at(error.step, each, at)
                at = self.rules.recheck_at(record_of(each.recorded), at)
                at = None if at is None or at >= until else at

    def _at(self, step: Step, remembered: Remembered, at: datetime) -> Ruled:
        recorded, record = remembered.recorded, record_of(remembered.recorded)
        match = self._hindsight.match(step, recorded.said, record, Facts(now=at, attempts=recorded.case.attempts))
        if isinstance(match, CannotTell):
            return Ruled(rule_id=match.rule_id, verb=Verb.NONE, reason="cannot-tell", unsure=match.fields)
        return _ruled(decide(record, match, recorded.case, at, self._caps))


def _ruled(decision: Decision) -> Ruled:
    return Ruled(rule_id=decision.rule_id, verb=decision.verb, reason=decision.reason)


def _deciding(each_time: Iterator[Ruled]) -> Ruled:
    last = next(each_time)
    while not last.decides:
        following = next(each_time, None)
        if following is None:
            return last
        last = following
    return last
