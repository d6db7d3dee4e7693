"""The rules in force: loaded whole or not at all, replaced in one assignment, remembered for the next start (P8)."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.rulebook.file_finder import RULE_SUFFIXES, find_rule_files
from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import ReadFile, RuleFiles, read_rules
from daemon.rulebook.ruleset import RuleSet, compile_rules


class RuleHistory(Protocol):
    """Where the last good rule set is kept."""

    async def save_rules(self, version: str, files: Sequence[tuple[str, bytes]], at: datetime) -> None:
        """Remember a set that was accepted."""

    async def last_rules(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        """Return the newest set that was accepted, as its files."""


@dataclass(slots=True, kw_only=True)
class RulesInForce:
    """The current rule set; *problems* are those of the newest attempt to load one."""

    paths: Sequence[Path]
    history: RuleHistory
    log: FilteringBoundLogger
    current: RuleSet
    problems: tuple[Problem, ...] = ()
    seen: tuple[str, Mapping[str, str]] = ("", {})

    @property
    def broken(self) -> bool:
        """Tell whether the newest attempt was refused."""
        return any(problem.is_error for problem in self.problems)

    def complaint(self) -> str:
        """Say in a sentence what is wrong with the rule files and which rules are in force instead, or ""."""
        errors = [problem for problem in self.problems if problem.is_error]
        if not errors:
            return ""
        instead = "no rule is in force, so errors are read and nothing is acted on"
        if self.current.rules:
            instead = f"the last good set, {self.current.version} with {len(self.current.rules)} rules, stays in force"
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors, first"
        return f"rules refused, {count}: {_first(errors)}; {instead}. flowmend check shows all of them"

    async def load(self, now: datetime, *, again: bool = False) -> bool:
        """Read the files, and put them in force if not one of them is broken; return whether they are.

        A refusal for the same problems is not said once more where this is only another attempt (*again*).
        """
        before = _print_of(self.paths)  # what changes while they are read differs from it next time
        found = read_rules(self.paths)
        seen = (before, {file.name: file.sha256 for file in _tables(found.files)})
        if found.has_errors:
            if not again or found.problems != self.problems:
                self._refuse(found)
            self.problems, self.seen = found.problems, seen
            return False
        fresh = compile_rules(found.sources)
        if fresh.version != self.current.version:
            await self.history.save_rules(fresh.version, [(file.name, file.content) for file in found.files], now)
        if fresh.version != self.current.version or self.broken:
            self.log.info("rules.loaded", rules=fresh.version, count=len(fresh.rules), files=len(rule_files(found)))
        self.current, self.problems, self.seen = fresh, found.problems, seen
        return True

    async def fall_back(self) -> None:
        """Put the last good set of an earlier run in force; without one no rule is, and nothing is acted on."""
        version, files = await self.history.last_rules() or ("", [])
        with tempfile.TemporaryDirectory(prefix="flowmend-rules-") as folder:
            paths = [_restore(Path(folder), name, content) for name, content in files]
            found = read_rules([path for path in paths if path.suffix.lower() in RULE_SUFFIXES])
        if not found.has_errors:
            self.current = compile_rules(found.sources)
        self.log.warning("rules.fell_back", rules=self.current.version, count=len(self.current.rules), kept=version)

    async def watch(self, now: datetime) -> None:
        """Load the rules again if any of their files has changed since they were read, or they were broken then."""
        tables = {name: _hash_of(Path(name)) for name in self.seen[1]}
        if self.broken or (_print_of(self.paths), tables) != self.seen:
            await self.load(now, again=True)

    def _refuse(self, found: RuleFiles) -> None:
        errors = [problem for problem in found.problems if problem.is_error]
        self.log.error(
            "rules.refused",
            rules=self.current.version,
            errors=len(errors),
            first=_first(errors),
            hint="flowmend check shows all of them",
        )


def _first(errors: Sequence[Problem]) -> str:
    first = errors[0]
    where = f"{first.file}:{first.line}:{first.column}" if first.line else first.file
    return f"{where} {first.code} {first.message}"


def _print_of(paths: Sequence[Path]) -> str:
    """Return a hash of all rule files as they are now."""
    whole = sha256()
    for found in find_rule_files(paths):
        whole.update(repr(found).encode("utf-8", "surrogateescape"))
        if not isinstance(found, Problem):
            whole.update(found.content)
    return whole.hexdigest()


def _hash_of(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:  # gone for now; reading the rules says more
        return ""


def _tables(files: Sequence[ReadFile]) -> list[ReadFile]:
    return [file for file in files if Path(file.name).suffix.lower() not in RULE_SUFFIXES]


def rule_files(found: RuleFiles) -> list[str]:
    """Return the names of the files that hold rules, without those of tables."""
    return [file.name for file in found.files if Path(file.name).suffix.lower() in RULE_SUFFIXES]


def _restore(folder: Path, name: str, content: bytes) -> Path:
    path = folder / os.path.abspath(name).lstrip("/")  # noqa: PTH100 - links stay as they were
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
