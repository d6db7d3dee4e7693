"""The configuration file as text: read, parsed, and able to point at what is wrong in it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core.exceptions import ConfigError
from daemon.rulebook.formats import Flaw, MappingNode, Node, SequenceNode
from daemon.rulebook.toml_format import read_toml
from daemon.settings.explain import Explained
from daemon.settings.keys import SECRET, field_at
from daemon.settings.report import Problem, Span, masked, report

KeyPath = tuple[str | int, ...]
"""The way to a value: keys, and indexes within lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One configuration file; *name* is how messages call it, *values* what it says.

    *key_spans* and *value_spans* tell where that stands; a section has only its key's.
    """

    name: str
    values: Mapping[str, Any]
    lines: Sequence[str]
    key_spans: Mapping[KeyPath, Span]
    value_spans: Mapping[KeyPath, Span]

    @classmethod
    def read(cls, file: Path, name: str) -> "Document":
        """Read *file*.

        Raises:
            ConfigError: it is not there, not readable or not TOML.
        """
        try:
            text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        except OSError as failure:
            hint = "--config, or else FLOWMEND_CONFIG, names it" if isinstance(failure, FileNotFoundError) else ""
            raise _refused(Problem(where=name, what=f"cannot be read: {failure.strerror}", hint=hint)) from failure
        except UnicodeDecodeError as wrong:
            line = wrong.object.count(b"\n", 0, wrong.start) + 1
            what = f"line {line} is not UTF-8: save the file in that encoding"
            raise _refused(Problem(where=name, what=what)) from None
        lines = text.split("\n")
        tree = read_toml(text)
        if tree.flaws or tree.root is None:
            raise _refused(*(_problem_of(flaw, lines[flaw.line - 1], name) for flaw in tree.flaws))
        spans = list(_spans(tree.root, ()))
        return cls(
            name=name,
            values=tomllib.loads(text),
            lines=lines,
            key_spans={path: span for path, span, is_key in spans if is_key},
            value_spans={path: span for path, span, is_key in spans if not is_key},
        )

    def problem(self, found: Explained) -> Problem:
        """Return what was *found* wrong, with its line and a caret below the nearest thing that was written."""
        span = self._span(found)
        line = self.lines[span.line - 1] if span else ""
        harmless = "=" not in line and field_at(found.path) is not None and found.path[-1] not in SECRET
        return Problem(
            where=self.name,
            what=found.what,
            hint=found.hint,
            more=found.more,
            line=line if harmless else masked(line),
            span=span,
        )

    def _span(self, found: Explained) -> Span | None:
        for depth in range(len(found.path), 0, -1):
            path = found.path[:depth]
            if not found.at_key and path in self.value_spans:
                return self.value_spans[path]
            if path in self.key_spans:
                return self.key_spans[path]
        return None


def _problem_of(flaw: Flaw, line: str, name: str) -> Problem:
    """Return what is wrong with the text, without the value that the flaw may name where it must not be shown (P10)."""
    shown = masked(line)
    start = flaw.column - 1
    is_value = "=" in line[:start] and flaw.width > 1
    hide = line[start : start + flaw.width] if is_value and shown != line else ""
    return Problem(
        where=name,
        what=_without(flaw.message, hide) + "".join(f", again in line {again}" for again, _ in flaw.others),
        hint=_without(flaw.hint, hide),
        more=(flaw.why,) if flaw.why else (),
        line=shown,
        span=Span(line=flaw.line, column=flaw.column, width=flaw.width),
    )


def _without(text: str, secret: str) -> str:
    return text.replace(secret, "…") if secret else text


def _refused(*problems: Problem) -> ConfigError:
    return ConfigError(report(problems, problems[0].where))


def _spans(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Span, bool]]:
    """Yield path and place of everything below *node*, and whether the place is a key's."""
    if isinstance(node, MappingNode):
        for key, entry in node.entries.items():
            yield (*path, key), Span(line=entry.line, column=entry.column, width=entry.width), True
            yield from _spans(entry.value, (*path, key))
        return
    yield path, Span(line=node.line, column=node.column, width=node.width), False
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.items):
            yield from _spans(item, (*path, index))
