"""Write a rule file as YAML in the one style of ``flowmend fmt``: short maps in braces, everything else a key a line."""

from collections.abc import Iterator

from daemon.rulebook.formats import ScalarNode
from daemon.rulebook.layout import FILE, TEST, WIDTH, Shape
from daemon.rulebook.sheet import Group, Line, Member, NotCarriedError, aligned
from daemon.rulebook.yaml_quick import FIRST_NEVER

MEANS_MORE = frozenset({
    "true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", ".inf", ".nan", "inf", "nan", "infinity",
})  # fmt: skip
"""Words that other readers of YAML take for something else than text."""
UNCLEAR = ",[]{}:*'\"\\"
"""Signs for which text in braces has quotes, so that everybody sees where it ends."""
ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
NUMBER_SIGNS = frozenset("0123456789.:-+_")


def write_yaml(file: Group) -> str:
    """Return the whole file, which ends in a line feed."""
    return "".join(f"{line}\n" for line in aligned(list(_map(file, FILE, ""))))


def write_tests(tests: Group) -> str:
    """Return items of ``tests``, as they stand below that key in a rule."""
    return "".join(f"{line}\n" for line in aligned(list(_list(tests, TEST, " " * 6))))


def _map(group: Group, shape: Shape, indent: str) -> Iterator[Line]:
    for one in group.members:
        yield from _comments(one.above, indent)
        yield from _entry(one, shape.of(one.key), indent)
    yield from _comments(group.tail, indent)


def _entry(one: Member, shape: Shape, indent: str) -> Iterator[Line]:
    head = f"{indent}{spelled(one.key, braces=True)}:"
    if isinstance(one.value, ScalarNode):
        yield from _scalar(one, head, indent, pattern=one.key == "regex")
        return
    line = f"{head} {_braces(one.value, one.key)}"
    if not one.value.members or (not _opens(one.value, shape) and len(line) <= shape.width):
        yield line, one.beside
    elif shape.filled and not one.value.remarked() and _only_single(one.value):
        yield head, one.beside
        yield from ((text, "") for text in _filled(one.value, f"{indent}  "))
    else:
        yield head, one.beside
        yield from (_map if one.value.is_map else _list)(one.value, shape, f"{indent}  ")


def _list(group: Group, shape: Shape, indent: str) -> Iterator[Line]:
    for one in group.members:
        yield from _comments(one.above, indent)
        if isinstance(one.value, ScalarNode):
            yield f"{indent}- {_flow_scalar(one.value, pattern=False, braces=False)}", one.beside
            continue
        line = f"{indent}- {_braces(one.value, '')}"
        if not one.value.members or (not _opens(one.value, shape) and len(line) <= shape.width):
            yield line, one.beside
            continue
        if one.beside:
            yield f"{indent}{one.beside}", ""
        yield from _below_dash(one.value, shape, indent)
    yield from _comments(group.tail, indent)


def _below_dash(group: Group, shape: Shape, indent: str) -> Iterator[Line]:
    """Yield a map or list whose first line stands behind the dash."""
    yield from _comments(group.members[0].above, indent)
    group.members[0].above = []
    lines = (_map if group.is_map else _list)(group, shape, f"{indent}  ")
    text, comment = next(lines)
    yield f"{indent}- {text[len(indent) + 2 :]}", comment
    yield from lines


def _comments(lines: list[str], indent: str) -> Iterator[Line]:
    for line in lines:
        yield f"{indent}{line}" if line else "", ""


def _opens(group: Group, shape: Shape) -> bool:
    """Tell whether a map or list cannot stand in braces."""
    if shape.open or group.remarked():
        return True
    return not shape.sample and (_lists_maps(group) or any(_lists_maps(one.value) for one in group.members))


def _lists_maps(value: ScalarNode | Group) -> bool:
    if isinstance(value, ScalarNode) or value.is_map:
        return False
    return any(isinstance(one.value, Group) and one.value.is_map for one in value.members)


def _only_single(group: Group) -> bool:
    return all(isinstance(one.value, ScalarNode) for one in group.members)


def _braces(value: ScalarNode | Group, key: str) -> str:
    """Return a value on one line."""
    if isinstance(value, ScalarNode):
        return _flow_scalar(value, pattern=key == "regex", braces=True)
    if value.is_map:
        return f"{{{', '.join(f'{spelled(one.key, braces=True)}: {_braces(one.value, one.key)}' for one in value.members)}}}"
    return f"[{', '.join(_braces(one.value, key) for one in value.members)}]"


def _filled(group: Group, indent: str) -> Iterator[str]:
    """Yield a long map of short entries, as many to a line as there is room for."""
    line = f"{indent}{{"
    for number, one in enumerate(group.members, 1):
        piece = f"{spelled(one.key, braces=True)}: {_braces(one.value, one.key)}"
        piece += "}" if number == len(group.members) else ","
        if number > 1 and len(line) + len(piece) + 1 > WIDTH:
            yield line
            line = f"{indent} {piece}"
        else:
            line += piece if number == 1 else f" {piece}"
    yield line


def _scalar(one: Member, head: str, indent: str, *, pattern: bool) -> Iterator[Line]:
    """Yield a key with its single value; long text is folded, text of several lines keeps them."""
    value = one.value
    if not isinstance(value, ScalarNode):
        raise TypeError
    text = value.value
    line = f"{head} {_flow_scalar(value, pattern=pattern, braces=False, key=one.key)}"
    if isinstance(text, str) and not pattern:
        if "\n" in text and _keeps_lines(text):
            kept = len(text) - len(text.rstrip("\n"))
            yield f"{head} |{'-' if not kept else '' if kept == 1 else '+'}", one.beside
            lines = text.split("\n")
            yield from ((f"{indent}  {part}" if part else "", "") for part in (lines[:-1] if kept else lines))
            return
        if (
            len(line) > WIDTH
            and " " in text
            and text.isprintable()
            and '"' not in text
            and text.split(" ") == text.split()
        ):
            yield f"{head} >-", one.beside
            yield from ((part, "") for part in _folded(text.split(" "), f"{indent}  "))
            return
    yield line, one.beside


def _keeps_lines(text: str) -> bool:
    lines = text.split("\n")
    return bool(lines[0]) and lines[0][0] != " " and all(part.isprintable() and part == part.rstrip() for part in lines)


def _folded(words: list[str], indent: str) -> Iterator[str]:
    line = f"{indent}{words[0]}"
    for word in words[1:]:
        if len(line) + 1 + len(word) > WIDTH:
            yield line
            line = f"{indent}{word}"
        else:
            line += f" {word}"
    yield line


def _flow_scalar(node: ScalarNode, *, pattern: bool, braces: bool, key: str = "") -> str:
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if "e" in node.text.lower():
            raise NotCarriedError("numbers of YAML rule files have no exponent", node)
        return node.text.replace("_", "").removeprefix("+")
    if value == "off" and key == "ramp":
        return value
    return spelled(value, braces=braces, pattern=pattern)


def spelled(text: str, *, braces: bool, pattern: bool = False) -> str:
    """Return *text* with quotes only where it needs them to stay the same text, for any reader of YAML."""
    if not pattern and _needs_no_quotes(text, braces=braces):
        return text
    if text.isprintable() and ("\\" in text or '"' in text or (pattern and "'" not in text)):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(char if char.isprintable() and char not in '"\\' else _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    return ESCAPES.get(char) or (f"\\U{ord(char):08X}" if ord(char) > 0xFFFF else f"\\u{ord(char):04X}")


def _needs_no_quotes(text: str, *, braces: bool) -> bool:
    if not text or not text.isprintable() or text != text.strip() or text[0] in FIRST_NEVER or text[-1] == ":":
        return False
    if text.lower() in MEANS_MORE or ": " in text or " #" in text or (braces and any(sign in text for sign in UNCLEAR)):
        return False
    if text[0] == "-" and not text[1:2].isalpha():
        return False
    return not _like_a_number(text)


def _like_a_number(text: str) -> bool:
    """Tell whether some reader of YAML might take *text* for a number, a time or a date."""
    if text[0] not in NUMBER_SIGNS:
        return False
    bare = text.replace("_", "")
    if set(text) <= NUMBER_SIGNS or (bare[:4].isdigit() and bare[4:5] == "-"):
        return True
    try:
        float(bare)
    except ValueError:
        return bare.lstrip("+-").lower().startswith(("0x", "0o", "0b"))
    return True
