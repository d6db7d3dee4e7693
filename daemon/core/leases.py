"""Leases: which process may write about an account (P12). Whoever holds the newest token is the one."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The lease of one account as the store has it; *mine* tells the one who asked whether it is theirs.

    *holder* is a `Holder` as JSON, "" once released. *token* counts up whenever the lease is taken.
    """

    account: str
    holder: str
    token: int
    renewed_at: datetime
    expires_at: datetime
    mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that takes leases. *run* is random and its own; *command* is the subcommand, like ``run``."""

    run: int
    host: str
    pid: int
    command: str
    since: str

    def to_json(self) -> str:
        """Return what the store keeps."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Read what the store kept, None where it is nothing that this version understands."""
        try:
            holder = cls(**json.loads(text))
        except (ValueError, TypeError):
            return None
        return holder if isinstance(holder.run, int) else None

    def __str__(self) -> str:
        return f"flowmend {self.command} on host {self.host}, pid {self.pid}, since {self.since}"
