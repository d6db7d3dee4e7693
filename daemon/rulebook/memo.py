"""A bounded memory of answers already worked out."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Memo(Generic[Key, Answer]):
    """Keep the answers asked for lately: at most *size* of them, none where *size* is 0.

    Two generations: when the young one is full it becomes the old one, and the old one is dropped. An answer found in
    the old one moves up, so what is in use stays, at the price of two look-ups and no bookkeeping per hit.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, size: int) -> None:
        self._half = size // 2
        self._young: dict[Key, Answer] = {}
        self._old: dict[Key, Answer] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: Key) -> Answer | None:
        """Return the answer kept for *key*, or None."""
        answer = self._young.get(key)
        if answer is None:
            answer = self._old.pop(key, None)
            if answer is not None:
                self.put(key, answer)
        return answer

    def put(self, key: Key, answer: Answer) -> None:
        """Keep *answer*, which is not None, for *key*."""
        if not self._half:
            return
        if len(self._young) >= self._half:
            self._old = self._young
            self._young = {}
        self._young[key] = answer
