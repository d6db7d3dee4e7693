"""Read ``tests``: the examples beside a rule, each an error and what the rule does with it."""

from typing import get_args

from daemon.rulebook.ast import RuleTest
from daemon.rulebook.formats import Entry, MappingNode, Node, SequenceNode, plain
from daemon.rulebook.matcher_reader import KINDS
from daemon.rulebook.schema import ExampleErrorPart, ExamplePart
from daemon.rulebook.schema_when import StepType
from daemon.rulebook.typed import TypedReading

NUMBER_LIMIT = 1_000_000


def read_examples(reading: TypedReading, entry: Entry | None, *, patched: bool) -> tuple[RuleTest, ...]:
    """Return the rule's tests; *patched* says whether the rule has a patch."""
    found = (_example(reading, item, patched=patched) for item in reading.items(entry, "tests"))
    return tuple(test for test in found if test)


def _example(reading: TypedReading, node: Node, *, patched: bool) -> RuleTest | None:
    keys = reading.keys(node, ExamplePart)
    given = [name for name in ("match", "no_match") if name in keys]
    if len(given) != 1:
        if isinstance(node, MappingNode):
            message = '"match" and "no_match" in one test' if given else 'neither "match" nor "no_match"'
            hint = "make two tests of it" if given else "say which error the test is about"
            reading.note("E040", keys["no_match"] if given else node, message, hint=hint)
        return None
    expect, result = given[0], keys.get("patched")
    if result and (expect == "no_match" or not patched):
        reason = "this rule is not to match" if expect == "no_match" else "the rule has no patch"
        reading.note("E040", result, f'"patched" cannot be tested: {reason}', hint='leave "patched" out')
    data = keys.get("data")
    if result and not data:
        reading.note("E040", result, '"patched" needs "data" beside it: what the patch changes')
    return RuleTest(
        expect="match" if expect == "match" else "no_match",
        error=_error(reading, keys[expect]),
        name=reading.text(keys.get("name")),
        data=plain(data.value) if data else None,
        has_data=data is not None,
        patched=plain(result.value) if result else None,
        has_patched=result is not None,
        place=reading.place(node),
    )


def _error(reading: TypedReading, entry: Entry) -> dict[str, object]:
    keys = reading.keys(entry.value, ExampleErrorPart, holder=entry)
    if isinstance(entry.value, MappingNode) and not entry.value.entries:
        reading.note("E013", entry, f'"{entry.key}" has no fields', hint="say what the error looks like")
    return {name: _value(reading, name, field) for name, field in keys.items()}


def _value(reading: TypedReading, name: str, entry: Entry) -> object:
    if name == "tags":
        one = not isinstance(entry.value, SequenceNode)
        return (reading.text(entry),) if one else reading.texts(entry)
    kind = KINDS.get(name, "text")
    if kind == "number":
        return reading.whole(entry, low=0, high=NUMBER_LIMIT)
    if kind == "flag":
        return reading.flag(entry)
    if kind == "age":
        return reading.duration(entry).total_seconds()
    if kind == "choice":
        return reading.choice(entry, get_args(StepType), "")
    return reading.text(entry)
