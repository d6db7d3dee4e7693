"""Numbers that counting all errors tells, counted again only where errors have changed: a backlog lies there for months."""

from collections.abc import Callable

from sqlalchemy import Connection

from daemon.store.sqlite import written_by_others

_CHANGES, _COUNTED = "changes of errors", "counted"


def errors_changed(connection: Connection) -> None:
    """Note that errors were added, taken away or judged otherwise, or may have been."""
    connection.info[_CHANGES] = connection.info.get(_CHANGES, 0) + 1


def counted(connection: Connection, name: str, count: Callable[[], int]) -> int:
    """Return what *count* tells; what it told before while neither this connection nor another has changed errors."""
    as_of = (connection.info.get(_CHANGES, 0), written_by_others(connection))
    known: dict[str, tuple[tuple[int, int], int]] = connection.info.setdefault(_COUNTED, {})
    if name not in known or known[name][0] != as_of:
        known[name] = (as_of, count())
    return known[name][1]
