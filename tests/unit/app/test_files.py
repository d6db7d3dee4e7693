"""Files for people are written whole or not at all, and nobody reads what they may not (P10)."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.app.files import fresh_file, write_file
from daemon.core.exceptions import ConfigError


@pytest.fixture
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_mask")
@pytest.mark.parametrize(
    ("mode", "modes"),
    [(0o600, [0o600, 0o600]), (0o664, [0o600, 0o664]), (None, [0o644, 0o644])],
    ids=["private", "shared in the end", "a new one"],
)
def test_what_is_private_is_so_from_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int | None, modes: list[int]
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: seen.append(stat.S_IMODE(os.fstat(file).st_mode)))
    with fresh_file(tmp_path / "rules.yaml", b"text", mode) as fresh:
        seen.append(stat.S_IMODE(fresh.stat().st_mode))
        assert fresh.read_bytes() == b"text"
    assert (seen, list(tmp_path.iterdir())) == (modes, [])


def test_a_file_that_cannot_take_its_place_leaves_all_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.mkdir()
    with pytest.raises(ConfigError, match=r"report\.html cannot be written: .*\. Nothing was changed"):
        write_file(place, "text")
    assert list(tmp_path.iterdir()) == [place]
    write_file(tmp_path / "report.csv", "a\r\nb\udc80")
    assert (tmp_path / "report.csv").read_bytes() == b"a\r\nb?"
