"""The folder to practise in: made once, complete, and never written over."""

from pathlib import Path

import pytest

from daemon.app.practice import make_practice
from daemon.core.actions import Mode
from daemon.core.exceptions import ConfigError
from daemon.settings import load_settings

URL = "http://127.0.0.1:8766/v1"


def test_it_has_all_that_is_needed_to_read_the_sandbox_and_sends_nothing(tmp_path: Path) -> None:
    assert make_practice(tmp_path / "practice", URL)
    settings = load_settings(None, {}, tmp_path / "practice")
    assert (settings.mode, settings.accounts["practice"].base_url) == (Mode.OBSERVE, URL)
    assert [path.name for path in settings.rules.paths] == ["rules"]
    assert list((tmp_path / "practice" / "rules").glob("*.yaml"))
    assert (tmp_path / "practice" / "token").stat().st_mode & 0o077 == 0


def test_what_somebody_changed_in_it_stays(tmp_path: Path) -> None:
    make_practice(tmp_path, URL)
    rule = next((tmp_path / "rules").glob("*.yaml"))
    rule.write_text("version: 1\n", encoding="utf-8")
    assert not make_practice(tmp_path, URL)
    assert rule.read_text(encoding="utf-8") == "version: 1\n"


def test_one_for_another_sandbox_is_refused(tmp_path: Path) -> None:
    make_practice(tmp_path, URL)
    with pytest.raises(ConfigError, match="does not name the sandbox at"):
        make_practice(tmp_path, "http://127.0.0.1:9000/v1")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not empty"):
        make_practice(tmp_path, URL)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_where_no_folder_can_be_made_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"no folder to practise in could be made at \S+: Not a directory$"):
        make_practice(tmp_path / "file" / "practice", URL)
