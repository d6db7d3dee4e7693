"""Every broken file gives exactly the message beside it.

To write the messages anew after a wording was changed on purpose, and then read every one of them aloud:
``FLOWMEND_WRITE_MESSAGES=1 python -m pytest tests/unit/rulebook/test_reader_broken.py``
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.rulebook.candidate import prepare
from daemon.rulebook.codes import CODES
from daemon.rulebook.problems import Problem, render

BROKEN = Path(__file__).parents[2] / "rules" / "broken"
FILES = sorted(path.name for path in BROKEN.iterdir() if path.suffix in {".yaml", ".toml"})
NOT_IN_FILES = {"E001", "E002", "E009", "E051", "W039", "W040", "W041", "W042"}
"""Codes of files that cannot be read, or move, of names in an account (all tested elsewhere), and of a mistake of Flowmend itself."""


def found_in(path: Path) -> Sequence[Problem]:
    """Return what ``flowmend check`` says of a file."""
    return prepare([path]).problems


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_gives_the_message_that_is_checked_in_beside_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BROKEN)
    problems = found_in(Path(name))
    expected = (BROKEN / name).with_suffix(".txt")
    message = render(problems)
    if os.environ.get("FLOWMEND_WRITE_MESSAGES"):
        expected.write_text(message, encoding="utf-8")
    assert message == expected.read_text(encoding="utf-8")
    assert len(problems) == 1


@pytest.mark.parametrize("name", FILES)
def test_only_warnings_leave_a_rule_to_run(name: str) -> None:
    tried = prepare([BROKEN / name])
    assert (tried.ruleset is None) is tried.problems[0].code.startswith("E")


def test_every_code_that_a_file_can_have_is_shown_by_a_broken_file() -> None:
    shown = {word for name in FILES for word in (BROKEN / name).with_suffix(".txt").read_text(encoding="utf-8").split()}
    assert set(CODES) - NOT_IN_FILES <= shown


def test_both_formats_have_their_mistakes() -> None:
    suffixes = [Path(name).suffix for name in FILES]
    assert suffixes.count(".yaml") >= 100
    assert suffixes.count(".toml") >= 40


def test_every_message_has_its_file() -> None:
    assert {path.stem for path in BROKEN.glob("*.txt")} == {Path(name).stem for name in FILES}
