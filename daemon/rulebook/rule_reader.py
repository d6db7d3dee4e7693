"""Read one rule: a map under ``rules`` into a ``RuleSource``."""

from collections.abc import Mapping

from daemon.core.actions import Mode, Rule
from daemon.rulebook.ast import AllOf, Condition, FieldCondition, RuleSource
from daemon.rulebook.example_reader import read_examples
from daemon.rulebook.formats import MappingNode, Node
from daemon.rulebook.patch_reader import PatchReader
from daemon.rulebook.schema import RulePart
from daemon.rulebook.then_reader import read_limit, read_then
from daemon.rulebook.typed import TypedReading
from daemon.rulebook.when_reader import WhenReader, asks_for_assigned

MODES = {mode.name.lower(): mode for mode in Mode}


def read_rule(
    reading: TypedReading,
    node: Node,
    *,
    scope: tuple[FieldCondition, ...],
    tables: Mapping[str, Mapping[str, object]],
) -> RuleSource | None:
    """Return the rule in *node*, or None where an error was noted in it.

    *scope* holds beside the rule's own conditions; *tables* are those of its file.
    """
    errors = reading.error_count
    if not isinstance(node, MappingNode):
        reading.wrong(node, node, "a rule: a map with id, when and then")
        return None
    keys = reading.keys(node, RulePart)
    rule_id = reading.slug(keys.get("id"))
    if "why" not in keys:
        hint = "add one sentence for whoever reads the report at night"
        reading.note("W030", keys.get("id", node), 'no "why"', hint=hint)
    when_reader = WhenReader(reading)
    when = when_reader.when(keys["when"]) if "when" in keys else AllOf(parts=())
    then = read_then(reading, keys["then"]) if "then" in keys else None
    patch = PatchReader(reading, groups=when_reader.groups, tables=tables).read(then.patch if then else None)
    limit = read_limit(reading, keys.get("limit"), then.action if then else None)
    tests = read_examples(reading, keys.get("tests"), patched=bool(patch))
    mode = MODES[reading.choice(keys.get("mode"), tuple(MODES), "enforce")]
    why, classify = reading.text(keys.get("why")), reading.slug(keys.get("classify"))
    owner = reading.text(keys.get("owner"))
    if reading.error_count > errors or then is None:
        return None
    place = reading.place(keys["id"])
    own = when.parts if isinstance(when, AllOf) else (when,)
    whole: Condition = AllOf(parts=(*scope, *own)) if scope else when
    used = {operation.value_from.lookup for operation in patch if operation.value_from}
    return RuleSource(
        rule=Rule(
            id=rule_id,
            action=then.action,
            why=why,
            classify=classify,
            owner=owner,
            mode=mode,
            limit=limit,
            notify=then.notify,
            tags=then.tags,
            assign=then.assign,
            takes_assigned=asks_for_assigned(whole),
            place=f"{place.file}:{place.line}",
        ),
        when=whole,
        patch=patch,
        tables={name: table for name, table in tables.items() if name in used},
        tests=tests,
        place=place,
    )
