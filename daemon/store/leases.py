"""Leases: one process at a time writes about an account (P12)."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from daemon.core.leases import Lease
from daemon.store.control_tables import leases
from daemon.store.sqlite import insert
from daemon.store.transactions import Database, reads, writes, writes_soon

ONE = select(leases).where(leases.c.account == bindparam("account"))
_taken = insert(leases)
TAKE = _taken.on_conflict_do_update(
    index_elements=["account"],
    set_={name: _taken.excluded[name] for name in ("holder", "token", "renewed_at", "expires_at")},
)
MINE = leases.update().where(
    leases.c.account == bindparam("whose"), leases.c.token == bindparam("held"), leases.c.holder != ""
)


class LeaseRows(Database):
    """Who may write about which account."""

    @reads
    def lease(self, connection: Connection, account: str) -> Lease | None:
        """Return the account's lease, None where nobody ever took it."""
        return _lease(connection, account, "")

    @writes
    def take_lease(
        self, connection: Connection, account: str, holder: str, now: datetime, ttl: timedelta, *, ended: int = 0
    ) -> Lease:
        """Take the account's lease where that may be, and return it; else return who holds it.

        It may be taken where it is free, has expired, is *holder*'s own, or has the token *ended*, whose holder is known
        to have ended. Every taking has a token of its own, higher than all before.
        """
        known = _lease(connection, account, holder)
        if known is not None and not _is_free(known, now, ended):
            return known
        taken = Lease(
            account=account,
            holder=holder,
            token=known.token + 1 if known else 1,
            renewed_at=now,
            expires_at=now + ttl,
            mine=True,
        )
        connection.execute(TAKE, {column.name: getattr(taken, column.name) for column in leases.columns})
        return taken

    @writes_soon
    def renew_lease(self, connection: Connection, account: str, token: int, now: datetime, ttl: timedelta) -> bool:
        """Make the lease with *token* last until *ttl* from now; return whether it is still that one.

        One that has expired meanwhile and that nobody took is still that one.
        """
        renewed = MINE.values(renewed_at=now, expires_at=now + ttl)
        return bool(connection.execute(renewed, {"whose": account, "held": token}).rowcount)

    @writes_soon
    def release_lease(self, connection: Connection, account: str, token: int, now: datetime) -> None:
        """Leave the lease with *token* to whoever comes next; where it is another's by now, that one keeps it."""
        connection.execute(MINE.values(holder="", expires_at=now), {"whose": account, "held": token})


def _lease(connection: Connection, account: str, holder: str) -> Lease | None:
    row = connection.execute(ONE, {"account": account}).mappings().first()
    return None if row is None else Lease(**row, mine=bool(holder) and row["holder"] == holder)


def _is_free(known: Lease, now: datetime, ended: int) -> bool:
    return known.mine or not known.holder or known.expires_at <= now or known.token == ended
