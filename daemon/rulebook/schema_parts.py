"""The parts of the rule format as pydantic models: key names, what is required, and the editor's texts for each key.

The readers take key names and required keys from here and judge values themselves, because only they know places.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from daemon.rulebook.schema_together import EDIT_TOGETHER, PATCH_TOGETHER, SOURCE_TOGETHER, THEN_TOGETHER

SLUG_PATTERN = "^[a-z0-9]+([-_][a-z0-9]+)*$"
DURATION_PATTERN = "^(?=.)" + "".join(f"([0-9]{{1,15}}{unit})?" for unit in ("w", "d", "h", "m", "s", "ms")) + "$"
STEP_OF_POINTER = "([^~/]|~[01])"
POINTER_PATTERN = f"^/data((/{STEP_OF_POINTER}*)*/{STEP_OF_POINTER}+)?$"
MAIL_PATTERN = "^[^@ ]+@[^@ ]*[.][^@ ]*$"
MOST = 1_000_000

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN, max_length=64)] | Annotated[int, Field(ge=0)]
Duration = Annotated[str, Field(json_schema_extra={"pattern": DURATION_PATTERN})]  # look-ahead is for editors only
Word = Annotated[str, StringConstraints(pattern=r"\S")] | int | float
"""Text; numbers are taken as they are written, so that ``code: 404`` says what it seems to say."""
Pointer = Annotated[str, StringConstraints(pattern=POINTER_PATTERN)]
Place = Annotated[Pointer, Field(json_schema_extra={"not": {"pattern": "/-$"}})]
"""A pointer to what is there already: not behind the last item of a list."""
Positive = Annotated[int, Field(ge=1, le=MOST)]

NOT_EMPTY: dict[str, JsonValue] = {"minProperties": 1}


class Part(BaseModel):
    """A map of the rule format. *if_ignored* says what would happen if a key that it does not know were let pass."""

    model_config = ConfigDict(extra="forbid", defer_build=True, populate_by_name=True)
    if_ignored: ClassVar[str] = "ignored, it would do nothing, and nobody would notice"


def names(model: type[Part]) -> tuple[str, ...]:
    """Return the keys that *model* knows, as files write them."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


def required(model: type[Part]) -> tuple[str, ...]:
    """Return the keys that *model* must have."""
    return tuple(info.alias or name for name, info in model.model_fields.items() if info.is_required())


class BackoffPart(Part):
    """How the pause between two attempts grows."""

    if_ignored = "ignored, the default would hold: pauses double, up to 1h"
    factor: float = Field(2, ge=1, le=100, description="Each pause is this many times the one before.", examples=[2])
    max: Duration = Field("1h", description="No pause is longer than this.", examples=["1h"])


class RetryPart(Part):
    """Run the record again."""

    if_ignored = "ignored, the retry would run with the default instead"
    after: Duration = Field(
        "0s", description="When the first attempt may be made, counted from occurredAt.", examples=["5m"]
    )
    max_attempts: int = Field(
        3, ge=1, le=100, description="How often one business record is tried, by this rule.", examples=[4]
    )
    backoff: BackoffPart = Field(
        default_factory=BackoffPart, description="The pauses between attempts.", examples=[{"factor": 2, "max": "1h"}]
    )
    max_age: Duration | None = Field(
        None, description="Errors older than this are not retried; at most actions.retry_max_age.", examples=["2d"]
    )
    ramp: Annotated[list[Positive], Field(min_length=1)] | Literal["off", False] = Field(
        [3, 30],
        description="3 records first, then 30, then the rest, each stage after the one before was confirmed. off: all at once.",
        examples=[[3, 30], "off"],
    )
    exhausted: Literal["hold", "leave", "resolve"] = Field(
        "hold", description="What happens to the error when all attempts are used up.", examples=["hold"]
    )


class ResolvePart(Part):
    """Close the error on the platform."""

    because: Word = Field(
        description="Why nothing more is to be done; it goes to the audit.",
        examples=["the record exists in the target system"],
    )


class EditPart(Part):
    """One field that people may change on a held error."""

    model_config = ConfigDict(json_schema_extra=EDIT_TOGETHER)
    if_ignored = "ignored, people could enter what they must not"
    path: Place = Field(description="Where the field is, as a JSON Pointer inside /data.", examples=["/data/quantity"])
    type: Literal["string", "integer", "number", "boolean"] | None = Field(
        None, description="What may be entered.", examples=["integer"]
    )
    min: float | None = Field(None, description="The smallest number that may be entered.", examples=[1])
    max: float | None = Field(None, description="The largest number that may be entered.", examples=[100])
    one_of: list[str | float | bool] | None = Field(
        None, min_length=1, description="The only values that may be chosen.", examples=[["WH-1", "WH-2"]]
    )


class HoldPart(Part):
    """Leave the error open on the platform and put it before people."""

    if_ignored = "ignored, people would see the error without it"
    queue: Slug = Field(description="Whose list the error goes to.", examples=["warehouse"])
    title: Word | None = Field(None, description="What the list shows for the error.", examples=["Out of stock"])
    edit: list[EditPart] | None = Field(
        None,
        min_length=1,
        description="The only fields that people may change.",
        examples=[[{"path": "/data/quantity", "type": "integer", "min": 1}]],
    )


class LeavePart(Part):
    """Known, nothing to do: write ``{}``."""


class TruncatePart(Part):
    """Cut the text."""

    truncate: Positive = Field(description="The number of characters that stay.", examples=[30])


Fixed = Annotated[str, StringConstraints(min_length=1)] | int | float
"""Text that may well be a blank."""


class PrefixPart(Part):
    """Put something before the text."""

    prefix: Fixed = Field(description="The text that goes before.", examples=["US-"])


class SuffixPart(Part):
    """Put something behind the text."""

    suffix: Fixed = Field(description="The text that goes behind.", examples=["-EU"])


class NumberPart(Part):
    """Make the text a number."""

    number: Literal[True] = Field(description="Write true.", examples=[True])


PlainTransform = Literal["trim", "upper", "lower", "collapse_spaces", "digits", "ascii"]


RecordField = Literal[
    "source", "code", "message", "trace_key", "classification", "classified_by", "assigned_to", "http_status", "retryable",
]  # fmt: skip


class ValueFromPart(Part):
    """Where a patch takes its value: exactly one of match, data and field."""

    model_config = ConfigDict(json_schema_extra=SOURCE_TOGETHER)
    if_ignored = "ignored, another value than you meant would be written into the record"
    match: Word | None = Field(None, description="A named group of the rule's pattern.", examples=["state"])
    data: Word | None = Field(
        None, description="A JMESPath into the retry data's data.", examples=["shippingAddress.state"]
    )
    field: RecordField | None = Field(None, description="A field of the error.", examples=["trace_key"])
    lookup: Word | None = Field(
        None, description="A table of this file in which the value is looked up.", examples=["us_states"]
    )
    default: JsonValue = Field(
        None,
        description="What to write where there is no value or no entry; without it the error is held.",
        examples=["CA"],
    )
    transform: list[PlainTransform | TruncatePart | PrefixPart | SuffixPart | NumberPart] | None = Field(
        None, min_length=1, description="Steps applied to the value, in order.", examples=[["trim", {"truncate": 30}]]
    )


class PatchPart(Part):
    """One RFC 6902 operation on the retry data."""

    model_config = ConfigDict(json_schema_extra=PATCH_TOGETHER)
    if_ignored = "ignored, the record would be changed in another way than you meant"
    op: Literal["add", "remove", "replace", "move", "copy", "test"] = Field(
        description="What to do; a failed test leaves everything as it is and holds the error.", examples=["replace"]
    )
    path: Pointer = Field(
        description="Where, as a JSON Pointer inside /data.", examples=["/data/shippingAddress/state"]
    )
    from_: Place | None = Field(
        None, alias="from", description="Where move and copy take it from.", examples=["/data/state"]
    )
    value: JsonValue = Field(None, description="The value for add, replace and test.", examples=["CA"])
    value_from: ValueFromPart | None = Field(
        None, description="Where to take the value from, instead of value.", examples=[{"match": "state"}]
    )


class ThenPart(Part):
    """What to do: exactly one of retry, resolve, hold and leave, and what may stand beside it."""

    model_config = ConfigDict(json_schema_extra=THEN_TOGETHER)
    if_ignored = "ignored, the rule would do something else than it says"
    retry: RetryPart | None = Field(
        None, description="Run the record again.", examples=[{"after": "5m", "max_attempts": 4}]
    )
    resolve: ResolvePart | None = Field(
        None, description="Close the error; it cannot be opened again.", examples=[{"because": "it exists already"}]
    )
    hold: HoldPart | None = Field(None, description="Put it before people.", examples=[{"queue": "warehouse"}])
    leave: LeavePart | None = Field(None, description="Known, nothing to do.", examples=[{}])
    patch: list[PatchPart] | None = Field(
        None,
        min_length=1,
        description="Change the retry data before the retry.",
        examples=[[{"op": "replace", "path": "/data/state", "value": "CA"}]],
    )
    notify: list[Slug] | None = Field(
        None, min_length=1, description="Channels of the configuration that are told.", examples=[["ops"]]
    )
    tag: list[Word] | None = Field(
        None, min_length=1, description="tagIds that are added to the error.", examples=[["F3ZBQ"]]
    )
    assign: Annotated[str, StringConstraints(pattern=MAIL_PATTERN)] | None = Field(
        None, description="The e-mail address of the person who gets the error.", examples=["clerk@example.com"]
    )


class LimitPart(Part):
    """Lower limits than the configuration's, for this rule."""

    if_ignored = "ignored, the rule would act without the limit that you meant"
    per_cycle: Positive | None = Field(None, description="Errors acted on in one cycle.", examples=[20])
    per_hour: Positive | None = Field(
        None, description="Errors acted on in one hour (default 500 retries or 50 resolves).", examples=[50]
    )
    per_day: Positive | None = Field(None, description="Errors acted on in one day.", examples=[500])
    share_of_open: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description="Of a step's open errors, what a resolve rule may take per cycle.",
        examples=[0.2],
    )
