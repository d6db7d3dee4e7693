"""What every code of a message about rule files means: the one source of ``check --explain`` and docs/rule-messages.md."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from daemon.rulebook.codes_of_actions import OF_ACTIONS
from daemon.rulebook.codes_of_conditions import OF_CONDITIONS
from daemon.rulebook.codes_of_files import OF_FILES
from daemon.rulebook.codes_of_warnings import OF_WARNINGS
from daemon.rulebook.explanation import Explanation

CODES: Mapping[str, Explanation] = {**OF_FILES, **OF_CONDITIONS, **OF_ACTIONS, **OF_WARNINGS}
"""Every code that a message about rule files can carry, in order; E are errors, W warnings."""


def nearest_codes(code: str) -> Sequence[str]:
    """Return the codes that *code* may be the beginning or a slip of; all where none is near."""
    plain = _plain(code)
    alike = [each for each in CODES if code.strip() and each.startswith(code.strip().upper())]
    return alike or get_close_matches(plain, CODES, n=5, cutoff=0.7) or list(CODES)


def exact_code(code: str) -> str:
    """Return the code that is written as *code*, perhaps in small letters or without its noughts, or ""."""
    plain = _plain(code)
    return plain if plain in CODES else ""


def _plain(code: str) -> str:
    text = code.strip().upper()
    return f"{text[0]}{text[1:]:0>3}" if text[1:].isdigit() else text
