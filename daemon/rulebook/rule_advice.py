"""What one rule by itself leaves to be desired: it resolves too much, looks at the wrong field, or shows no example."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from daemon.core.actions import Resolve, Retry
from daemon.rulebook.ast import AnyOf, Check, Condition, FieldCondition, NotOf, RuleSource, Scalar
from daemon.rulebook.checks import texts
from daemon.rulebook.implication import EQUAL, exact_values
from daemon.rulebook.known_codes import KNOWN_CLASSIFICATIONS, KNOWN_CODES, KNOWN_SOURCES
from daemon.rulebook.notation import Notation
from daemon.rulebook.problems import Problem
from daemon.rulebook.program import fields_of, leaves
from daemon.rulebook.schema_selects import WHERE_NOT_WHICH
from daemon.rulebook.source_lines import SourceLines

PROVING = frozenset({"code", "message", "trace_key", "data", "tags", "assigned_to"})
"""Fields that say which error it is. The others (source, classification, status) many errors share."""

SHORTEST_WORDS = 4
"""Characters of a message that can tell one error from another."""

NEAR = 0.9
"""How alike two names must be to be taken for one with a slip; "pre" and "post" are less."""

NAMED: dict[str, Collection[str]] = {"source": KNOWN_SOURCES, "classification": KNOWN_CLASSIFICATIONS}


def too_wide(source: RuleSource, lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning where a rule resolves errors without asking which they are."""
    action = source.rule.action
    exhausted = isinstance(action, Retry) and action.exhausted == "resolve"
    if not (isinstance(action, Resolve) or exhausted) or _proves(source.when):
        return
    asked = ", ".join(sorted(fields_of(source.when)))
    deed = "resolves, when its attempts are used up," if exhausted else "resolves"
    yield lines.warning(
        "W035",
        f'rule "{source.rule.id}" {deed} whatever fits {asked}: also errors that nobody has seen yet',
        source.place,
        rule=source.rule.id,
        hint="add the code, or the words of the message that prove it",
        why="nothing opens an error again that was resolved: its record would be missing, and nobody would know",
    )


def _proves(condition: Condition) -> bool:
    """Tell whether every way to hold asks for a certain code, message, trace key or the like."""
    if isinstance(condition, FieldCondition):
        return condition.field in PROVING and any(_is_certain(condition.field, check) for check in condition.checks)
    if isinstance(condition, NotOf):
        return False
    every_branch = isinstance(condition, AnyOf)
    return (all if every_branch else any)(_proves(part) for part in condition.parts)


def _is_certain(field: str, check: Check) -> bool:
    if check.operator == "exists":
        return False
    return field != "message" or all(len(text.strip(".*^$ ")) >= SHORTEST_WORDS for text in texts(check.operands))


def code_in_message(sources: Sequence[RuleSource], lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning for each rule that looks for a code in the message, or could ask for the one its errors have."""
    used = {
        value
        for source in sources
        for leaf in leaves(source.when)
        if leaf.field == "code"
        for check in leaf.checks
        for value in exact_values(check) or ()
    }
    for source in sources:
        if "code" not in fields_of(source.when):
            found = _written_in_message(source, used, lines) or _same_in_all_tests(source, lines)
            if found is not None:
                yield found


def _written_in_message(source: RuleSource, used: Collection[Scalar], lines: SourceLines) -> Problem | None:
    codes = {str(test.error["code"]) for test in source.tests if test.expect == "match" and "code" in test.error}
    for leaf in leaves(source.when):
        for check in leaf.checks if leaf.field == "message" and leaf.place else ():
            for text in texts(check.operands) if check.operator != "glob" else ():
                word = text.removeprefix("\\b").removesuffix("\\b").strip("^$:()[]\"' ")
                if _is_code(word, used) and codes <= {word} and leaf.place:
                    notation = Notation.of(leaf.place.file)
                    return lines.warning(
                        "W036",
                        f'"{word}" is a code, and here it is looked for in the message',
                        leaf.place,
                        value=text,
                        rule=source.rule.id,
                        hint=f"write {notation.line('code', word)}",
                        why="a message may quote the code of another error, and is worded otherwise after an update",
                    )
    return None


def _is_code(word: str, used: Collection[Scalar]) -> bool:
    """Tell whether *word* is known as a code: of the common applications, or of another rule."""
    return word in KNOWN_CODES or (word in used and "_" in word and word == word.upper())


def _same_in_all_tests(source: RuleSource, lines: SourceLines) -> Problem | None:
    if fields_of(source.when) - WHERE_NOT_WHICH != {"message"}:
        return None
    meant = {str(test.error.get("code", "")) for test in source.tests if test.expect == "match"}
    other = {str(test.error.get("code", "")) for test in source.tests if test.expect == "no_match"}
    code = next(iter(meant), "")
    if len(meant) != 1 or not code or code in other:
        return None
    place = next(leaf.place for leaf in leaves(source.when) if leaf.field == "message") or source.place
    return lines.warning(
        "W036",
        f'the tests of rule "{source.rule.id}" all have the code "{code}", and the rule looks at the message alone',
        place,
        rule=source.rule.id,
        hint=f"add {Notation.of(place.file).line('code', code)}",
        why="the same words may stand in other errors, and messages change with languages and updates; codes do not",
    )


def untested(source: RuleSource, lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning where no test shows what a rule takes."""
    if any(test.expect == "match" for test in source.tests):
        return
    lacking = "only tests of what it must not take" if source.tests else "no tests"
    notation = Notation.of(source.place.file)
    yield lines.warning(
        "W037",
        f'rule "{source.rule.id}" has {lacking}',
        source.place,
        rule=source.rule.id,
        hint=f"add one error that it must take: {notation.line('tests', [{'match': _sample(source)}])}",
        why="the next change, here or in a rule before it, can take its errors away without anybody noticing",
    )


def _sample(source: RuleSource) -> dict[str, Scalar]:
    """Return the beginning of a test: the values that the rule asks for, as far as they are plain."""
    error: dict[str, Scalar] = {}
    for leaf in leaves(source.when):
        for check in leaf.checks if leaf.field in {"source", "code", "message", "http_status", "step_type"} else ():
            if check.operator in EQUAL or check.operator in {"contains", "starts_with", "ends_with"}:
                error.setdefault(leaf.field, check.operands[0])
    return error or {"message": "…"}


def misspelt(source: RuleSource, lines: SourceLines) -> Iterator[Problem]:
    """Yield a warning for each source or classification that is nearly one of integrator.io's own."""
    for leaf in leaves(source.when):
        known = NAMED.get(leaf.field, ())
        for check in leaf.checks if known and leaf.place else ():
            for value in exact_values(check) or ():
                meant = _near(str(value), known)
                if meant and leaf.place:
                    yield lines.warning(
                        "W038",
                        f'unknown {leaf.field} "{value}"',
                        leaf.place,
                        value=str(value),
                        rule=source.rule.id,
                        hint=f'did you mean "{meant}"?',
                        why="integrator.io is not known to use it; where a name is wrong the condition never holds, and nothing says so",
                    )


def _near(value: str, known: Collection[str]) -> str:
    """Return the known name that *value* is a slip of, or ""; one that is like none may well be right."""
    if value in known:
        return ""
    plain = value.strip().lower().replace("-", "_").replace(" ", "_")
    return plain if plain in known else next(iter(get_close_matches(plain, known, n=1, cutoff=NEAR)), "")
