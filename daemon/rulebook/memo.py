"""A bounded memory of answers already worked out."""

from collections.abc import Hashable
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Memo(dict[Key, Answer | None]):
    """Keep the answers asked for lately: at most *size* of them, none where *size* is 0. ``memo[key]`` is one, or None.

    Two generations: when the young one is full it becomes the old one, and the old one is dropped. An answer found in
    the old one moves up, so what is in use stays. The young one is the dict itself: what is found in it, for each error
    several times, costs no call.
    """

    __slots__ = ("_half", "_old")

    def __init__(self, size: int) -> None:
        super().__init__()
        self._half = size // 2
        self._old: dict[Key, Answer | None] = {}

    def __missing__(self, key: Key) -> Answer | None:
        answer = self._old.pop(key, None)
        if answer is not None:
            self.put(key, answer)
        return answer

    @property
    def kept(self) -> int:
        """Return how many answers are kept."""
        return len(self) + len(self._old)

    def put(self, key: Key, answer: Answer) -> None:
        """Keep *answer*, which is not None, for *key*."""
        if not self._half:
            return
        if len(self) >= self._half:
            self._old = self.copy()
            self.clear()
        self[key] = answer
