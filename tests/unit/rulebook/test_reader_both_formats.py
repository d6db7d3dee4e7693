"""Every form of the rule format gives the same rule from YAML and from TOML, and the one that is meant."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import tomlkit
from ruamel.yaml import YAML

from daemon.core.actions import Backoff, EditField, Hold, Leave, Limit, Mode, Resolve, Retry
from daemon.rulebook.ast import (
    AllOf,
    AnyOf,
    Check,
    Condition,
    FieldCondition,
    NotOf,
    PatchOperation,
    RuleSource,
    ValueFrom,
)
from daemon.rulebook.problems import render
from daemon.rulebook.reader import read_rules

HEAD = "version: 1\ntables:\n  states: {California: CA, 'No': 1.5}\nrules:\n  - id: sample\n    why: A sample.\n"


def rule(when: str = "{code: DUP}", then: str = "{leave: {}}", more: str = "") -> str:
    return f"{HEAD}    when: {when}\n    then: {then}\n{more}"


def unplaced(condition: Condition) -> Condition:
    if isinstance(condition, FieldCondition):
        return replace(condition, place=None)
    if isinstance(condition, NotOf):
        return NotOf(part=unplaced(condition.part))
    return replace(condition, parts=tuple(map(unplaced, condition.parts)))


def read(directory: Path, name: str, text: str) -> RuleSource:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    found = read_rules([path])
    assert not found.problems, render(found.problems)
    (source,) = found.sources
    return source


def from_both(directory: Path, yaml_text: str) -> RuleSource:
    """Return the rule of *yaml_text*; the same content written as TOML gives the same, but for its place."""
    source = read(directory, "rules.yaml", yaml_text)
    content = YAML(typ="safe", pure=True).load(yaml_text)
    twin = read(directory, "rules.toml", tomlkit.dumps(content))
    tests = tuple(replace(test, place=None) for test in source.tests)
    assert source.place.file.endswith("rules.yaml")
    assert twin.place.file.endswith("rules.toml")
    source = replace(
        source,
        rule=replace(source.rule, place=""),
        when=unplaced(source.when),
        tests=tests,
        place=replace(source.place, file="", line=0, column=0),
    )
    assert source == replace(
        twin,
        rule=replace(twin.rule, place=""),
        when=unplaced(twin.when),
        tests=tuple(replace(test, place=None) for test in twin.tests),
        place=source.place,
    )
    return source


def on(field: str, *checks: tuple[str, tuple[object, ...]], fold: bool = False, expression: str = "") -> FieldCondition:
    made = tuple(Check(operator=operator, operands=operands) for operator, operands in checks)  # type: ignore[arg-type]
    return FieldCondition(field=field, checks=made, ignore_case=fold, expression=expression)  # type: ignore[arg-type]


DUP = on("code", ("is", ("DUP",)))

CONDITIONS: list[tuple[str, Condition]] = [
    ("{code: DUP}", DUP),
    ("{code: 404}", on("code", ("is", ("404",)))),
    ("{code: [DUP, 404, 1.5]}", on("code", ("in", ("DUP", "404", "1.5")))),
    ("{source: {is: 'no'}}", on("source", ("is", ("no",)))),
    ("{trace_key: {in: [A, B]}}", on("trace_key", ("in", ("A", "B")))),
    ("{message: {contains: exists}}", on("message", ("contains", ("exists",)))),
    (
        "{message: {contains: [a, b], ignore_case: true}}",
        on("message", ("contains", ("a", "b")), fold=True),
    ),
    ("{message: {contains_all: [a, b]}}", on("message", ("contains_all", ("a", "b")))),
    (
        "{message: {starts_with: a, ends_with: [b, c]}}",
        on("message", ("starts_with", ("a",)), ("ends_with", ("b", "c"))),
    ),
    ("{classification: {glob: 'a*[bc]'}}", on("classification", ("glob", ("a*[bc]",)))),
    ("{message: {regex: 'a\\d+'}}", on("message", ("regex", ("a\\d+",)))),
    ("{message: {regex: ['a', 'b']}}", on("message", ("regex", ("a", "b")))),
    ("{classified_by: {exists: false}}", on("classified_by", ("exists", (False,)))),
    ("{tags: [A, B]}", on("tags", ("in", ("A", "B")))),
    ("{http_status: 429}", on("http_status", ("is", (429,)))),
    ("{http_status: [502, 503]}", on("http_status", ("in", (502, 503)))),
    ("{http_status: {gte: 500, lt: 600}}", on("http_status", ("gte", (500,)), ("lt", (600,)))),
    ("{retryable: true}", on("retryable", ("is", (True,)))),
    ("{retryable: {is: false}}", on("retryable", ("is", (False,)))),
    (
        "{code: DUP, age: {gt: 90s, lte: 7d}}",
        AllOf(parts=(DUP, on("age", ("gt", (90,)), ("lte", (604800,))))),
    ),
    ("{code: DUP, age: {gte: 1h30m}}", AllOf(parts=(DUP, on("age", ("gte", (5400,)))))),
    ("{code: DUP, attempts: {lt: 3}}", AllOf(parts=(DUP, on("attempts", ("lt", (3,)))))),
    ("{code: DUP, step_type: import}", AllOf(parts=(DUP, on("step_type", ("is", ("import",)))))),
    (
        "{code: DUP, account: acme, integration: [A, 'B*'], flow: Orders, step: {is: Post}}",
        AllOf(
            parts=(
                DUP,
                on("account", ("glob", ("acme",))),
                on("integration", ("glob", ("A", "B*"))),
                on("flow", ("glob", ("Orders",))),
                on("step", ("is", ("Post",))),
            )
        ),
    ),
    (
        "{code: DUP, flow: 'Orders [PROD] *'}",
        AllOf(parts=(DUP, on("flow", ("glob", ("Orders [[]PROD] *",))))),
    ),
    (
        "{data: {type: invoice, paid: false, n: [1, x], 'lines[0].qty': {gt: 1.5}}}",
        AllOf(
            parts=(
                on("data", ("is", ("invoice",)), expression="type"),
                on("data", ("is", (False,)), expression="paid"),
                on("data", ("in", (1, "x")), expression="n"),
                on("data", ("gt", (1.5,)), expression="lines[0].qty"),
            )
        ),
    ),
    (
        "{any: [{code: DUP}, {all: [{code: A}, {source: B}]}], not: {code: C}}",
        AllOf(
            parts=(
                AnyOf(
                    parts=(
                        DUP,
                        AllOf(parts=(on("code", ("is", ("A",))), on("source", ("is", ("B",))))),
                    )
                ),
                NotOf(part=on("code", ("is", ("C",)))),
            )
        ),
    ),
]


@pytest.mark.parametrize(("when", "expected"), CONDITIONS, ids=[when for when, _ in CONDITIONS])
def test_conditions(when: str, expected: Condition, tmp_path: Path) -> None:
    assert from_both(tmp_path, rule(when)).when == expected


ACTIONS = [
    ("{leave: {}}", Leave()),
    ("{resolve: {because: it is there}}", Resolve(because="it is there")),
    ("{hold: {queue: warehouse}}", Hold(queue="warehouse")),
    (
        (
            "{hold: {queue: w, title: Stock, edit: [{path: /data/q, type: integer, min: 1, max: 9}, "
            "{path: /data/l, one_of: [A, 2, 1.5, true]}]}}"
        ),
        Hold(
            queue="w",
            title="Stock",
            edit=(
                EditField(path="/data/q", type="integer", min=1, max=9),
                EditField(path="/data/l", one_of=("A", 2, 1.5, True)),
            ),
        ),
    ),
    ("{retry: {}}", Retry()),
    (
        (
            "{retry: {after: 5m, max_attempts: 4, backoff: {factor: 1.5, max: 2h}, max_age: 7d, ramp: [1, 10], "
            "exhausted: leave}}"
        ),
        Retry(
            after=timedelta(minutes=5),
            max_attempts=4,
            backoff=Backoff(factor=1.5, longest=timedelta(hours=2)),
            max_age=timedelta(days=7),
            ramp=(1, 10),
            exhausted="leave",
        ),
    ),
    ("{retry: {ramp: 'off', exhausted: resolve}}", Retry(ramp=(), exhausted="resolve")),
]


@pytest.mark.parametrize(("then", "expected"), ACTIONS, ids=[then for then, _ in ACTIONS])
def test_actions(then: str, expected: object, tmp_path: Path) -> None:
    assert from_both(tmp_path, rule(then=then)).rule.action == expected


PATCHES = [
    ("{op: add, path: /data/a/-, value: {b: [1, 0.10, x, true]}}",
     PatchOperation(op="add", path="/data/a/-", value={"b": [1, Decimal("0.10"), "x", True]})),
    ("{op: replace, path: /data, value: x}", PatchOperation(op="replace", path="/data", value="x")),
    ("{op: remove, path: /data/a~1b}", PatchOperation(op="remove", path="/data/a~1b")),
    ("{op: test, path: /data/a, value: 'no'}", PatchOperation(op="test", path="/data/a", value="no")),
    ("{op: move, path: /data/a, from: /data/b}", PatchOperation(op="move", path="/data/a", from_path="/data/b")),
    ("{op: copy, path: /data/a/b, from: /data/a}", PatchOperation(op="copy", path="/data/a/b", from_path="/data/a")),
    ("{op: add, path: /data/a, value_from: {match: state, lookup: states}}",
     PatchOperation(op="add", path="/data/a", value_from=ValueFrom(kind="match", source="state", lookup="states"))),
    ("{op: add, path: /data/a, value_from: {data: 'a.b[0]', default: 1.5}}",
     PatchOperation(
         op="add", path="/data/a",
         value_from=ValueFrom(kind="data", source="a.b[0]", default=Decimal("1.5"), has_default=True))),
    (("{op: add, path: /data/a, value_from: {field: trace_key, transform: [trim, upper, lower, collapse_spaces, digits, "
      "ascii, {truncate: 30}, {prefix: 'X '}, {suffix: 5}, {number: true}]}}"),
     PatchOperation(
         op="add", path="/data/a",
         value_from=ValueFrom(
             kind="field", source="trace_key",
             transforms=(
                 ("trim", None), ("upper", None), ("lower", None), ("collapse_spaces", None), ("digits", None),
                 ("ascii", None), ("truncate", 30), ("prefix", "X "), ("suffix", "5"), ("number", True))))),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "expected"), PATCHES, ids=[operation for operation, _ in PATCHES])
def test_patches(operation: str, expected: PatchOperation, tmp_path: Path) -> None:
    when = "{message: {regex: '(?P<state>[A-Z]+)'}}"
    source = from_both(tmp_path, rule(when, f"{{retry: {{}}, patch: [{operation}]}}"))
    assert source.patch == (expected,)
    assert source.rule.action == Retry(patched=True)


def test_a_rule_has_the_tables_that_its_patch_names(tmp_path: Path) -> None:
    text = rule(then="{retry: {}, patch: [{op: add, path: /data/a, value_from: {data: a, lookup: states}}]}")
    assert from_both(tmp_path, text).tables == {"states": {"California": "CA", "No": Decimal("1.5")}}
    assert from_both(tmp_path, rule()).tables == {}


def test_everything_beside_conditions_and_action(tmp_path: Path) -> None:
    more = (
        "    classify: data\n    owner: someone@example.com\n    mode: approve\n"
        "    limit: {per_cycle: 1, per_hour: 2, per_day: 3, share_of_open: 0.5}\n"
    )
    then = "{resolve: {because: done}, notify: [ops], tag: [F3ZBQ, 7], assign: clerk@example.com}"
    found = from_both(tmp_path, rule(then=then, more=more)).rule
    assert (found.id, found.why, found.classify, found.owner) == ("sample", "A sample.", "data", "someone@example.com")
    assert found.mode is Mode.APPROVE
    assert found.limit == Limit(per_cycle=1, per_hour=2, per_day=3, share_of_open=0.5)
    assert (found.notify, found.tags, found.assign) == (("ops",), ("F3ZBQ", "7"), "clerk@example.com")


def test_a_test_is_kept_as_it_is_written(tmp_path: Path) -> None:
    more = (
        "    tests:\n"
        "      - {name: one, match: {code: 404, http_status: 429, retryable: false, age: 90s, attempts: 2, tags: [A],\n"
        "         step_type: export}, data: {a: 1.5}}\n"
        "      - {no_match: {message: other}}\n"
    )
    first, second = from_both(tmp_path, rule(more=more)).tests
    assert first.error == {
        "code": "404", "http_status": 429, "retryable": False, "age": 90.0, "attempts": 2, "tags": ("A",),
        "step_type": "export",
    }  # fmt: skip
    assert (first.name, first.expect, first.data, first.has_data, first.has_patched) == (
        "one", "match", {"a": Decimal("1.5")}, True, False,
    )  # fmt: skip
    assert (second.expect, second.has_data, second.error) == ("no_match", False, {"message": "other"})


def test_the_files_scope_holds_beside_the_rules_own_conditions(tmp_path: Path) -> None:
    text = rule("{code: DUP, source: A}").replace("tables:", "scope: {flow: [A, B], step_type: import}\ntables:")
    assert from_both(tmp_path, text).when == AllOf(
        parts=(
            on("flow", ("glob", ("A", "B"))),
            on("step_type", ("is", ("import",))),
            DUP,
            on("source", ("is", ("A",))),
        )
    )


@pytest.mark.parametrize(
    ("when", "takes"),
    [
        ("{code: DUP}", False),
        ("{code: DUP, assigned_to: {exists: true}}", True),
        ("{code: DUP, any: [{source: A}, {not: {assigned_to: clerk@example.com}}]}", True),
    ],
)
def test_only_a_rule_that_asks_for_the_assignee_takes_assigned_errors(when: str, takes: bool, tmp_path: Path) -> None:
    assert from_both(tmp_path, rule(when)).rule.takes_assigned is takes


def test_a_rule_knows_its_place(tmp_path: Path) -> None:
    source = read(tmp_path, "rules.yaml", rule("{code: DUP}"))
    assert (source.place.line, source.place.column) == (5, 5)
    assert source.rule.place == f"{tmp_path / 'rules.yaml'}:5"
    assert isinstance(source.when, FieldCondition)
    assert source.when.place is not None
    assert (source.when.place.line, source.when.place.column) == (7, 12)
