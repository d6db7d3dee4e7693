"""Ownership: before anything else, see that the token and the store are of the same integrator.io account.

A store remembers the user and the base URL that it was first used with. Under any other, nothing is read into it and
nothing is sent: what was tried on the records of one account says nothing about those of another.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from daemon.core.exceptions import ForeignStoreError, ProtocolError
from daemon.core.owner import Owner, owner_note
from daemon.core.records import TokenInfo


class TokenReader(Protocol):
    """The one client call that this needs."""

    async def token_info(self) -> TokenInfo:
        """Return whose token it is."""


class OwnerStore(Protocol):
    """What this asks of the store."""

    async def get_meta(self, key: str) -> str | None:
        """Return one remembered word."""

    async def set_meta(self, key: str, value: str) -> None:
        """Remember one word."""


@dataclass(slots=True, kw_only=True)
class Ownership:
    """Know whose token an account has. It is asked once per token: in a new process, and after the token was replaced.

    *user_id* is "" until the token and the store are known to be of the same account.
    """

    account: str
    base_url: str
    share_id: str
    token: Callable[[], str] = field(repr=False)
    client: TokenReader
    store: OwnerStore
    log: FilteringBoundLogger
    user_id: str = ""
    _seen: int = field(default=0, repr=False)

    async def check(self) -> str:
        """Return the id of the user that the token belongs to.

        Raises:
            ForeignStoreError: the store is about another account; nothing was written to it or sent.
            ProtocolError: integrator.io did not say whose token it is.
        """
        seen = hash(self.token())
        if self.user_id and seen == self._seen:
            return self.user_id
        self.user_id = ""
        owner = Owner(user_id=(await self.client.token_info()).user_id, base_url=self.base_url, share_id=self.share_id)
        if not owner.user_id:
            raise ProtocolError(f"{self.account}: integrator.io did not say whose token it is")
        await self._compare(owner)
        self.user_id, self._seen = owner.user_id, seen
        self.log.info("account.probed", user_id=owner.user_id, base_url=owner.base_url, share_id=owner.share_id)
        return owner.user_id

    def forget(self) -> None:
        """Ask again next time: the token was refused, and the next one may be another user's."""
        self.user_id = ""

    async def _compare(self, owner: Owner) -> None:
        note = await self.store.get_meta(owner_note(self.account))
        if note is None:
            await self.store.set_meta(owner_note(self.account), owner.to_note())
        elif (bound := Owner.from_note(note)) != owner:
            raise ForeignStoreError(self.account, belongs_to=str(bound), found=str(owner))
