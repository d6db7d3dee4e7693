"""Write a rule file as TOML in the one style of ``flowmend fmt``: headers for the parts of a rule, braces for short maps.

A map in braces stands on one line and holds no comments. So a map with comments gets a header of its own; where it
cannot have one, its comments stand above it.
"""

from collections.abc import Iterator

import tomlkit

from daemon.rulebook.formats import ScalarNode
from daemon.rulebook.layout import CONDITIONS, FILE, TEST, WIDE, WIDTH, Shape
from daemon.rulebook.sheet import Group, Line, Member, NotCarriedError, aligned
from daemon.rulebook.toml_scanner import BARE_KEY

INDENT = "  "
NESTED = frozenset({"all", "any", "not"})


def write_toml(file: Group) -> str:
    """Return the whole file, which ends in a line feed.

    Raises:
        NotCarriedError: it holds a value that TOML does not have.
    """
    return _written(_table(file, FILE, (), 0))


def write_tests(tests: Group) -> str:
    """Return items of ``tests``, as they stand behind the rest of a rule.

    Raises:
        NotCarriedError: one holds a value that TOML does not have.
    """
    return _written(_headers(Member(key="tests", value=tests), TEST, ("rules", "tests"), 3))


def _written(all_lines: Iterator[Line]) -> str:
    lines: list[Line] = []
    for line in all_lines:
        if line[0] or line[1] or not _parts_nothing(lines):
            lines.append(line)
    return "".join(f"{line}\n" for line in aligned(lines))


def _parts_nothing(lines: list[Line]) -> bool:
    """Tell whether an empty line here would part nothing: at the beginning, below a header, below an empty line."""
    return not lines or not any(lines[-1]) or lines[-1][0].startswith("[")


def _table(group: Group, shape: Shape, path: tuple[str, ...], level: int) -> Iterator[Line]:
    """Yield the lines below a header: first what needs no header of its own, then the rest.

    Comments behind the last of them are indented by *level*, the number of groups around it: so they find back.
    """
    headed = _headed(group, shape)
    for one in group.members:
        if one not in headed:
            yield from _pair(one, shape.of(one.key))
    for one in headed:
        yield from _headers(one, shape.of(one.key), (*path, key_of(one.key)), level + 1)
    yield from _comments(group.tail, INDENT * level)


def _headed(group: Group, shape: Shape) -> list[Member]:
    """Return the members that get headers; where the order says something, only those behind all others can."""
    wanting: list[Member] = []
    for one in group.members:
        follows = bool(wanting) and isinstance(one.value, Group) and one.value.is_map and bool(one.value.members)
        # Behind a header a map has one, too: so it keeps its place.
        if _wants_header(one, shape.of(one.key)) or (follows and not shape.fixed):
            wanting.append(one)
    if not shape.fixed:
        return wanting
    last = next((at for at, one in enumerate(reversed(group.members)) if one not in wanting), len(group.members))
    return group.members[len(group.members) - last :]


def _wants_header(one: Member, shape: Shape) -> bool:
    value = one.value
    if isinstance(value, ScalarNode) or not value.members:
        return False
    if value.is_map:
        long = len(f"{key_of(one.key)} = {_inline(value)}") > (WIDTH if shape.filled else WIDE)
        return (shape.open and one.key not in NESTED) or value.remarked() or long
    maps = [item.value for item in value.members if isinstance(item.value, Group) and item.value.is_map]
    if len(maps) < len(value.members):
        return False
    return (shape.open and shape is not CONDITIONS) or any(each.remarked() for each in maps)


def _headers(one: Member, shape: Shape, path: tuple[str, ...], level: int) -> Iterator[Line]:
    """Yield a map under its header, or a list of maps under a header each."""
    value = one.value
    name = ".".join(path)
    if isinstance(value, ScalarNode):
        raise TypeError
    if value.is_map:
        silent = not (any(one.above) or one.beside) and len(_headed(value, shape)) == len(value.members)
        if not silent:
            yield from _comments(["", *_from_first(one.above)], "")
            yield f"[{name}]", one.beside
        yield from _table(value, shape, path, level)
        return
    for number, item in enumerate(value.members):
        above = [*one.above, *([one.beside] if one.beside else []), *item.above] if not number else item.above
        yield from _comments(["", *_from_first(above)], "")
        yield f"[[{name}]]", item.beside
        if isinstance(item.value, Group):
            yield from _table(item.value, shape, path, level + 1)
    yield from _comments(value.tail, INDENT * level)


def _from_first(lines: list[str]) -> list[str]:
    return lines[1:] if lines and not lines[0] else lines


def _pair(one: Member, shape: Shape) -> Iterator[Line]:
    yield from _comments(one.above, "")
    head = f"{key_of(one.key)} = "
    value = one.value
    if isinstance(value, ScalarNode):
        yield head + _single(value), one.beside
        return
    if value.is_map:
        yield from _comments(list(value.remarks()), "")
        yield head + _inline(value), one.beside
        return
    maps = any(isinstance(item.value, Group) for item in value.members)
    line = head + _inline(value)
    if not value.remarked() and len(line) <= shape.width and not (maps and len(value.members) > 1):
        yield line, one.beside
        return
    yield f"{head}[", one.beside
    for item in value.members:
        yield from _comments(list(filter(None, item.above)), INDENT)
        if isinstance(item.value, Group):
            yield from _comments(list(item.value.remarks()), INDENT)
        yield f"{INDENT}{_inline(item.value)},", item.beside
    yield from _comments(list(filter(None, value.tail)), INDENT)
    yield "]", ""


def _comments(lines: list[str], indent: str) -> Iterator[Line]:
    for line in lines:
        yield f"{indent}{line}" if line else "", ""


def _inline(value: ScalarNode | Group) -> str:
    """Return a value on one line, without comments."""
    if isinstance(value, ScalarNode):
        return _single(value)
    if not value.is_map:
        return f"[{', '.join(_inline(one.value) for one in value.members)}]"
    inside = ", ".join(f"{key_of(one.key)} = {_inline(one.value)}" for one in value.members)
    return f"{{ {inside} }}" if inside else "{}"


def _single(node: ScalarNode) -> str:
    value = node.value
    if value is None:
        raise NotCarriedError("TOML has no null", node)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return text_of(value)
    return str(value) if isinstance(value, int) else node.text.replace("_", "").removeprefix("+")


def text_of(text: str) -> str:
    """Return *text* in quotes: in single ones where double ones would need backslashes."""
    if ("\\" in text or '"' in text) and "'" not in text and text.isprintable():
        return f"'{text}'"
    return tomlkit.string(text).as_string()


def key_of(key: str) -> str:
    """Return a key, in quotes where it needs them."""
    return key if key and set(key) <= BARE_KEY else text_of(key)
