"""Read rule files: paths → rules that can be compiled, or everything that is wrong with them, at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from daemon.rulebook.ast import RuleSource
from daemon.rulebook.file_finder import FoundFile, ReadBytes, find_rule_files, read_up_to
from daemon.rulebook.formats import SIZE_LIMIT_BYTES, Document, MappingNode, Node, ScalarNode, SequenceNode
from daemon.rulebook.problems import Problem, ordered
from daemon.rulebook.rule_reader import read_rule
from daemon.rulebook.schema import RuleFilePart
from daemon.rulebook.table_reader import TableReader
from daemon.rulebook.toml_format import read_toml
from daemon.rulebook.typed import TypedReading
from daemon.rulebook.when_reader import WhenReader
from daemon.rulebook.yaml_format import read_yaml

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """One file that the rules came from (CSV tables too), with the very bytes that were read."""

    name: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Return the hash of the content, in hexadecimal."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFiles:
    """What was read: rules in their order, problems in the order of their places, and the files.

    *sources* has only rules without errors: it may be used only where *has_errors* is false (P8).
    """

    sources: tuple[RuleSource, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[ReadFile, ...] = ()

    @property
    def has_errors(self) -> bool:
        """Tell whether the rules must not be loaded."""
        return any(problem.is_error for problem in self.problems)


def read_rules(paths: Sequence[Path]) -> RuleFiles:
    """Read all rule files under *paths*: files and directories, in the order given, each directory by path names.

    Nothing is raised for what stands in files or cannot be read: it is among the problems.
    """
    return read_found(find_rule_files(paths))


def read_found(all_found: Iterable[FoundFile | Problem], read: ReadBytes = read_up_to) -> RuleFiles:
    """Read rule files that were found already, in their order; *read* gives the bytes of the tables beside them."""
    problems: list[Problem] = []
    sources: list[RuleSource] = []
    files: list[ReadFile] = []
    first_uses: dict[str, Problem] = {}
    for found in all_found:
        if isinstance(found, Problem):
            problems.append(found)
            continue
        text = _text_of(found)
        files.append(ReadFile(name=found.name, content=found.content))
        if isinstance(text, Problem):
            problems.append(text)
            continue
        document = read_toml(text) if found.path.suffix.lower() == ".toml" else read_yaml(text)
        reading = TypedReading(found.name, text, document.root)
        tables = TableReader(reading, found.path.parent, read)
        sources += _rules_of(reading, document, tables)
        problems += reading.problems
        problems += _ids_used_twice(reading, first_uses)
        files += (ReadFile(name=str(path), content=content) for path, content in tables.csv_files)
    return RuleFiles(sources=tuple(sources), problems=ordered(problems), files=tuple(files))


def _text_of(found: FoundFile) -> str | Problem:
    """Return the file's text with line feeds only, or the problem with its bytes."""
    content = found.content
    if len(content) > SIZE_LIMIT_BYTES:
        return Problem(
            code="E002",
            message=f"the file is larger than {SIZE_LIMIT_BYTES // 1024**2} MiB",
            file=found.name,
            hint="divide it into several files, or put long tables into CSV files",
        )
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        message = f"the file is not UTF-8 text: line {line} has a byte {byte:#04x} that does not belong there"
        return Problem(code="E002", message=message, file=found.name, hint='save it in the editor as "UTF-8"')
    if "\r" in text:
        message = "the file has line ends of old Macintosh computers (CR alone)"
        return Problem(code="E002", message=message, file=found.name, hint="save it with Unix or Windows line ends")
    return text


def _rules_of(reading: TypedReading, document: Document, tables: TableReader) -> Iterator[RuleSource]:
    for flaw in document.flaws:
        reading.note_flaw(flaw)
    if document.root is None or _is_empty(document.root):
        if not document.flaws:
            hint = f"a rule file begins with {reading.notation.line('version', 1)} and has rules"
            reading.add(Problem(code="E008", message="there is nothing in the file", file=reading.file, hint=hint))
        return
    if isinstance(document.root, SequenceNode):
        reading.wrong(
            document.root, document.root, "a map", hint="begin with version: 1, then rules:, and the list under it"
        )
        return
    keys = reading.keys(document.root, RuleFilePart)
    version = keys.get("version")
    said = version.value.value if version and isinstance(version.value, ScalarNode) else None
    if version and (said != VERSION or isinstance(said, bool)):
        reading.note(
            "E012", version, "the version of the format is 1", hint=f"write {reading.notation.line('version', 1)}"
        )
    scope = WhenReader(reading).scope(keys["scope"]) if "scope" in keys else ()
    known = tables.tables(keys.get("tables"))
    for node in reading.items(keys.get("rules"), "rules"):
        source = read_rule(reading, node, scope=scope, tables=known)
        if source:
            yield source


def _is_empty(root: Node) -> bool:
    return not (root.text if isinstance(root, ScalarNode) else root.entries if isinstance(root, MappingNode) else True)


def _ids_used_twice(reading: TypedReading, first_uses: dict[str, Problem]) -> Iterator[Problem]:
    """Yield a problem for every rule id used before; *first_uses* remembers where each was first."""
    rules = reading.root.entries.get("rules") if isinstance(reading.root, MappingNode) else None
    for node in rules.value.items if rules and isinstance(rules.value, SequenceNode) else ():
        entry = node.entries.get("id") if isinstance(node, MappingNode) else None
        if entry is None or not isinstance(entry.value, ScalarNode) or not entry.value.text:
            continue
        rule_id, here = entry.value.text, entry.value
        use = Problem(
            code="E016",
            message=f'rule id "{rule_id}" used twice',
            file=reading.file,
            line=here.line,
            column=here.column,
            width=here.width,
            source=reading.line(here.line),
            rule=rule_id,
            hint="rename one of them",
            why="history, limits and reports are kept by rule id",
        )
        first = first_uses.setdefault(rule_id, use)
        if first is not use:
            yield replace(first, others=(reading.place(here),), other_sources=(use.source,))
