"""Proposed rules as the text of a YAML file."""

from collections.abc import Mapping, Sequence

from daemon.rulebook.suggestion import Proposal

NO_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

HEAD = "version: 1\n\nrules:\n"


def rules_text(proposals: Sequence[Proposal], indent: int = 2) -> str:
    """Return the entries of *proposals* for the list under ``rules``, which is *indent* characters further right."""
    margin = " " * indent
    lines = [line for proposal in proposals for line in [*_lines(proposal), ""]]
    return "".join(f"{margin}{line}\n" if line else "\n" for line in lines[:-1])


def _lines(proposal: Proposal) -> list[str]:
    lines = [
        f"- id: {_plain(proposal.rule_id)}",
        f"  why: {_quoted(proposal.why)}",
        f"  classify: {_plain(proposal.classify)}",
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


def _plain(slug: str) -> str:
    """Return *slug*, in quotes where YAML would take it for a number, true, or nothing."""
    return _quoted(slug) if slug[0].isdigit() or slug in NO_TEXT else slug


def _quoted(text: str) -> str:
    """Return *text* in double quotes, with what does not print escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
