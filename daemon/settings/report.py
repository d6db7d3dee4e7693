"""What is wrong with a configuration, as people read it: the place, the line, a caret, and what to do."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import TextWrapper

from daemon.settings.keys import SECRET, settable

WIDTH = 110
"""Characters of a source line that are shown."""

PROSE = TextWrapper(width=WIDTH, break_long_words=False, break_on_hyphens=False)

SHOWABLE = frozenset(path[-1] for path in settable()) - SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of one line; *line* and *column* count from 1, *width* in characters."""

    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    *where* is a file or a variable, *what* half a sentence, *hint* what was probably meant, *more* further sentences.
    *line* is the source line that *span* points into, "" where there is none.
    """

    where: str
    what: str
    hint: str = ""
    more: tuple[str, ...] = ()
    line: str = ""
    span: Span | None = None

    def __str__(self) -> str:
        """Write the problem on several lines, with nothing in them that a terminal would obey."""
        place = f":{self.span.line}:{self.span.column}" if self.span else ""
        lines = [f"{self.where}{place}  {self.what}"]
        if self.span and self.line:
            lines += _excerpt(self.line, self.span, self.hint)
        elif self.hint:
            lines.append(f"   {self.hint}")
        lines += [f"   {piece}" for text in self.more for piece in PROSE.wrap(text)]
        return "\n".join(printable(line) for line in lines)


def report(problems: Sequence[Problem], sources: str) -> str:
    """Write all *problems*, those of the file in its order and first, and the outcome; *sources* is what was read."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    ordered = sorted(problems, key=lambda one: (one.span.line, one.span.column) if one.span else (sys.maxsize, 0))
    return "\n\n".join([*map(str, ordered), f"configuration refused: {count} in {sources}; nothing was started"])


def printable(text: str) -> str:
    """Return *text* with one mark in place of each character that does not print, so that carets stay in place."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def shown(value: object) -> str:
    """Write *value* as it would stand in the file, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def masked(line: str) -> str:
    """Return *line* cut behind the first ``=`` whose key is not known to hold something harmless (P10)."""
    if "=" not in line:
        return line if line.lstrip().startswith("[") else " ".join(line.split()[:1])
    at = line.find("=")
    while at >= 0:
        key = line[:at].rstrip(" \t\"'").replace(".", " ").replace("{", " ").replace(",", " ").split()[-1:]
        if not key or key[0].strip("\"'") not in SHOWABLE:
            return f"{line[: at + 1]} …"
        at = line.find("=", at + 1)
    return line


def _excerpt(line: str, span: Span, hint: str) -> list[str]:
    start = max(0, min(span.column, len(line)) - WIDTH // 2) if len(line) > WIDTH else 0
    line = line.replace("\t", " ")[start : start + WIDTH]
    column = min(span.column - 1 - start, len(line))
    caret = "^" * max(1, min(span.width, len(line) - column))
    number = str(span.line)
    return [f"{number:>4} | {line}", f"     | {' ' * column}{caret} {hint}".rstrip()]
