"""Proposed rules as the text of a YAML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.core.exceptions import RuleError
from daemon.rulebook.file_finder import FoundFile
from daemon.rulebook.formatting import Formatted, format_file
from daemon.rulebook.problems import render
from daemon.rulebook.suggestion import Proposal

HEAD = "version: 1\n\nrules:\n"
PLACE = Path("suggested.yaml")
"""Where a rule stands that is in no file yet."""

_INDENT = "  "


def file_text(proposals: Sequence[Proposal]) -> str:
    """Return *proposals* as a whole file, not yet in the one style."""
    lines = [line for proposal in proposals for line in [*_lines(proposal), ""]]
    return HEAD + "".join(f"{_INDENT}{line}\n" if line else "\n" for line in lines)


def rules_text(proposals: Sequence[Proposal], indent: int = len(_INDENT)) -> str:
    """Return *proposals* as entries of a list under ``rules``, *indent* characters to the right, in the one style.

    Raises:
        RuleError: they would not be loaded.
    """
    styled = format_file(FoundFile(name=str(PLACE), path=PLACE, content=file_text(proposals).encode()))
    if not isinstance(styled, Formatted):
        raise RuleError(f"a suggested rule would not be loaded: {render(styled)}")
    entries = styled.content.decode().partition("rules:\n")[2].splitlines(keepends=True)
    return "".join(f"{' ' * indent}{line.removeprefix(_INDENT)}" if line.strip() else line for line in entries)


def _lines(proposal: Proposal) -> list[str]:
    lines = [
        f"- id: {_quoted(proposal.rule_id)}",
        f"  why: {_quoted(proposal.why)}",
        f"  classify: {_quoted(proposal.classify)}",
        "  mode: observe",
        "  when:",
        *(f"    {field}: {_flow(matcher)}" for field, matcher in proposal.when.items()),
        "  then:",
        *(f"    {action}: {_flow(terms)}" for action, terms in proposal.then.items()),
        "  tests:",
    ]
    return [*lines, *(f"    - {kind}: {_flow(error)}" for test in proposal.tests for kind, error in test.items())]


def _flow(value: object) -> str:
    """Return *value* on one line; texts are quoted, so that none is taken for anything else."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return str(value) if isinstance(value, int) else _quoted(str(value))


def _quoted(text: str) -> str:
    """Return *text* in double quotes, with what does not print escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
