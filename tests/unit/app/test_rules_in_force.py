"""Rules are loaded whole or not at all (P8), also while their files are being written."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.app.rules import RulesInForce
from daemon.core.exceptions import StoreError
from daemon.logs import Secrets, configure_logs
from daemon.rulebook.ruleset import compile_rules

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
"""


@dataclass
class FakeHistory:
    """Keeps the newest set in memory; *full* plays a disk without space."""

    kept: list[tuple[str, list[tuple[str, bytes]]]] = field(default_factory=list)
    full: bool = False

    async def save_rules(self, version: str, files: Sequence[tuple[str, bytes]], at: datetime) -> None:
        if self.full:
            raise StoreError("the disk is full")
        assert at == NOW
        self.kept.append((version, list(files)))

    async def last_rules(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        return self.kept[-1] if self.kept else None


class Bench:
    """Rules in force over a folder, with what was logged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stream = io.StringIO()
        self.history = FakeHistory()
        self.rules = self.start()

    def start(self) -> RulesInForce:
        log = configure_logs(format="json", stream=self.stream, secrets=Secrets())
        return RulesInForce(paths=[self.folder], history=self.history, log=log, current=compile_rules(()))

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines since the last call."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return lines

    def events(self) -> list[str]:
        return [line["event"] for line in self.logged()]


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "rules")
    bench.write("a.yaml", RULE)
    bench.write("tables/sizes.csv", "old,new\nXL,extra-large\n")
    assert await bench.rules.load(NOW)
    assert bench.events() == ["rules.loaded"]
    return bench


async def test_watching_unchanged_files_loads_nothing(bench: Bench) -> None:
    await bench.rules.watch(NOW)

    assert bench.events() == []
    assert len(bench.history.kept) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a.yaml", RULE.replace("OLD_SIZE", "SIZE"), id="rule changed"),
        pytest.param("b.yaml", RULE.replace("id: one", "id: two"), id="file added"),
        pytest.param("tables/sizes.csv", "old,new\nXL,XXL\n", id="table changed"),
    ],
)
async def test_watching_loads_what_changed_once(bench: Bench, name: str, text: str) -> None:
    before = bench.rules.current.version
    bench.write(name, text)
    await bench.rules.watch(NOW)
    await bench.rules.watch(NOW)

    assert bench.events() == ["rules.loaded"]
    assert bench.rules.current.version != before
    assert bench.history.kept[-1][0] == bench.rules.current.version


async def test_a_table_that_is_away_for_a_moment_is_refused_once_and_taken_when_it_is_back(bench: Bench) -> None:
    before = bench.rules.current
    (bench.folder / "tables/sizes.csv").unlink()
    await bench.rules.watch(NOW)
    away = bench.events(), bench.rules.current
    await bench.rules.watch(NOW)
    still_away = bench.events()
    bench.write("tables/sizes.csv", "old,new\nXL,XXL\n")
    await bench.rules.watch(NOW)

    assert away == (["rules.refused"], before)
    assert still_away == []
    assert bench.events() == ["rules.loaded"]
    assert bench.rules.current.version != before.version


async def test_rules_that_are_mended_to_what_they_were_are_said_to_be_loaded(bench: Bench) -> None:
    before = bench.rules.current.version
    bench.write("a.yaml", RULE.replace("classify", "clasify"))
    await bench.rules.watch(NOW)
    complaint = bench.rules.complaint()
    bench.write("a.yaml", RULE)
    await bench.rules.watch(NOW)

    assert bench.events() == ["rules.refused", "rules.loaded"]
    assert f"the last good set, {before}" in complaint
    assert bench.rules.complaint() == ""
    assert bench.rules.current.version == before


async def test_an_asked_for_reload_answers_also_where_nothing_is_better(bench: Bench) -> None:
    bench.write("a.yaml", RULE.replace("classify", "clasify"))
    await bench.rules.load(NOW)
    await bench.rules.load(NOW)

    assert bench.events() == ["rules.refused", "rules.refused"]


async def test_a_set_that_could_not_be_kept_is_not_in_force_and_is_tried_again(bench: Bench) -> None:
    before = bench.rules.current.version
    bench.write("a.yaml", RULE.replace("OLD_SIZE", "SIZE"))
    bench.history.full = True
    with pytest.raises(StoreError):
        await bench.rules.watch(NOW)
    unchanged = bench.rules.current.version
    bench.history.full = False
    await bench.rules.watch(NOW)

    assert unchanged == before
    assert bench.rules.current.version != before


async def test_a_start_with_broken_files_runs_the_last_good_set_with_its_tables(bench: Bench) -> None:
    good = bench.rules.current
    bench.write("a.yaml", "rules: [")
    restarted = bench.start()
    loaded = await restarted.load(NOW)
    await restarted.fall_back()
    (refused, fell_back) = bench.logged()

    assert not loaded
    assert refused["event"] == "rules.refused"
    assert (fell_back["event"], fell_back["rules"], fell_back["count"]) == ("rules.fell_back", good.version, 1)
    assert restarted.current.version == good.version


async def test_a_first_start_with_broken_files_has_no_rule_and_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "rules")
    await bench.rules.load(NOW)
    await bench.rules.fall_back()
    (_, fell_back) = bench.logged()

    assert (fell_back["event"], fell_back["count"], fell_back["kept"]) == ("rules.fell_back", 0, "")
    assert bench.rules.current.rules == ()
    assert "no rule is in force" in bench.rules.complaint()
