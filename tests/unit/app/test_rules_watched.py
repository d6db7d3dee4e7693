"""Rule files are watched, and taken only when they are left alone: saved, half written, swapped, deleted (P8)."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.exceptions import StoreError
from daemon.rulebook.snapshot import stamp
from tests.rights import without_roots_rights
from tests.unit.app.rules_bench import NOW, OTHER, RULE, SIZES, Bench, loaded_bench

SECOND = RULE.replace("id: one", "id: two").replace("OLD_SIZE", OTHER)
BROKEN = RULE.replace("classify", "clasify")


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return await loaded_bench(tmp_path / "rules")


def ids(bench: Bench) -> list[str]:
    return [rule.id for rule in bench.rules.current.rules]


async def test_watching_unchanged_files_loads_nothing(bench: Bench) -> None:
    current = bench.rules.current
    await bench.look(times=5)
    await bench.rules.compare(NOW)

    assert bench.events() == []
    assert bench.rules.current is current


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a.yaml", RULE.replace("OLD_SIZE", "SIZE"), id="rule changed"),
        pytest.param("b.yaml", SECOND, id="file added"),
        pytest.param("deep/er/b.yaml", SECOND, id="folder added"),
        pytest.param("tables/sizes.csv", "old,new\nXL,XXL\n", id="table changed"),
    ],
)
async def test_watching_loads_what_changed_once(bench: Bench, name: str, text: str) -> None:
    before = bench.rules.current.version
    bench.write(name, text.replace("tables/sizes", "sizes") if "er/" in name else text)
    if "er/" in name:
        bench.write("deep/er/sizes.csv", SIZES)
    await bench.look(times=4)

    assert bench.events() == ["rules.loaded"]
    assert bench.rules.current.version != before
    assert bench.history.kept[-1][0] == bench.rules.current.version


async def test_a_file_that_is_still_being_written_is_not_taken_before_it_is_left_alone(bench: Bench) -> None:
    bench.write("b.yaml", SECOND)
    await bench.look()
    both = ids(bench)
    third = SECOND.partition("rules:\n")[2].replace("two", "three").replace(OTHER, "THIRD")
    whole = RULE.replace("OLD_SIZE", "NEW_SIZE") + third
    for written in range(len(RULE), len(whole), 25):  # some of these parts are sound files by themselves
        bench.write("a.yaml", whole[:written])
        await bench.look(times=1)
    meanwhile = bench.events(), ids(bench)
    bench.write("a.yaml", whole)
    await bench.look()

    assert both == ["one", "two"]
    assert meanwhile == (["rules.loaded"], ["one", "two"])
    assert ids(bench) == ["one", "three", "two"]
    assert bench.events() == ["rules.loaded"]


def rename_over(bench: Bench, text: str) -> None:
    """Save as editors do: a file beside it, renamed over it."""
    bench.write(".a.yaml.swp", text)
    (bench.folder / ".a.yaml.swp").replace(bench.folder / "a.yaml")


def backup_first(bench: Bench, text: str) -> None:
    """Save as other editors do: the old file goes aside, a new one takes its name."""
    (bench.folder / "a.yaml").rename(bench.folder / "a.yaml~")
    bench.write("a.yaml", text)


def unnoticed(bench: Bench, text: str) -> None:
    """Replace the file with one of the same size and time, as a copy with all attributes does."""
    file = bench.folder / "a.yaml"
    was = file.stat()
    bench.write("b.tmp", text)
    os.utime(bench.folder / "b.tmp", ns=(was.st_atime_ns, was.st_mtime_ns))
    (bench.folder / "b.tmp").replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (was.st_size, was.st_mtime_ns)


@pytest.mark.parametrize("save", [rename_over, backup_first, unnoticed])
async def test_a_save_by_rename_is_seen(bench: Bench, save: Callable[[Bench, str], None]) -> None:
    before = bench.rules.current.version
    save(bench, RULE.replace("OLD_SIZE", "XLD_SIZE"))
    await bench.look()

    assert bench.events() == ["rules.loaded"]
    assert bench.rules.current.version != before


class ConfigMap:
    """A folder as Kubernetes mounts a ConfigMap: files are links through ``..data``, which is turned in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turns = 0
        folder.mkdir()

    def turn(self, **files: str) -> None:
        """Put new files in place of all old ones."""
        self.turns += 1
        data = self.folder / f"..2026_{self.turns}"
        data.mkdir()
        for name, text in files.items():
            (data / f"{name}.yaml").write_text(text, encoding="utf-8")
            link = self.folder / f"{name}.yaml"
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}.yaml")
        new = self.folder / "..data_tmp"
        new.symlink_to(data.name)
        new.rename(self.folder / "..data")


def plain_rule(rule_id: str, code: str) -> str:
    return f"version: 1\nrules:\n  - id: {rule_id}\n    why: x\n    when: {{code: {code}}}\n    then: {{leave: {{}}}}\n"


async def test_a_configmap_that_is_turned_is_seen_and_taken_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "rules")
    mounted = ConfigMap(bench.folder)
    mounted.turn(a=plain_rule("a-1", "X"), b=plain_rule("b-1", "Y"))
    await bench.rules.load(NOW)
    for turn in ("2", "3"):
        mounted.turn(a=plain_rule(f"a-{turn}", "X"), b=plain_rule(f"b-{turn}", "Y"))
        await bench.look()
        assert ids(bench) == [f"a-{turn}", f"b-{turn}"]

    assert bench.events() == ["rules.loaded"] * 3


async def test_a_folder_that_is_a_link_to_a_release_is_followed(tmp_path: Path) -> None:
    for release in ("1", "2"):
        (tmp_path / release).mkdir()
        (tmp_path / release / "a.yaml").write_text(plain_rule(f"of-{release}", "X"), encoding="utf-8")
    link = tmp_path / "rules"
    link.symlink_to("1")
    bench = Bench(link)
    await bench.rules.load(NOW)
    link.unlink()
    link.symlink_to("2")
    await bench.look()

    assert ids(bench) == ["of-2"]


async def test_a_table_that_is_away_for_a_moment_is_refused_once_and_taken_when_it_is_back(bench: Bench) -> None:
    before = bench.rules.current
    (bench.folder / "tables/sizes.csv").unlink()
    await bench.look()
    away = bench.events(), bench.rules.current
    await bench.look()
    await bench.rules.compare(NOW)
    still_away = bench.events()
    bench.write("tables/sizes.csv", "old,new\nXL,XXL\n")
    await bench.look()

    assert away == (["rules.refused", "rules.problem"], before)
    assert still_away == []
    assert bench.events() == ["rules.loaded"]
    assert bench.rules.current.version != before.version


def emptied(bench: Bench) -> None:
    (bench.folder / "a.yaml").unlink()


def deleted(bench: Bench) -> None:
    for file in ("a.yaml", "tables/sizes.csv"):
        (bench.folder / file).unlink()
    (bench.folder / "tables").rmdir()
    bench.folder.rmdir()


def turned_into_a_folder(bench: Bench) -> None:
    (bench.folder / "a.yaml").unlink()
    (bench.folder / "a.yaml").mkdir()


def turned_into_a_pipe(bench: Bench) -> None:
    (bench.folder / "a.yaml").unlink()
    os.mkfifo(bench.folder / "a.yaml")


def a_link_to_nothing(bench: Bench) -> None:
    (bench.folder / "a.yaml").unlink()
    (bench.folder / "a.yaml").symlink_to("nowhere.yaml")


def a_link_to_itself(bench: Bench) -> None:
    (bench.folder / "a.yaml").unlink()
    (bench.folder / "a.yaml").symlink_to("a.yaml")


def cut_to_nothing(bench: Bench) -> None:
    bench.write("a.yaml", "")


def not_text(bench: Bench) -> None:
    (bench.folder / "a.yaml").write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize(
    "harm",
    [
        emptied,
        deleted,
        turned_into_a_folder,
        turned_into_a_pipe,
        a_link_to_nothing,
        a_link_to_itself,
        cut_to_nothing,
        not_text,
    ],
)
async def test_whatever_happens_to_the_files_the_set_stays_and_sound_ones_are_taken_again(
    bench: Bench, harm: Callable[[Bench], None]
) -> None:
    before = bench.rules.current
    harm(bench)
    await bench.look(times=3)
    refused = bench.events()
    stayed = bench.rules.current
    broken = bench.folder / "a.yaml"
    if broken.is_dir():
        broken.rmdir()
    else:
        broken.unlink(missing_ok=True)
    bench.write("a.yaml")
    bench.write("tables/sizes.csv", SIZES)
    await bench.look(times=3)

    assert refused == ["rules.refused", "rules.problem"]
    assert stayed is before
    assert bench.events() == ["rules.loaded"]
    assert not bench.rules.broken


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that everybody may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.parametrize("name", ["a.yaml", "tables/sizes.csv", "tables", "."])
async def test_what_may_not_be_read_is_refused_and_taken_as_soon_as_it_may(open_folder: Path, name: str) -> None:
    bench = await loaded_bench(open_folder / "rules")
    before = bench.rules.current
    place = bench.folder / name
    place.chmod(0)
    with without_roots_rights():
        await bench.look()
    refused = bench.events()
    place.chmod(0o755)
    await bench.look()

    assert refused[:2] == ["rules.refused", "rules.problem"]
    assert bench.events() == ["rules.loaded"]
    assert bench.rules.current.version == before.version


async def test_a_refusal_is_said_again_when_the_file_changes_again_and_not_before(bench: Bench) -> None:
    bench.write("a.yaml", BROKEN)
    await bench.look(times=10)
    await bench.rules.compare(NOW)
    once = bench.events()
    bench.write("a.yaml", BROKEN + "# tried something\n")
    await bench.look(times=10)

    assert once == ["rules.refused", "rules.problem"]
    assert bench.events() == ["rules.refused", "rules.problem"]


async def test_rules_that_are_mended_to_what_they_were_are_said_to_be_loaded(bench: Bench) -> None:
    before = bench.rules.current.version
    bench.write("a.yaml", BROKEN)
    await bench.look()
    bench.write("a.yaml", RULE)
    await bench.look()

    assert bench.events() == ["rules.refused", "rules.problem", "rules.loaded"]
    assert bench.rules.current.version == before


async def test_what_the_marks_do_not_show_is_found_by_comparing_the_content(bench: Bench) -> None:
    bench.write("a.yaml", RULE.replace("OLD_SIZE", OTHER))
    seen = bench.rules.seen
    bench.rules.seen = replace(seen, stamp=stamp([bench.folder], seen.tables))  # as if the marks had stood still
    await bench.look(times=3)
    unseen = bench.events()
    await bench.rules.compare(NOW)

    assert unseen == []
    assert bench.events() == ["rules.loaded"]


async def test_a_set_that_cannot_be_kept_is_not_tried_again_at_every_look_but_when_contents_are_compared(
    bench: Bench,
) -> None:
    bench.history.full = True
    bench.write("a.yaml", RULE.replace("OLD_SIZE", OTHER))
    await bench.look(times=1)
    with pytest.raises(StoreError):
        await bench.look(times=1)
    await bench.look(times=5)
    with pytest.raises(StoreError):
        await bench.rules.compare(NOW)
    bench.history.full = False
    await bench.rules.compare(NOW)

    assert bench.events() == ["rules.loaded"]
