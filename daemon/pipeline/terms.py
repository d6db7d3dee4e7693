"""What one account's stages share: its terms, its clock, and the rules in force."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol

from daemon.core.actions import Mode, Rule
from daemon.core.decisions import Match
from daemon.core.facts import Facts, NeedsData, Patched, PatchRefused
from daemon.core.guards import Limits
from daemon.core.records import ErrorRecord, Step
from daemon.core.windows import Polling


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""

    async def sleep(self, wait_s: float) -> None:
        """Come back after *wait_s* seconds."""


class Rules(Protocol):
    """The rule set in force. One object serves a whole cycle, so that a reload cannot change it half-way."""

    @property
    def version(self) -> str:
        """Return what names the set's content, like ``rules@9c1d``."""

    @property
    def rules(self) -> Sequence[Rule]:
        """Return the rules in the order in which they are tried."""

    def match(self, step: Step, record: ErrorRecord, facts: Facts) -> Match | NeedsData | None:
        """Return the first rule that matches, None where none does, or what must be read to tell."""

    def recheck_at(self, record: ErrorRecord, now: datetime) -> datetime | None:
        """Return when the error's mere age may next change the answer, None where it cannot."""

    def patch(self, match: Match, record: ErrorRecord, data: object) -> Patched | PatchRefused:
        """Apply the winning rule's patch to a copy of *data*, whole or not at all."""


@dataclass(slots=True)
class Stopping:
    """Whether the service has been asked to stop: no new batch is begun, what is under way is finished."""

    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the configuration says of one account; durations and counts as configured.

    *limits* gives those in force: one that is lowered meanwhile holds for all that is planned from then on.
    """

    account: str
    mode: Mode
    polling: Polling
    limits: Callable[[], Limits]
    max_attempts_per_case: int
    retry_max_age: timedelta
    batch_size: int
    concurrency: int
    confirm_every: timedelta
    confirm_timeout: timedelta
    adopt_backlog: bool = False
    include_flows: tuple[str, ...] = ("*",)
    exclude_flows: tuple[str, ...] = ()

    def includes(self, flow_id: str, flow_name: str) -> bool:
        """Tell whether the flow is among those to be looked after; patterns are ids, names or globs."""

        def named(patterns: Sequence[str]) -> bool:
            return any(fnmatchcase(name, pattern) for pattern in patterns for name in (flow_id, flow_name))

        return named(self.include_flows) and not named(self.exclude_flows)


def by_id(rules: Rules) -> Mapping[str, Rule]:
    """Return the rules by id, in their order."""
    return {rule.id: rule for rule in rules.rules}
