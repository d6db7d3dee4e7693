"""Problems of rule files: what is wrong, where, why it matters and what to write instead, for people who do not program.

Reading never stops at the first one: all problems of all files come back together, as values, and are rendered here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.rulebook.ast import Place
from daemon.rulebook.codes import CODES

LINE_CUT = 150
"""Characters shown of a source line; a longer one is cut around the caret."""

BETWEEN_KEYS = " › "  # noqa: RUF001 - the sign that messages show

STEPS_SHOWN = 8
"""Keys shown of the way to a place; of a longer way the middle is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a rule file; lines and columns count from 1, line 0 means the file as a whole.

    *width* is the number of characters under the caret. *rule* is the rule's id and *path* the keys that lead to the
    place inside it (or inside the file, outside rules). *hint* stands behind the caret, usually the nearest spelling.
    *others* are further places of the same problem, such as the second of two equal keys, with their *other_sources*.
    *why* says what would happen if it were let pass.
    """

    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    width: int = 1
    source: str = ""
    rule: str = ""
    path: tuple[str, ...] = ()
    hint: str = ""
    allowed: tuple[str, ...] = ()
    why: str = ""
    others: tuple[Place, ...] = ()
    other_sources: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Tell whether it keeps the rule set from being loaded; a warning does not."""
        return self.code.startswith("E")

    def to_dict(self) -> dict[str, object]:
        """Return it for ``--json``: the same facts under the same names, and the code's explanation."""
        return {
            "code": self.code,
            "severity": "error" if self.is_error else "warning",
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "end_column": self.column + self.width,
            "rule": self.rule,
            "path": list(self.path),
            "message": self.message,
            "hint": self.hint,
            "allowed": list(self.allowed),
            "why": self.why,
            "others": [{"file": other.file, "line": other.line, "column": other.column} for other in self.others],
            "explanation": CODES[self.code].meaning,
        }


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return *problems* in the order of their places."""
    return tuple(sorted(problems, key=lambda one: (one.file, one.line, one.column, one.code, one.message)))


def summary(problems: Sequence[Problem]) -> str:
    """Count *problems* in words: ``4 errors, 2 warnings in 2 files``; ``no problems`` for none."""
    if not problems:
        return "no problems"
    errors = sum(one.is_error for one in problems)
    counts = [(errors, "error"), (len(problems) - errors, "warning")]
    files = len({one.file for one in problems})
    return f"{', '.join(_count(n, word) for n, word in counts if n)} in {_count(files, 'file')}"


def render(problems: Iterable[Problem]) -> str:
    """Return *problems* as text, a paragraph each, in the order given, with a line end behind the last."""
    return "\n".join(_paragraph(one) for one in problems)


def body(one: Problem) -> str:
    """Return a problem as text without its place, code and line, for those who show these themselves."""
    allowed = f"allowed here: {', '.join(one.allowed)}" if one.allowed else ""
    lines = (f"{one.message}{_context(one)}", one.hint, allowed, one.why)
    return "\n".join(_visible(line) for line in lines if line)


def _paragraph(one: Problem) -> str:
    lines = [f"{_places(one)}  {one.code}  {_visible(one.message)}{_context(one)}"]
    if one.line:
        hint = f" {_visible(one.hint)}" if one.hint else ""
        lines += _excerpt(one.line, one.column, one.width, one.source, "" if one.others else hint)
        for number, (other, source) in enumerate(zip(one.others, one.other_sources, strict=True), start=1):
            last = number == len(one.others)
            lines += _excerpt(other.line, other.column, one.width, source, hint if last else "")
    elif one.hint:
        lines.append(f"   {_visible(one.hint)}")
    if one.allowed:
        lines.append(f"   allowed here: {_visible(', '.join(one.allowed))}")
    if one.why:
        lines.append(f"   {_visible(one.why)}")
    return "\n".join(lines) + "\n"


def _places(one: Problem) -> str:
    text = f"{one.file}:{one.line}:{one.column}" if one.line else one.file
    for other in one.others:
        text += f" and {'' if other.file == one.file else other.file}:{other.line}:{other.column}"
    return _visible(text)


def _context(one: Problem) -> str:
    steps = list(one.path) if len(one.path) <= STEPS_SHOWN else [*one.path[:4], "…", *one.path[-2:]]
    if one.rule and f'"{one.rule}"' not in one.message:
        steps.insert(0, f'rule "{one.rule}"')
    pause = ";" if ": " in one.message else ""
    return f"{pause} in {_visible(BETWEEN_KEYS.join(steps))}" if steps else ""


def _excerpt(line: int, column: int, width: int, source: str, hint: str) -> list[str]:
    """Return the source line and its caret; a long line is cut, with the caret kept in sight."""
    start = 0 if len(source) <= LINE_CUT or column <= LINE_CUT // 2 else column - 1 - LINE_CUT // 3
    shown = source[start : start + LINE_CUT]
    left, right = ("…" if start else ""), ("…" if start + LINE_CUT < len(source) else "")
    offset = column - 1 - start + len(left)
    carets = "^" * max(1, min(width, len(left + shown) - offset))
    number = str(line)
    return [
        f"   {number} | {left}{_visible(shown)}{right}".rstrip(),
        f"   {' ' * len(number)} | {' ' * offset}{carets}{hint}",
    ]


def _visible(text: str) -> str:
    """Replace what could upset a terminal, one character for one, so that carets still point."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " if c == "\t" else "�" for c in text)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
