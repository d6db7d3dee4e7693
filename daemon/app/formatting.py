"""Format rule files on disk: each written whole or not at all, and only where nothing is lost."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.app.files import fresh_file
from daemon.core.exceptions import ConfigError, RuleError
from daemon.rulebook.file_finder import RULE_SUFFIXES, find_rule_files
from daemon.rulebook.formatting import Format, Formatted, format_file
from daemon.rulebook.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class FormattedSet:
    """What formatting came to, in the order of the files. *problems* and *refusals* keep files as they are."""

    files: tuple[Formatted, ...]
    problems: tuple[Problem, ...]
    refusals: tuple[str, ...]

    @property
    def changed(self) -> tuple[Formatted, ...]:
        """Return the files that are not yet in the style, or not yet in the format."""
        return tuple(file for file in self.files if file.changed)


def format_files(paths: Sequence[Path], to: Format | None = None) -> FormattedSet:
    """Format all rule files under *paths* without writing anything."""
    files: list[Formatted] = []
    problems: list[Problem] = []
    refusals: list[str] = []
    for found in find_rule_files(paths):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        try:
            done = format_file(found, to)
            if isinstance(done, Formatted):
                _check_place(done)
                files.append(done)
            else:
                problems += done
        except RuleError as refusal:
            refusals.append(str(refusal))
    return FormattedSet(files=tuple(files), problems=tuple(problems), refusals=tuple(refusals))


def _check_place(file: Formatted) -> None:
    """Refuse a new name that is taken, or that would change the order in which the files are read.

    Raises:
        RuleError: the first rule that matches wins, so another order would be other rules.
    """
    if file.path == file.found.path:
        return
    if os.path.lexists(file.path):
        raise RuleError(f"{file.found.name}: {file.path} is there already. Both files were left as they are")
    others = [
        each
        for each in file.path.parent.iterdir()
        if each.suffix.lower() in RULE_SUFFIXES and each.name != file.found.path.name
    ]
    if any((str(each) < str(file.found.path)) != (str(each) < str(file.path)) for each in others):
        raise RuleError(
            f"{file.found.name}: as {file.path.name} it would be read in another order, and the first rule that matches "
            "wins. The file was left as it is: rename it first"
        )


def write_formatted(file: Formatted) -> None:
    """Put the new file in the old one's place, in one step and with its mode; a converted one replaces the old.

    Raises:
        ConfigError: it cannot be written, or somebody has changed the file meanwhile; it is as it was.
    """
    old = Path(os.path.realpath(file.found.path))
    new = old if file.path == file.found.path else file.path
    try:
        with fresh_file(new, file.content, stat.S_IMODE(old.stat().st_mode)) as fresh:
            if old.read_bytes() != file.found.content:
                raise ConfigError(f"{file.found.name} was changed while it was formatted; run flowmend fmt again")
            fresh.replace(new)
            if new != old:
                file.found.path.unlink()
    except OSError as failed:
        raise ConfigError(f"{file.found.name} cannot be written: {failed.strerror}. It is as it was") from failed
