"""What is allowed in rule files and still hardly meant: every warning that needs whole rules, or several of them."""

from daemon.rulebook.contradictions import conflict, dead_branches, unreachable
from daemon.rulebook.overlaps import overlapping
from daemon.rulebook.problems import Problem, ordered
from daemon.rulebook.reader import RuleFiles
from daemon.rulebook.rule_advice import code_in_message, misspelt, too_wide, untested
from daemon.rulebook.shadows import shadowed
from daemon.rulebook.source_lines import SourceLines


def lint(found: RuleFiles) -> tuple[Problem, ...]:
    """Return warnings about rules that could be loaded; none where the files have errors, which come first.

    What reading already warned of is not repeated; ``found.problems`` has it.
    """
    if found.has_errors:
        return ()
    lines = lines_of(found)
    never = {source.rule.id: reason for source in found.sources if (reason := conflict(source.when))}
    sources = [source for source in found.sources if source.rule.id not in never]
    problems = [
        unreachable(source, never[source.rule.id], lines) for source in found.sources if source.rule.id in never
    ]
    hidden = tuple(shadowed(sources, lines))
    problems += hidden
    acting = [source for source in sources if source.rule.id not in {problem.rule for problem in hidden}]
    for of_all in (overlapping, code_in_message):
        problems += of_all(acting, lines)
    for of_one in (dead_branches, too_wide, misspelt, untested):
        problems += (problem for source in acting for problem in of_one(source, lines))
    return ordered(problems)


def lines_of(found: RuleFiles) -> SourceLines:
    """Return the text of the files that rules came from."""
    return SourceLines({file.name: file.content for file in found.files})
