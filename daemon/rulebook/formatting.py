"""Format one rule file, or turn it into the other format, and prove that it still says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal

from daemon.core.exceptions import RuleError
from daemon.rulebook.file_finder import FoundFile
from daemon.rulebook.fingerprint import digest
from daemon.rulebook.formats import MappingNode, Node, plain
from daemon.rulebook.layout import put_in_order
from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import RuleFiles, read_found
from daemon.rulebook.remarks import read_sheet
from daemon.rulebook.sheet import Group, NotCarriedError
from daemon.rulebook.toml_format import read_toml
from daemon.rulebook.toml_writer import write_toml
from daemon.rulebook.yaml_format import read_yaml
from daemon.rulebook.yaml_writer import write_yaml

Format = Literal["yaml", "toml"]

MODELINES: Mapping[Format, str] = {"yaml": "# yaml-language-server: $schema=", "toml": "#:schema "}
"""The comment that tells an editor where the schema is."""

UNTOUCHED = "The file was left as it was"


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """A file as it was and as it should be, line ends and all. *path* is where it belongs: another suffix if converted."""

    found: FoundFile
    path: Path
    content: bytes = field(repr=False)

    @property
    def changed(self) -> bool:
        """Tell whether anything is to be written."""
        return self.content != self.found.content or self.path != self.found.path


def format_file(found: FoundFile, to: Format | None = None) -> Formatted | Sequence[Problem]:
    """Return *found* in the one style, as YAML or TOML (None: as it is), or the errors that it has.

    Raises:
        RuleError: it holds what the other format cannot carry; the text says what and where.
    """
    before = read_found([found])
    if before.has_errors:
        return [problem for problem in before.problems if problem.is_error]
    text, source = _text(found.content), _format_of(found.path)
    root = _root(text, source)
    target = to or source
    sheet = read_sheet(text, root, toml=source == "toml")
    remarks = sorted(sheet.remarks())
    put_in_order(sheet)
    if target != source:
        remarks = sorted(_converted(sheet, source, target))
    try:
        written = write_toml(sheet) if target == "toml" else write_yaml(sheet)
    except NotCarriedError as wrong:
        place = f"{found.name}:{wrong.node.line}:{wrong.node.column}"
        raise RuleError(
            f"{place}: {wrong}, so {wrong.node.text or 'nothing'} cannot be carried over. {UNTOUCHED}: write the value in "
            "another way, or keep the file in its format"
        ) from None
    path = found.path if target == source else found.path.with_suffix(f".{target}")
    content = written.replace("\n", "\r\n").encode() if b"\r\n" in found.content else written.encode()
    _prove(before, root, remarks, replace(found, path=path, content=content))
    return Formatted(found=found, path=path, content=content)


def _prove(before: RuleFiles, root: Node, remarks: Sequence[str], after: FoundFile) -> None:
    """Refuse a result that is not the same rules with the same comments; none is known, and none shall be written."""
    found = read_found([after])
    text, format_ = _text(after.content), _format_of(after.path)
    if found.has_errors or digest(found.sources) != digest(before.sources):
        raise RuleError(f"{after.name}: formatted, it would not be the same rules. {UNTOUCHED}; please report this")
    again = _root(text, format_)
    if not _alike(plain(root), plain(again)):
        raise RuleError(f"{after.name}: formatted, it would not hold the same values. {UNTOUCHED}; please report this")
    if sorted(read_sheet(text, again, toml=format_ == "toml").remarks()) != remarks:
        raise RuleError(f"{after.name}: a comment would be lost. {UNTOUCHED}; move the comments out of brackets")


def _alike(one: object, other: object) -> bool:
    """Compare values with their types; the order of a map's keys says nothing here (the digest has looked at it)."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one.as_tuple() == other.as_tuple()
    return type(one) is type(other) and one == other


def _converted(sheet: Group, source: Format, target: Format) -> list[str]:
    """Write the modeline as the other format has it, part the sections in YAML; return the comments as they are now."""
    for number, member in enumerate(sheet.members):
        member.above = [
            MODELINES[target] + line.removeprefix(MODELINES[source]) if line.startswith(MODELINES[source]) else line
            for line in member.above
        ]
        if number and target == "yaml" and member.key in {"tables", "rules"} and member.above[:1] != [""]:
            member.above.insert(0, "")
    return list(sheet.remarks())


def _format_of(path: Path) -> Format:
    return "toml" if path.suffix.lower() == ".toml" else "yaml"


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def _root(text: str, source: Format) -> MappingNode:
    root = (read_toml if source == "toml" else read_yaml)(text).root
    if not isinstance(root, MappingNode):
        raise TypeError(f"a rule file without mistakes is a map, not {root!r}")
    return root
