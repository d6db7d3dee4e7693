"""What thousands of errors have in common, kept once under a number: their codes, and what was decided about them."""

from collections.abc import Collection, Sequence

from sqlalchemy import Column, Connection, and_, delete, select, true

from daemon.store.columns import clean
from daemon.store.numbers import forget_numbers, numbers
from daemon.store.sqlite import document, fields, insert
from daemon.store.tables import codes, errors, verdicts

Words = tuple[str, ...]


class Vocabulary:
    """A table of words, each row of them unlike any other, under the number that rows of `errors` have in *used*."""

    def __init__(self, number: Column[int], *words: Column[str], used: Column[int]) -> None:
        table, given = number.table, fields(number.table.name, *words)
        self._kind = number.table.name
        names = [column.name for column in words]
        new = select(*given.c).where(true())
        self._add = insert(table).from_select(names, new).on_conflict_do_nothing()
        same = and_(*(column == given.c[column.name] for column in words))
        self._find = select(number, *words).join_from(given, table, same)
        self._forget = delete(table).where(number.not_in(select(used).distinct()))

    def numbers(self, connection: Connection, wanted: Sequence[Words]) -> list[int]:
        """Return the number of each of these words; those that have none get theirs now."""

        def find(new: Collection[Words]) -> dict[Words, int]:
            rows = connection.execute(self._find, {self._kind: document(sorted(new))})
            found = {tuple(words): number for number, *words in rows}
            cleaned = {words: (*map(clean, words),) for words in new}
            return {words: found[name] for words, name in cleaned.items() if name in found}

        def add(new: Collection[Words]) -> None:
            connection.execute(self._add, {self._kind: document(sorted(new))})

        return numbers(connection, self._kind, wanted, find, add)

    def forget(self, connection: Connection) -> None:
        """Delete what no error has any more."""
        connection.execute(self._forget)
        forget_numbers(connection)


VERDICTS = Vocabulary(
    verdicts.c.verdict_no,
    *(verdicts.c.verb, verdicts.c.rule_id, verdicts.c.reason, verdicts.c.detail),
    used=errors.c.verdict_no,
)
CODES = Vocabulary(codes.c.code_no, codes.c.code, used=errors.c.code_no)
