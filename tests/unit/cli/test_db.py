"""What ``flowmend db`` says of a store that is not as usual."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer

from daemon.cli.db import backup, check
from daemon.core.exceptions import StoreError
from daemon.store.schema import HEAD

OLDER = Path(__file__).parents[1] / "store" / "left_by_0003.sql"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(f'[accounts.acme]\n[store]\nurl = "sqlite:///{tmp_path}/store.db"\n', encoding="utf-8")
    return file


def test_of_an_older_store_no_more_is_called_sound_than_was_looked_at(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as raw:
        raw.executescript(OLDER.read_text(encoding="utf-8"))
    with pytest.raises(typer.Exit) as ended:
        check(config=config)
    assert ended.value.exit_code == 0
    assert f"What the journal promises can be looked at once it is brought to {HEAD}" in capsys.readouterr().out


def test_a_folder_in_the_place_of_the_store_is_said_to_be_one(config: Path, tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    for command in (check, backup):
        with pytest.raises(StoreError, match=r"store\.db is a folder"):
            command(config=config)
