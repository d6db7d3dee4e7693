"""What the HTTP side is told of the service, as values, and who tells it. The application fills them in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.core.records import StepRef
from daemon.core.totals import Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the store holds of one account now.

    *open* are the open errors by step, *held* what waits for people by queue, *unknown* the retries of which a person must
    say what came of them, *expiring* the open errors that soon vanish with their retry data, *unsettled* the batches
    without an outcome. *breakers* are the steps that have, or stand behind, a breaker that has ever opened, and whether one
    holds errors back there now.
    """

    open: Mapping[StepRef, int]
    held: Mapping[str, int]
    unknown: int
    expiring: int
    unsettled: int
    breakers: Mapping[StepRef, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReading:
    """One account. *stored* is None where the store did not answer in time.

    *last_success_at* and *unmatched*, the open errors that no rule matches, are as of the last cycle, None before the first.
    *refused* tells that integrator.io refuses the token, or that the store is about another account; *over_limit* are the
    rules of which all is held.
    """

    name: str
    totals: Totals
    throttled_s: float
    lag_s: float
    last_success_at: datetime | None = None
    unmatched: int | None = None
    refused: bool = False
    over_limit: Collection[str] = ()
    stored: Stored | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The whole service. *sends* are the rules in force that send something, with what; *paused* None: nobody knows."""

    accounts: Sequence[AccountReading]
    mode: str
    version: str
    python: str
    rules_loaded: int
    rules_ok: bool
    rules_tried_at: datetime | None
    config_ok: bool
    sends: Sequence[tuple[str, str]] = ()
    paused: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the service does its work, in words: *missing* is why it does not, *notes* what people should know."""

    missing: Sequence[str] = ()
    notes: Sequence[str] = ()


class Source(Protocol):
    """Who knows. Neither question may take long, nor raise."""

    async def reading(self) -> Reading:
        """Return the figures."""

    async def readiness(self) -> Readiness:
        """Say whether the work is being done."""
