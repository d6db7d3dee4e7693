"""The rules in force: loaded whole or not at all, replaced in one assignment, remembered for the next start (P8)."""

import os
import tempfile
from collections.abc import Sequence
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
    looked_at: tuple[ReadFile, ...] = ()
    seen: str = ""

    async def load(self, now: datetime) -> bool:
        """Read the files, and put them in force if not one of them is broken; return whether they are."""
        found = read_rules(self.paths)
        self.problems, self.looked_at = found.problems, found.files
        self.seen = self._fingerprint()
        if found.has_errors:
            self._refuse(found)
            return False
        fresh = compile_rules(found.sources)
        if fresh.version != self.current.version:
            await self.history.save_rules(fresh.version, [(file.name, file.content) for file in found.files], now)
            self.current = fresh
            self.log.info("rules.loaded", rules=fresh.version, count=len(fresh.rules), files=len(rule_files(found)))
        return True

    async def fall_back(self) -> None:
        """Put the last good set of an earlier run in force; without one no rule is, and nothing is acted on."""
        last = await self.history.last_rules()
        if last is None:
            return
        version, files = last
        with tempfile.TemporaryDirectory(prefix="flowmend-rules-") as folder:
            paths = [_restore(Path(folder), name, content) for name, content in files]
            found = read_rules([path for path in paths if path.suffix.lower() in RULE_SUFFIXES])
        if not found.has_errors:
            self.current = compile_rules(found.sources)
        self.log.warning("rules.fell_back", rules=self.current.version, kept=version)

    async def watch(self, now: datetime) -> None:
        """Load the rules again if any of their files has changed since they were last looked at."""
        if self._fingerprint() != self.seen:
            await self.load(now)

    def _refuse(self, found: RuleFiles) -> None:
        errors = [problem for problem in found.problems if problem.is_error]
        first = errors[0]
        self.log.error(
            "rules.refused",
            rules=self.current.version,
            errors=len(errors),
            first=f"{first.file}:{first.line}:{first.column} {first.code} {first.message}",
            hint="flowmend check shows all of them",
        )

    def _fingerprint(self) -> str:
        """Return a hash of all rule files as they are now, and of the tables that were read with them."""
        whole = sha256()
        for found in find_rule_files(self.paths):
            whole.update(repr(found).encode("utf-8", "surrogateescape"))
            if not isinstance(found, Problem):
                whole.update(found.content)
        for file in self.looked_at:
            path = Path(file.name)
            if path.suffix.lower() not in RULE_SUFFIXES:
                whole.update(path.read_bytes() if path.is_file() else b"gone")
        return whole.hexdigest()


def rule_files(found: RuleFiles) -> list[str]:
    """Return the names of the files that hold rules, without those of tables."""
    return [file.name for file in found.files if Path(file.name).suffix.lower() in RULE_SUFFIXES]


def _restore(folder: Path, name: str, content: bytes) -> Path:
    path = folder / os.path.abspath(name).lstrip("/")  # noqa: PTH100 - links stay as they were
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
