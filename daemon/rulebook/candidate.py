"""A rule set on trial: read, compiled, and its own tests run, before anything that runs is touched (P8)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from daemon.core.exceptions import RuleError
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.lint import lint
from daemon.rulebook.problems import Problem, ordered
from daemon.rulebook.reader import RuleFiles
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.snapshot import Snapshot, Stamp, is_rule_file, read_snapshot, stamp, take
from daemon.rulebook.testing import RuleTestResult, run_tests

LOOKS = 3
"""How often files that move under the reader are read again before it is said that they do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What the files hold, and every problem with it; *ruleset* is there only where nothing keeps it from being used.

    *tests* is how many tests were run. *tables*, *digest* and *stamp* tell these very files from changed ones; they are
    empty where the files did not hold still.
    """

    read: RuleFiles
    problems: tuple[Problem, ...]
    ruleset: RuleSet | None = field(default=None, repr=False)
    tests: int = 0
    tables: tuple[Path, ...] = ()
    digest: str = ""
    stamp: Stamp | None = None

    @property
    def files(self) -> int:
        """Return how many files hold rules, without those of tables."""
        return sum(is_rule_file(file.name) for file in self.read.files)


def prepare(paths: Sequence[Path]) -> Candidate:
    """Read the rules under *paths*, compile them and run their tests. Takes time and touches nothing: run it aside.

    Nothing is raised: whatever is wrong is among the problems, files that keep changing too.
    """
    for _ in range(LOOKS):
        candidate, before = _try(paths)
        marks = stamp(paths, before.tables)  # between two looks that find the same, so they are marks of just that
        if take(paths, before.tables) == before:
            return replace(candidate, stamp=marks)
    moving = Problem(
        code="E009",
        message="the rule files changed again and again while they were read",
        file=str(paths[0]) if paths else "",
        hint="nothing to do where something is still writing them: they are read again when that has ended",
    )
    return Candidate(read=candidate.read, problems=(moving,))


def _try(paths: Sequence[Path]) -> tuple[Candidate, Snapshot]:
    snapshot, read = read_snapshot(paths)
    problems, ruleset, results = [*read.problems, *lint(read)], None, tuple[RuleTestResult, ...]()
    if not read.has_errors:
        try:
            ruleset = compile_rules(read.sources)
        except RuleError as refused:
            problems.append(Problem(code="E051", message=str(refused), file=read.sources[0].place.file))
        else:
            results = run_tests(ruleset, read.sources)
            problems += _failures(read, results)
    bad = any(problem.is_error for problem in problems)
    candidate = Candidate(
        read=read,
        problems=ordered(problems),
        ruleset=None if bad else ruleset,
        tests=len(results),
        tables=tuple(snapshot.tables),
        digest=snapshot.digest(),
    )
    return candidate, snapshot


def _failures(read: RuleFiles, results: Sequence[RuleTestResult]) -> list[Problem]:
    contents = {file.name: file.content for file in read.files}
    rules = {source.rule.id: source for source in read.sources}
    return [_failure(result, rules[result.rule_id], contents) for result in results if not result.passed]


def _failure(result: RuleTestResult, source: RuleSource, contents: dict[str, bytes]) -> Problem:
    place = result.place or source.place
    line = contents[place.file].decode("utf-8-sig").split("\n")[place.line - 1]
    return Problem(
        code="E050",
        message=f'test "{result.name}" of rule "{result.rule_id}" fails: {result.detail}',
        file=place.file,
        line=place.line,
        column=place.column,
        source=line.rstrip("\r"),
        rule=result.rule_id,
        hint="flowmend test shows expected and found",
        why="a rule that does not do what its own test says would do something else with real errors",
    )
