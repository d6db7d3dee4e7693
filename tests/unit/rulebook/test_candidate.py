"""A set on trial is of one moment: what changes while it is read is read again, or refused as moving (P8)."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from daemon.rulebook.candidate import prepare
from daemon.rulebook.snapshot import read_kept, read_snapshot, take

TABLES = "version: 1\ntables:\n  t: {csv: t.csv, key: k, value: v}\n"


def rule(rule_id: str, code: str = "X") -> str:
    return f"version: 1\nrules:\n  - id: {rule_id}\n    why: x\n    when: {{code: {code}}}\n    then: {{leave: {{}}}}\n"


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: write(folder, a=rule("other")), id="a file"),
        pytest.param(lambda folder: write(folder, b=rule("added")), id="a file more"),
        pytest.param(lambda folder: (folder / "a.yaml").unlink(), id="a file less"),
        pytest.param(lambda folder: (folder / "t.csv").write_text("k,v\na,c\n", encoding="utf-8"), id="a table"),
        pytest.param(lambda folder: (folder / "t.csv").unlink(), id="a table less"),
    ],
)
def test_a_second_look_finds_whatever_has_changed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    write(tmp_path, a=rule("one").replace("version: 1\n", TABLES))
    (tmp_path / "t.csv").write_text("k,v\na,b\n", encoding="utf-8")
    before, _ = read_snapshot([tmp_path])
    unchanged = take([tmp_path], before.tables)
    change(tmp_path)
    after = take([tmp_path], before.tables)

    assert unchanged == before
    assert unchanged.digest() == before.digest()
    assert after != before
    assert after.digest() != before.digest()


def release(folder: Path, number: int) -> None:
    """Put a new release of six files in the place of the one before, in one step."""
    (folder / str(number)).mkdir()
    write(folder / str(number), **{name: rule(f"{name}-{number}", name) for name in "abcdef"})
    (folder / "new").symlink_to(str(number))
    (folder / "new").replace(folder / "rules")


def test_a_set_is_never_made_of_two_halves_while_files_are_swapped_all_the_time(tmp_path: Path) -> None:
    release(tmp_path, 0)
    stop, turns = Event(), [0]

    def turn_all_the_time() -> None:
        while not stop.is_set():
            turns.append(len(turns))
            release(tmp_path, turns[-1])

    turner = Thread(target=turn_all_the_time)
    turner.start()
    try:
        candidates = [prepare([tmp_path / "rules"]) for _ in range(60)]
    finally:
        stop.set()
        turner.join()
    still = prepare([tmp_path / "rules"])

    assert len(turns) > 20
    for candidate in candidates:
        whole = candidate.ruleset
        assert whole is not None or [problem.code for problem in candidate.problems] == ["E009"]
        assert whole is None or len({each.id.partition("-")[2] for each in whole.rules}) == 1
    assert still.ruleset is not None


def test_files_that_were_kept_are_read_without_looking_at_any_file() -> None:
    patch = "patch: [{op: replace, path: /data/x, value_from: {data: x, lookup: t}}], retry: {}"
    text = rule("one").replace("version: 1\n", TABLES).replace("leave: {}", patch)
    kept = [("gone/a.yaml", text.encode()), ("gone/t.csv", b"k,v\na,b\n")]

    read = read_kept(kept)
    lacking = read_kept(kept[:1])

    assert read.problems == ()
    assert [(source.rule.id, source.place.file, source.tables) for source in read.sources] == [
        ("one", "gone/a.yaml", {"t": {"a": "b"}})
    ]
    assert [problem.code for problem in lacking.problems] == ["E037"]
