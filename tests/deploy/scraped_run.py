"""A whole run of Flowmend against the sandbox while a real Prometheus looks on."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import stamina

from daemon.app.build import Daemon
from daemon.app.observed import Observed
from daemon.sandbox import Fault
from daemon.sandbox.truth import Truth as Record
from daemon.web.reading import Readiness, Reading, Source
from tests.deploy.prometheus_server import PrometheusServer, prometheus_server
from tests.fakes import FakeClock
from tests.integration.scraping import OPENMETRICS, served_source
from tests.integration.shop import ACCOUNT, Shop, open_shop
from tests.integration.small_shop import LOST, one_pass, unhurried

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "flowmend.rules.yaml"
PLAIN = "text/plain; version=0.0.4"
FAULTS: list[Fault] = [*LOST, Fault(endpoint="GET errors", kind="throttle:1", call=2)]
MOST_S = 60.0
"""How long a scrape may be waited for: a machine may be busy."""


@dataclass(slots=True)
class LookedAt:
    """A source that tells when it is scraped."""

    source: Source
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def reading(self) -> Reading:
        self.begun.set()
        return await self.source.reading()

    async def readiness(self) -> Readiness:
        return await self.source.readiness()

    async def stored(self, prometheus: PrometheusServer) -> float:
        """Wait until Prometheus has stored and weighed what is so now; return a moment (in Unix time) at which it had.

        A scrape that begins is stored when the next one begins: a target is scraped by one loop. Until the one after that
        the rules, as often, have been worked out. On a busy machine a scrape may fail for want of time.
        """
        async with asyncio.timeout(MOST_S):
            while True:
                for _ in range(3):
                    self.begun.clear()
                    await self.begun.wait()
                at = time.time()
                if list((await asyncio.to_thread(prometheus.query, "up", at)).values()) == [1]:
                    return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the sandbox, the log and the store know at the end of a run; *open* is by flow and step, *held* by
    queue; *offline* are the steps behind a connection that is.
    """

    open: Mapping[tuple[str, str], int]
    seen: int
    confirmed: int
    came_back: int
    unknown: int
    requests: int
    held: Mapping[tuple[str], int]
    offline: Collection[str]
    cycles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapedRun:
    """A run that has ended: what is true, what a scrape said (by content type asked for), and Prometheus at *at*."""

    prometheus: PrometheusServer
    at: float
    truth: Truth
    texts: Mapping[str, str]

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return what an expression is worth at the end of the run."""
        return self.prometheus.query(expression, self.at)


@contextmanager
def scraped_run(folder: Path) -> Iterator[ScrapedRun]:
    """Run two passes, the second seen from its beginning, and keep Prometheus until the end of the block."""
    with ExitStack() as stack, stamina.set_testing(True, attempts=100, cap=True):
        yield asyncio.run(_run(folder, stack))


async def _run(folder: Path, stack: ExitStack) -> ScrapedRun:
    clock = FakeClock(moment=datetime.now(UTC) - timedelta(days=1))  # not ahead of Prometheus' clock
    async with open_shop(folder, errors=150, faults=FAULTS, clock=clock) as shop, shop.daemon() as daemon:
        unhurried(daemon)
        ticks = iter(range(1_000_000))
        source = LookedAt(Observed(daemon=daemon, started_at=shop.clock.now(), monotonic=lambda: float(next(ticks))))
        async with served_source(source) as server:
            prometheus = stack.enter_context(prometheus_server(folder, server.url.removeprefix("http://"), RULES))
            await one_pass(daemon)
            await source.stored(prometheus)
            again = shop.truths(state="cured")[:20]
            shop.do(do="connection", connection=_connection(shop, again[0]), offline=True)
            for truth in again:
                shop.do(do="add_errors", flow=truth.flow_id, step=truth.step_id, family=truth.family, age_s=60)
            await one_pass(daemon)
            at = await source.stored(prometheus)
            return ScrapedRun(
                prometheus=prometheus,
                at=at,
                truth=await _truth(shop, daemon, _connection(shop, again[0])),
                texts={accept: (await server.get("/metrics", Accept=accept))[1] for accept in (PLAIN, OPENMETRICS)},
            )


def _connection(shop: Shop, truth: Record) -> str:
    return shop.sandbox.world.find_step(truth.flow_id, truth.step_id).resource.connection_id


async def _truth(shop: Shop, daemon: Daemon, offline: str) -> Truth:
    truths = shop.truths()
    ended = Counter(truth.state for truth in truths)
    return Truth(
        open=Counter((truth.flow_id, truth.step_id) for truth in truths for _ in truth.open_ids),
        seen=sum(len(truth.error_ids) for truth in truths),
        confirmed=ended["cured"] + ended["resolved"],
        came_back=sum(truth.runs for truth in truths) - ended["cured"],
        unknown=len(await daemon.store.unknown_items(ACCOUNT)),
        requests=len(shop.sandbox.seen),
        held=Counter((row.queue,) for row in await daemon.store.held(ACCOUNT)),
        offline={each.step_id for each in shop.sandbox.world.steps() if each.resource.connection_id == offline},
        cycles=len(shop.events("cycle.finished")),
    )
