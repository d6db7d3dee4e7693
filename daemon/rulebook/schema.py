"""The rule file as a whole, and the JSON Schema that editors complete and check with."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from daemon.rulebook.schema_parts import MOST, NOT_EMPTY, Duration, LimitPart, Part, Slug, ThenPart, Word
from daemon.rulebook.schema_selects import SELECTING
from daemon.rulebook.schema_together import RULE_TOGETHER, TEST_TOGETHER
from daemon.rulebook.schema_when import NULL_COUNTS, ScopePart, StepType, Texts, WhenPart

DRAFT = "http://json-schema.org/draft-07/schema#"

Scalar = str | int | float | bool
InlineTable = Annotated[dict[str, Scalar], Field(min_length=1, json_schema_extra={"not": {"required": ["csv"]}})]
TableName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$", max_length=64)]


class CsvTablePart(Part):
    """A lookup table in a CSV file."""

    csv: Word = Field(
        description="The file, beside or below the rule file.",
        examples=["tables/sku.csv"],
        json_schema_extra={"not": {"pattern": r"^/|(^|/)[.][.](/|$)|[\\]"}},
    )
    key: Word = Field(description="The column that is looked up.", examples=["old_sku"])
    value: Word = Field(description="The column that is the result.", examples=["new_sku"])


class ExampleErrorPart(Part):
    """A partial error; the rest is filled in plausibly."""

    model_config = ConfigDict(json_schema_extra=NOT_EMPTY)
    if_ignored = "ignored, the test would test something else"
    account: Word | None = Field(None, description="The account's name.", examples=["acme"])
    integration: Word | None = Field(None, description="The integration's name.", examples=["Shopify - NetSuite"])
    flow: Word | None = Field(None, description="The flow's name.", examples=["Amazon orders to NetSuite"])
    step: Word | None = Field(None, description="The step's name.", examples=["Post sales orders"])
    step_type: StepType | None = Field(None, description="export or import.", examples=["import"])
    source: Word | None = Field(None, description="The part of the step that failed.", examples=["application"])
    code: Word | None = Field(None, description="The error's code.", examples=["DUP_RCRD"])
    message: Word | None = Field(None, description="The error's message.", examples=["This record already exists"])
    trace_key: Word | None = Field(None, description="The record's trace key.", examples=["SO-1001"])
    classification: Word | None = Field(None, description="The platform's class.", examples=["duplicate"])
    classified_by: Word | None = Field(None, description="Who classified it.", examples=["autopilot"])
    assigned_to: Word | None = Field(None, description="Who has it.", examples=["clerk@example.com"])
    tags: Texts | None = Field(None, description="Its tags.", examples=[["F3ZBQ"]])
    http_status: int | None = Field(None, ge=0, le=MOST, description="The failed call's HTTP status.", examples=[429])
    retryable: bool | None = Field(None, description="Whether it can be retried.", examples=[True])
    age: Duration | None = Field(None, description="Time since it occurred.", examples=["10m"])
    attempts: int | None = Field(None, ge=0, le=MOST, description="Retries of the record so far.", examples=[1])


class ExamplePart(Part):
    """One test: an error and what this rule does with it, run through the whole rule set."""

    model_config = ConfigDict(json_schema_extra=TEST_TOGETHER)
    if_ignored = "ignored, the test would test less than it says"
    name: Word | None = Field(None, description="What the test shows.", examples=["names of states become codes"])
    match: ExampleErrorPart | None = Field(
        None, description="This rule must win for this error.", examples=[{"code": "DUP_RCRD"}]
    )
    no_match: ExampleErrorPart | None = Field(
        None, description="This rule must not win for this error.", examples=[{"code": "OTHER"}]
    )
    data: JsonValue = Field(None, description="The retry data's data.", examples=[{"state": "California"}])
    patched: JsonValue = Field(None, description="What data must be after the patch.", examples=[{"state": "CA"}])


class RulePart(Part):
    """One rule; the first rule that matches an error wins."""

    model_config = ConfigDict(json_schema_extra=RULE_TOGETHER)
    if_ignored = "ignored, the rule would do something else than it says"
    id: Slug = Field(description="The rule's name, unique in the whole set.", examples=["netsuite-concurrency"])
    why: Word | None = Field(
        None, description="One sentence for whoever reads the report at night.", examples=["The record itself is fine."]
    )
    classify: Slug | None = Field(
        None, description="The class that the error is counted under.", examples=["transient"]
    )
    owner: Word | None = Field(None, description="Whom to ask about the rule.", examples=["integrations@example.com"])
    mode: Literal["observe", "approve", "enforce"] = Field(
        "enforce", description="How far the rule may go; the daemon's own mode is the ceiling.", examples=["approve"]
    )
    when: WhenPart = Field(description="Which errors the rule is about.", examples=[{"code": "DUP_RCRD"}])
    then: ThenPart = Field(description="What to do: exactly one action.", examples=[{"retry": {"after": "5m"}}])
    limit: LimitPart | None = Field(
        None, description="Lower limits than the configuration's.", examples=[{"per_hour": 50}]
    )
    tests: list[ExamplePart] | None = Field(
        None, min_length=1, description="Tests that `flowmend test` runs.", examples=[[{"match": {"code": "DUP_RCRD"}}]]
    )


class RuleFilePart(Part):
    """A Flowmend rule file."""

    if_ignored = "ignored, nobody would notice that it does nothing"
    version: Literal[1] = Field(description="The format's version: 1.", examples=[1])
    scope: ScopePart | None = Field(
        None, description="Holds for every rule of the file.", examples=[{"flow": "Amazon orders to NetSuite"}]
    )
    tables: dict[TableName, CsvTablePart | InlineTable] | None = Field(
        None, min_length=1, description="Lookup tables for patches.", examples=[{"us_states": {"California": "CA"}}]
    )
    rules: list[RulePart] = Field(
        min_length=1,
        description="The rules, in order: the first that matches wins.",
        examples=[[{"id": "dup", "when": {"code": "DUP_RCRD"}, "then": {"leave": {}}}]],
    )


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (draft-07) of a rule file, the same for YAML and TOML."""
    schema = RuleFilePart.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    whole = _draft_07({**schema, "definitions": definitions})
    whole["definitions"] |= SELECTING
    whole["definitions"]["RulePart"]["properties"]["when"]["allOf"].append({"$ref": "#/definitions/Selects"})
    return {"$schema": DRAFT, "title": "Flowmend rule file", **whole}


def _draft_07(node: Any) -> Any:
    """Drop pydantic's titles and the nulls of keys left out; put ``$ref`` where keys may stand beside it."""
    if isinstance(node, list):
        return [_draft_07(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _draft_07(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}
    if "$ref" in kept and len(kept) > 1:
        kept["allOf"] = [{"$ref": kept.pop("$ref")}]
    if kept.get("default", "") is None:
        del kept["default"]
        if not kept.pop(NULL_COUNTS, False) and "anyOf" in kept:
            choices = [choice for choice in kept.pop("anyOf") if choice != {"type": "null"}]
            kept |= choices[0] if len(choices) == 1 and "$ref" not in choices[0] else {"anyOf": choices}
    return kept
