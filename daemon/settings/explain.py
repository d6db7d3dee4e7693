"""What pydantic found wrong, in words for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from daemon.settings.keys import NAMED, SECRET, field_at, section_at, settable, variable
from daemon.settings.report import shown
from daemon.settings.values import MODES

EXPECTED = {
    "bool_type": "true or false, without quotes",
    "dict_type": "a section",
    "finite_number": "an ordinary number",
    "float_type": "a number, without quotes",
    "int_type": "a whole number, without quotes",
    "is_instance_of": "text in quotes",
    "model_type": "a section",
    "string_type": "text in quotes",
    "tuple_type": "a list in brackets",
}

BOUNDS = {
    "greater_than": ("gt", "it must be more than"),
    "greater_than_equal": ("ge", "the smallest is"),
    "less_than_equal": ("le", "the largest is"),
}

NOT_PASSED_OVER = "Not passed over: the default would stay in force without anybody noticing."

KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a section"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One complaint: *path* is what it is about, *at_key* whether its key (not its value) is wrong."""

    path: tuple[str | int, ...]
    what: str
    hint: str = ""
    more: tuple[str, ...] = ()
    at_key: bool = False


def explain(error: Mapping[str, Any], *, from_environment: bool = False) -> Explained:
    """Put one of pydantic's errors into words; hints name variables where it came *from_environment*."""
    path, kind, value = tuple(error["loc"]), str(error["type"]), error["input"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(path, from_environment=from_environment)
    if path[-1] == "[key]":
        what = f"{shown(path[-2])} cannot be a name in [{path[0]}]"
        more = ("Names are lower-case letters, digits and single dashes between them, 40 at most, such as acme-eu.",)
        return Explained(path=path[:-1], what=what, more=more, at_key=True)
    name = _dotted(path)
    reason: tuple[str, ...] = _reason(path)
    hint = ""
    if kind in EXPECTED:
        what = f"{name} must be {EXPECTED[kind]}, not {_described(path, value)}"
        if EXPECTED[kind] == "a section":
            hint = f"write [{name}]" if not from_environment else f"a key belongs behind it: {variable(path)}__…"
    elif kind in BOUNDS:
        key, words = BOUNDS[kind]
        what = f"{name} is {shown(value)}: {words} {context[key]}"
    elif kind == "missing":
        what = f"{name} is missing"
    elif kind in {"too_short", "string_too_short"}:
        what = f"{name} is empty"
    elif kind == "literal_error":
        allowed = context["expected"].split("'")[1::2]
        what, hint = (
            f"{name} cannot be {shown(value) if isinstance(value, str) else _described(path, value)}",
            _nearest(value, allowed),
        )
        reason = (f"allowed here: {', '.join(allowed)}", *reason)
    elif kind == "refused":
        path = (*path, context["key"]) if context["key"] else path
        what, reason = f"{_dotted(path)} {context['text']}", _reason(path)
    else:
        what = f"{name}: {context.get('error', error['msg'])}"
        hint = _nearest(value, list(MODES)) if path == ("mode",) else ""
    return Explained(path=path, what=what, hint=hint, more=reason)


def _unknown(path: tuple[str | int, ...], *, from_environment: bool) -> Explained:
    key, above = str(path[-1]), path[:-1]
    if from_environment:
        nearest = _nearest(variable(path), [variable(one) for one in _reachable(above)], quote="")
        hint = nearest or "two underscores stand between section and key, as in FLOWMEND_POLL__INTERVAL"
        what = f"sets {_dotted(path)}, which does not exist"
        return Explained(path=path, what=what, hint=hint, more=(NOT_PASSED_OVER,), at_key=True)
    section = section_at(above)
    allowed = list(section.model_fields) if section else []
    homes = [f"[{_dotted(known[:-1])}]".replace("*", "<name>") for known in settable() if known[-1] == key]
    where = f"in [{_dotted(above)}]" if above else "at the top of the configuration"
    return Explained(
        path=path,
        what=f'unknown key "{key}" {where}',
        hint=_nearest(key, allowed) or (f"belongs in {' or '.join(homes)}" if homes else ""),
        more=(f"allowed here: {', '.join(allowed)}", NOT_PASSED_OVER),
        at_key=True,
    )


def _reachable(above: Sequence[str | int]) -> list[tuple[str | int, ...]]:
    """Return the keys that may be set, with the name in *above* in place of the star."""
    name = str(above[1]) if len(above) > 1 and above[0] in NAMED else "NAME"
    return [tuple(name if part == "*" else part for part in path) for path in settable()]


def _nearest(value: object, allowed: Sequence[str], *, quote: str = '"') -> str:
    """Ask whether the most similar of *allowed* was meant; "" where none is similar."""
    by_lower = {one.lower(): one for one in allowed}
    found = get_close_matches(str(value).lower(), by_lower, n=1)
    return f"did you mean {quote}{by_lower[found[0]]}{quote}?" if found else ""


def _reason(path: Sequence[str | int]) -> tuple[str, ...]:
    field = field_at(path)
    return (field.description.replace("\n", " "),) if field is not None and field.description else ()


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path if not isinstance(part, int))


def _described(path: Sequence[str | int], value: object) -> str:
    """Say what stands there: its kind, and where it is harmless, the value too."""
    kind = KINDS.get(type(value), "a date or time")
    harmless = field_at(path) is not None and path[-1] not in SECRET and section_at(path) is None
    return f"{kind} {shown(value)}" if isinstance(value, str | int | float) and harmless else kind
