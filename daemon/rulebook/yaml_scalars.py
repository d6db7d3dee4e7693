"""What an unquoted YAML scalar means in a rule file: less than in YAML, so that nothing changes its nature unseen.

``no``, ``yes``, ``on``, ``off``, ``True``, ``012``, ``1e5`` and dates stay text.
"""

from daemon.rulebook.formats import NUMBER_LIMIT, Flaw, ScalarNode, not_a_number

WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
NOT_FINITE = frozenset({".inf", "+.inf", "-.inf", ".nan"})


def plain_scalar(text: str, line: int, column: int, flaws: list[Flaw], *, width: int = 0) -> ScalarNode:
    """Return the node of an unquoted scalar; *width* where it is not all on one line."""
    value: str | int | float | bool | None = text
    if text in WORDS:
        value = WORDS[text]
    elif text[0] in "-0123456789" and _is_number(text.removeprefix("-")):
        if len(text) > NUMBER_LIMIT:
            flaws.append(not_a_number(text, line, column))
        else:
            value = float(text) if "." in text else int(text)
    elif text[0] in ".+-" and text.lower() in NOT_FINITE:
        flaws.append(not_a_number(text, line, column))
    return ScalarNode(value, text, line, column, width or len(text) or 1)


def _is_number(digits: str) -> bool:
    whole, point, fraction = digits.partition(".")
    if not (whole.isascii() and whole.isdigit()) or (whole[0] == "0" and whole != "0"):
        return False
    return not point or (fraction.isascii() and fraction.isdigit())
