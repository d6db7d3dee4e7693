"""The conditions of the rule format as pydantic models; see ``schema_parts`` for how they are used."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from daemon.rulebook.schema_parts import NOT_EMPTY, Duration, Part, Word

Texts = Word | Annotated[list[Word], Field(min_length=1)]
Number = int | float
Numbers = Annotated[list[Number], Field(min_length=1)]
AnyScalar = str | int | float | bool | None
StepType = Literal["export", "import"]

NULL_COUNTS = "null-counts"
"""Marks a key for which null is a value and not the same as leaving it out."""

IGNORE_CASE = Field(
    False, description="true: capital and small letters are the same to text operators.", examples=[True]
)
EXISTS = Field(None, description="true: there is a value; false: there is none.", examples=[True])
WIDER = "ignored, the rule would match more errors than you meant"


Contains = Annotated[
    Texts | None, Field(description="This text, or any of them, somewhere.", examples=["already exists"])
]
ContainsAll = Annotated[
    list[Word] | None,
    Field(min_length=1, description="All of these texts, somewhere.", examples=[["SKU", "not found"]]),
]
StartsWith = Annotated[
    Texts | None, Field(description="This text, or any of them, at the beginning.", examples=["SSS_"])
]
EndsWith = Annotated[Texts | None, Field(description="This text, or any of them, at the end.", examples=["_DISALLWD"])]
Glob = Annotated[
    Texts | None,
    Field(description="The whole text: * is anything, ? one character, [ab] one of these.", examples=["SSS_*"]),
]
BRACKETS = r"\[\^?\]?(?:[^\]\\]|\\(?:[^1-9]|[1-7][0-7]))*\]"
"""A class of characters, in which brackets and question marks stand for themselves."""
REGEX_PATTERN = rf"^(?:[^\\\[(]|\\(?:[^1-9kQ]|[1-7][0-7])|{BRACKETS}|\\Q.*?(?:\\E|$)|\((?!\?(?:<?[=!]|[(#>]|P=)))+$"
"""No look-around and no back-reference, outside of classes; for editors. What else RE2 refuses, only RE2 knows."""
RegexText = Annotated[Word, Field(json_schema_extra={"if": {"type": "string"}, "then": {"pattern": REGEX_PATTERN}})]
Regex = Annotated[
    RegexText | Annotated[list[RegexText], Field(min_length=1)] | None,
    Field(
        description="An RE2 pattern, found anywhere; put it in single quotes.",
        examples=["state .(?P<state>[A-Za-z ]+)"],
    ),
]


WITH_TEXT: dict[str, JsonValue] = {
    **NOT_EMPTY,
    "if": {"required": ["ignore_case"], "properties": {"ignore_case": {"const": True}}},
    "then": {
        "anyOf": [
            {"required": [name]}
            for name in ("is", "in", "contains", "contains_all", "starts_with", "ends_with", "glob", "regex")
        ]
    },
}
"""Operators on text: ``ignore_case`` needs one of them beside it."""


class TextOperators(Part):
    """What can be asked of text; all operators must hold."""

    model_config = ConfigDict(json_schema_extra=WITH_TEXT)
    if_ignored = WIDER
    is_: Word | None = Field(None, alias="is", description="Exactly this text.", examples=["DUP_RCRD"])
    in_: list[Word] | None = Field(
        None, alias="in", min_length=1, description="Exactly one of these texts.", examples=[["A", "B"]]
    )
    contains: Texts | None = Field(
        None, description="This text, or any of them, somewhere.", examples=["already exists"]
    )
    contains_all: ContainsAll = None
    starts_with: StartsWith = None
    ends_with: EndsWith = None
    glob: Glob = None
    regex: Regex = None
    exists: bool | None = EXISTS
    ignore_case: bool = IGNORE_CASE


class NumberOperators(Part):
    """What can be asked of a number; all operators must hold."""

    model_config = ConfigDict(json_schema_extra=NOT_EMPTY)
    if_ignored = WIDER
    is_: Number | None = Field(None, alias="is", description="Exactly this number.", examples=[429])
    in_: Numbers | None = Field(None, alias="in", description="Exactly one of these numbers.", examples=[[502, 503]])
    gt: Number | None = Field(None, description="More than this.", examples=[499])
    gte: Number | None = Field(None, description="This or more.", examples=[500])
    lt: Number | None = Field(None, description="Less than this.", examples=[600])
    lte: Number | None = Field(None, description="This or less.", examples=[599])
    exists: bool | None = EXISTS


class AgeOperators(Part):
    """What can be asked of an age; all operators must hold."""

    model_config = ConfigDict(json_schema_extra=NOT_EMPTY)
    if_ignored = WIDER
    gt: Duration | None = Field(None, description="Older than this.", examples=["10m"])
    gte: Duration | None = Field(None, description="This old or older.", examples=["10m"])
    lt: Duration | None = Field(None, description="Younger than this.", examples=["7d"])
    lte: Duration | None = Field(None, description="This old or younger.", examples=["7d"])
    exists: bool | None = EXISTS


class FlagOperators(Part):
    """What can be asked of true and false."""

    if_ignored = WIDER
    is_: bool = Field(alias="is", description="true or false.", examples=[True])


class ChoiceOperators(Part):
    """What can be asked of a step's type."""

    model_config = ConfigDict(json_schema_extra=NOT_EMPTY)
    if_ignored = WIDER
    is_: StepType | None = Field(None, alias="is", description="export or import.", examples=["import"])
    in_: list[StepType] | None = Field(
        None, alias="in", min_length=1, description="One of these.", examples=[["export", "import"]]
    )


class DataOperators(Part):
    """What can be asked of a value in the retry data; all operators must hold."""

    model_config = ConfigDict(json_schema_extra=WITH_TEXT)
    if_ignored = WIDER
    is_: AnyScalar = Field(
        None,
        alias="is",
        description="Exactly this value.",
        examples=["invoice"],
        json_schema_extra={NULL_COUNTS: True},
    )
    in_: list[AnyScalar] | None = Field(
        None, alias="in", min_length=1, description="Exactly one of these values.", examples=[[1, 2]]
    )
    contains: Contains = None
    contains_all: ContainsAll = None
    starts_with: StartsWith = None
    ends_with: EndsWith = None
    glob: Glob = None
    regex: Regex = None
    gt: Number | None = Field(None, description="More than this number.", examples=[0])
    gte: Number | None = Field(None, description="This number or more.", examples=[1])
    lt: Number | None = Field(None, description="Less than this number.", examples=[100])
    lte: Number | None = Field(None, description="This number or less.", examples=[99])
    exists: bool | None = EXISTS
    ignore_case: bool = IGNORE_CASE


TextMatcher = Texts | TextOperators
NumberMatcher = Number | Numbers | NumberOperators
DataMatcher = AnyScalar | Annotated[list[AnyScalar], Field(min_length=1)] | DataOperators


Account = Annotated[
    TextMatcher | None, Field(description="Account: id, name or glob; a list means any of.", examples=["acme"])
]
Integration = Annotated[
    TextMatcher | None,
    Field(description="Integration: id, name or glob; a list means any of.", examples=["Shopify - NetSuite"]),
]
Flow = Annotated[
    TextMatcher | None,
    Field(description="Flow: id, name or glob; a list means any of.", examples=["Amazon orders to NetSuite"]),
]
Step = Annotated[
    TextMatcher | None,
    Field(description="Step: id, name or glob; a list means any of.", examples=["Post sales orders"]),
]
StepTypeMatcher = Annotated[
    StepType | Annotated[list[StepType], Field(min_length=1)] | ChoiceOperators | None,
    Field(description="export or import.", examples=["import"]),
]


class ScopePart(Part):
    """Where the rules of the file hold."""

    model_config = ConfigDict(json_schema_extra=NOT_EMPTY)
    if_ignored = "ignored, the rules of the file would hold in more places than you meant"
    account: Account = None
    integration: Integration = None
    flow: Flow = None
    step: Step = None
    step_type: StepTypeMatcher = None


class WhenPart(Part):
    """Which errors: every line must hold."""

    model_config = ConfigDict(json_schema_extra=NOT_EMPTY)
    if_ignored = WIDER
    all_: list["WhenPart"] | None = Field(
        None,
        alias="all",
        min_length=1,
        description="All of these must hold.",
        examples=[[{"code": "A"}, {"source": "B"}]],
    )
    any_: list["WhenPart"] | None = Field(
        None,
        alias="any",
        min_length=1,
        description="At least one of these must hold.",
        examples=[[{"code": "A"}, {"code": "B"}]],
    )
    not_: "WhenPart | None" = Field(None, alias="not", description="This must not hold.", examples=[{"code": "A"}])
    account: Account = None
    integration: Integration = None
    flow: Flow = None
    step: Step = None
    step_type: StepTypeMatcher = None
    source: TextMatcher | None = Field(None, description="The part of the step that failed.", examples=["application"])
    code: TextMatcher | None = Field(None, description="The error's code.", examples=["DUP_RCRD"])
    message: TextMatcher | None = Field(
        None, description="The error's message, its first 64 KiB.", examples=[{"contains": "already exists"}]
    )
    trace_key: TextMatcher | None = Field(
        None, description="The record's trace key.", examples=[{"starts_with": "SO-"}]
    )
    classification: TextMatcher | None = Field(
        None, description="What the platform takes the error for.", examples=["intermittent"]
    )
    classified_by: TextMatcher | None = Field(
        None, description="Who classified it: autopilot, or nobody.", examples=["autopilot"]
    )
    assigned_to: TextMatcher | None = Field(
        None,
        description="The person it was given to; only rules that ask for it act on such errors.",
        examples=[{"exists": True}],
    )
    tags: TextMatcher | None = Field(None, description="Tags on the error: any of them.", examples=["F3ZBQ"])
    http_status: NumberMatcher | None = Field(
        None, description="The HTTP status of the call that failed.", examples=[429, {"gte": 500}]
    )
    retryable: bool | FlagOperators | None = Field(
        None, description="Whether the platform kept data to retry with.", examples=[True]
    )
    age: AgeOperators | None = Field(None, description="Time since occurredAt.", examples=[{"gte": "10m"}])
    attempts: NumberMatcher | None = Field(
        None, description="Retries of the same business record so far.", examples=[{"lt": 3}]
    )
    data: dict[str, DataMatcher] | None = Field(
        None,
        min_length=1,
        description="JMESPath expressions into the retry data's data, each with what its value must be.",
        examples=[{"type": "invoice"}],
    )
