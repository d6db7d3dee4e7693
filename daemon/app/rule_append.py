"""Append rules to a rule file: whole or not at all, and only if the file then says what it said and the new rules."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.app.files import fresh_file
from daemon.core.exceptions import ConfigError
from daemon.rulebook.ast import RuleSource
from daemon.rulebook.file_finder import FoundFile
from daemon.rulebook.fingerprint import digest
from daemon.rulebook.problems import render
from daemon.rulebook.reader import RuleFiles, read_found
from daemon.rulebook.suggestion_text import HEAD

YAML = (".yaml", ".yml")
USUAL_MODE = 0o644

Entries = Callable[[int], str]
"""Gives the text of the new rules, as entries of a list that stands so many characters to the right."""


def append_rules(file: Path, entries: Entries, ids: Sequence[str]) -> None:
    """Write new rules behind those of *file*, which is made where there is none.

    The file is replaced in one step; a reader sees the old one or the new one.

    Raises:
        ConfigError: it is no YAML file, is broken, ends in something else than its rules, or cannot be written.
    """
    if file.suffix.lower() not in YAML:
        raise ConfigError(f"{file}: suggested rules are written as YAML; name a file that ends in .yaml")
    place = Path(os.path.realpath(file))  # a link stays a link
    try:
        before = place.read_bytes() if place.exists() else None
    except OSError as failed:
        raise ConfigError(f"{file}: {failed.strerror}; nothing was written") from failed
    content = (HEAD + entries(2)).encode() if before is None else _appended(file, before, entries, ids)
    mode = USUAL_MODE if before is None else place.stat().st_mode & 0o7777
    try:
        with fresh_file(place, content, mode) as fresh:
            fresh.replace(place)
    except OSError as failed:
        raise ConfigError(f"{file}: {failed.strerror}; nothing was written") from failed


def _appended(file: Path, before: bytes, entries: Entries, ids: Sequence[str]) -> bytes:
    old = _read(file, before)
    errors = [problem for problem in old.problems if problem.is_error]
    if errors:
        raise ConfigError(f"{render(errors)}{file}: mend this first; nothing was written")
    first_line = before.decode("utf-8-sig").split("\n")[old.sources[-1].place.line - 1]
    indent = len(first_line) - len(first_line.lstrip(" "))
    line_end = "\r\n" if b"\r\n" in before else "\n"
    added = f"\n{entries(indent)}".replace("\n", line_end).encode()
    content = before.rstrip() + line_end.encode() + added
    new = _read(file, content)
    kept = new.sources[: len(old.sources)]
    fits = not new.has_errors and _said(kept) == _said(old.sources)
    if not fits or [source.rule.id for source in new.sources[len(kept) :]] != list(ids):
        raise ConfigError(
            f"{file}: rules cannot be put behind the last one there, because the file does not end in a list of rules "
            "in the usual form, or has rules of these names; name a new file. Nothing was written"
        )
    return content


def _said(sources: Sequence[RuleSource]) -> tuple[str, list[tuple[str, int]]]:
    return digest(sources), [(source.rule.id, len(source.tests)) for source in sources]


def _read(file: Path, content: bytes) -> RuleFiles:
    return read_found([FoundFile(name=str(file), path=file, content=content)])
