"""The last good rule set (P8), small notes by key, and the clearing of what nobody needs any more."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from daemon.core.rows import RulesRow
from daemon.store import sqlite
from daemon.store.control_tables import gone_cases
from daemon.store.rule_tables import rule_files, rule_loads
from daemon.store.tables import batches, meta, patches, plans
from daemon.store.transactions import Database, reads, writes, writes_soon
from daemon.store.vocabulary import CODES, VERDICTS

_note = sqlite.insert(meta)
SET_META = _note.on_conflict_do_update(index_elements=["key"], set_={"value": _note.excluded.value})
DROP_META = delete(meta).where(meta.c.key == bindparam("which")).returning(meta.c.value)
LAST_LOAD = select(func.max(rule_loads.c.load_no)).scalar_subquery()


class RuleSetRows(Database):
    """Rule sets as they were loaded, and notes."""

    @writes
    def save_rules(
        self, connection: Connection, version: str, files: Sequence[tuple[str, bytes]], at: datetime
    ) -> None:
        """Keep the files of a rule set that was loaded whole at *at*, as (path, content) in their order."""
        connection.execute(insert(rule_loads), {"version": version, "loaded_at": at})
        connection.execute(delete(rule_files).where(rule_files.c.version == version))
        rows = [
            {"version": version, "position": position, "path": path, "content": content}
            for position, (path, content) in enumerate(files)
        ]
        if rows:
            connection.execute(insert(rule_files), rows)

    @reads
    def last_rules(self, connection: Connection) -> tuple[str, list[tuple[str, bytes]]] | None:
        """Return version and files of the rule set that was loaded last, None where none ever was."""
        version = connection.execute(select(rule_loads.c.version).where(rule_loads.c.load_no == LAST_LOAD)).scalar()
        if version is None:
            return None
        files = select(rule_files).where(rule_files.c.version == version).order_by(rule_files.c.position)
        return version, [(row.path, row.content) for row in connection.execute(files)]

    @reads
    def rules_history(self, connection: Connection, limit: int) -> list[RulesRow]:
        """Return the newest loads, newest first."""
        count = select(func.count()).where(rule_files.c.version == rule_loads.c.version).scalar_subquery()
        loads = select(rule_loads, count.label("files")).order_by(rule_loads.c.load_no.desc()).limit(limit)
        return [
            RulesRow(version=row.version, loaded_at=row.loaded_at, files=row.files) for row in connection.execute(loads)
        ]

    @reads
    def get_meta(self, connection: Connection, key: str) -> str | None:
        """Return one note, None where there is none."""
        return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()

    @writes
    def set_meta(self, connection: Connection, key: str, value: str) -> None:
        """Keep one note."""
        connection.execute(SET_META, {"key": key, "value": value})

    @writes_soon
    def set_meta_soon(self, connection: Connection, key: str, value: str) -> None:
        """Keep one note that may be lost in a power cut."""
        connection.execute(SET_META, {"key": key, "value": value})

    @writes
    def drop_meta(self, connection: Connection, key: str) -> str | None:
        """Forget one note and return what it said, None where there was none."""
        return connection.execute(DROP_META, {"which": key}).scalar()

    @writes
    def prune(self, connection: Connection, before: datetime, gone_before: datetime) -> int:
        """Clear what is older than *before*: envelopes around patches, plans, rule files; return how many of the first two.

        Likewise that errors left without us which occurred before *gone_before*. The journal stays, and with it the
        attempts on every case; so does the last rule set.
        """
        ended = select(batches.c.batch_no).where(batches.c.ended_at < before)
        kept = or_(patches.c.before.is_not(None), patches.c.after.is_not(None))
        empty = update(patches).where(patches.c.batch_no.in_(ended), kept).values(before=None, after=None)
        envelopes = connection.execute(empty).rowcount
        old_plans = connection.execute(delete(plans).where(plans.c.expires_at < before)).rowcount
        old = and_(rule_loads.c.loaded_at < before, rule_loads.c.load_no != LAST_LOAD)
        connection.execute(delete(rule_loads).where(old))
        connection.execute(delete(rule_files).where(rule_files.c.version.not_in(select(rule_loads.c.version))))
        connection.execute(delete(gone_cases).where(gone_cases.c.occurred_at < gone_before))
        for vocabulary in (VERDICTS, CODES):
            vocabulary.forget(connection)
        return envelopes + old_plans
