"""What a PromQL expression asks for: metrics, and the labels that it chooses or groups by."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r'(?P<comment>#[^\n]*)|(?P<string>"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`)|(?P<range>\[[^\]]*\])'
    r"|(?P<number>\d[\w.]*)|(?P<name>[A-Za-z_:][\w:]*)|(?P<sign>[^\s])"
)
NAME = re.compile(r"[A-Za-z_:][\w:]*")
LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
"""Words that a list of labels follows."""
WORDS = LISTS | {"and", "or", "unless", "bool", "offset", "inf", "nan"}


@dataclass(slots=True)
class Asked:
    """*chosen* are the labels in braces, by metric; *grouped* those of ``by``, ``on`` and their like."""

    chosen: dict[str, set[str]] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)


def asked(expression: str) -> Asked:
    """Return what an expression asks for; it must be one that Prometheus takes."""
    found, tokens, metric = Asked(), list(_tokens(expression)), ""
    position = 0
    while position < len(tokens):
        token, after = tokens[position], tokens[position + 1] if position + 1 < len(tokens) else ""
        if token in LISTS and after == "(":
            end = tokens.index(")", position)
            found.grouped.update(name for name in tokens[position + 2 : end] if name != ",")
            position = end
        elif token == "{":
            end = tokens.index("}", position)
            found.chosen[metric].update(name for name in tokens[position:end] if NAME.fullmatch(name))
            position = end
        elif NAME.fullmatch(token) and token.lower() not in WORDS and after not in {"(", "by", "without"}:
            metric = token
            found.chosen.setdefault(metric, set())
        position += 1
    return found


def _tokens(expression: str) -> Iterator[str]:
    for match in TOKEN.finditer(expression):
        if match.lastgroup in {"name", "sign"}:
            yield match[0]
