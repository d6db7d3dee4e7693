"""The store without a database: leases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from daemon.core.leases import Lease
from daemon.store.memory_errors import Shelves


class MemoryLeases(Shelves):
    """Who may write about which account."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.leases: dict[str, Lease] = {}

    async def lease(self, account: str) -> Lease | None:
        """Return the account's lease, None where nobody ever took it."""
        return self.leases.get(account)

    async def take_lease(self, account: str, holder: str, now: datetime, ttl: timedelta, *, ended: int = 0) -> Lease:
        """Take the account's lease where that may be, and return it; else return who holds it."""
        known = self.leases.get(account)
        if known and known.holder not in ("", holder) and known.expires_at > now and known.token != ended:
            return known
        token = known.token + 1 if known else 1
        taken = Lease(account=account, holder=holder, token=token, renewed_at=now, expires_at=now + ttl)
        self.leases[account] = taken
        return replace(taken, mine=True)

    async def renew_lease(self, account: str, token: int, now: datetime, ttl: timedelta) -> bool:
        """Make the lease with *token* last until *ttl* from now; return whether it is still that one."""
        known = self.leases.get(account)
        if known is None or known.token != token or not known.holder:
            return False
        self.leases[account] = replace(known, renewed_at=now, expires_at=now + ttl)
        return True

    async def release_lease(self, account: str, token: int, now: datetime) -> None:
        """Leave the lease with *token* to whoever comes next; where it is another's by now, that one keeps it."""
        known = self.leases.get(account)
        if known is not None and known.token == token:
            self.leases[account] = replace(known, holder="", expires_at=now)
