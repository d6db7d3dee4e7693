"""Serve a daemon's health and metrics, and look at them as Prometheus does: with prometheus-client's own parsers."""

import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from daemon.app.build import Daemon
from daemon.app.configuration import Configuration
from daemon.app.observed import Observed
from daemon.logs import Secrets, configure_logs
from daemon.web.reading import Source
from daemon.web.server import serve

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Labels = frozenset[tuple[str, str]]
Values = dict[str, dict[Labels, float]]
"""Samples by name and labels."""


@dataclass(frozen=True)
class Served:
    """The HTTP side of a daemon."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
        """Return status, text and headers of an answer."""
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers

    async def families(self, accept: str = OPENMETRICS) -> list[Metric]:
        """Return what a scrape says."""
        status, text, headers = await self.get("/metrics", Accept=accept)
        assert status == 200
        read = read_openmetrics if headers["Content-Type"].startswith("application/openmetrics-text") else read_text
        return list(read(text))

    async def values(self, accept: str = OPENMETRICS) -> Values:
        """Return every sample of a scrape by name and labels; there is none twice."""
        return values_of(await self.families(accept))


def values_of(families: Iterable[Metric]) -> Values:
    """Return every sample by name and labels; there is none twice."""
    found: Values = {}
    for family in families:
        found.setdefault(family.name + ("_total" if family.type == "counter" else ""), {})
        for sample in family.samples:
            mine = found.setdefault(sample.name, {})
            key = frozenset(sample.labels.items())
            assert key not in mine
            mine[key] = sample.value
    return found


def labels(**values: str) -> Labels:
    return frozenset(values.items())


@asynccontextmanager
async def served(daemon: Daemon, configuration: Configuration | None = None) -> AsyncIterator[Served]:
    """Serve a daemon on a free port; every look asks the store anew."""
    ticks = iter(range(1_000_000))
    observed = Observed(
        daemon=daemon,
        started_at=daemon.clock.now(),
        configuration=configuration,
        monotonic=lambda: float(next(ticks)),
    )
    async with served_source(observed) as server:
        yield server


@asynccontextmanager
async def served_source(source: Source) -> AsyncIterator[Served]:
    out = io.StringIO()
    log = configure_logs(format="json", stream=out, secrets=Secrets())
    async with serve("127.0.0.1", 0, source, log), aiohttp.ClientSession() as session:
        (line,) = [json.loads(each) for each in out.getvalue().splitlines()]
        assert line["event"] == "server.started"
        yield Served(url=f"http://{line['host']}:{line['port']}", session=session)
