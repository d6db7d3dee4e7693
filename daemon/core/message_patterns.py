"""Find the patterns of messages: which of them say the same with other values.

Nothing is set by hand for one source of messages or another, nothing is learnt beforehand, and the same messages give
the same patterns in whatever order they come. docs/mining.md tells how well it does.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.core.message_division import build_of, divide
from daemon.core.message_joining import join
from daemon.core.message_tokens import Tokeniser, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePattern:
    """Messages that say the same: *words* is what they share, `VALUE` for what they do not; *members* are their numbers."""

    words: Tokens
    members: tuple[int, ...]

    def __str__(self) -> str:
        """Return what the messages share, as one line."""
        return " ".join(self.words)


def find_patterns(messages: Iterable[str]) -> Sequence[MessagePattern]:
    """Return the patterns of *messages*, those with most of them first; a message's number is its place, from 0."""
    tokeniser = Tokeniser()
    members: dict[Tokens, list[int]] = defaultdict(list)
    for number, message in enumerate(messages):
        members[tokeniser.tokens(message)].append(number)
    builds: dict[Tokens, list[Tokens]] = defaultdict(list)
    for row in sorted(members):
        builds[build_of(row)].append(row)
    groups = join([one for rows in builds.values() for one in divide(rows)])
    patterns = [
        MessagePattern(
            words=group.frame, members=tuple(sorted(number for row in group.rows for number in members[row]))
        )
        for group in groups
    ]
    return sorted(patterns, key=lambda one: (-len(one.members), one.members))
