"""Patterns and globs on RE2, which needs linear time whatever the pattern and the text; the one importer of re2."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import re2

SCAN_MEMORY_BYTES = 256 * 2**20
"""What a scan for many literals may use at most; RE2's own 8 MiB would be thrown away and rebuilt all the time."""


class PatternError(ValueError):
    """RE2 refuses the pattern; the text says why."""


def _options(*, ignore_case: bool = False, capture: bool = False) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    options.never_capture = not capture
    return options


def _compiled(pattern: str, options: Any) -> Any:
    try:
        return re2.compile(pattern, options)
    except re2.error as refusal:
        reason = refusal.args[0] if refusal.args else "not a pattern"
        raise PatternError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
    except UnicodeEncodeError:
        raise PatternError("half a surrogate pair is no character") from None


class Pattern:
    """One compiled pattern, looked for anywhere in a UTF-8 text. *names* are its named groups, with their numbers.

    Raises:
        PatternError: RE2 does not accept the pattern.
    """

    __slots__ = ("_capturing", "_search", "names")

    def __init__(self, pattern: str, *, ignore_case: bool = False) -> None:
        self._capturing: Any = None
        self.names: dict[str, int] = {}
        if "(?P<" in pattern or "(?<" in pattern:
            self._capturing = _compiled(pattern, _options(ignore_case=ignore_case, capture=True))
            self.names = dict(self._capturing.groupindex)
        self._search: Any = _compiled(pattern, _options(ignore_case=ignore_case)).search

    def found(self, raw: bytes) -> bool:
        """Tell whether the pattern occurs in *raw*."""
        return self._search(raw) is not None

    def groups(self, raw: bytes) -> dict[str, str]:
        """Return what the named groups caught at the first occurrence; groups that took no part are left out."""
        caught = self._capturing.search(raw) if self.names else None
        if caught is None:
            return {}
        return {name: value.decode() for name, number in self.names.items() if (value := caught[number]) is not None}


class Finder:
    """A pattern of our own whose alternatives each have one group: find where these groups are in a text."""

    __slots__ = ("_compiled",)

    def __init__(self, pattern: str) -> None:
        self._compiled: Any = _compiled(pattern, _options(capture=True))

    def spans(self, raw: bytes) -> Iterator[tuple[int, int]]:
        """Yield start and end of what the groups caught in UTF-8 text, in order."""
        for found in self._compiled.finditer(raw):
            yield found.span(found.lastindex)


def glob_pattern(glob: str) -> str:
    """Translate a glob into a pattern for a whole text: ``*`` any text, ``?`` one character, ``[ab]``, ``[!a-z]``.

    A ``[`` that nothing closes stands for itself, as in shells.
    """
    parts = [r"(?s)\A"]
    at = 0
    while at < len(glob):
        char = glob[at]
        at += 1
        closing = glob.find("]", at + 2 if glob.startswith("!", at) else at + 1) if char == "[" else -1
        if char == "*":
            parts.append(".*")
        elif char == "?":
            parts.append(".")
        elif closing > 0:
            parts.append(_glob_class(glob[at:closing]))
            at = closing + 1
        else:
            parts.append(quote(char))
    return "".join([*parts, r"\z"])


def _glob_class(inside: str) -> str:
    negated = inside.startswith("!")
    chars = inside[1:] if negated else inside
    safe = "".join(char if char == "-" or char.isalnum() else f"\\x{{{ord(char):x}}}" for char in chars)
    return f"[{'^' if negated else ''}{safe}]"


def is_plain(glob: str) -> bool:
    """Tell whether *glob* has no wildcard, so that it can only mean itself."""
    return not any(char in glob for char in "*?[")


def quote(text: str) -> str:
    """Return the pattern that finds exactly *text*."""
    return str(re2.escape(text))


class LiteralScan:
    """Find which of many literals occur in a text, in one pass over it."""

    __slots__ = ("_match",)

    def __init__(self, literals: Iterable[str], *, memory_bytes: int = SCAN_MEMORY_BYTES) -> None:
        options = _options()
        options.max_mem = memory_bytes
        scan = re2.Set.SearchSet(options)
        for literal in literals:
            scan.Add(quote(literal))
        # RE2 answers a scan that ran out of memory with "nothing found"; the end of the text, which every text has,
        # tells the two apart.
        scan.Add(r"\z")
        self._match: Any = scan.Match
        try:
            scan.Compile()
        except re2.error:
            self._match = _gave_up

    def hits(self, raw: bytes) -> tuple[int, ...] | None:
        """Return the positions of the literals that occur in *raw*, ascending; None where there was too little memory."""
        found = self._match(raw)
        if not found:
            return None
        found.sort()
        return tuple(found[:-1])


def _gave_up(_raw: bytes) -> list[int]:
    return []


class PartFinder:
    """Find the parts of a text that patterns fit, leftmost first; where several fit, the first of *patterns*.

    A pattern with a named group finds that group alone; another one finds all that it fits, under its key.
    """

    __slots__ = ("_compiled", "_kinds")

    def __init__(self, patterns: Mapping[str, str]) -> None:
        whole = "|".join(
            f"(?:{pattern})" if f"(?P<{kind}>" in pattern else f"(?P<{kind}>{pattern})"
            for kind, pattern in patterns.items()
        )
        self._compiled = _compiled(whole, _options(capture=True))
        self._kinds = {number: name for name, number in self._compiled.groupindex.items()}

    def parts(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Yield kind, start and end; *text* holds no half surrogate pairs."""
        for found in self._compiled.finditer(text):
            start, end = found.span(found.lastindex)
            yield self._kinds[found.lastindex], start, end


def matches_whole(pattern: str, text: str) -> bool:
    """Tell whether *pattern* fits all of *text*, which holds no half surrogate pairs."""
    return _compiled(pattern, _options()).fullmatch(text) is not None
