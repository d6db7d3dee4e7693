"""A list that is read in pages while it changes: quick to add to, to take from by id, and to go on in."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

DEAD_SLOTS_KEPT = 1024
"""Below this many removed entries sweeping them out is not worth it."""


@dataclass(slots=True)
class _Slot(Generic[T]):
    """One place in the list; *item* is None once it was taken out, *at* what the list is filtered by."""

    seq: int
    item: T | None
    at: datetime


class Listing(Generic[T]):
    """Items by id, in the order in which they came.

    Every item gets a sequence number that is never used again, so "go on after number n" stays right while items come
    and go. Items taken out leave an empty slot behind; the slots are swept when most of them are empty. As long as each
    came no earlier than the one before, what is older than asked for is not looked at.
    """

    def __init__(self) -> None:
        self._slots: list[_Slot[T]] = []
        self._by_id: dict[str, _Slot[T]] = {}
        self._next_seq = 0
        self._by_time = True

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._by_id

    def __iter__(self) -> Iterator[T]:
        return (slot.item for slot in self._slots if slot.item is not None)

    def ids(self) -> Iterable[str]:
        """Return the ids of all items, in the order in which they came."""
        return self._by_id.keys()

    def get(self, item_id: str) -> T | None:
        """Return the item with this id, or None."""
        slot = self._by_id.get(item_id)
        return slot.item if slot else None

    def add(self, item_id: str, item: T, at: datetime) -> None:
        """Put *item* of the moment *at* at the end; an item of the same id is replaced."""
        self.take(item_id)
        self._by_time = self._by_time and (not self._slots or self._slots[-1].at <= at)
        slot = _Slot(self._next_seq, item, at)
        self._next_seq += 1
        self._slots.append(slot)
        self._by_id[item_id] = slot

    def take(self, item_id: str) -> T | None:
        """Take the item with this id out and return it; None where there is none."""
        slot = self._by_id.pop(item_id, None)
        if slot is None:
            return None
        item, slot.item = slot.item, None
        dead = len(self._slots) - len(self._by_id)
        if dead > DEAD_SLOTS_KEPT and dead > len(self._by_id):
            self._slots = [kept for kept in self._slots if kept.item is not None]
        return item

    def page(
        self,
        size: int,
        *,
        cursor: int | None,
        newest_first: bool,
        by_offset: bool,
        wanted: Callable[[T], bool],
        since: datetime | None = None,
    ) -> tuple[list[T], int | None]:
        """Return up to *size* wanted items and the cursor of the next page, None where nothing more is wanted.

        None is wanted from before *since*. A cursor is the sequence number of the last item given, or, *by_offset*, how
        many items were given so far.
        """
        slots = self._from(None if by_offset else cursor, since if self._by_time else None, newest_first=newest_first)
        found = ((slot.seq, slot.item) for slot in slots if slot.item is not None and wanted(slot.item))
        given_before = (cursor or 0) if by_offset else 0
        taken = list(islice(found, given_before, given_before + size + 1))
        items = [item for _, item in taken[:size]]
        if len(taken) <= size:
            return items, None
        return items, given_before + size if by_offset else taken[size - 1][0]

    def _from(self, after: int | None, since: datetime | None, *, newest_first: bool) -> Iterator[_Slot[T]]:
        slots = self._slots
        first = 0 if since is None else bisect_left(slots, since, key=lambda slot: slot.at)
        if newest_first:
            start = len(slots) if after is None else bisect_left(slots, after, key=lambda slot: slot.seq)
            return (slots[place] for place in range(start - 1, first - 1, -1))
        start = 0 if after is None else bisect_right(slots, after, key=lambda slot: slot.seq)
        return islice(slots, max(start, first), None)
