"""Which files are read, in which order, and what is said about those that cannot be."""

import os
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.rulebook.problems import render
from daemon.rulebook.reader import RuleFiles, read_rules
from tests.rights import without_roots_rights


def text_of(rule_id: str) -> str:
    return f"version: 1\nrules:\n  - {{id: {rule_id}, why: W., when: {{code: {rule_id}}}, then: {{leave: {{}}}}}}\n"


def write(directory: Path, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(f"rule-{number}"), encoding="utf-8")


def ids(found: RuleFiles) -> list[str]:
    assert not found.problems, render(found.problems)
    return [source.rule.id for source in found.sources]


def test_directories_are_read_to_any_depth_in_the_order_of_path_names(tmp_path: Path) -> None:
    write(tmp_path, ["30.yml", "10/b.yaml", "10/a/z.yaml", "20.YAML"])
    assert ids(read_rules([tmp_path])) == ["rule-2", "rule-1", "rule-3", "rule-0"]


def test_several_paths_are_read_in_the_order_given(tmp_path: Path) -> None:
    write(tmp_path, ["a/1.yaml", "b/1.yaml"])
    assert ids(read_rules([tmp_path / "b", tmp_path / "a"])) == ["rule-1", "rule-0"]


def test_a_file_reached_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, ["a.yaml"])
    assert ids(read_rules([tmp_path / "a.yaml", tmp_path, tmp_path / "." / "a.yaml"])) == ["rule-0"]


def test_hidden_files_and_what_editors_leave_behind_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, ["a.yaml"])
    write(
        tmp_path, [".b.yaml", ".git/c.yaml", "..data/d.yaml", "a.yaml~", "a.yaml.bak", ".#a.yaml", "#a.yaml#", "x.json"]
    )
    assert ids(read_rules([tmp_path])) == ["rule-0"]


def test_files_are_told_with_the_bytes_that_were_read(tmp_path: Path) -> None:
    write(tmp_path, ["a.yaml"])
    (file,) = read_rules([tmp_path]).files
    content = (tmp_path / "a.yaml").read_bytes()
    assert (file.name, file.content, file.sha256) == (
        str(tmp_path / "a.yaml"),
        content,
        sha256(content).hexdigest(),
    )


def test_a_linked_file_is_read_as_in_a_mounted_config_map(tmp_path: Path) -> None:
    write(tmp_path, ["..2024/a.yaml"])
    (tmp_path / "a.yaml").symlink_to(tmp_path / "..2024" / "a.yaml")
    assert ids(read_rules([tmp_path])) == ["rule-0"]


@pytest.mark.parametrize("encoded", [b"\xef\xbb\xbf", b""], ids=["byte order mark", "none"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n"], ids=["Windows", "Unix"])
@pytest.mark.parametrize("suffix", ["yaml", "toml"])
def test_what_editors_on_windows_write_is_read(encoded: bytes, line_end: str, suffix: str, tmp_path: Path) -> None:
    text = text_of("one")
    if suffix == "toml":
        text = 'version = 1\n[[rules]]\nid = "one"\nwhy = "W."\nwhen = {code = "A"}\nthen = {leave = {}}\n'
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(encoded + text.replace("\n", line_end).encode())
    assert ids(read_rules([path])) == ["one"]


@pytest.mark.parametrize(
    ("content", "code", "word"),
    [
        (text_of("one").encode("utf-16"), "E002", "UTF-8"),
        (b"version: 1\nwhy: caf\xe9\n", "E002", "line 2 has a byte 0xe9"),
        (b"version: 1\rrules: []\r", "E002", "line ends"),
        (b"#" * (1024 * 1024 + 1), "E002", "larger than 1 MiB"),
        (b"version: 1\x00\n", "E004", "U+0000"),
        (b"", "E008", "nothing"),
        (b"\n \n# a comment\n", "E008", "nothing"),
        (b"{}", "E008", "nothing"),
    ],
)
def test_what_is_not_text_is_refused(content: bytes, code: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    (one,) = read_rules([tmp_path]).problems
    assert one.code == code
    assert word in one.message


def test_missing_paths_and_other_files_are_problems(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    names = ("no-such-directory", "no-such.yaml", "notes.txt", "empty", "gone.yaml", "loop.yaml", "pipe.yaml")
    paths = [tmp_path / name for name in names]
    found = read_rules(paths).problems
    assert {(Path(one.file).name, one.code) for one in found} == {
        ("no-such-directory", "E001"),
        ("no-such.yaml", "E001"),
        ("notes.txt", "E001"),
        ("empty", "E008"),
        ("gone.yaml", "E001"),
        ("loop.yaml", "E001"),
        ("pipe.yaml", "E001"),
    }


def test_a_directory_named_like_a_file_is_searched(tmp_path: Path) -> None:
    write(tmp_path, ["rules.yaml/a.yaml"])
    assert ids(read_rules([tmp_path])) == ["rule-0"]


def test_what_may_not_be_read_is_a_problem() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write(folder, ["a.yaml", "closed/b.yaml"])
        (folder / "a.yaml").chmod(0)
        (folder / "closed").chmod(0)
        with without_roots_rights():
            problems = read_rules([folder]).problems
        (folder / "closed").chmod(0o700)
    assert [one.code for one in problems] == ["E001", "E001"]


def test_one_broken_file_leaves_the_others_readable(tmp_path: Path) -> None:
    write(tmp_path, ["a.yaml", "b.yaml"])
    (tmp_path / "a.yaml").write_text("version: [", encoding="utf-8")
    found = read_rules([tmp_path])
    assert found.has_errors
    assert [source.rule.id for source in found.sources] == ["rule-1"]


TABLE = "tables: {sku: {csv: tables/sku.csv, key: old, value: new}}\n"
PATCH = "{op: add, path: /data/a, value_from: {data: a, lookup: sku}}"


def with_table(directory: Path, content: bytes) -> RuleFiles:
    (directory / "tables").mkdir()
    (directory / "tables" / "sku.csv").write_bytes(content)
    text = text_of("one").replace("leave: {}", f"retry: {{}}, patch: [{PATCH}]") + TABLE
    (directory / "a.yaml").write_text(text, encoding="utf-8")
    return read_rules([directory])


@pytest.mark.parametrize(
    "content",
    [
        b"old,new\nA,B\nC,D\n",
        b"\xef\xbb\xbfnote,old,new\r\nx,A,B\r\n\r\n,C,D\r\n",
        b'old,new\n"A","B"\nC,D,more\n',
    ],
    ids=["plain", "as Excel writes it", "quoted"],
)
def test_a_table_comes_from_a_csv_file(content: bytes, tmp_path: Path) -> None:
    found = with_table(tmp_path, content)
    assert ids(found) == ["one"]
    assert found.sources[0].tables == {"sku": {"A": "B", "C": "D"}}
    assert [Path(file.name).name for file in found.files] == ["a.yaml", "sku.csv"]
    assert found.files[1].content == content


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", 'no column "old"'),
        (b"old;new\nA;B\n", 'no column "old"'),
        (b"old,other\nA,B\n", 'no column "new"'),
        (b"old,new\n", "no entries"),
        (b"old,new\nA\n", "line 2, has too few columns"),
        (b"old,new\nA,B\nA,B\n", "lines 2 and 3"),
        (b"old,new\nA,\xff\n", "not UTF-8"),
        (b'old,new\n"A"x,B\n', "not CSV"),
    ],
)
def test_a_csv_file_that_cannot_be_used_is_a_problem(content: bytes, word: str, tmp_path: Path) -> None:
    (one,) = with_table(tmp_path, content).problems
    assert one.code == "E037"
    assert word in one.message


@pytest.mark.parametrize("name", ["/etc/hostname", "../a.csv", "tables/../../a.csv", "tables\\sku.csv", '"a\\0.csv"'])
def test_a_rule_file_reads_nothing_outside_its_own_directory(name: str, tmp_path: Path) -> None:
    text = text_of("one") + TABLE.replace("tables/sku.csv", name)
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    (one,) = read_rules([tmp_path]).problems
    assert (one.code, one.why) == ("E037", "rule files read nothing but their own directory")
