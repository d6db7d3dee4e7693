"""What parts of a pattern can match, put together: of alternatives, and of parts in a row."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

MAX_ALTERNATIVES = 16
"""A clause with more literals than this says too little for what it costs."""

Clause = frozenset[str]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a pattern: all *texts* it can match, where these are few, else the clauses that a match meets."""

    texts: Clause | None
    clauses: tuple[Clause, ...] = ()


ANYTHING = Piece(None)
EMPTY = Piece(frozenset({""}))


def best(clauses: Iterable[Clause]) -> Clause | None:
    """Return the clause that the fewest texts are likely to meet: the one with the longest shortest literal."""
    return max(clauses, key=lambda clause: (min(map(len, clause)), -len(clause)), default=None)


def clauses_of(texts: Clause) -> tuple[Clause, ...]:
    """Return what is required of a text where one of *texts* must be in it: nothing, where one of them is empty."""
    return (texts,) if "" not in texts else ()


def either(branches: list[Piece]) -> Piece:
    """Return what all *branches* have in common, as the alternatives that they are."""
    if all(branch.texts is not None for branch in branches):
        texts = frozenset(text for branch in branches for text in branch.texts or ())
        if len(texts) <= MAX_ALTERNATIVES:
            return Piece(texts)
    needed = [best(branch.clauses if branch.texts is None else clauses_of(branch.texts)) for branch in branches]
    union = frozenset(text for clause in needed for text in clause or ())
    return Piece(None, (union,) if all(needed) and len(union) <= MAX_ALTERNATIVES else ())


def joined(pieces: list[Piece]) -> Piece:
    """Return what *pieces* are that follow each other."""
    clauses: list[Clause] = []
    texts = EMPTY.texts or frozenset()
    whole = True
    for piece in pieces:
        if piece.texts is None:
            clauses += (*clauses_of(texts), *piece.clauses)
            texts = frozenset({""})
            whole = False
        elif len(texts) * len(piece.texts) <= MAX_ALTERNATIVES:
            texts = frozenset(map("".join, product(texts, piece.texts)))
        else:
            clauses += clauses_of(texts)
            texts = piece.texts
            whole = False
    if whole:
        return Piece(texts)
    return Piece(None, (*clauses, *clauses_of(texts)))
