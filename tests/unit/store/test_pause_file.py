"""The PAUSE file: whatever stands under that name beside the store stops all writing."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.core.exceptions import StoreError
from daemon.core.pauses import EVERYTHING, Pause
from daemon.store.pause_file import REASON_CUT, PauseFile, beside


def held(file: Path) -> Pause:
    """Return the pause that the file stands for."""
    found = PauseFile(file).look()
    assert found is not None
    return found


def test_it_stands_beside_the_database(tmp_path: Path) -> None:
    file = beside(f"sqlite:///{tmp_path}/flowmend.db")
    assert file is not None
    assert file.path == tmp_path / "PAUSE"
    assert file.look() is None


def test_a_store_in_memory_has_none() -> None:
    assert beside("sqlite://") is None


def test_its_first_line_is_the_reason_and_its_age_the_beginning(tmp_path: Path) -> None:
    file = tmp_path / "PAUSE"
    file.write_text("  the ERP is down \nmore\n", encoding="utf-8")
    os.utime(file, (0, 1_772_445_600))
    assert held(file) == Pause(
        number=0,
        scope=EVERYTHING,
        reason="the ERP is down",
        by=f"the file {file}",
        since=datetime(2026, 3, 2, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "", id="empty"),
        pytest.param(b"\nsecond line", "", id="an empty first line"),
        pytest.param(b"a\x1b[31mred\x00\n", "a\\x1b[31mred\\x00", id="control characters are escaped"),
        pytest.param(b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2, id="not text"),
        pytest.param(b"x" * 100_000, "x" * (REASON_CUT - 1) + "…", id="endless"),
    ],
)
def test_whatever_it_holds_is_shown_on_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "PAUSE").write_bytes(content)
    assert held(tmp_path / "PAUSE").reason == reason


def test_a_folder_a_pipe_and_a_link_to_nowhere_count_as_well(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert [held(tmp_path / name).reason for name in ("folder", "pipe", "link")] == ["", "", ""]


def test_where_it_cannot_be_seen_whether_it_is_there_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be seen" in held(tmp_path / "file" / "PAUSE").reason


def test_no_age_is_too_strange_to_be_shown(tmp_path: Path) -> None:
    file = tmp_path / "PAUSE"
    file.touch()
    os.utime(file, (0, 2**33))
    assert held(file).since.year == 2242
    os.utime(file, (0, -(2**31)))
    assert held(file).since.year == 1970


def test_making_it_keeps_one_that_is_there(tmp_path: Path) -> None:
    file = PauseFile(tmp_path / "PAUSE")
    file.make("storm")
    file.make("another")
    assert held(file.path).reason == "storm"


def test_where_it_cannot_be_made_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made either"):
        PauseFile(tmp_path / "nowhere" / "PAUSE").make("")
