"""Divide messages that are built alike into those that say the same.

The messages here have the same marks in the same places; they differ in words. Where many different words stand in one
place while the rest is the same, that place is a *slot* and its words are values; where only a few do, each of them
belongs to a message of its own. Both are prices: a template costs its first words, a slot little if its words are many
and much if they are few, and of all ways to divide the messages the cheapest found is taken. It is looked for from the
top: the word that divides a set best is split off, and the division is kept if it pays in the end.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from daemon.core.message_tokens import VALUE, Tokens, is_mark, looks_chosen

TEMPLATE_PRICE = 1.0
WORDS_PAID = 4
"""How many of a template's words are paid, each as much as a template: a long one is not worth more than a short one."""

FEW_WORDS, FEW_NAMES = 3, 2
"""So many different words in one place are no slot yet; of what looks like names, fewer are enough."""

FEW_PRICE = 8.0
"""Of each word beyond the first where they are few: more than the template and the slots that it would cost to divide."""

SLOT_PRICE = 1.0
SHARE_OF_SAME = 0.6
"""How much of the words must be the same: of messages that share less than that, one does not say what the other does."""

UNFIT_PRICE = 15.0
"""Of each message in a set whose messages do not say the same: more than a template of its own."""

SETS_TRIED = 24
WORDS_TRIED = 8
LOOKED_INTO = 40
"""A set of at most so many messages is divided further even where one step alone does not pay."""

SAMPLED = 1_000
"""So many different messages of one build are divided; the others are put to the templates that were found."""

Rows = list[Tokens]


def build_of(row: Tokens) -> Tokens:
    """Return the marks of *row* with "w" for each word and value between them."""
    return tuple(token if is_mark(token) else "w" for token in row)


def template_of(rows: Sequence[Tokens]) -> Tokens:
    """Return what is the same in *rows*, all of one build, with `VALUE` where they differ."""
    columns = zip(*rows, strict=True)
    return tuple(column[0] if column.count(column[0]) == len(column) else VALUE for column in columns)


def divide(rows: Rows) -> list[Rows]:
    """Divide different *rows* of one build into sets that say the same."""
    places = [place for place, token in enumerate(rows[0]) if not is_mark(token)]
    sets: list[Rows] = []
    while len(rows) > SAMPLED:
        step = -(-len(rows) // SAMPLED)
        found = _divided(rows[::step], places)[1]
        taken = set(rows[::step])
        rows = _put_to(found, [row for row in rows if row not in taken])
        sets += found
    return sets + _divided(rows, places)[1] if rows else sets


def _put_to(sets: list[Rows], rows: Rows) -> Rows:
    """Add each of *rows* to the set whose template it fits, and return those that fit none."""
    by_constants: dict[tuple[int, ...], dict[Tokens, Rows]] = defaultdict(dict)
    for one in sets:
        template = template_of(one)
        same = tuple(place for place, token in enumerate(template) if token != VALUE)
        by_constants[same].setdefault(tuple(template[place] for place in same), one)
    left: Rows = []
    for row in rows:
        for same, known in by_constants.items():
            fitting = known.get(tuple(row[place] for place in same))
            if fitting is not None:
                fitting.append(row)
                break
        else:
            left.append(row)
    return left


def _divided(rows: Rows, places: Sequence[int]) -> tuple[float, list[Rows]]:
    """Return the lowest price found for *rows*, and the sets that cost it.

    One set after another is split off; then it is seen, from the last to the first, whether that was worth it.
    """
    splits: list[tuple[float, Rows, float, list[Rows]]] = []
    rest = rows
    while True:
        whole = _price(rest, places)
        best = _best_split(rest, places) if len(rest) > 1 else None
        if best is None or (best[0] >= whole and len(rest) > LOOKED_INTO):
            break
        _, inside, outside = best
        splits.append((whole, rest, *_divided(inside, places)))
        rest = outside
    price, sets = whole, [rest]
    unfit = len(rest) > LOOKED_INTO and whole >= UNFIT_PRICE * len(rest)
    if unfit and sum(template_of(rest)[place] != VALUE for place in places) < WORDS_PAID:
        sets = [[row] for row in rest]  # no word divides them and hardly one is the same: each is a message of its own
    for whole, together, inside_price, inside_sets in reversed(splits):
        price, sets = price + inside_price, [*inside_sets, *sets]
        if price >= whole:
            price, sets = whole, [together]
    return price, sets


def _best_split(rows: Rows, places: Sequence[int]) -> tuple[float, Rows, Rows] | None:
    """Return the split by one word in one place after which *rows* cost least, None where all are the same."""
    tries: list[tuple[int, int, str]] = []
    for place in places:
        counts = Counter(row[place] for row in rows)
        if len(counts) > 1:
            common = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:WORDS_TRIED]
            tries += [(-min(count, len(rows) - count), place, word) for word, count in common]
    best: tuple[float, Rows, Rows] | None = None
    for _, place, word in sorted(tries)[:SETS_TRIED]:
        inside = [row for row in rows if row[place] == word]
        outside = [row for row in rows if row[place] != word]
        price = _price(inside, places) + _price(outside, places)
        if best is None or price < best[0]:
            best = price, inside, outside
    return best


def _price(rows: Rows, places: Sequence[int]) -> float:
    """Return what it costs to take *rows* for one template with slots."""
    columns = list(zip(*rows, strict=True))
    same = different = 0
    slots = 0.0
    for place in places:
        words = set(columns[place])
        if len(words) > 1:
            slots += _slot_price(words)
            different += VALUE not in words
        elif VALUE not in words:
            same += 1
    if len(rows) > 1 and (not same or same < SHARE_OF_SAME * (same + different)):
        return UNFIT_PRICE * len(rows)
    return TEMPLATE_PRICE * (1 + min(same, WORDS_PAID)) + slots


def _slot_price(words: set[str]) -> float:
    if VALUE in words:
        return SLOT_PRICE
    named = sum(map(looks_chosen, words))
    few = FEW_NAMES if 2 * named >= len(words) else FEW_WORDS
    return FEW_PRICE * (len(words) - 1) if len(words) <= few else SLOT_PRICE
