"""Exceptions whose class says what the caller may do next."""


class FlowmendError(Exception):
    """Carry one sentence for people: what happened, where, and what to do."""


class ConfigError(FlowmendError):
    """The configuration cannot be used; nothing was started."""


class RuleError(FlowmendError):
    """The rule files cannot be used; the running set, if any, stays as it is."""


class StoreError(FlowmendError):
    """The store cannot be read or written (full disk, corrupt file, locked, newer schema); stop writing at once."""


class StoreLostError(StoreError):
    """This process can trust its store no more (damaged, moved away): end; a new start reads what is there then."""


class LockedError(FlowmendError):
    """Another process looks after the account (P12): do nothing for it until that one has ended."""


class LockLostError(LockedError):
    """Another process has taken the account over meanwhile: nothing of this was written, and nothing may be sent."""


class ForeignStoreError(StoreError):
    """The store is about another integrator.io account; nothing was read into it and nothing was sent.

    *belongs_to* and *found* say whose it is and who came, *advice* what a person can do.
    """

    def __init__(self, account: str, *, belongs_to: str, found: str) -> None:
        self.belongs_to = belongs_to
        self.found = found
        self.advice = (
            "for another account, a store of its own (store.url) or another name under [accounts]; for the same account "
            f"under a new user or address: flowmend db rebind --account {account}"
        )
        super().__init__(
            f"{account}: the store belongs to {belongs_to}, but the configuration leads to {found}. The errors and "
            f"attempts of two accounts would mix, so nothing was read, written or sent. What to do: {self.advice}"
        )


class TemporaryError(FlowmendError):
    """Nothing happened at the other end; the same request may be sent again after *wait_s* seconds."""

    def __init__(self, message: str, *, wait_s: float = 1.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class RateLimitedError(TemporaryError):
    """integrator.io answered 429: nothing was done, wait and ask again."""


class UnavailableError(TemporaryError):
    """integrator.io could not be reached, or a read failed half-way: nothing was done and nothing was learnt."""


class WritesStoppedError(TemporaryError):
    """Nothing may be written now (paused, or another process is the writer): nothing left the process."""


class UnknownResultError(FlowmendError):
    """A write left the process and its answer is lost: it may have happened. Read before anything else (P1)."""


class RefusedError(FlowmendError):
    """integrator.io refused the request (4xx): an outcome, not a crash.

    *status* is the HTTP status; *code* the platform's stable code, or "" where it sent none.
    """

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class AuthError(RefusedError):
    """The token was refused (401, 403): stop writing for the account, report it, try again slowly."""


class ProtocolError(FlowmendError):
    """An answer is not of the documented shape; nothing may be concluded from it, least of all "no errors"."""


class LimitExceededError(FlowmendError):
    """A limit of ours would be exceeded: nothing was sent."""


class PlanError(FlowmendError):
    """A plan cannot be approved or applied (any more): nothing of it was sent, and another one must be made."""


class NotifyError(FlowmendError):
    """A channel did not take a message, or nobody knows whether it did: it is told again later, and nothing else stops."""
