"""Find the comments of a rule file, and hang each on the key or item that it is about."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

from daemon.rulebook.formats import MappingNode, Node
from daemon.rulebook.sheet import Group, SheetBuilder, Spot
from daemon.rulebook.toml_scanner import TomlScanner

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Where things are in a text, in offsets: its comments, and by its start the end of every value."""

    comments: tuple[Span, ...]
    ends: dict[int, int]
    texts: tuple[Span, ...]


def read_sheet(text: str, root: MappingNode, *, toml: bool) -> Group:
    """Return what stands in *text*, whose tree is *root*, with its comments and single empty lines."""
    marks = _toml_marks(text) if toml else _yaml_marks(text)
    builder = SheetBuilder(text, marks.ends)
    whole = builder.build(root)
    _Hanger(text, whole, builder.spots, toml=toml).hang(marks)
    for spot in builder.spots if toml else ():
        line = text[text.rfind("\n", 0, spot.start) + 1 : spot.start]
        if line.lstrip().startswith("[") and spot.flow is None and spot.member.above[:1] == [""]:
            del spot.member.above[0]  # an empty line before a header is TOML's way, not the writer's
    return whole


def _yaml_marks(text: str) -> Marks:
    ends: dict[int, int] = {}
    texts: list[Span] = []
    comments: list[Span] = []
    open_at: list[int] = []
    at = 0
    event: Any
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, CollectionStartEvent):
            open_at.append(event.start_mark.index if event.flow_style else -1)
        elif isinstance(event, CollectionEndEvent):
            start = open_at.pop()
            if start >= 0:
                ends[start] = event.end_mark.index
        elif isinstance(event, ScalarEvent) and event.end_mark.index > event.start_mark.index:
            start, end = event.start_mark.index, event.end_mark.index
            comments += _comments_in(text, at, start)
            if event.style in {"|", ">"}:  # a comment may stand behind the sign; empty lines follow the text
                comments += _comments_in(text, start, text.find("\n", start))
                end = start + len(text[start:end].rstrip(" \n"))
            ends[start] = end
            texts.append((start, end))
            at = end
    comments += _comments_in(text, at, len(text))
    return Marks(comments=tuple(comments), ends=ends, texts=tuple(texts))


def _comments_in(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the comments in a part of the text that holds nothing else but signs and blanks."""
    at = text.find("#", start, end)
    while at >= 0:
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        yield at, stop
        at = text.find("#", stop, end)


class _MarkingScanner(TomlScanner):
    """Note where values end and comments stand."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.ends: dict[int, int] = {}
        self.texts: list[Span] = []
        self.comments: list[Span] = []

    def _next_statement(self) -> bool:
        start = self.at
        more = super()._next_statement()
        self.comments += _comments_in(self.text, start, self.at)
        return more

    def _value(self, depth: int) -> Node:
        start = self.at
        node = super()._value(depth)
        self.ends[start] = start + len(self.text[start : self.at].rstrip(" \t"))
        if self.text[start] in "\"'":
            self.texts.append((start, self.at))
        return node


def _toml_marks(text: str) -> Marks:
    scanner = _MarkingScanner(text)
    scanner.document()
    return Marks(comments=tuple(scanner.comments), ends=scanner.ends, texts=tuple(scanner.texts))


class _Hanger:
    """Hang comments on members, going through the text once."""

    def __init__(self, text: str, whole: Group, spots: list[Spot], *, toml: bool) -> None:
        self.text = text
        self.whole = whole
        self.spots = spots
        self.toml = toml
        self.starts = [spot.start for spot in spots]
        self.columns = {id(spot.parents[-1]): spot.column for spot in reversed(spots) if spot.flow is None}
        self.by_end = sorted(
            [(spot.end, number) for number, spot in enumerate(spots)]
            + [(spot.key_end, number) for number, spot in enumerate(spots) if spot.key_end > spot.start]
        )

    def hang(self, marks: Marks) -> None:
        comments = dict(marks.comments)
        empty = set(self._empty_lines(marks.texts))
        waiting = False
        for at in sorted({*comments, *empty, *self.starts}):
            if at in empty:
                waiting = True
            elif at in comments:
                waiting = self._one(at, self.text[at : comments[at]].rstrip(), after_empty=waiting)
            else:
                spot = self._first_at(at)
                if waiting and spot.flow is None:
                    spot.member.above.append("")
                waiting = False

    def _one(self, at: int, comment: str, *, after_empty: bool) -> bool:
        line_start = self.text.rfind("\n", 0, at) + 1
        place = bisect_right(self.by_end, (at, len(self.spots))) - 1
        if place >= 0 and self.by_end[place][0] > line_start:
            member = self._first_at(self.spots[self.by_end[place][1]].start, of=self.by_end[place][1]).member
            if member.beside:
                member.above.append(comment)
            else:
                member.beside = comment
            return False
        above = self._list_for(at, at - line_start + 1)
        if after_empty:
            above.append("")
        above.append(comment)
        return False

    def _list_for(self, at: int, column: int) -> list[str]:
        """Return the comment lines that the comment at *at*, on a line of its own, belongs to."""
        number = bisect_right(self.starts, at)
        following = self._first_at(self.starts[number]) if number < len(self.starts) else None
        before = self.spots[number - 1] if number else None
        bracket = self._bracket_around(at, before)
        if bracket is not None and (following is None or following.start >= bracket[1]):
            return bracket[2].tail
        if before is not None and bracket is None:
            tail = self._closed(before, following, column)
            if tail is not None:
                return tail.tail
        return self.whole.tail if following is None else following.member.above

    def _closed(self, before: Spot, following: Spot | None, column: int) -> Group | None:
        """Return the group that ended before the comment and that the comment's column says it belongs to.

        TOML has no such columns; there the indentation counts the groups around, as the TOML writer has it.
        """
        around = before.parents[: len(before.parents) if before.flow is None else before.parents.index(before.flow[2])]
        closed = [group for group in around if following is None or group not in following.parents]
        if self.toml:
            level = (column - 1) // 2
            named = around[level] if level < len(around) else None
            return (named if named in closed else closed[-1] if closed else None) if level else None
        fitting = [group for group in closed if 1 < self.columns.get(id(group), 0) <= column]
        return fitting[-1] if fitting else None

    def _bracket_around(self, at: int, before: Spot | None) -> tuple[int, int, Group] | None:
        """Return the innermost open bracket around *at*."""
        if before is None:
            return None
        own = before.member.value
        inside = [spot.flow for spot in self.spots if spot.flow and spot.flow[0] < at < spot.flow[1]]
        if not inside and isinstance(own, Group) and not own.members and before.key_end < at < before.end:
            return before.key_end, before.end, own
        return max(inside, key=lambda flow: flow[0]) if inside else None

    def _first_at(self, start: int, *, of: int | None = None) -> Spot:
        """Return the outermost member that begins at *start* (or *of*); in a TOML header the one that it is about."""
        number = bisect_left(self.starts, start) if of is None else of
        line_start = self.text.rfind("\n", 0, start) + 1
        if self.toml and self.text[line_start:start].lstrip().startswith("["):
            number = max(number, bisect_left(self.starts, self.text.find("]", start)) - 1)
        return self.spots[number]

    def _empty_lines(self, texts: tuple[Span, ...]) -> Iterator[int]:
        at = 0
        for line in self.text.split("\n")[:-1]:
            number = bisect_right(texts, (at, len(self.text))) - 1
            if not line.strip() and not (number >= 0 and texts[number][0] < at < texts[number][1]):
                yield at
            at += len(line) + 1
