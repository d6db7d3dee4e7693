"""Notices: what people are to be told, until a channel has taken it."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, update

from daemon.core.notices import Noted, Notice, Told
from daemon.store.notice_tables import GROWING, notices
from daemon.store.sqlite import insert
from daemon.store.transactions import Database, reads, writes

SENT, GIVEN_UP = "sent", "given_up"

_note = insert(notices)
NOTE = _note.on_conflict_do_update(
    index_elements=["channel", "event", "scope"],
    index_where=GROWING,
    set_={
        "times": notices.c.times + _note.excluded.times,
        "last_at": _note.excluded.last_at,
        "facts": _note.excluded.facts,
    },
)
OPEN = (
    select(notices)
    .where(notices.c.channel == bindparam("channel"), notices.c.ended_at.is_(None))
    .order_by(notices.c.first_at, notices.c.notice_no)
)
TOLD = select(notices.c.event, notices.c.scope, notices.c.message_id, notices.c.ended_at).where(
    notices.c.channel == bindparam("channel"),
    notices.c.ended_at > bindparam("since", type_=notices.c.ended_at.type),
    notices.c.ended == SENT,
)
UNDER_WAY = select(func.count()).where(
    notices.c.channel == bindparam("channel"), notices.c.ended_at.is_(None), notices.c.message_id != ""
)


class NoticeRows(Database):
    """The outbox of all channels."""

    @writes
    def note(self, connection: Connection, channels: Iterable[tuple[str, Noted]]) -> None:
        """Write down what each channel is to be told; equal events that it was not told of yet become one."""
        rows = [
            {
                "channel": channel,
                "event": noted.event,
                "scope": noted.scope,
                "facts": json.dumps(dict(noted.facts), ensure_ascii=False),
                "times": noted.times,
                "first_at": noted.first_at,
                "last_at": noted.last_at,
                "message_id": "",
                "ended": "",
            }
            for channel, noted in channels
        ]
        if rows:
            connection.execute(NOTE, rows)

    @reads
    def open_notices(self, connection: Connection, channel: str) -> list[Notice]:
        """Return what the channel has not been told of yet, oldest first."""
        return [
            Notice(
                number=row.notice_no,
                channel=row.channel,
                noted=Noted(
                    event=row.event,
                    scope=row.scope,
                    facts=json.loads(row.facts),
                    times=row.times,
                    first_at=row.first_at,
                    last_at=row.last_at,
                ),
                message_id=row.message_id,
                next_at=row.next_at,
                fixed_at=row.fixed_at,
            )
            for row in connection.execute(OPEN, {"channel": channel})
        ]

    @reads
    def told_since(self, connection: Connection, channel: str, since: datetime) -> list[Told]:
        """Return what the channel has been told of since then."""
        found = connection.execute(TOLD, {"channel": channel, "since": since})
        return [Told(event=row.event, scope=row.scope, message_id=row.message_id, at=row.ended_at) for row in found]

    @writes
    def fix_message(
        self, connection: Connection, channel: str, message_id: str, numbers: Collection[int], now: datetime
    ) -> bool:
        """Make the growing notices of these *numbers* one message; False where the channel has one that has not ended."""
        if connection.execute(UNDER_WAY, {"channel": channel}).scalar_one():
            return False
        growing = update(notices).where(notices.c.notice_no.in_(numbers), notices.c.channel == channel, GROWING)
        fixed = {"message_id": message_id, "next_at": now, "fixed_at": now}
        return connection.execute(growing.values(fixed)).rowcount > 0

    @writes
    def put_off_message(self, connection: Connection, message_id: str, before: datetime, until: datetime) -> bool:
        """Let nobody send the message before *until*; False where it is no longer put off until *before*."""
        mine = update(notices).where(
            notices.c.message_id == message_id, notices.c.next_at == before, notices.c.ended_at.is_(None)
        )
        return connection.execute(mine.values(next_at=until)).rowcount > 0

    @writes
    def end_message(self, connection: Connection, message_id: str, now: datetime, *, sent: bool) -> None:
        """Remember that the channel took the message, or that it was given up."""
        ended = update(notices).where(notices.c.message_id == message_id)
        connection.execute(ended.values(ended_at=now, ended=SENT if sent else GIVEN_UP))

    @writes
    def forget_notices(
        self, connection: Connection, before: datetime, channels: Collection[str], *, abandoned: datetime
    ) -> int:
        """Delete what ended *before* then, and what none of *channels* is to be told that happened before *abandoned*.

        A process whose configuration does not name a channel may share the store with one whose does.
        """
        nobodys = notices.c.channel.not_in(channels) & (notices.c.last_at < abandoned)
        return connection.execute(delete(notices).where((notices.c.ended_at < before) | nobodys)).rowcount
