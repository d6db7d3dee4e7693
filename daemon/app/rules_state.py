"""What people and probes are told of the rules: which set is in force, since when, and how the newest reload ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from daemon.rulebook.problems import Problem, summary


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesState:
    """The set in force by its *version* ("" where none is) with *count* rules, *since* when it has been in force.

    *ok* and *tried_at* are of the newest attempt to load the files, *problems* what it found: errors where it was
    refused, warnings in any case.
    """

    version: str = ""
    count: int = 0
    since: datetime | None = None
    ok: bool = True
    tried_at: datetime | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems for which the newest attempt was refused."""
        return tuple(problem for problem in self.problems if problem.is_error)

    def accepted(self, problems: Sequence[Problem], now: datetime) -> Self:
        """Return the state after an attempt that went well."""
        return replace(self, ok=True, tried_at=now, problems=tuple(problems))

    def refused(self, problems: Sequence[Problem], now: datetime) -> Self:
        """Return the state after an attempt that was refused; the set in force is the same as before."""
        return replace(self, ok=False, tried_at=now, problems=tuple(problems))

    def instead(self) -> str:
        """Say which rules are in force."""
        if not self.version:
            return "no rule is in force, so errors are read and nothing is acted on"
        since = f" since {stamp(self.since)}" if self.since else ""
        rules = "1 rule" if self.count == 1 else f"{self.count} rules"
        return f"the last good set, {self.version} with {rules}{since}, stays in force"

    def complaint(self) -> str:
        """Say in a sentence what is wrong with the rule files and which rules are in force instead, or ""."""
        if self.ok:
            return ""
        return (
            f"rules refused ({summary(self.problems)}), first: {sentence(self.errors[0])}; {self.instead()}. "
            "flowmend check shows all of them"
        )


def sentence(problem: Problem) -> str:
    """Return where a problem is, its code and what it is, on one line."""
    return f"{where(problem)} {problem.code} {problem.message}"


def where(problem: Problem) -> str:
    """Return the place of a problem, as messages name it."""
    return f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file


def stamp(moment: datetime) -> str:
    """Return a moment as people read it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
