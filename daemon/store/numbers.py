"""The numbers of what many errors share, kept in mind so that a page asks the database only for what is new to it.

They are forgotten whenever they may not hold any more: a transaction was rolled back, something shared was deleted, or
another connection has written.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from daemon.store.sqlite import written_by_others

K = TypeVar("K")

KEPT = 4_096
"""How many numbers of one kind are kept in mind: most errors say what one of some thousands has said before."""

_NUMBERS, _WRITTEN = "numbers", "written by others"


def numbers(
    connection: Connection,
    kind: str,
    wanted: Sequence[K],
    find: Callable[[Collection[K]], Mapping[K, int]],
    add: Callable[[Collection[K]], object],
) -> list[int]:
    """Return the number of each *wanted* of a *kind*; *add* gives numbers to those that *find* does not."""
    known: dict[K, int] = _known(connection).setdefault(kind, {})
    try:
        return [known[one] for one in wanted]
    except KeyError:
        new = {one for one in wanted if one not in known}
    if len(known) + len(new) > KEPT:
        known.clear()
        new = set(wanted)
    known.update(find(new))
    missing = [one for one in new if one not in known]
    if missing:
        add(missing)
        known.update(find(missing))
    return [known[one] for one in wanted]


def forget_numbers(connection: Connection) -> None:
    """Forget the numbers that are kept in mind for *connection*."""
    connection.info.pop(_NUMBERS, None)


def _known(connection: Connection) -> dict[str, dict[Any, int]]:
    written = written_by_others(connection)
    if connection.info.get(_WRITTEN) != written:
        connection.info[_WRITTEN] = written
        forget_numbers(connection)
    known: dict[str, dict[Any, int]] = connection.info.setdefault(_NUMBERS, {})
    return known
