"""What messages have in common, word for word: the texts that a rule can ask for."""

from collections.abc import Iterator, Sequence

from daemon.core.recordings import CUT, SIGNS

TEXTS_MOST = 3
LETTERS_LEAST = 4
READ_MOST = 300
"""Of the messages that have something in common; more would hardly show less of it."""

WORDS_READ = 120
LENGTH_MOST = 200
"""Characters of one text: a longer one is no surer, and hard to read in a rule."""

_BORDERS = str.maketrans(dict.fromkeys(SIGNS + CUT, "\n"))


def constant_texts(messages: Sequence[str]) -> tuple[str, ...]:
    """Return texts that stand in every one of *messages*, at most three, the longest first.

    *messages*, one at least, are as recordings keep them: hidden characters are `SIGNS`, and in no text. A text begins and ends with a
    whole word.
    """
    step = -(-len(messages) // READ_MOST)
    read = messages[::step]
    found = sorted(
        set(_common(min(read, key=lambda each: (len(each), each)), read)), key=lambda text: (-len(text), text)
    )
    chosen: list[str] = []
    for text in found:
        whole = all(text in message for message in messages)
        if whole and not any(text in other for other in chosen) and sum(map(str.isalpha, text)) >= LETTERS_LEAST:
            chosen.append(text)
    return tuple(chosen[:TEXTS_MOST])


def _common(sample: str, messages: Sequence[str]) -> Iterator[str]:
    """Yield the runs of words of *sample* that stand in all *messages* and could not be longer."""
    for clear in sample.translate(_BORDERS).split("\n"):
        words = clear.split(" ")[:WORDS_READ]
        start = 0
        while start < len(words):
            end = start
            while (
                end < len(words)
                and _in_all(text := " ".join(words[start : end + 1]), messages)
                and len(text) <= LENGTH_MOST
            ):
                end += 1
            if text := " ".join(words[start:end]).strip():
                yield text
            start = max(end, start + 1)


def _in_all(text: str, messages: Sequence[str]) -> bool:
    return all(text in message for message in messages)
