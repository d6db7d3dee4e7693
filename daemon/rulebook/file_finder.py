"""Find rule files under the paths of the configuration."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from errno import EINVAL
from pathlib import Path

from daemon.rulebook.formats import SIZE_LIMIT_BYTES
from daemon.rulebook.problems import Problem

RULE_SUFFIXES = (".yaml", ".yml", ".toml")

ReadBytes = Callable[[Path, int], bytes]
"""Returns at most so many bytes from the beginning of a file, or raises OSError: `read_up_to`, or what stands for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """One rule file; *name* is its path as messages show it. Of one that is too large, the first part."""

    name: str
    path: Path
    content: bytes = field(repr=False)


def find_rule_files(paths: Sequence[Path]) -> Iterator[FoundFile | Problem]:
    """Read every rule file under *paths*; yield a problem for each that cannot be read."""
    for found in list_rule_files(paths):
        yield found if isinstance(found, Problem) else _read(found)


def list_rule_files(paths: Sequence[Path]) -> Iterator[Path | Problem]:
    """Yield the place of every rule file under *paths*, each once, and a problem for everything that cannot be searched.

    Directories are searched to any depth, in the order of path names, without hidden files and directories.
    """
    seen: set[str] = set()
    for path in paths:
        for found in _rule_files(path):
            if isinstance(found, Problem):
                yield found
            elif (place := os.path.abspath(found)) not in seen:  # noqa: PTH100 - symbolic links stay as they are
                seen.add(place)
                yield found


def _rule_files(path: Path) -> Iterator[Path | Problem]:
    if os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir, it never raises
        refused: list[OSError] = []
        found = sorted(_inside(path, refused), key=str)
        yield from (_unreadable(Path(error.filename), error) for error in refused)
        if not found and not refused:
            hint = f"rule files end in {', '.join(RULE_SUFFIXES)}"
            yield Problem(code="E008", message="there is no rule file in this directory", file=str(path), hint=hint)
        yield from found
    elif path.suffix.lower() in RULE_SUFFIXES:
        yield path
    elif os.path.lexists(path):
        message = f"a rule file ends in {', '.join(RULE_SUFFIXES)}"
        yield Problem(code="E001", message=message, file=str(path), hint="rename it")
    else:
        yield _missing(path)


def _inside(directory: Path, refused: list[OSError]) -> Iterator[Path]:
    for folder, subfolders, files in os.walk(directory, onerror=refused.append):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(RULE_SUFFIXES) and not name.startswith("."):
                yield Path(folder, name)


def _read(path: Path) -> FoundFile | Problem:
    try:
        return FoundFile(name=str(path), path=path, content=read_up_to(path, SIZE_LIMIT_BYTES + 1))
    except FileNotFoundError:
        return _missing(path)
    except OSError as error:
        return _unreadable(path, error)


def read_up_to(path: Path, size_bytes: int) -> bytes:
    """Return the first *size_bytes* of a file.

    Raises:
        OSError: it cannot be read, or is no plain file; a pipe would keep the reader waiting for ever.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 - unlike Path's, they never raise
        raise OSError(EINVAL, "it is not a plain file", str(path))
    with path.open("rb") as stream:
        return stream.read(size_bytes)


def _unreadable(path: Path, error: OSError) -> Problem:
    hint = "make it readable for the user that Flowmend runs as"
    return Problem(code="E001", message=f"this cannot be read: {error.strerror or error}", file=str(path), hint=hint)


def _missing(path: Path) -> Problem:
    hint = "check rules.paths in the configuration, or the path on the command line"
    return Problem(code="E001", message="there is no such file or directory", file=str(path), hint=hint)
