"""Forgetting attempts: those on cases of which nothing is recent, open, under way or unknown.

The items of the journal are the attempts, and those on one case count together: while one of them may count, all are
kept. Plain SQL, because each line of it is a reason to keep something. Small transactions, the oldest batches first, so
that nothing else waits for long.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from daemon.store.columns import to_ms
from daemon.store.sqlite import document
from daemon.store.transactions import Database, writes_soon

BATCHES = 20
"""Batches that are looked at in one transaction, of 1,000 items at most."""

ROWS = 2000
"""Other rows that are forgotten in one transaction."""

OLDEST = text("""
    SELECT batch_no FROM batches
    WHERE batch_no > :after AND intended_at < :before AND ended_at < :before
      AND step_no NOT IN (SELECT step_no FROM batches WHERE ended_at IS NULL)
    ORDER BY batch_no LIMIT :batches""")
"""Batches that may have something to forget. While a write of the step is under way none has: a retry whose answer was
lost is found among the jobs that no other batch has started."""

FORGET_ITEMS = text("""
    DELETE FROM batch_items AS i
    WHERE i.batch_no IN (SELECT value FROM json_each(:numbers))
      AND NOT EXISTS (
        SELECT 1 FROM batch_items o JOIN batches b ON b.batch_no = o.batch_no
        WHERE o.step_no = i.step_no AND o.case_root = i.case_root
          AND (b.ended_at IS NULL OR b.ended_at >= :before OR b.intended_at >= :before
            OR o.settled_at >= :before OR o.outcome = 'unknown'))
      AND NOT EXISTS (
        SELECT 1 FROM foreign_attempts f
        WHERE f.step_no = i.step_no AND f.case_root = i.case_root AND f.seen_at >= :before)
      AND NOT EXISTS (
        SELECT 1 FROM errors e WHERE e.step_no = i.step_no AND e.case_key = i.case_root AND e.tried > 0)
      AND NOT EXISTS (
        SELECT 1 FROM aliases a JOIN errors e ON e.step_no = a.step_no AND e.case_key = a.alias AND e.tried > 0
        WHERE a.step_no = i.step_no AND a.case_root = i.case_root)
      AND NOT EXISTS (
        SELECT 1 FROM shared_keys s
        WHERE s.step_no = i.step_no AND s.trace_key = substr(i.case_root, 3) AND substr(i.case_root, 1, 2) = 't:')
""")
"""What was tried under a trace key that turned out to be shared goes on counting on each of its records: it stays."""

FORGET_PATCHES = text("""
    DELETE FROM patches AS p
    WHERE p.batch_no IN (SELECT value FROM json_each(:numbers))
      AND NOT EXISTS (SELECT 1 FROM batch_items i WHERE i.batch_no = p.batch_no AND i.error_id = p.error_id)""")

FORGET_BATCHES = text("""
    DELETE FROM batches AS b
    WHERE b.batch_no IN (SELECT value FROM json_each(:numbers))
      AND NOT EXISTS (SELECT 1 FROM batch_items i WHERE i.batch_no = b.batch_no)""")

FORGET_OTHERS = text("""
    DELETE FROM foreign_attempts WHERE (step_no, error_id) IN (
      SELECT f.step_no, f.error_id FROM foreign_attempts f
      WHERE f.seen_at < :before
        AND NOT EXISTS (
          SELECT 1 FROM foreign_attempts o
          WHERE o.step_no = f.step_no AND o.case_root = f.case_root AND o.seen_at >= :before)
        AND NOT EXISTS (SELECT 1 FROM batch_items i WHERE i.step_no = f.step_no AND i.case_root = f.case_root)
        AND NOT EXISTS (SELECT 1 FROM errors e WHERE e.step_no = f.step_no AND e.error_id = f.error_id)
        AND NOT EXISTS (
          SELECT 1 FROM shared_keys s
          WHERE s.step_no = f.step_no AND s.trace_key = substr(f.case_root, 3) AND substr(f.case_root, 1, 2) = 't:')
      LIMIT :rows)""")
"""One that an open error tells of stays: told once more it would count once more, and as of then."""

FORGET_ALIASES = text("""
    DELETE FROM aliases AS a
    WHERE NOT EXISTS (SELECT 1 FROM batch_items i WHERE i.step_no = a.step_no AND i.case_root = a.case_root)
      AND NOT EXISTS (SELECT 1 FROM foreign_attempts f WHERE f.step_no = a.step_no AND f.case_root = a.case_root)
      AND NOT EXISTS (SELECT 1 FROM gone_cases g WHERE g.step_no = a.step_no AND g.case_key IN (a.alias, a.case_root))
      AND (a.step_no, a.alias) NOT IN (
        SELECT step_no, case_key FROM errors
        WHERE case_key IN (SELECT alias FROM aliases UNION SELECT case_root FROM aliases))
      AND (a.step_no, a.case_root) NOT IN (
        SELECT step_no, case_key FROM errors
        WHERE case_key IN (SELECT alias FROM aliases UNION SELECT case_root FROM aliases))""")
"""A second name goes once nothing is known of the case under either name."""


class ForgettingRows(Database):
    """Attempts that can change no decision any more."""

    async def forget_attempts(self, before: datetime) -> int:
        """Forget the attempts on cases of which nothing is from *before* or later, and return how many.

        A case is kept whole while one of its attempts, or of others' retries of it, is recent, under way or unknown, or
        while an error of it is open that was judged since.
        """
        forgotten, after = 0, 0
        while (done := await self._forget_batches(before, after)) is not None:
            after, found = done
            forgotten += found
        while found := await self._forget_others(before):
            forgotten += found
        await self._forget_aliases()
        return forgotten

    @writes_soon
    def _forget_batches(self, connection: Connection, before: datetime, after: int) -> tuple[int, int] | None:
        """Look at the next batches; return the last one's number and how much was forgotten, None at the end."""
        names = {"before": to_ms(before), "after": after, "batches": BATCHES}
        numbers = list(connection.execute(OLDEST, names).scalars())
        if not numbers:
            return None
        looked_at = document(numbers)
        forgotten = connection.execute(FORGET_ITEMS, {"numbers": looked_at, "before": to_ms(before)}).rowcount
        for statement in (FORGET_PATCHES, FORGET_BATCHES):
            connection.execute(statement, {"numbers": looked_at})
        return numbers[-1], forgotten

    @writes_soon
    def _forget_others(self, connection: Connection, before: datetime) -> int:
        return connection.execute(FORGET_OTHERS, {"before": to_ms(before), "rows": ROWS}).rowcount

    @writes_soon
    def _forget_aliases(self, connection: Connection) -> None:
        connection.execute(FORGET_ALIASES)
