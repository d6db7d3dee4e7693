"""Editors and the reader agree: what the JSON Schema underlines is what ``flowmend check`` refuses."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from daemon.rulebook.formats import plain
from daemon.rulebook.reader import read_rules
from daemon.rulebook.schema import json_schema
from daemon.rulebook.toml_format import read_toml
from daemon.rulebook.yaml_format import read_yaml

BROKEN = Path(__file__).parent / "broken"
FILES = sorted(path for path in BROKEN.iterdir() if path.suffix in {".yaml", ".toml"})
VALIDATOR = Draft7Validator(json_schema())

ELSEWHERE = "it hangs on what stands elsewhere in the file or the set"
TWO_VALUES = "it compares two values, which draft-07 cannot"
A_LANGUAGE = "only what runs the expression knows its language whole"
THE_TEXT = "the content is all right; the text it is written in is not"
ANOTHER_FILE = "it stands in another file"
HIDDEN = {
    "edit-min-over-max.yaml": TWO_VALUES,
    "id-twice.yaml": ELSEWHERE,
    "jmespath.yaml": A_LANGUAGE,
    "key-twice.yaml": THE_TEXT,
    "patch-group-unknown.yaml": ELSEWHERE,
    "patch-table-unknown.yaml": ELSEWHERE,
    "ramp-not-growing.yaml": TWO_VALUES,
    "range-never-due.yaml": TWO_VALUES,
    "regex-bracket-open.yaml": A_LANGUAGE,
    "regex-forgets-the-beginning.yaml": A_LANGUAGE,
    "regex-group-twice.yaml": A_LANGUAGE,
    "regex-other-end.yaml": A_LANGUAGE,
    "regex-possessive.yaml": A_LANGUAGE,
    "regex-repeats.yaml": A_LANGUAGE,
    "table-csv-column.yaml": ANOTHER_FILE,
    "table-csv-key-twice.yaml": ANOTHER_FILE,
    "table-csv-missing.yaml": ANOTHER_FILE,
    "toml-csv-missing.toml": ANOTHER_FILE,
    "toml-id-twice.toml": ELSEWHERE,
    "toml-key-twice.toml": THE_TEXT,
    "toml-regex-possessive.toml": A_LANGUAGE,
    "toml-table-twice.toml": THE_TEXT,
    "when-too-deep.yaml": "a schema refers to itself to any depth",
    "yaml-anchor.yaml": THE_TEXT,
    "yaml-tag.yaml": THE_TEXT,
}
"""Mistakes that a schema cannot know, and why."""


def content_of(path: Path) -> object:
    """Return what a file says, as an editor's schema sees it; a text that nobody can take apart says nothing."""
    text = path.read_text(encoding="utf-8")
    root = (read_toml(text) if path.suffix == ".toml" else read_yaml(text)).root
    return None if root is None else plain(root)


def test_of_the_broken_files_the_schema_misses_only_what_it_cannot_know() -> None:
    missed = {path.name for path in FILES if read_rules([path]).has_errors and VALIDATOR.is_valid(content_of(path))}
    assert len(FILES) > 100
    assert missed == set(HIDDEN)


def test_the_schema_refuses_nothing_that_loads() -> None:
    loads = [path for path in FILES if not read_rules([path]).has_errors]
    assert [path.name for path in loads if not VALIDATOR.is_valid(content_of(path))] == []


WHEN: list[dict[str, Any]] = [
    {"source": "a", "http_status": {"gte": 500, "lt": 600, "in": [502]}, "retryable": True},
    {"code": ["A", 4], "message": {"contains": ["x"], "regex": "a", "ignore_case": True}},
    {
        "trace_key": {
            "is": "x",
            "in": ["x"],
            "contains_all": ["x"],
            "starts_with": "a",
            "ends_with": ["b"],
            "glob": "a*",
        }
    },
    {"tags": "a", "flow": {"glob": "A*"}, "step": ["S"], "step_type": "import", "age": {"gt": "1m", "exists": True}},
    {"data": {"a": {"is": None, "gt": 1, "contains": "x"}, "b": "x", "c": [1, "x"]}, "attempts": 1},
    {"any": [{"code": "A"}, {"all": [{"source": "B"}, {"flow": "F"}]}], "step_type": {"in": ["export"]}},
    {"not": {"code": "C"}, "retryable": {"is": False}, "account": "a", "integration": "i"},
]
THEN: list[dict[str, Any]] = [
    {"then": {"retry": {"after": "5m", "max_attempts": 2, "ramp": [3, 30], "exhausted": "leave"}}},
    {"then": {"retry": {"backoff": {"factor": 2, "max": "1h"}, "max_age": "2d", "ramp": "off"}}},
    {"then": {"hold": {"queue": "q", "title": "t", "edit": [{"path": "/data/a", "type": "integer", "min": 1}]}}},
    {"then": {"hold": {"queue": "q", "edit": [{"path": "/data/b", "type": "string", "one_of": ["a"]}]}}},
    {"then": {"resolve": {"because": "x"}}, "limit": {"per_cycle": 1, "share_of_open": 0.5}, "mode": "approve"},
    {"then": {"leave": {}, "notify": ["ops"], "tag": ["a", 5], "assign": "a@example.com"}, "classify": "c", "owner": "o"},
    {"then": {"patch": [{"op": "replace", "path": "/data/a", "value": 1}], "retry": {}},
     "tests": [{"match": {"code": "A"}, "data": {"a": 2}, "patched": {"a": 1}, "name": "n"}]},
    {"then": {"patch": [{"op": "move", "path": "/data/a/-", "from": "/data/b"}], "retry": {}}},
    {"then": {"patch": [{"op": "remove", "path": "/data/a"}], "retry": {}}},
    {"then": {"patch": [{"op": "add", "path": "/data/a", "value_from": {
        "field": "code", "default": 1, "transform": ["trim", {"truncate": 3}, {"prefix": " "}, {"number": True}]}}],
        "retry": {}}},
    {"then": {"leave": {}}, "tests": [{"no_match": {
        "account": "a", "step_type": "import", "source": "a", "code": 4, "message": "x", "tags": ["f"],
        "http_status": 4, "retryable": True, "age": "1m", "attempts": 0}}]},
]  # fmt: skip
SOUND: list[dict[str, Any]] = [
    {"version": 1, "rules": [{"id": "r", "when": when, "then": {"leave": {}}}]} for when in WHEN
]
SOUND += [{"version": 1, "rules": [{"id": "r", "why": "W", "when": {"code": "A"}, **then}]} for then in THEN]
SOUND.append({**SOUND[0], "scope": {"flow": ["A", "B*"], "step": {"is": "x"}}, "tables": {"t": {"a": "b", "c": 1}}})

INSTEAD: list[Any] = [
    "x",
    "",
    " ",
    5,
    -1,
    1.5,
    2_000_000,
    True,
    None,
    [],
    ["x"],
    [None],
    {},
    {"zz": 1},
    "5m",
    "1m1h",
    "/data/q/-",
]
"""What is written in the place of a value of a sound file: every third, beginning with another at each."""


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, part in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from places(part, (*path, key))


def changed(sound: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield files with one thing changed in what *sound* is about: another value, or a key left out."""
    told = "when" if len(sound["rules"][0]) == 3 and sound["rules"][0]["when"] != {"code": "A"} else "then"
    for number, path in enumerate(places(sound)):
        if path[:2] == ("rules", 0) and path[2:3] in ({("id",), ("then",)} if told == "when" else {("id",), ("when",)}):
            continue
        for value in INSTEAD[number % 3 :: 3] if path else ():
            yield f"{path} = {value!r}", _with(sound, path, value)
        holder = deepcopy(sound)
        for key in path[:-1]:
            holder = holder[key]
        if isinstance(holder, dict) and path:
            yield f"{path} left out", _with(sound, path, ...)


def _with(sound: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy: Any = deepcopy(sound)
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    if value is ...:
        del holder[path[-1]]
    return copy  # type: ignore[no-any-return]


UNKNOWABLE = {"E018", "E025"}
"""Values that contradict another value, and expressions that are no JMESPath."""


@pytest.mark.parametrize("sound", SOUND, ids=range(len(SOUND)))
def test_of_generated_files_both_accept_and_refuse_the_same(sound: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    count = 0
    for what, file in [("as it is", sound), *changed(sound)]:
        count += 1
        path.write_text(json.dumps(file), encoding="utf-8")
        codes = {problem.code for problem in read_rules([path]).problems if problem.is_error}
        if not codes or codes - UNKNOWABLE:
            assert VALIDATOR.is_valid(file) is (not codes), f"{what}: {codes or 'loads'}"
    assert count > 20


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/data/a", "value": 1, "from": "/data/b"},
        {"op": "add", "path": "/data/a", "value": 1, "value_from": {"field": "code"}},
        {"op": "move", "path": "/data/a", "from": "/data/b", "value": 1},
        {"op": "remove", "path": "/data/a", "value": 1},
        {"op": "remove", "path": "/data"},
    ],
    ids=str,
)
def test_a_part_too_many_in_a_patch_is_refused_by_both(operation: dict[str, Any], tmp_path: Path) -> None:
    file = {"version": 1, "rules": [{"id": "r", "when": {"code": "A"}, "then": {"retry": {}, "patch": [operation]}}]}
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps(file), encoding="utf-8")
    assert read_rules([path]).has_errors
    assert not VALIDATOR.is_valid(file)
