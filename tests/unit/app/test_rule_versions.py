"""Rule sets by name: the running one, files, or what git remembers, with a plain sentence where there is none."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.app.rule_diff import RuleChanges, rule_changes
from daemon.app.rule_versions import rules_named
from daemon.core.exceptions import ConfigError, RuleError
from daemon.rulebook.ruleset import RuleSet
from tests.rule_values import asks, rule


def text(*ids: str) -> str:
    rules = "".join(
        f"  - {{id: {each}, why: x, when: {{code: {each.upper()}}}, then: {{leave: {{}}}}}}\n" for each in ids
    )
    return f"version: 1\nrules:\n{rules}"


@dataclass
class Kept:
    """A store that keeps one rule set, or none."""

    version: str = ""
    content: str = ""

    async def last_rules(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        return (self.version, [("rules/a.yaml", self.content.encode())]) if self.version else None


async def ids(name: str, configured: Path, store: Kept | None = None) -> list[str]:
    found = await rules_named(name, store or Kept(), [configured])
    return [each.id for each in found.rules.rules]


def git_in(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Jo", "-c", "user.email=jo@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the rules of two commits, the first with a table beside them; the folder is gone by now."""
    rules = tmp_path / "work" / "rules"
    (rules / "tables").mkdir(parents=True)
    (rules / "tables" / "sku.csv").write_text("old,new\nA,B\n", encoding="utf-8")
    patched = (
        "  - id: sku\n    why: x\n    when: {code: S}\n    then:\n"
        "      patch: [{op: replace, path: /data/a, value_from: {data: a, lookup: sku}}]\n      retry: {}\n"
    )
    table = text("one").replace("rules:", "tables:\n  sku: {csv: tables/sku.csv, key: old, value: new}\nrules:")
    (rules / "a.yaml").write_text(table + patched, encoding="utf-8")
    (rules / ".hidden.yaml").write_text("nonsense", encoding="utf-8")
    (rules / "link.yaml").symlink_to("/etc/passwd")
    git_in(tmp_path, "init", "--initial-branch=main", "work")
    git_in(rules, "add", ".")
    git_in(rules, "commit", "-m", "first")
    (rules / "link.yaml").unlink()
    (rules / "a.yaml").write_text(text("two"), encoding="utf-8")
    (rules / "b.yaml").write_text("version: 1\nrules:\n  - {id: Bad Id}\n", encoding="utf-8")
    git_in(rules, "add", ".")
    git_in(rules, "commit", "-m", "second, broken")
    shutil.rmtree(rules)
    return tmp_path / "work"


async def test_files_and_folders_go_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "HEAD"
    folder.mkdir()
    (folder / "a.yaml").write_text(text("here"), encoding="utf-8")
    assert await ids("HEAD", tmp_path) == ["here"]
    assert await ids(str(tmp_path / "HEAD" / "a.yaml"), tmp_path) == ["here"]


async def test_the_running_set_is_the_one_that_was_put_in_force_last(tmp_path: Path) -> None:
    found = await rules_named("running", Kept("rules@1", text("kept")), [tmp_path])
    assert (found.name, [each.id for each in found.rules.rules]) == ("running (rules@1)", ["kept"])
    with pytest.raises(ConfigError, match='no rule set has been in force yet, so there is no "running" one'):
        await ids("running", tmp_path)


async def test_a_revision_is_read_with_its_tables_though_the_folder_is_gone(repository: Path) -> None:
    assert await ids("HEAD~1", repository / "rules") == ["one", "sku"]
    found = await rules_named("HEAD~1", Kept(), [repository / "rules"])
    assert str(found.rules.sources[0].place).startswith("HEAD~1:rules/a.yaml:")
    assert found.rules.sources[1].tables == {"sku": {"A": "B"}}


async def test_a_path_may_be_named_with_the_revision(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    assert await ids("main~1:rules", tmp_path / "elsewhere") == ["one", "sku"]
    assert await ids("HEAD:rules/a.yaml", tmp_path / "elsewhere") == ["two"]
    folder = repository / "sub"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert await ids("HEAD:rules/a.yaml", tmp_path / "elsewhere") == ["two"]
    assert await ids("HEAD:../rules/a.yaml", tmp_path / "elsewhere") == ["two"]


async def test_a_revision_whose_rules_are_broken_is_refused_with_their_places(repository: Path) -> None:
    with pytest.raises(RuleError, match=r"HEAD:rules/b\.yaml:3:\d+(.|\n)*HEAD cannot be compared"):
        await ids("HEAD", repository / "rules")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HEAD~7", 'is not "running", no file and no folder, and git knows no revision of that name'),
        ("--output=x", "git knows no revision of that name"),
        ("HEAD:nowhere", "that revision has no nowhere; name the path that the rules had then: REV:PATH"),
        ("HEAD:../..", "lies outside of the git repository"),
        ("HEAD:note.txt", "there is no rule file in that revision"),
    ],
)  # fmt: skip
async def test_what_git_does_not_know_is_said_plainly(
    repository: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    (repository / "note.txt").write_text("x", encoding="utf-8")
    git_in(repository, "add", ".")
    git_in(repository, "commit", "-m", "note")
    monkeypatch.chdir(repository)
    with pytest.raises(ConfigError) as refusal:
        await ids(name, repository / "rules")
    assert said in str(refusal.value)
    assert not (repository / "x").exists()


async def test_outside_of_a_repository_it_is_said_what_a_name_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ConfigError, match="For a git revision the configured rules must lie in a git repository"):
        await ids("ruels", tmp_path)


async def test_without_git_only_files_and_the_running_set_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match='"ruels" is neither a file nor a folder, and there is no git here'):
        await ids("ruels", tmp_path)


A, B, C = (rule(each, asks("code", is_=each)) for each in "abc")
B_CHANGED, B_RENAMED = rule("b", asks("code", is_="x")), rule("beta", asks("code", is_="b"))
CHANGES = {
    "none": ([A, B], [A, rule("b", asks("code", is_="b"), why="said better", owner="jo")], RuleChanges()),
    "added": ([A], [A, B], RuleChanges(added=("b",))),
    "removed": ([A, B], [B], RuleChanges(removed=("a",))),
    "changed": ([A, B], [A, B_CHANGED], RuleChanges(changed=("b",))),
    "renamed": ([A, B], [A, B_RENAMED], RuleChanges(renamed={"b": "beta"})),
    "moved": ([A, B, C], [C, A, B], RuleChanges(moved=("c",))),
    "renamed and moved": ([A, B, C], [B_RENAMED, A, C], RuleChanges(renamed={"b": "beta"}, moved=("beta",))),
    "another of the same name": ([A, B], [A, rule("a2", asks("code", is_="q")), B_RENAMED],
                                 RuleChanges(added=("a2",), renamed={"b": "beta"})),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "changes"), CHANGES.values(), ids=CHANGES.keys())
def test_what_differs_between_two_sets_is_named(old: list[object], new: list[object], changes: RuleChanges) -> None:
    found = rule_changes(RuleSet(old), RuleSet(new))  # type: ignore[arg-type]
    assert found == changes
    assert found.none == (changes == RuleChanges())
