"""Rules in force over a folder, with what was logged and kept: what the tests of reloading drive."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.app.rules import RulesInForce
from daemon.core.exceptions import StoreError
from daemon.core.rows import RulesRow
from daemon.logs import Secrets, configure_logs

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULE = """version: 1
tables:
  sizes: {csv: tables/sizes.csv, key: old, value: new}
rules:
  - id: one
    why: x
    classify: a
    when: {code: OLD_SIZE}
    then:
      patch: [{op: replace, path: /data/size, value_from: {data: size, lookup: sizes}}]
      retry: {}
    tests:
      - match: {code: OLD_SIZE}
"""
SIZES = "old,new\nXL,extra-large\n"
OTHER = "SIZE"
"""Another code for the rule to ask for."""


@dataclass
class FakeHistory:
    """Keeps sets in memory; *full* plays a disk without space."""

    kept: list[tuple[str, list[tuple[str, bytes]]]] = field(default_factory=list)
    full: bool = False

    async def save_rules(self, version: str, files: Sequence[tuple[str, bytes]], at: datetime) -> None:
        if self.full:
            raise StoreError("the disk is full")
        assert at == NOW
        self.kept.append((version, list(files)))

    async def last_rules(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        return self.kept[-1] if self.kept else None

    async def rules_history(self, limit: int) -> Sequence[RulesRow]:
        newest = self.kept[: -limit - 1 : -1]
        return [RulesRow(version=version, loaded_at=NOW, files=len(files)) for version, files in newest]


class Bench:
    """Rules in force over a folder, with what was logged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stream = io.StringIO()
        self.history = FakeHistory()
        self.rules = self.start()

    def start(self) -> RulesInForce:
        """Return what a new process begins with."""
        log = configure_logs(format="json", stream=self.stream, secrets=Secrets())
        return RulesInForce(paths=[self.folder], history=self.history, log=log)

    def write(self, name: str, text: str = RULE) -> None:
        """Write a file under the folder, in place."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    async def look(self, times: int = 2) -> None:
        """Look at the files as the service does every second; two looks see that they are left alone."""
        for _ in range(times):
            await self.rules.watch(NOW)

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines since the last call."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return lines

    def events(self) -> list[str]:
        """Return the names of the events since the last call."""
        return [line["event"] for line in self.logged()]


async def loaded_bench(folder: Path) -> Bench:
    """Return a bench whose folder holds a rule with a table, in force."""
    bench = Bench(folder)
    bench.write("a.yaml")
    bench.write("tables/sizes.csv", SIZES)
    assert await bench.rules.load(NOW)
    assert bench.events() == ["rules.loaded"]
    return bench
