"""The store without a database: breakers, and what turns them."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from daemon.core.batches import Act, WriteState
from daemon.core.breakers import Breaker, Key
from daemon.core.decisions import Outcome
from daemon.core.signs import RetryRun
from daemon.store.due import SENT_WITHIN
from daemon.store.memory_errors import Shelves


class MemoryBreakers(Shelves):
    """Where nothing is retried, and what has come of retries lately."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.tripped: dict[tuple[str, Key], Breaker] = {}

    async def breakers(self, account: str) -> list[Breaker]:
        """Return the account's breakers that are, or have been, open."""
        return [breaker for (mine, _), breaker in sorted(self.tripped.items()) if mine == account]

    async def save_breaker(self, account: str, breaker: Breaker) -> None:
        """Remember a breaker as it is now."""
        self.tripped[account, breaker.key] = breaker

    async def retry_runs(self, account: str, since: datetime) -> list[RetryRun]:
        """Return the batches of retries that got their last outcome since then, the latest first."""
        found: list[tuple[datetime, int, RetryRun]] = []
        for batch_id, entry in self.entries.items():
            batch, sent_at, ended_at = entry.written.batch, entry.written.intended_at, entry.ended_at
            settled = entry.written.state is WriteState.SETTLED and batch.act is Act.RETRY
            if batch.step.account != account or not settled or ended_at is None:
                continue
            if ended_at >= since and sent_at >= since - SENT_WITHIN:
                counts = Counter(item.outcome for item in entry.items.values())
                run = RetryRun(
                    step=batch.step,
                    rule_id=batch.rule_id,
                    sent_at=sent_at,
                    ended_at=ended_at,
                    confirmed=counts[Outcome.CONFIRMED],
                    came_back=counts[Outcome.CAME_BACK],
                    unknown=counts[Outcome.UNKNOWN],
                )
                found.append((ended_at, batch_id, run))
        return [run for _, _, run in sorted(found, key=lambda each: each[:2], reverse=True)]
