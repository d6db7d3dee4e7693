"""Read ``then`` and ``limit``: one action, and what may stand beside it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast

from daemon.core.actions import Action, Backoff, EditField, Hold, Leave, Limit, Resolve, Retry
from daemon.rulebook.formats import Entry, Node, ScalarNode
from daemon.rulebook.patch_reader import read_pointer
from daemon.rulebook.schema_parts import (
    BackoffPart,
    EditPart,
    HoldPart,
    LeavePart,
    LimitPart,
    ResolvePart,
    RetryPart,
    ThenPart,
)
from daemon.rulebook.typed import TypedReading, described

ACTIONS = ("retry", "resolve", "hold", "leave")
ATTEMPTS_LIMIT = 100
STAGE_LIMIT = 1_000_000
COUNT_LIMIT = 1_000_000
TYPES = ("string", "integer", "number", "boolean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What ``then`` says. *patch* is the key of the patch, which is read where the rule's patterns are known."""

    action: Action
    patch: Entry | None = None
    notify: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    assign: str = ""


def read_then(reading: TypedReading, entry: Entry) -> Then:
    """Return what the rule does."""
    keys = reading.keys(entry.value, ThenPart, holder=entry)
    given = [name for name in ACTIONS if name in keys]
    if len(given) > 1:
        names = " and ".join(f'"{name}"' for name in given)
        why = "nobody could say which of them the rule would do"
        reading.note("E030", keys[given[1]], f"{names} in one rule: exactly one action", why=why)
    elif not given and not isinstance(entry.value, ScalarNode):
        hint = f'for "do nothing", write {reading.notation.line("leave", {})}'
        reading.note("E030", entry, "no action", inside=True, hint=hint, allowed=ACTIONS)
    patch = keys.get("patch")
    if patch and "retry" not in keys:
        why = "the changed record would never be sent anywhere"
        hint = f"add {reading.notation.line('retry', {'max_attempts': 1})}"
        reading.note("E031", patch, '"patch" needs "retry" beside it', hint=hint, why=why)
    action: Action = Leave()
    for name in given:
        action = _action(reading, name, keys[name], patched=patch is not None)
    return Then(
        action=action,
        patch=patch,
        notify=tuple(reading.slug_of(item, keys["notify"]) for item in reading.items(keys.get("notify"), "channels")),
        tags=reading.texts(keys.get("tag"), "tagIds"),
        assign=_mail(reading, keys.get("assign")),
    )


def read_limit(reading: TypedReading, entry: Entry | None, action: Action | None) -> Limit:
    """Return the rule's own limits."""
    if entry is None:
        return Limit()
    keys = reading.keys(entry.value, LimitPart, holder=entry)
    share = keys.get("share_of_open")
    if share and action and not isinstance(action, Resolve):
        hint = "use per_cycle, per_hour or per_day"
        reading.note("E031", share, '"share_of_open" is for rules that resolve', hint=hint)
    counts = {
        name: reading.whole(keys[name], low=1, high=COUNT_LIMIT) if name in keys else None
        for name in ("per_cycle", "per_hour", "per_day")
    }
    return Limit(**counts, share_of_open=reading.number(share, low=0.001, high=1) if share else None)


def _action(reading: TypedReading, name: str, entry: Entry, *, patched: bool) -> Action:
    if name == "retry":
        return _retry(reading, entry, patched=patched)
    if name == "resolve":
        return Resolve(because=reading.text(reading.keys(entry.value, ResolvePart, holder=entry).get("because")))
    if name == "hold":
        return _hold(reading, entry)
    reading.keys(entry.value, LeavePart, holder=entry)
    return Leave()


def _retry(reading: TypedReading, entry: Entry, *, patched: bool) -> Retry:
    keys = reading.keys(entry.value, RetryPart, holder=entry)
    after = reading.duration(keys.get("after"))
    max_age = reading.duration(keys["max_age"], zero=False) if "max_age" in keys else None
    if max_age and after >= max_age:
        message = '"after" is not shorter than "max_age"'
        reading.note("E018", keys["after"], message, why="when the retry is due, the error is too old for it: never")
    exhausted = reading.choice(keys.get("exhausted"), ("hold", "leave", "resolve"), "hold")
    return Retry(
        after=after,
        max_attempts=reading.whole(keys.get("max_attempts"), 3, low=1, high=ATTEMPTS_LIMIT),
        backoff=_backoff(reading, keys.get("backoff")),
        max_age=max_age,
        ramp=_ramp(reading, keys.get("ramp")),
        exhausted=cast('Literal["hold", "leave", "resolve"]', exhausted),
        patched=patched,
    )


def _backoff(reading: TypedReading, entry: Entry | None) -> Backoff:
    if entry is None:
        return Backoff()
    keys = reading.keys(entry.value, BackoffPart, holder=entry)
    factor = reading.number(keys.get("factor"), 2.0, low=1, high=100)
    return Backoff(factor=factor, longest=reading.duration(keys.get("max"), timedelta(hours=1), zero=False))


def _ramp(reading: TypedReading, entry: Entry | None) -> tuple[int, ...]:
    if entry is None:
        return Retry().ramp
    node = entry.value
    if isinstance(node, ScalarNode):
        if node.value != "off" and node.value is not False:
            hint = "write [3, 30] or off"
            message = f'"ramp" must be a list of numbers or off, not {described(node)}'
            reading.note("E011", node if node.text else entry, message, hint=hint)
        return ()
    items = reading.items(entry, "numbers")
    stages = tuple(reading.whole_of(item, entry, low=1, high=STAGE_LIMIT) for item in items)
    if list(stages) != sorted(set(stages)):
        why = "every stage is larger than the one before; the rest follows the last"
        reading.note("E018", entry, '"ramp" does not grow', why=why)
    return stages


def _hold(reading: TypedReading, entry: Entry) -> Hold:
    keys = reading.keys(entry.value, HoldPart, holder=entry)
    edit = keys.get("edit")
    fields = tuple(_edit_field(reading, item) for item in reading.items(edit, "maps"))
    seen: set[str] = set()
    for field in fields:
        if edit and field.path and field.path in seen:
            reading.note("E038", edit, f'two edit fields for "{field.path}"', hint="make one of them")
        seen.add(field.path)
    return Hold(queue=reading.slug(keys.get("queue")), title=reading.text(keys.get("title")), edit=fields)


def _edit_field(reading: TypedReading, node: Node) -> EditField:
    keys = reading.keys(node, EditPart)
    kind = cast('Literal["string", "integer", "number", "boolean", ""]', reading.choice(keys.get("type"), TYPES, ""))
    low, high = (reading.number_of(keys[name].value, keys[name]) if name in keys else None for name in ("min", "max"))
    limit = keys.get("min") or keys.get("max")
    if limit and kind not in {"integer", "number"}:
        reading.note(
            "E038",
            limit,
            f'"{limit.key}" is for numbers',
            hint=f"add {reading.notation.line('type', 'integer')} or {reading.notation.line('type', 'number')}",
        )
    elif low is not None and high is not None and low > high:
        reading.note("E038", keys["min"], f'"min" is over "max": {low:g} > {high:g}', why="nothing could be entered")
    return EditField(
        path=read_pointer(reading, keys.get("path")),
        type=kind,
        min=low,
        max=high,
        one_of=_choices(reading, keys.get("one_of"), kind),
    )


def _choices(reading: TypedReading, entry: Entry | None, kind: str) -> tuple[str | int | float | bool, ...]:
    found: list[str | int | float | bool] = []
    for node in reading.items(entry):
        if entry is None or not isinstance(node, ScalarNode) or node.value is None:
            reading.wrong(entry or node, node, "a list of single values", entry)
        elif kind and not _is_kind(node.value, kind):
            reading.note("E038", node, f"{described(node)} is not of type {kind}")
        else:
            found.append(node.value)
    return tuple(found)


def _is_kind(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, str):
        return kind == "string"
    return kind == "number" or (kind == "integer" and isinstance(value, int))


def _mail(reading: TypedReading, entry: Entry | None) -> str:
    address = reading.text(entry)
    name, _, domain = address.partition("@")
    if entry and address and not (name and "." in domain and " " not in address and "@" not in domain):
        hint = "write it in full: clerk@example.com"
        reading.note("E039", entry.value, f'"{entry.key}" must be an e-mail address', hint=hint)
    return address
