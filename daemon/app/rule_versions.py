"""Rule sets by name: files and folders, the running set, or a git revision."""

import io
import os
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from daemon.core.exceptions import ConfigError, RuleError
from daemon.rulebook.problems import render, summary
from daemon.rulebook.reader import RuleFiles, read_rules
from daemon.rulebook.ruleset import RuleSet, compile_rules
from daemon.rulebook.snapshot import is_rule_file, read_kept

RUNNING = "running"
GIT_WITHIN_S = 30.0


class KeptRules(Protocol):
    """Where the running set is kept."""

    async def last_rules(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        """Return the newest set that was accepted, as its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRules:
    """A rule set and the *name* that people gave it; *is_running* tells that it is the newest that was in force."""

    name: str
    rules: RuleSet
    is_running: bool = False


async def rules_named(name: str, store: KeptRules, configured: Sequence[Path]) -> NamedRules:
    """Return the rule set that *name* stands for.

    ``running`` is the newest set that the daemon has put in force. Else what is there as a file or folder goes first;
    anything else is a git revision: ``REV:PATH`` in the repository around the working directory, with the path as git
    takes it, or ``REV`` alone for the *configured* paths as they were then, in the repository around them.

    Raises:
        ConfigError: there is no such thing.
        RuleError: its rules are broken, and would not be loaded.
    """
    if name == RUNNING:
        kept = await store.last_rules()
        if kept is None:
            raise ConfigError(
                'no rule set has been in force yet, so there is no "running" one: flowmend run or flowmend once puts '
                "the configured rules in force. To compare files, name their folder"
            )
        rules = _sound(read_kept(kept[1]), name)
        return NamedRules(name=f"running ({kept[0]})", rules=rules, is_running=True)
    return NamedRules(name=name, rules=_read(name, configured))


def _read(name: str, configured: Sequence[Path]) -> RuleSet:
    if os.path.lexists(name):
        return _sound(read_rules([Path(name)]), name)
    return _at_revision(name, configured)


def _sound(found: RuleFiles, name: str) -> RuleSet:
    errors = [problem for problem in found.problems if problem.is_error]
    if errors:
        raise RuleError(
            f"{render(errors)}{summary(errors)}: {name} cannot be compared, because these rules would not be loaded"
        )
    return compile_rules(found.sources)


def _at_revision(name: str, configured: Sequence[Path]) -> RuleSet:
    revision, _, path = name.partition(":")
    around = Path.cwd() if path else _existing_folder(configured[0])
    top = Path(os.fsdecode(_git(around, "rev-parse", "--show-toplevel", name=name).rstrip(b"\n")))
    which = f"{revision}^{{commit}}"
    commit = _git(around, "rev-parse", "--verify", "--quiet", "--end-of-options", which, name=name).decode().strip()
    files: list[tuple[str, bytes]] = []
    from_top = bool(path) and not path.startswith((".", "/"))
    for inside in (
        [path] if from_top else [_inside(place, top, name) for place in ([Path(path)] if path else configured)]
    ):
        archive = _git(top, "archive", "--format=tar", commit, "--", inside, name=name)
        files += [(f"{revision}:{file}", content) for file, content in _plain_files(archive)]
    if not any(is_rule_file(file) for file, _ in files):
        raise ConfigError(
            f'"{name}": there is no rule file in that revision; name the path that the rules had: REV:PATH'
        )
    return _sound(read_kept(files), name)


def _existing_folder(path: Path) -> Path:
    """Return the nearest folder around *path* that is there: what a revision has may be gone by now."""
    around = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they were
    while not around.is_dir():
        around = around.parent
    return around


def _inside(path: Path, top: Path, name: str) -> str:
    """Return *path* as it is written inside the repository."""
    whole = Path(os.path.normpath(path.parent.resolve() / path.name))
    if not whole.is_relative_to(top):
        raise ConfigError(f"{name}: {path} lies outside of the git repository {top}; name a path inside it: REV:PATH")
    return str(whole.relative_to(top))


def _plain_files(archive: bytes) -> list[tuple[str, bytes]]:
    """Return the plain files of *archive* by path, without hidden ones; links and whatever else it holds are left out."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = [(each.name, tar.extractfile(each)) for each in tar if each.isfile()]
        plain = [(name, content.read()) for name, content in found if content is not None]
    return sorted((name, content) for name, content in plain if not any(part[:1] == "." for part in name.split("/")))


def _git(folder: Path, *arguments: str, name: str) -> bytes:
    """Run git, which reads only, and return what it wrote.

    Raises:
        ConfigError: it is not there, or does not know what was asked for.
    """
    quiet = {"GIT_LITERAL_PATHSPECS": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell; what people wrote stands behind an end mark
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the git of the person who asks
            capture_output=True,
            check=False,
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            timeout=GIT_WITHIN_S,
        )
    except FileNotFoundError:
        raise ConfigError(
            f'"{name}" is neither a file nor a folder, and there is no git here to look for a revision of that name'
        ) from None
    except subprocess.TimeoutExpired:
        raise ConfigError(f'"{name}": git did not answer within {GIT_WITHIN_S:.0f} s') from None
    if done.returncode:
        raise ConfigError(_refusal(name, arguments[0], arguments[-1], done.stderr.decode(errors="replace")))
    return done.stdout


def _refusal(name: str, command: str, last: str, said: str) -> str:
    nothing = f'"{name}" is not "{RUNNING}", no file and no folder'
    if "not a git repository" in said:
        return (
            f"{nothing}. For a git revision the configured rules must lie in a git repository, which they do not; or go to "
            "one and name the path in it: REV:PATH"
        )
    if command == "archive":
        return f'"{name}": that revision has no {last}; name the path that the rules had then: REV:PATH'
    if command == "rev-parse" and "^{commit}" in last:
        return f"{nothing}, and git knows no revision of that name; git log --oneline lists those there are"
    return f'"{name}": git refused: {" ".join(said.split())}'
