"""Text from outside, as it may be shown: on one line, within a limit, with nothing in it that a terminal would obey."""

CUT = 256
"""Characters of one text, its escapes included."""


def printable(text: str, limit: int = CUT) -> str:
    """Return *text* on one line, at most *limit* characters: escaped what does not print, bidi controls included."""
    if len(text) <= limit and text.isprintable():
        return text
    escaped = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text[: limit + 1]
    )
    return escaped if len(escaped) <= limit else f"{escaped[: limit - 1]}…"
