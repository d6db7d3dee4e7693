"""What rule files hold at one moment, so that a set is never made of a file that is half written or half replaced.

`take` reads everything once; what it read is true of one moment if a second look, begun after the first has ended, finds
the very same. `stamp` costs no reading: the file system's own marks change whenever a file is written, replaced, or a
link is turned to another folder.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from daemon.rulebook.file_finder import RULE_SUFFIXES, FoundFile, find_rule_files, list_rule_files, read_up_to
from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import RuleFiles, read_found
from daemon.rulebook.table_reader import CSV_LIMIT_BYTES

Stamp = tuple[object, ...]
"""The marks of all files; only good for comparing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Rule files in their order (or why one cannot be read), and the tables beside them, the latter with their content."""

    found: tuple[FoundFile | Problem, ...]
    tables: Mapping[Path, bytes | str] = field(default_factory=dict, repr=False)

    def digest(self) -> str:
        """Return a hash of all of it, in hex digits."""
        whole = blake2b(digest_size=16)
        for each in self.found:
            whole.update(repr(each).encode("utf-8", "surrogateescape"))
            if isinstance(each, FoundFile):
                whole.update(_measured(each.content))
        for path, content in self.tables.items():
            whole.update(repr(path).encode("utf-8", "surrogateescape"))
            whole.update(_measured(content.encode() if isinstance(content, str) else content))
        return whole.hexdigest()


def _measured(content: bytes) -> bytes:
    return b"%d:%b" % (len(content), content)


def read_snapshot(paths: Sequence[Path]) -> tuple[Snapshot, RuleFiles]:
    """Read all rules under *paths*, and return the bytes that they were read from beside them."""
    tables: dict[Path, bytes | str] = {}

    def read(path: Path, size_bytes: int) -> bytes:
        tables[path] = content = _table(path, size_bytes)
        if isinstance(content, str):
            raise OSError(0, content)
        return content

    found = tuple(find_rule_files(paths))
    return Snapshot(found=found, tables=tables), read_found(found, read)


def take(paths: Sequence[Path], tables: Iterable[Path]) -> Snapshot:
    """Return what the rule files under *paths*, and these tables, hold now."""
    return Snapshot(
        found=tuple(find_rule_files(paths)), tables={path: _table(path, CSV_LIMIT_BYTES + 1) for path in tables}
    )


def stamp(paths: Sequence[Path], tables: Iterable[Path]) -> Stamp:
    """Return the marks of the rule files under *paths* and of these tables, without reading them."""
    listed = tuple(_marks(each) if isinstance(each, Path) else each for each in list_rule_files(paths))
    return listed, tuple(map(_marks, tables))


def _marks(path: Path) -> tuple[object, ...]:
    try:
        now = path.stat()
    except OSError as error:
        return str(path), error.errno
    return str(path), now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def _table(path: Path, size_bytes: int) -> bytes | str:
    """Return a table's content, or why it cannot be read."""
    try:
        return read_up_to(path, size_bytes)
    except OSError as error:
        return error.strerror or str(error)


def read_kept(files: Sequence[tuple[str, bytes]]) -> RuleFiles:
    """Read rules from files that were kept, as (path, content) in their order, tables among them; nothing is looked up."""
    kept = {Path(name): content for name, content in files}

    def read(path: Path, _size_bytes: int) -> bytes:
        if path not in kept:
            raise FileNotFoundError(0, "it was not kept")
        return kept[path]

    return read_found(
        [FoundFile(name=name, path=Path(name), content=content) for name, content in files if is_rule_file(name)], read
    )


def is_rule_file(name: str) -> bool:
    """Tell a file of rules from a table beside one."""
    return name.lower().endswith(RULE_SUFFIXES)
