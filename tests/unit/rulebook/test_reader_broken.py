"""Every broken file gives exactly the message beside it.

To write the messages anew after a wording was changed on purpose, and then read every one of them aloud:
``FLOWMEND_WRITE_MESSAGES=1 python -m pytest tests/unit/rulebook/test_reader_broken.py``
"""

import os
from pathlib import Path

import pytest

from daemon.rulebook.problems import CODES, render
from daemon.rulebook.reader import read_rules

BROKEN = Path(__file__).parents[2] / "rules" / "broken"
FILES = sorted(path.name for path in BROKEN.iterdir() if path.suffix in {".yaml", ".toml"})
NOT_IN_FILES = {"E001", "E002", "E009", "E050", "E051"}
"""Codes of files that cannot be read, which are tested elsewhere, and of the whole set, which the reader does not judge."""


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_gives_the_message_that_is_checked_in_beside_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BROKEN)
    read = read_rules([Path(name)])
    expected = (BROKEN / name).with_suffix(".txt")
    message = render(read.problems)
    if os.environ.get("FLOWMEND_WRITE_MESSAGES"):
        expected.write_text(message, encoding="utf-8")
    assert message == expected.read_text(encoding="utf-8")
    assert len(read.problems) == 1


@pytest.mark.parametrize("name", FILES)
def test_only_warnings_leave_a_rule_to_run(name: str) -> None:
    read = read_rules([BROKEN / name])
    assert read.has_errors is not name.startswith(("regex-fits", "rule-never-reached", "why-"))


def test_every_code_that_a_file_can_have_is_shown_by_a_broken_file() -> None:
    shown = {word for name in FILES for word in (BROKEN / name).with_suffix(".txt").read_text(encoding="utf-8").split()}
    assert set(CODES) - NOT_IN_FILES <= shown


def test_every_message_has_its_file() -> None:
    assert {path.stem for path in BROKEN.glob("*.txt")} == {Path(name).stem for name in FILES}
