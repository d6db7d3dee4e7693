"""TOML → document tree. tomllib decides what TOML is; the scanner beside it finds where everything stands."""

import tomllib

from daemon.rulebook.formats import Document, Flaw
from daemon.rulebook.toml_scanner import WHY_SYNTAX, LostError, TomlScanner

SYNTAX: tuple[tuple[str, str, str], ...] = (
    ("Unescaped '\\'", "a backslash in double quotes", "put patterns in single quotes: '\\d+'"),
    ("Illegal character '\\n'", "the quote is not closed in its line", "close it; for several lines use three quotes"),
    ("Unterminated string", "a quote is opened and never closed", "close it"),
    ("Expected \"'''\"", "a quote is opened and never closed", "close it"),
    ("Expected '\"\"\"'", "a quote is opened and never closed", "close it"),
    ('Expected "\'"', "a quote is opened and never closed", "close it"),
    ("Unclosed array", 'a "[" is opened and never closed', 'close it with "]", or a comma is missing in it'),
    ("Unclosed inline table", 'a "{" is not closed in its line', 'close it with "}"; a map in braces stands on one line'),
    ("Invalid initial character for a key", "a key is due here", 'no comma before "}", and a map in braces stands on one line'),
    ("Expected '='", 'a key without "="', 'every line is: key = "value"'),
    ("Invalid value", "a value is due here", "text goes in quotes; booleans are true and false"),
    ("Expected newline", "something follows that does not belong here", "one key a line; text goes in quotes"),
    ("Expected ']", "the brackets of this header are not closed", "a header is [name] or [[name]]"),
    ("Invalid statement", "neither a key nor a header", 'every line is: key = "value", or [name]'),
    ("Illegal character", "an invisible control character", "remove it"),
)  # fmt: skip
"""What tomllib says, what it means, and what to do."""

TWICE = ("Cannot overwrite", "Cannot declare", "Duplicate inline", "Cannot mutate")


def read_toml(text: str) -> Document:
    """Return the tree of *text*, whose lines end in line feeds only; everything wrong with it is in the flaws."""
    scanner = TomlScanner(text)
    try:
        root = scanner.document()
    except LostError as lost:
        if lost.flaw:
            return Document(root=None, flaws=(*scanner.flaws, lost.flaw))
        root = None
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        twice = str(error).startswith(TWICE) and any(flaw.code == "E003" for flaw in scanner.flaws)
        if twice:
            return Document(root=root, flaws=tuple(scanner.flaws))
        return Document(root=None, flaws=(*scanner.flaws, _syntax(error, text)))
    return Document(root=root, flaws=tuple(scanner.flaws))


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> Flaw:
    said, _, place = str(error).rpartition(" (at ")
    words = place.rstrip(")").replace(",", "").split()
    if len(words) == 4 and words[0] == "line":
        line, column = int(words[1]), int(words[3])
    else:  # at end of document
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    lines = text.split("\n")
    if line > 1 and not lines[line - 1].strip():
        line -= 1
        column = len(lines[line - 1]) + 1
    message, hint = next(((m, h) for part, m, h in SYNTAX if part in said), (said, ""))
    return Flaw(
        code="E004", message=f"this is not TOML: {message}", line=line, column=column, hint=hint, why=WHY_SYNTAX
    )
