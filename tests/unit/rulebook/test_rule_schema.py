"""The JSON Schema says what the readers say, as far as a schema can."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from daemon.rulebook.reader import read_rules
from daemon.rulebook.schema import json_schema

BROKEN = Path(__file__).parents[2] / "rules" / "broken"
GOOD = """\
version: 1
scope: {flow: [Amazon orders to NetSuite, 'Shopify*'], step_type: import}
tables:
  us_states: {California: CA, Texas: TX}
rules:
  - id: netsuite-concurrency
    why: Too many requests ran at once.
    classify: transient
    mode: approve
    when:
      source: application
      code: [A, B, 404]
      http_status: {gte: 500}
      age: {lt: 7d}
      retryable: true
      any: [{trace_key: {starts_with: SO}}, {not: {tags: A}}]
    then:
      retry: {after: 5m, max_attempts: 4, backoff: {factor: 2, max: 1h}, ramp: [3, 30]}
      patch:
        - {op: replace, path: /data/state, value_from: {data: state, lookup: us_states, transform: [trim, {truncate: 2}]}}
    tests:
      - match: {code: A, http_status: 503}
        data: {state: California}
        patched: {state: CA}
  - id: out-of-stock
    when: {message: {contains: [not enough, insufficient], ignore_case: true}, data: {type: invoice, n: {is: null}}}
    then: {hold: {queue: warehouse, edit: [{path: /data/q, type: integer, min: 1}]}, notify: [ops], tag: [F3ZBQ]}
    limit: {per_hour: 50}
"""


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    maps = {name: part for name, part in schema["definitions"].items() if "type" in part}
    for name, part in {"file": schema, **maps}.items():
        yield from ((f"{name}.{key}", value) for key, value in part.get("properties", {}).items())


def test_the_schema_is_a_draft_07_schema() -> None:
    schema = json_schema()
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_every_key_has_a_description_and_an_example_that_is_valid() -> None:
    schema: dict[str, Any] = json_schema()
    for name, value in properties(schema):
        assert value["description"].endswith("."), name
        for example in value["examples"]:
            Draft7Validator({**value, "definitions": schema["definitions"]}).validate(example)
        assert value["examples"], name


def test_every_map_refuses_keys_that_it_does_not_know() -> None:
    schema: dict[str, Any] = json_schema()
    maps = {name: part for name, part in schema["definitions"].items() if part.get("type") == "object"}
    assert len(maps) > 15
    assert {name for name, part in maps.items() if part.get("additionalProperties") is not False} == set()
    assert schema["additionalProperties"] is False


def test_a_good_file_passes_the_schema_and_the_reader(tmp_path: Path) -> None:
    Draft7Validator(json_schema()).validate(loaded(GOOD))
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert [one.code for one in read_rules([path]).problems] == ["W030"]


@pytest.mark.parametrize(
    "name",
    [
        "key-unknown-in-when",
        "key-unknown-in-retry",
        "key-missing-id",
        "key-missing-queue",
        "version-unknown",
        "rules-empty",
        "type-list-for-text",
        "type-number-text",
        "type-yes-for-true",
        "empty-list",
        "slug-with-blanks",
        "choice-mode",
        "range-attempts",
        "duration-in-words",
        "operator-unknown",
        "operator-on-number",
        "action-none",
        "action-two",
        "patch-without-retry",
        "patch-outside-data",
        "patch-transform-unknown",
        "test-says-nothing",
    ],
)
def test_editors_underline_what_the_reader_refuses(name: str) -> None:
    content = loaded((BROKEN / f"{name}.yaml").read_text(encoding="utf-8"))
    assert not Draft7Validator(json_schema()).is_valid(content)
