"""Rules are put behind those of a file whole or not at all, and nothing that stood there changes."""

import os
from pathlib import Path

import pytest

from daemon.app.rule_append import append_rules
from daemon.core.exceptions import ConfigError
from daemon.rulebook.reader import read_rules

RULE = "- {{id: {}, why: w, classify: c, when: {{code: {}}}, then: {{leave: {{}}}}}}\n"
OLD = f"# by hand\nversion: 1\nrules:\n  {RULE.format('old', 'A')}"


def entries(indent: int) -> str:
    return " " * indent + RULE.format("new", "B")


def ids(file: Path) -> list[str]:
    found = read_rules([file])
    assert not found.has_errors
    return [source.rule.id for source in found.sources]


def test_a_new_file_is_made(tmp_path: Path) -> None:
    append_rules(tmp_path / "new.yaml", entries, ["new"])

    assert ids(tmp_path / "new.yaml") == ["new"]
    assert [each.name for each in tmp_path.iterdir()] == ["new.yaml"]


@pytest.mark.parametrize(
    "old",
    [
        pytest.param(OLD, id="indented"),
        pytest.param(OLD.replace("  - ", "- "), id="not indented"),
        pytest.param(OLD.replace("  - ", "      - "), id="far indented"),
        pytest.param(OLD.rstrip(), id="without an end of line"),
        pytest.param(f"{OLD}\n\n# the end\n", id="with a comment behind it"),
        pytest.param(OLD.replace("\n", "\r\n"), id="line ends of Windows"),
    ],
)
def test_rules_stand_behind_those_that_were_there(tmp_path: Path, old: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_bytes(old.encode())

    append_rules(file, entries, ["new"])

    assert ids(file) == ["old", "new"]
    assert file.read_bytes().startswith(old.rstrip().encode())
    assert (b"\r\n" in file.read_bytes()) == ("\r\n" in old)
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") or "\r\n" not in old


@pytest.mark.parametrize(
    ("name", "old"),
    [
        pytest.param("rules.yaml", OLD.replace("id: old", "id: new"), id="a rule of that name"),
        pytest.param("rules.yaml", f"{OLD}tables: {{states: {{Ohio: OH}}}}\n", id="something else behind the rules"),
        pytest.param(
            "rules.yaml",
            f"version: 1\nrules: [{RULE.format('old', 'A').strip().removeprefix('- ')}]\n",
            id="a list on one line",
        ),
        pytest.param("rules.yaml", OLD.replace("why: w", "wy: w"), id="a broken file"),
        pytest.param("rules.toml", "version = 1\n", id="TOML"),
    ],
)
def test_a_file_that_cannot_be_continued_is_left_as_it_is(tmp_path: Path, name: str, old: str) -> None:
    file = tmp_path / name
    file.write_text(old, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"(?i)nothing was written|end in \.yaml|ends in \.yaml"):
        append_rules(file, entries, ["new"])

    assert file.read_text(encoding="utf-8") == old
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_link_stays_a_link_and_rights_stay_as_they_are(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "rules.yaml"
    real.write_text(OLD, encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)

    append_rules(link, entries, ["new"])

    assert link.is_symlink()
    assert ids(real) == ["old", "new"]
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{os.sep}missing{os.sep}new.yaml: .*nothing was written"):
        append_rules(tmp_path / "missing" / "new.yaml", entries, ["new"])
