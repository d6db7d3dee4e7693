"""Whose account a store is about: the errors and the attempts of two accounts must never mix."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user behind a token, on one base URL, and the share through which somebody else's account is seen ("")."""

    user_id: str
    base_url: str
    share_id: str = ""

    def __str__(self) -> str:
        share = f", through share {self.share_id}" if self.share_id else ""
        return f"user {self.user_id} at {self.base_url}{share}"

    def to_note(self) -> str:
        """Return the words under which a store remembers it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_note(cls, note: str) -> Self:
        """Read what `to_note` wrote."""
        return cls(**json.loads(note))


def owner_note(account: str) -> str:
    """Return the key of the store's note about whose account *account* is."""
    return f"identity:{account}"
