"""What stands in the place of personal values: always the same for the same one, of the same length and form.

The substitutes are made up in the order of their first use, from domains and numbers that belong to nobody.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count

LONG = 6
"""Digits of a number that is replaced wherever it stands."""
PLAIN_TRIES = 50
SHORT_TRIES = 1_000
WORDS = {"person": "Person", "company": "Company", "place": "Place", "secret": "secret", "key": "key", "token": "token"}


@dataclass(slots=True, kw_only=True)
class Substitutes:
    """The substitutes of one error. *original* is all its text: nothing that stands there becomes a substitute."""

    original: str = field(repr=False)
    counts: Counter[str] = field(default_factory=Counter)
    _known: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    _taken: set[str] = field(default_factory=set, repr=False)
    _digits: str = field(default="", repr=False)
    _runs: frozenset[str] = field(default=frozenset(), repr=False)
    _next: defaultdict[object, Iterator[int]] = field(default_factory=lambda: defaultdict(lambda: count(1)), repr=False)

    def __post_init__(self) -> None:
        """Keep the digits alone as well, for numbers are written in many forms."""
        self._digits = "".join(char if char.isdecimal() else "" if char in " ().-/+" else " " for char in self.original)
        alone = "".join(char if char.isdecimal() else " " for char in self.original).split()
        self._runs = frozenset(run for run in alone if len(run) >= LONG)

    def of(self, kind: str, value: str) -> str:
        """Return what stands for *value*; a telephone field without a number says nothing about anybody."""
        if kind == "phone" and not any(char.isdecimal() for char in value):
            return value
        if kind in {"number", "phone"} or (kind in {"code", "iban"} and any(char.isdecimal() for char in value)):
            return self._number(kind, value)
        known = self._known.get((kind, value.casefold()))
        if known is None:
            known = self._known[kind, value.casefold()] = self._made(kind, value)
            self.counts[kind] += 1
        return known

    def _made(self, kind: str, value: str) -> str:
        for number in self._next[kind]:
            made = _form(kind, value, number)
            if made not in self._taken and made not in self.original:
                self._taken.add(made)
                return made
        raise AssertionError

    def _number(self, kind: str, value: str) -> str:
        """Return *value* with other digits, the same for the same digits, whatever stands between them."""
        digits = "".join(char for char in value if char.isdecimal())
        known = self._known.get(("digits", digits))
        if known is None:
            written = kind == "phone" or (kind == "number" and any(sign in value for sign in "+ ()-/"))
            phone = written and 7 <= len(digits) <= 15
            known = self._known["digits", digits] = self._other_digits(len(digits), phone=phone)
            self.counts["phone" if phone else kind] += 1
        others = iter(known)
        letters = "X" if kind in {"code", "iban"} else ""
        return "".join(
            next(others) if char.isdecimal() else letters if letters and char.isalpha() and at > 1 else char
            for at, char in enumerate(value)
        )

    def _other_digits(self, length: int, *, phone: bool) -> str:
        """Return digits that stand nowhere in the original, and in which none of its long numbers stands either."""
        for tries, number in enumerate(self._next[length, phone]):
            if tries > PLAIN_TRIES:
                made = _scattered(length, number)
            elif phone:
                made = "1202555"[max(0, 11 - length) :].rjust(length - 4, "1") + f"{99 + number:04d}"[-4:]
            else:
                made = str(number).rjust(length - 1, "0").rjust(length, "1")[-length:]
            if self._is_new(made) or (length < LONG and tries > SHORT_TRIES):  # of short codes there are only so many
                self._taken.add(made)
                return made
        raise AssertionError

    def _is_new(self, made: str) -> bool:
        if made in self._taken or made in self._digits:
            return False
        parts = (made[start:end] for start in range(len(made)) for end in range(start + LONG, len(made) + 1))
        return not any(part in self._runs for part in parts)


def _scattered(length: int, number: int) -> str:
    """Return digits from all over, for numbers beside which the ones that look made up stand already."""
    digits = str(int.from_bytes(blake2b(f"{length} {number}".encode()).digest()))
    return ("1" + digits * (length // len(digits) + 1))[:length]


def _form(kind: str, value: str, number: int) -> str:
    if kind == "mail":
        return f"person{number}@example.com"
    if kind == "machine":
        return f"192.0.2.{number}" if number < 256 else f"2001:db8::{number:x}"
    if kind == "uuid":
        return f"00000000-0000-4000-8000-{number:012d}"
    if kind in {"code", "iban"}:
        return f"{'X' * max(1, len(value) - len(str(number)))}{number}"
    text = f"{WORDS[kind]} {number}" if kind in {"person", "company", "place"} else f"{WORDS[kind]}-{number}"
    return text.ljust(len(value), "x")
