"""The text of the rule files, for messages about what was read from them."""

from collections.abc import Iterable, Mapping

from daemon.rulebook.ast import Place
from daemon.rulebook.problems import Problem

LINES_SEARCHED = 60
"""How far behind a key one of its values is looked for: a list may stand on many lines."""


class SourceLines:
    """The lines of rule files, by the name of the file and the number of the line."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents
        self._lines: dict[str, list[str]] = {}

    def line(self, file: str, number: int) -> str:
        """Return the text of one line, counted from 1, or "" beyond the end."""
        if file not in self._lines:
            text = self._contents.get(file, b"").decode("utf-8-sig", "replace")
            self._lines[file] = text.replace("\r\n", "\n").split("\n")
        lines = self._lines[file]
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def warning(  # noqa: PLR0913 - the parts of a message
        self,
        code: str,
        message: str,
        place: Place,
        *,
        value: str = "",
        rule: str = "",
        hint: str = "",
        allowed: Iterable[str] = (),
        why: str = "",
    ) -> Problem:
        """Return a problem at the key that stands at *place*, or at its *value* where that can be found behind it."""
        line, column, width = self._spot(place, value)
        return Problem(
            code=code,
            message=message,
            file=place.file,
            line=line,
            column=column,
            width=width,
            source=self.line(place.file, line),
            rule=rule,
            hint=hint,
            allowed=tuple(allowed),
            why=why,
        )

    def _spot(self, place: Place, value: str) -> tuple[int, int, int]:
        """Return line, column and width of *value* at or behind *place*, or of the key there."""
        for number in range(place.line, place.line + LINES_SEARCHED) if value else ():
            start = place.column - 1 if number == place.line else 0
            found = self.line(place.file, number).find(value, start)
            if found >= 0:
                return number, found + 1, len(value)
        key = self.line(place.file, place.line)[place.column - 1 :]
        width = next((at for at, char in enumerate(key) if char in ":= }]"), len(key))
        return place.line, place.column, max(1, width)
