"""What a full read has shown so far, however long the list, without keeping all of it in memory or writing it down.

Lists mostly come in the order of their ids. So of the *span* from the smallest to the largest id shown so far only those
errors are kept in mind that the store holds and the read has *not* shown yet: of a list in order next to none. What is
not stored is noted in a temporary table, and where a list is in no order (too much of the span would be left) so is from
then on all that it shows outside of the span.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, delete, exists, func, or_, select, true, union_all

from daemon.core.reads import Read, Sight
from daemon.store.columns import clean
from daemon.store.judged import STEP
from daemon.store.scratch import sightings, unseen
from daemon.store.sqlite import document, each, insert
from daemon.store.tables import errors, missed

MOST_LEFT = 2_000
"""How many errors of a step are kept in mind as not shown yet: more than a page, so that a list in order never has so many."""

_UNDER_WAY, _LAST_NO = "full reads", "last full read"

READ_NO = bindparam("read", type_=sightings.c.read_no.type)
_ids = each("ids")


def _name(parameter: str) -> BindParameter[str]:
    return bindparam(parameter, type_=errors.c.error_id.type)


STORED = select(func.count(), func.json_group_array(errors.c.error_id)).where(
    errors.c.step_no == STEP, errors.c.error_id.between(_name("first"), _name("last"))
)
_is_stored = exists().where(errors.c.step_no == STEP, errors.c.error_id == _ids.c.value).correlate(_ids)
UNKNOWN = select(func.json_group_array(_ids.c.value)).select_from(_ids).where(~_is_stored)
SEE = (
    insert(sightings)
    .from_select(["read_no", "error_id"], select(READ_NO, _ids.c.value).where(true()))
    .on_conflict_do_nothing()
    .execution_options(preserve_rowcount=True)
)
WAS_SEEN = select(sightings.c.error_id).where(
    sightings.c.read_no == READ_NO, sightings.c.error_id.in_(select(_ids.c.value))
)
FORGET_SIGHTINGS = delete(sightings).where(sightings.c.read_no == READ_NO)
_NAMES = msgspec.json.Decoder(list[str])

_noted = exists().where(sightings.c.read_no == READ_NO, sightings.c.error_id == errors.c.error_id).correlate(errors)
_missed_before = exists().where(missed.c.step_no == STEP, missed.c.error_id == errors.c.error_id).correlate(errors)
_gone = or_(bindparam("trusted", type_=unseen.c.gone.type), _missed_before)
_standing = select(errors.c.error_id, _gone).where(errors.c.step_no == STEP, errors.c.batch_no.is_(None))
NOTE_UNSEEN = (
    insert(unseen)
    .from_select(
        ["error_id", "gone"],
        union_all(
            _standing.where(errors.c.error_id < _name("first"), ~_noted),
            _standing.where(errors.c.error_id > _name("last"), ~_noted),
            _standing.where(errors.c.error_id.in_(select(_ids.c.value))),
        ),
    )
    .execution_options(preserve_rowcount=True)
)


@dataclass(slots=True, kw_only=True)
class Shown:
    """What one full read has shown; *first* and *last* are the ends of the span, "" as long as there is none.

    *left* are the stored errors of the span that it has not shown, *most_left* at most; *grows* tells whether the span
    grows with each page, *noted* whether anything was noted in the table. *unsaved* are errors that the last page showed
    and that are not stored: they mostly are before the next, and need no note then.
    """

    step_no: int
    read_no: int
    first: str = ""
    last: str = ""
    left: set[str] = field(default_factory=set)
    most_left: int = MOST_LEFT
    grows: bool = True
    noted: bool = False
    unsaved: set[str] = field(default_factory=set)

    def see(self, connection: Connection, error_ids: Sequence[str]) -> Sight:
        """Note a page; ids that no database takes as text must have been made clean."""
        names = sorted(error_ids)
        if not names:
            return Sight(fresh=0, unknown=0)
        self._note_unsaved(connection)
        first, last = self.first, self.last
        here = self._beyond(connection, names)
        if here == names:  # as it mostly is
            self._take_in(names)
            return Sight(fresh=len(names), unknown=0)
        shown, stored = set(names), set(here)
        skipped = stored - shown
        self.grows = self.grows and len(self.left) + len(skipped) <= self.most_left
        if self.grows:
            self._take_in(names)
            self.left |= skipped
        rest = shown - stored if self.grows else shown
        doubtful = {name for name in rest if first <= name <= last} if self.grows else rest
        unknown = (rest - doubtful) | self._unknown(connection, doubtful)
        found = rest & self.left
        self.left -= found
        to_note = {name for name in rest - found if name in unknown or not self._within(name)}
        if self.grows and not self.noted:
            self.unsaved, new = to_note, len(to_note)
        else:
            new = self._note(connection, to_note)
        fresh = len(shown) - len(rest) + len(found) + new
        return Sight(fresh=fresh, unknown=sum(name in unknown for name in names))

    def saved(self, error_ids: Iterable[str]) -> None:
        """Take note that these are stored from now on."""
        self.unsaved.difference_update(error_ids)

    def _note_unsaved(self, connection: Connection) -> None:
        """Note what the page before showed and nobody has stored."""
        self._note(connection, self.unsaved)
        self.unsaved = set()

    def seen(self, connection: Connection, error_ids: Iterable[str]) -> set[str]:
        """Return which of the errors the read has shown; what it showed as stored must still be so."""
        self._note_unsaved(connection)
        names = set(error_ids)
        found = set(connection.execute(WAS_SEEN, self._ids(names)).scalars())
        within = {name for name in names - found - self.left if self._within(name)}
        return found | (within - self._unknown(connection, within))

    def note_unseen(self, connection: Connection, *, trusted: bool) -> int:
        """Write down in `unseen` what it has not shown and is not in flight, and return how many these are."""
        parameters = self._ids(self.left) | {"first": self.first, "last": self.last, "trusted": trusted}
        return connection.execute(NOTE_UNSEEN, parameters).rowcount

    def forget(self, connection: Connection) -> None:
        """Leave nothing behind."""
        if self.noted:
            connection.execute(FORGET_SIGHTINGS, {"read": self.read_no})

    def _beyond(self, connection: Connection, names: Sequence[str]) -> list[str]:
        """Return what is stored between the span and the ends of a page; nothing where that is too much to keep."""
        low, high = names[0], names[-1]
        if not self.grows:
            return []
        if not self.last:
            return self._stored(connection, low, high, len(names))
        below = self._stored(connection, low, self.first, len(names)) if low < self.first else []
        above = self._stored(connection, self.last, high, len(names)) if self.last < high else []
        return [name for name in (*below, *above) if not self._within(name)]

    def _take_in(self, names: Sequence[str]) -> None:
        self.first = min(self.first or names[0], names[0])
        self.last = max(self.last, names[-1])

    def _within(self, name: str) -> bool:
        return self.first <= name <= self.last

    def _stored(self, connection: Connection, first: str, last: str, shown: int) -> list[str]:
        found, names = connection.execute(STORED, {"step": self.step_no, "first": first, "last": last}).one()
        if found > shown + self.most_left + 2:  # that is with the ends of the span
            self.grows = False
            return []
        return _NAMES.decode(names)

    def _unknown(self, connection: Connection, names: set[str]) -> set[str]:
        return set() if not names else unknown_of(connection, self.step_no, names)

    def _note(self, connection: Connection, names: Collection[str]) -> int:
        if not names:
            return 0
        self.noted = True
        return connection.execute(SEE, self._ids(names)).rowcount

    def _ids(self, names: Iterable[str]) -> dict[str, Any]:
        return {"step": self.step_no, "read": self.read_no, "ids": document(sorted(names))}


def begin_full_read(connection: Connection, step_no: int) -> int:
    """Begin a full read of the step, in place of one that has not ended, and return its number."""
    end_full_read(connection, step_no)
    read_no: int = connection.info.get(_LAST_NO, 0) + 1
    connection.info[_LAST_NO] = read_no
    _under_way(connection)[step_no] = Shown(step_no=step_no, read_no=read_no)
    return read_no


def full_read(connection: Connection, read: Read) -> Shown | None:
    """Return what *read* has shown; None where it is not a full one, has ended, or was overtaken by a newer one."""
    shown = _under_way(connection).get(read.step_no)
    return shown if shown is not None and shown.read_no == read.read_no else None


def end_full_read(connection: Connection, step_no: int) -> None:
    """Leave nothing behind of a full read of the step."""
    shown = _under_way(connection).pop(step_no, None)
    if shown is not None:
        shown.forget(connection)


def _under_way(connection: Connection) -> dict[int, Shown]:
    under_way: dict[int, Shown] = connection.info.setdefault(_UNDER_WAY, {})
    return under_way


def unknown_of(connection: Connection, step_no: int, error_ids: Iterable[str]) -> set[str]:
    """Return which of the errors are not stored."""
    parameters = {"step": step_no, "ids": document(sorted(error_ids))}
    return set(_NAMES.decode(connection.execute(UNKNOWN, parameters).scalar_one()))


def clean_ids(error_ids: Sequence[str]) -> Sequence[str]:
    """Return the ids as they are stored."""
    whole = "".join(error_ids)
    return error_ids if clean(whole) == whole else [clean(name) for name in error_ids]
