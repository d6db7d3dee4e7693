"""Join templates of different length that say the same: a name may have one word or four, a list one entry or five.

Two templates are laid side by side; where they differ there must stand nothing but words on both sides, in at most a few
places, and the words that all templates together have in such a place must be many. What has a slot by then takes in the
rare ones that fit it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.core.message_division import FEW_WORDS, template_of
from daemon.core.message_tokens import VALUE, Tokens, is_mark, is_word

SPANS_MOST = 4
"""Places in which two templates of one pattern may differ."""

WORDS_IN_SLOT = 8
LOOSE_MARKS = frozenset(",.&-'#/+*")
"""Marks that names and lists are written with; any other tells how a message is built."""
ENCLOSING = frozenset('()"')
"""Marks that may be in a name where there is a slot for it already: ``Socks (3 pack)``."""

SAME_WORDS_LEAST = 4
SHARE_OF_WORDS = 0.6
SHARE_OF_FRAME = 0.5
"""How many words, of the shorter and of the longer template, both must have."""

FEW_NAMES_OF_SEVERAL_WORDS = 2
"""So many different names in one place are no slot yet, where they are not of one length."""

OF_ITS_OWN = 5
"""A template with so many different messages may be one beside a pattern that would take it in, too."""

COMPARED, COMMON_WORD = 400, 300
"""With how many templates one is compared, and in how many a word may stand to lead from one to another."""

SLOTS_MOST = 12
"""A pattern with more slots takes nothing in: there are too many ways in which a message may fit it."""

READ_FOR_NAMES = 200

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Messages that say the same; *frame* is what they share."""

    frame: Tokens
    rows: list[Tokens]


def join(sets: Sequence[list[Tokens]]) -> list[Group]:
    """Return *sets*, each of one template, with those joined that differ in the length of a slot only."""
    found = sorted(
        (Group(frame=template_of(rows), rows=rows) for rows in sets), key=lambda one: (-len(one.rows), one.frame)
    )
    words = [{token for token in group.frame if is_word(token)} for group in found]
    holders: dict[str, list[int]] = defaultdict(list)
    for number, mine in enumerate(words):
        for word in mine:
            holders[word].append(number)
    gone: set[int] = set()
    joined: list[Group] = []
    for number, group in enumerate(found):
        if number in gone:
            continue
        shared: Counter[int] = Counter()
        for word in words[number]:
            if len(holders[word]) <= COMMON_WORD:
                shared.update(other for other in holders[word] if other > number and other not in gone)
        near = sorted(shared.items(), key=lambda one: (-one[1], one[0]))[:COMPARED]
        others = {
            other: found[other]
            for other, count in near
            if count >= max(SAME_WORDS_LEAST, SHARE_OF_WORDS * min(len(words[number]), len(words[other])))
            and count >= SHARE_OF_FRAME * max(_length(group.frame), _length(found[other].frame))
        }
        taken, whole = _joined(group, others)
        gone |= taken
        joined.append(whole)
    return _taken_in(joined)


def _length(frame: Tokens) -> int:
    return sum(map(is_word, frame))


def _joined(group: Group, others: dict[int, Group]) -> tuple[set[int], Group]:
    """Return which of *others* say the same as *group*, and all of them together."""
    said: dict[Span, set[Tokens]] = defaultdict(set)
    possible: dict[int, list[tuple[Span, bool]]] = {}
    for number, other in others.items():
        spans = [_widened(group.frame, span) for span in _differences(group.frame, other.frame)]
        if len(spans) > SPANS_MOST or not all(
            _only_words(group.frame[slice(*mine)]) and _only_words(other.frame[slice(*theirs)])
            for mine, theirs in spans
        ):
            continue
        for mine, theirs in spans:
            said[mine].update(row[slice(*theirs)] for row in other.rows)
        possible[number] = [(mine, _of_its_own(group, mine) or _of_its_own(other, theirs)) for mine, theirs in spans]
    for mine, names in said.items():
        names.update(row[slice(*mine)] for row in group.rows)
    taken = {
        number
        for number, spans in possible.items()
        if all(_is_slot(said[span]) and (not own or _of_many_heads(said[span])) for span, own in spans)
    }
    slots = {place for number in taken for span, _ in possible[number] for place in range(*span)}
    rows = [*group.rows, *(row for number in sorted(taken) for row in others[number].rows)]
    return taken, Group(frame=tuple(_with_slots(group.frame, slots)), rows=rows)


def _widened(frame: Tokens, span: tuple[Span, Span]) -> tuple[Span, Span]:
    """Return *span* with the word before it where one side is empty: of two lists the shorter one ends with it."""
    (start, end), (from_, to) = span
    empty = start == end or from_ == to
    if empty and start and from_ and not is_mark(frame[start - 1]):
        return (start - 1, end), (from_ - 1, to)
    return span


def _of_its_own(group: Group, span: Span) -> bool:
    """Tell whether a place of *group* has words of its own around a value, in messages enough to be a pattern."""
    return len(group.rows) >= OF_ITS_OWN and _is_mixed(group.frame[slice(*span)])


def _is_mixed(tokens: Tokens) -> bool:
    return VALUE in tokens and any(map(is_word, tokens))


def _is_slot(names: set[Tokens]) -> bool:
    few = FEW_WORDS if len({len(name) for name in names}) == 1 else FEW_NAMES_OF_SEVERAL_WORDS
    return len(names) > few or not any(is_word(token) and token[0] != '"' for name in names for token in name)


def _of_many_heads(names: set[Tokens]) -> bool:
    """Tell whether names of several words begin with many different ones: then a word more is nothing special."""
    return len({name[0] for name in names if _length_of_name(name) > 1}) > FEW_NAMES_OF_SEVERAL_WORDS


def _length_of_name(name: Tokens) -> int:
    return sum(not is_mark(token) for token in name)


def _only_words(tokens: Tokens, marks: frozenset[str] = LOOSE_MARKS) -> bool:
    """Tell whether *tokens* may be a value: some words, and no mark that tells how a message is built."""
    fit = all(not is_mark(token) or token in marks for token in tokens)
    return fit and bool(tokens) and _length_of_name(tokens) <= WORDS_IN_SLOT


def _is_closed(tokens: Tokens) -> bool:
    """Tell whether quotes, if there are any, stand around all of *tokens*: what reaches beyond them is no name."""
    return '"' not in tokens or (tokens[0] == tokens[-1] == '"' and tokens.count('"') == 2)


def _with_slots(frame: Tokens, slots: set[int]) -> Iterator[str]:
    """Yield *frame* with one `VALUE` for each run of *slots*."""
    for place, token in enumerate(frame):
        if place not in slots:
            yield token
        elif place - 1 not in slots:
            yield VALUE


def _differences(one: Tokens, other: Tokens) -> Iterator[tuple[Span, Span]]:
    """Yield where the two differ when as much as possible of what they share is laid side by side; values never are."""
    most = min(len(one), len(other))
    start = next((at for at in range(most) if one[at] != other[at] or one[at] == VALUE), most)
    end = next(
        (at for at in range(most - start) if one[-1 - at] != other[-1 - at] or one[-1 - at] == VALUE), most - start
    )
    mine, theirs = one[start : len(one) - end], other[start : len(other) - end]
    best = [[0] * (len(theirs) + 1) for _ in range(len(mine) + 1)]
    for x in range(len(mine) - 1, -1, -1):
        for y in range(len(theirs) - 1, -1, -1):
            best[x][y] = max(best[x + 1][y], best[x][y + 1])
            if mine[x] == theirs[y] != VALUE:
                best[x][y] = best[x + 1][y + 1] + _weight(mine[x])
    x = y = from_x = from_y = 0
    while x < len(mine) and y < len(theirs):
        if mine[x] == theirs[y] != VALUE and best[x][y] == best[x + 1][y + 1] + _weight(mine[x]):
            if x > from_x or y > from_y:
                yield (start + from_x, start + x), (start + from_y, start + y)
            x, y = x + 1, y + 1
            from_x, from_y = x, y
        elif best[x + 1][y] >= best[x][y + 1]:
            x += 1
        else:
            y += 1
    yield (start + from_x, start + len(mine)), (start + from_y, start + len(theirs))  # the ends differ: see above


def _weight(token: str) -> int:
    return 1 if is_mark(token) else 3


def _taken_in(groups: list[Group]) -> list[Group]:
    """Return *groups* without those that another takes in, the larger ones first."""
    holders: dict[str, set[int]] = defaultdict(set)
    for number, group in enumerate(groups):
        for token in filter(is_word, group.frame):
            holders[token].add(number)
    gone: set[int] = set()
    for number in sorted(range(len(groups)), key=lambda each: (-len(groups[each].rows), groups[each].frame)):
        group = groups[number]
        words = [token for token in group.frame if is_word(token)]
        if number in gone or len(words) < 2 or not 0 < group.frame.count(VALUE) <= SLOTS_MOST:
            continue
        fits = set.intersection(*(holders[word] for word in words)) - gone - {number}
        rich = _rich_slots(group) if fits else set()
        for other in sorted(fits):
            theirs = groups[other]
            if _filling(group.frame, theirs.frame, rich if len(theirs.rows) >= OF_ITS_OWN else None) is not None:
                group.rows.extend(theirs.rows)
                gone.add(other)
    return [group for number, group in enumerate(groups) if number not in gone]


def _rich_slots(group: Group) -> set[int]:
    """Return the places of the frame in which names of several words stand that begin with many different ones."""
    names: dict[int, set[Tokens]] = defaultdict(set)
    for row in group.rows[:READ_FOR_NAMES]:
        for place, name in (_filling(group.frame, row, None) or {}).items():
            names[place].add(name)
    return {place for place, said in names.items() if _of_many_heads(said)}


def _filling(frame: Tokens, row: Tokens, rich: set[int] | None) -> dict[int, Tokens] | None:
    """Return what stands in each slot of *frame*, by its place in it, if *row* fits it; None where it does not.

    Only words fit a slot, and words around a value only one of *rich* (None: any).
    """
    ways: list[dict[int, int]] = [{0: 0}]  # for each token of the frame: where it may end, and where it begins then
    for place, token in enumerate(frame):
        reached: dict[int, int] = {}
        for start in ways[-1]:
            if token == VALUE:
                for end in _ends(row, start, mixed=rich is None or place in rich):
                    reached.setdefault(end, start)
            elif row[start : start + 1] == (token,):
                reached[start + 1] = start
        if not reached:
            return None
        ways.append(reached)
    end = len(row)
    found: dict[int, Tokens] = {}
    for place in range(len(frame) - 1, -1, -1):
        if end not in ways[place + 1]:
            return None
        start = ways[place + 1][end]
        if frame[place] == VALUE:
            found[place] = row[start:end]
        end = start
    return found


def _ends(row: Tokens, start: int, *, mixed: bool) -> Iterator[int]:
    """Yield where what stands in a slot may end; only with *mixed* may it be words around a value."""
    for end in range(start + 1, min(len(row), start + 2 * WORDS_IN_SLOT) + 1):
        name = row[start:end]
        if not _only_words(name, LOOSE_MARKS | ENCLOSING):
            return
        if _is_closed(name) and (mixed or not _is_mixed(name)):
            yield end
