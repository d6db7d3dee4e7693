"""The rules in force: loaded whole or not at all, replaced in one assignment, remembered for the next start (P8).

Reading, compiling and testing a set takes a while and happens in a thread beside the event loop. What runs keeps the set
that it began with; the next cycle takes the new one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.app.rules_state import RulesState, sentence, where
from daemon.core import moments
from daemon.core.rows import RulesRow
from daemon.rulebook.candidate import Candidate, prepare
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.snapshot import Stamp, read_kept, stamp, take


class RuleHistory(Protocol):
    """Where the last good rule set is kept."""

    async def save_rules(self, version: str, files: Sequence[tuple[str, bytes]], at: datetime) -> None:
        """Remember a set that was accepted."""

    async def last_rules(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        """Return the newest set that was accepted, as its files."""

    async def rules_history(self, limit: int) -> Sequence[RulesRow]:
        """Return the newest loads, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The files as they were when they were read last: their *digest*, the *tables* among them, and their marks.

    Without marks they are read again as soon as they are left alone.
    """

    digest: str = ""
    tables: tuple[Path, ...] = ()
    stamp: Stamp | None = None


@dataclass(slots=True, kw_only=True)
class RulesInForce:
    """The *current* rule set, and *state*, which tells people about it and about the newest attempt to replace it."""

    paths: Sequence[Path]
    history: RuleHistory
    log: FilteringBoundLogger
    current: RuleSet = field(default_factory=lambda: compile_rules(()))
    state: RulesState = field(default_factory=RulesState)
    seen: Seen = field(default_factory=Seen)
    _glimpse: Stamp | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def broken(self) -> bool:
        """Tell whether the newest attempt was refused."""
        return not self.state.ok

    def complaint(self) -> str:
        """Say in a sentence what is wrong with the rule files and which rules are in force instead, or ""."""
        return self.state.complaint()

    async def load(self, now: datetime, *, asked: bool = False) -> bool:
        """Read the files, and put them in force if there is nothing wrong with them; return whether they are.

        What is wrong is logged each time. A set like the one in force is only mentioned where a person *asked*.
        """
        async with self._turn:
            candidate = await asyncio.to_thread(prepare, self.paths)
            if candidate.ruleset is None:
                self.state = self.state.refused(candidate.problems, now)
                self._tell_refusal()
            else:
                await self._put_in_force(candidate, candidate.ruleset, now, asked=asked)
            self.seen = Seen(digest=candidate.digest, tables=candidate.tables, stamp=candidate.stamp)
            return candidate.ruleset is not None

    async def fall_back(self, now: datetime) -> None:
        """Put the last good set of an earlier run in force; without one no rule is, and nothing is acted on."""
        version, files = await self.history.last_rules() or ("", [])
        loads = await self.history.rules_history(1)
        found = await asyncio.to_thread(read_kept, files)
        if files and not found.has_errors:
            self.current = compile_rules(found.sources)
            since = loads[0].loaded_at if loads else now
            self.state = replace(self.state, version=self.current.version, count=len(self.current.rules), since=since)
        self.log.warning("rules.fell_back", rules=self.current.version, count=len(self.current.rules), kept=version)

    async def watch(self, now: datetime) -> None:
        """Look at the marks of the files, and load what has changed once it has been left alone from one look to the next.

        So a file that is being written, or a folder that is being copied, is not taken half.
        """
        marks = await asyncio.to_thread(stamp, self.paths, self.seen.tables)
        quiet, self._glimpse = marks == self._glimpse, marks
        if quiet and marks != self.seen.stamp:
            self.seen = replace(self.seen, stamp=marks)  # before loading: what fails then is not tried at every look
            await self.load(now)

    async def compare(self, now: datetime) -> None:
        """Read the files and load them if they hold something else than was read, whatever their marks say."""
        marks = await asyncio.to_thread(stamp, self.paths, self.seen.tables)
        if self.seen.stamp is not None and marks != self.seen.stamp:
            return  # they are being changed, and `watch` sees it
        found = await asyncio.to_thread(take, self.paths, self.seen.tables)
        if found.digest() != self.seen.digest:
            await self.load(now)

    async def _put_in_force(self, candidate: Candidate, fresh: RuleSet, now: datetime, *, asked: bool) -> None:
        changed, mended = fresh.version != self.state.version, self.broken
        known = self.state.version or (await self.history.last_rules() or ("", []))[0]
        if fresh.version != known:
            kept = [(file.name, file.content) for file in candidate.read.files]
            await self.history.save_rules(fresh.version, kept, now)
        state = self.state.accepted(candidate.problems, now)
        if changed:
            state = replace(state, version=fresh.version, count=len(fresh.rules), since=now)
        self.current, self.state = fresh, state
        if changed or mended or asked:
            self.log.info(
                "rules.loaded",
                rules=fresh.version,
                count=len(fresh.rules),
                files=candidate.files,
                tests=candidate.tests,
                warnings=len(candidate.problems),
                changed=changed,
            )

    def _tell_refusal(self) -> None:
        state = self.state
        self.log.error(
            "rules.refused",
            rules=state.version,
            since=moments.stamp(state.since) if state.since else "",
            errors=len(state.errors),
            first=sentence(state.errors[0]),
            hint="flowmend check shows them with their lines",
        )
        for problem in state.errors:
            self.log.error(
                "rules.problem", at=where(problem), code=problem.code, rule=problem.rule, problem=problem.message,
                hint=problem.hint,
            )  # fmt: skip
