"""The fence: who has lost the lease of an account writes nothing more about it, whenever it wakes up (P12)."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from daemon.core.exceptions import LockLostError
from daemon.store.control_tables import leases

TOKEN = select(leases.c.token).where(leases.c.account == bindparam("account"))


@dataclass(slots=True, kw_only=True)
class Fence:
    """What lets the writes of one account through: the *token* of the lease that was taken, 0 while none is held."""

    account: str
    token: int = 0

    def check(self, connection: Connection) -> None:
        """Let the transaction that *connection* is in go on.

        Raises:
            LockLostError: the lease is not ours (any more); nothing may be written.
        """
        newest = connection.execute(TOKEN, {"account": self.account}).scalar()
        if not self.token or newest != self.token:
            raise LockLostError(
                f"{self.account}: this process does not hold the account (any more): nothing of this was written"
            )
