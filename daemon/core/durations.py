"""Durations as people write them: ``"90s"``, ``"15m"``, ``"1h30m"``, ``"7d"``."""

from datetime import timedelta
from itertools import groupby, pairwise

UNITS_MS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
"""Every unit in milliseconds, from large to small: the order in which a compound duration is written."""

LONGEST = timedelta(days=3650)
"""Far beyond anything that makes sense, and small enough for a moment plus a duration to stay a valid moment."""

EXAMPLES = '"90s", "15m" or "1h30m"'
SHOWN = 40
"""Characters of a wrong value that a message repeats."""

DIGITS = frozenset("0123456789")
NUMBER_DIGITS = 15
"""A longer number is too long in any unit; int() itself gives up, with a message of its own, at some thousands."""


def parse_duration(value: object) -> timedelta:
    """Read a duration: whole numbers with units, from large to small, without spaces; ``"0s"`` is allowed.

    *value* is whatever stood in the file, so that a bare number can be refused with what was probably meant.

    Raises:
        ValueError: not a duration; the text says why in half a sentence and what to write instead.
    """
    if not isinstance(value, str):
        raise ValueError(_not_text(value))  # noqa: TRY004 - the callers handle one class, whatever is wrong
    pieces = ["".join(piece) for _, piece in groupby(value, DIGITS.__contains__)]
    numbers, units = pieces[::2], pieces[1::2]
    if not pieces or not set(numbers[0]) <= DIGITS or any(unit.startswith((".", ",")) for unit in units):
        raise ValueError(f"{_shown(value)} is not a duration: write whole numbers with units, such as {EXAMPLES}")
    for number, unit in zip(numbers, units, strict=False):
        if unit not in UNITS_MS:
            meant = _meant(unit) if len(units) == 1 else ""
            hint = f'did you mean "{number[:NUMBER_DIGITS]}{meant}"? ' if meant else ""
            raise ValueError(f"{_shown(value)}: {hint}units are {', '.join(UNITS_MS)}, written without spaces")
    if any(UNITS_MS[before] <= UNITS_MS[after] for before, after in pairwise(units)):
        raise ValueError(f'{_shown(value)} is out of order: units go from large to small, each once, as in "1h30m"')
    if not units:
        raise ValueError(f'{_shown(value)} lacks a unit: did you mean "{value[:NUMBER_DIGITS]}s"?')
    if len(numbers) > len(units):
        raise ValueError(f"{_shown(value)} lacks a unit after its last number")
    too_long = any(len(number) > NUMBER_DIGITS for number in numbers)
    total_ms = 0 if too_long else sum(int(n) * UNITS_MS[unit] for n, unit in zip(numbers, units, strict=True))
    if too_long or total_ms > LONGEST // timedelta(milliseconds=1):
        raise ValueError(f"{_shown(value)} is too long: nothing here lasts longer than {format_duration(LONGEST)}")
    return timedelta(milliseconds=total_ms)


def format_duration(duration: timedelta) -> str:
    """Write *duration* in days at most and whole milliseconds at least: ``"1h30m"``, ``"7d"``, ``"0s"``."""
    if duration < timedelta(0):
        return f"-{format_duration(-duration)}"
    rest_ms = duration // timedelta(milliseconds=1)
    parts = []
    for unit, unit_ms in UNITS_MS.items():
        if unit == "w":
            continue
        count, rest_ms = divmod(rest_ms, unit_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _not_text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**NUMBER_DIGITS:
        return f'{value} lacks a unit: did you mean "{value}s"?'
    return f"a duration is text with a unit, such as {EXAMPLES}, not {type(value).__name__}"


def _meant(word: str) -> str:
    """Guess the unit behind *word*; its first letter tells, except in months and milliseconds."""
    word = word.strip().lower()
    if word.startswith("mil"):
        return "ms"
    return word[:1] if word[:1] in UNITS_MS and not word.startswith("mo") else ""


def _shown(text: str) -> str:
    """Quote *text* with whatever cannot be printed escaped."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
