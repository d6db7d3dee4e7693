"""What ``flowmend db`` says of a store that is not as usual."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer

from daemon.cli.db import backup, check, prune, upgrade
from daemon.cli.hold import list_held
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


def made(config: Path, capsys: pytest.CaptureFixture[str], *, version: str = "") -> Path:
    """Make a store, of the older version where one is named."""
    file = config.with_name("store.db")
    if version:
        with closing(sqlite3.connect(file)) as raw:
            raw.executescript(OLDER.read_text(encoding="utf-8"))
    else:
        upgrade(config=config)
        capsys.readouterr()
    return file


def test_bringing_a_store_forward_names_the_copy_and_is_done_once(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = made(config, capsys, version="0003")
    told = []
    for _ in range(2):
        upgrade(config=config, json=True)
        told.append(json.loads(capsys.readouterr().out))

    assert [(each["was"], each["schema"]) for each in told] == [("0003", HEAD), (HEAD, HEAD)]
    assert Path(told[0]["copy"]).name.startswith(f"{file.name}.before-")
    assert told[1]["copy"] is None


def test_whoever_only_looks_is_told_that_the_store_is_brought_forward(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = made(config, capsys, version="0003")
    told = []
    for _ in range(2):
        list_held(config=config)
        told.append(capsys.readouterr().err)

    assert told == [
        f"flowmend: the store {file} is of version 0003: it is brought to {HEAD}, with a copy of it beside\n",
        "",
    ]


def test_what_is_cleared_is_told_and_the_file_can_be_written_anew(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(config, capsys)
    for dry_run, vacuum in ((True, False), (False, False), (False, True)):
        prune(config=config, dry_run=dry_run, vacuum=vacuum)
        first, *removed, last = capsys.readouterr().out.splitlines()
        assert first == ("Nothing was changed. What would be removed:" if dry_run else "Removed:")
        assert [line[:4] for line in removed] == ["  0 "] * 3, "a dot would make it a list of what was removed"
        assert last.endswith("given back to the disk.")
    prune(config=config, vacuum=True, json=True)
    assert json.loads(capsys.readouterr().out)["dry_run"] is False


def test_a_copy_is_put_into_a_folder_and_is_as_sound_as_the_store(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(config, capsys)
    (tmp_path / "backup").mkdir()
    backup(target=str(tmp_path / "backup"), config=config)
    (copy,) = (tmp_path / "backup").iterdir()
    assert capsys.readouterr().out.startswith(f"{copy}: ")
    copy.replace(tmp_path / "store.db")
    with pytest.raises(typer.Exit) as ended:
        check(config=config)
    assert ended.value.exit_code == 0
    assert "Sound:" in capsys.readouterr().out


def test_a_store_in_which_something_does_not_hold_is_a_problem_and_ends_with_1(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(made(config, capsys))) as raw:
        raw.execute("DROP TABLE held")
    for json_wanted in (False, True):
        with pytest.raises(typer.Exit) as ended:
            check(config=config, json=json_wanted)
        assert ended.value.exit_code == 1
        said = capsys.readouterr().out
        assert json.loads(said)["sound"] is False if json_wanted else "problem: " in said
