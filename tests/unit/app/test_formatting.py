"""Rule files on disk are replaced whole, and only where that changes how they look and nothing else."""

import shutil
from pathlib import Path

import pytest

from daemon.app.formatting import format_files, write_formatted
from daemon.core.exceptions import ConfigError
from daemon.rulebook.formatting import Format
from daemon.rulebook.reader import read_rules

UNTIDY = "version: 1\nrules: [{id: a, when: {code: A}, then: {leave: {}}}]\n"
TIDY = "version: 1\nrules:\n  - id: a\n    when:\n      code: A\n    then:\n      leave: {}\n"
SHIPPED = Path(__file__).parents[3] / "rules"


def write(path: Path, text: str = UNTIDY) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_shipped_rules_are_in_the_style() -> None:
    done = format_files([SHIPPED])
    assert len(done.files) > 4
    assert ([file.found.name for file in done.changed], done.problems, done.refusals) == ([], (), ())


def test_the_shipped_rules_go_through_the_other_format_and_back_unchanged(tmp_path: Path) -> None:
    rules = shutil.copytree(SHIPPED, tmp_path / "rules")
    before = {file.name: file.content for file in read_rules([rules]).files}
    (rules / "50-amazon.toml").unlink()
    formats: tuple[Format, ...] = ("toml", "yaml")
    for to in formats:
        for file in format_files([rules], to).changed:
            write_formatted(file)
        assert {path.suffix for path in rules.glob("*-*")} == {f".{to}"}
    for path in rules.glob("*-*"):
        assert path.read_bytes() == before[str(path)]


def test_a_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml")
    path.chmod(0o640)
    (file,) = format_files([tmp_path]).changed
    assert path.read_text(encoding="utf-8") == UNTIDY
    write_formatted(file)
    assert path.read_text(encoding="utf-8") == TIDY
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["a.yaml"]
    assert format_files([tmp_path]).changed == ()


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    real = write(tmp_path / "real.txt")
    link = tmp_path / "a.yaml"
    link.symlink_to(real)
    (file,) = format_files([link]).changed
    write_formatted(file)
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == TIDY


def test_what_somebody_else_has_saved_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml")
    (file,) = format_files([path]).changed
    write(path, UNTIDY.replace("code: A", "code: B"))
    with pytest.raises(ConfigError, match="was changed while"):
        write_formatted(file)
    assert "code: B" in path.read_text(encoding="utf-8")
    assert names(tmp_path) == ["a.yaml"]


def test_a_file_that_cannot_be_written_is_named_and_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml")
    (file,) = format_files([path], "toml").changed
    (tmp_path / "a.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        write_formatted(file)
    assert path.read_text(encoding="utf-8") == UNTIDY
    assert names(tmp_path) == ["a.toml", "a.yaml"]


def test_files_with_mistakes_are_shown_and_the_others_formatted(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", UNTIDY.replace("code", "cod"))
    write(tmp_path / "b.yaml", UNTIDY.replace("id: a", "id: b"))
    done = format_files([tmp_path, tmp_path / "none.yaml"])
    assert [file.path.name for file in done.changed] == ["b.yaml"]
    assert [problem.code for problem in done.problems] == ["E014", "E001"]


def test_a_converted_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml")
    (file,) = format_files([tmp_path], "toml").changed
    write_formatted(file)
    assert names(tmp_path) == ["a.toml"]
    assert not read_rules([tmp_path]).has_errors


def test_a_conversion_never_writes_over_another_file(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml")
    write(tmp_path / "a.toml", "version = 1\n")
    (refusal,) = format_files([tmp_path / "a.yaml"], "toml").refusals
    assert "is there already" in refusal


def test_a_conversion_that_would_change_the_order_of_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml")
    write(tmp_path / "a.u.yaml", UNTIDY.replace("id: a", "id: b"))
    (refusal,) = format_files([tmp_path / "a.yaml"], "toml").refusals
    assert "another order" in refusal
