"""An integrator.io that takes retries: jobs end at once and each record goes through. It notes when each came.

``python -m bench.speed.acting_server '{"errors": 100000, "shape": {…}}'``. Beside the API, ``/_bench/show`` makes a number
of new errors visible, one after another, and ``/_bench/latencies`` tells how long each waited for its retry.
"""

import asyncio
import json
import random
import sys
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bench.speed.account import Shape, documents
from bench.speed.corpus import NEWEST, SEED, entries, iso
from bench.speed.page_server import PAGE, head

BETWEEN_S = (1.5, 2.5)
"""How long after one error the next becomes visible: never in step with a poll."""


@dataclass(slots=True)
class Step:
    """One step: its errors in the order in which they occurred, those retried no longer open."""

    flow_id: str
    step_id: str
    moments: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    by_key: dict[str, int] = field(default_factory=dict)
    resolved: list[tuple[str, str]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, moment: str, text: str) -> str:
        """List one more error, newer than all others, and return its retry key."""
        key: str = json.loads(text)["retryDataKey"]
        self.by_key[key] = place = len(self.texts)
        self.open.add(place)
        self.moments.append(moment)
        self.texts.append(text)
        self.keys.append(key)
        return key

    def page(self, query: dict[str, str], home: str) -> str:
        """Return one page of what is open in the window asked for."""
        first = bisect_left(self.moments, query.get("occurredAt_gte", ""))
        last = bisect_right(self.moments, query.get("occurredAt_lte", "9"))
        place = max(first, int(query.get("page", 0)))
        listed: list[str] = []
        while place < last and len(listed) < PAGE:
            if place in self.open:
                listed.append(self.texts[place])
            place += 1
        window = "&".join(f"{name}={value}" for name, value in query.items() if name != "page")
        more = f',"nextPageURL":"{home}?{window}&page={place}"' if place < last else ""
        return f'{{"errors":[{",".join(listed)}]{more}}}'

    def closed(self, query: dict[str, str], home: str) -> str:
        """Return one page of what was resolved since the moment asked for."""
        place = max(bisect_left(self.resolved, (query.get("resolvedAt_gte", ""), "")), int(query.get("page", 0)))
        listed = [text for _, text in self.resolved[place : place + PAGE]]
        window = f"resolvedAt_gte={query.get('resolvedAt_gte', '')}"
        following = f',"nextPageURL":"{home}?{window}&page={place + PAGE}"'
        more = following if place + PAGE < len(self.resolved) else ""
        return f'{{"resolved":[{",".join(listed)}]{more}}}'

    def retry(self, keys: list[str], number: int) -> dict[str, Any]:
        """Let the records go through and return the job that did it."""
        at = iso(datetime.now(UTC))
        for key in keys:
            place = self.by_key[key]
            self.open.discard(place)
            self.resolved.append((at, f'{self.texts[place][:-1]},"resolvedAt":"{at}","resolvedBy":"5e0bench"}}'))
        job = {
            "_id": f"job{number}", "type": "retry", "status": "completed", "numSuccess": len(keys), "numError": 0,
            "triggeredBy": "5e0bench", "createdAt": at, "startedAt": at, "endedAt": at,
        }  # fmt: skip
        self.jobs.append(job)
        return job


class World:
    """All steps, and what is known of the errors that were made visible."""

    def __init__(self, shape: Shape, errors: int) -> None:
        rng = random.Random(SEED)
        self.documents = documents(shape, {}, "")
        self.steps = {step: Step(flow, step) for step, flow in shape.step_ids()}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.shown_s: dict[str, float] = {}
        self.latencies_s: list[float] = []
        self.integration_of = dict(shape.flow_ids())
        self.rng = rng
        newest_at = datetime.now(UTC) - NEWEST
        for number, step in enumerate(self.steps.values()):
            count = errors // shape.count
            listed = list(entries(count, first_id=5_600_000_000 + number * 1_000_000, newest_at=newest_at, rng=rng))
            for moment, text in reversed(listed):
                step.add(iso(moment), text)

    def answer(self, target: str, body: bytes) -> bytes | None:
        """Return the body of the answer, None where there is nothing."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        names = parts.path.strip("/").split("/")
        match names:
            case ["v1", "flows", _, step_id, what] if step_id in self.steps:
                return self._of_step(self.steps[step_id], what, query, parts.path, body)
            case ["v1", "flows", flow_id, "errors"]:
                marks = [self._mark("_expOrImpId", each.step_id, [each]) for each in self._of(flow_id)]
                return _dump({"flowErrors": marks})
            case ["v1", "integrations", integration_id, "errors"]:
                flows = [flow for flow, of in self.integration_of.items() if of == integration_id]
                return _dump([self._mark("_flowId", flow, self._of(flow)) for flow in flows])
            case ["v1", "jobs", *job_id]:
                return _dump(self.jobs.get(job_id[0]) if job_id else self._jobs(query))
            case ["_bench", "show"]:
                self.showing = asyncio.create_task(self._show(int(query["count"])))
                return b"[]"
            case ["_bench", "latencies"]:
                return _dump(self.latencies_s)
        return self.documents.get(parts.path)

    def _of_step(self, step: Step, what: str, query: dict[str, str], home: str, body: bytes) -> bytes | None:
        match what:
            case "errors":
                return step.page(query, home).encode()
            case "resolved":
                return step.closed(query, home).encode()
            case "retry":
                return _dump(self._retry(step, json.loads(body)["retryDataKeys"]))
        return None

    def _retry(self, step: Step, keys: list[str]) -> dict[str, Any]:
        now_s = time.monotonic()
        self.latencies_s += [now_s - self.shown_s.pop(key) for key in keys if key in self.shown_s]
        job = step.retry(keys, len(self.jobs))
        self.jobs[job["_id"]] = job
        return job

    def _jobs(self, query: dict[str, str]) -> list[dict[str, Any]]:
        step = self.steps.get(query.get("_importId", ""))
        if step is None or query.get("status", "completed") != "completed":
            return []
        return [job for job in reversed(step.jobs) if job["createdAt"] >= query.get("createdAt_gte", "")][:1001]

    def _of(self, flow_id: str) -> list[Step]:
        return [step for step in self.steps.values() if step.flow_id == flow_id]

    def _mark(self, key: str, value: str, steps: list[Step]) -> dict[str, Any]:
        newest = max((step.moments[max(step.open)] for step in steps if step.open), default=None)
        mark: dict[str, Any] = {key: value, "numError": sum(len(step.open) for step in steps)}
        return mark | ({"lastErrorAt": newest} if newest else {})

    async def _show(self, count: int) -> None:
        step = next(iter(self.steps.values()))
        for number in range(count):
            await asyncio.sleep(self.rng.uniform(*BETWEEN_S))
            now = datetime.now(UTC)
            ((_, text),) = entries(1, first_id=7_700_000_000 + number, newest_at=now, rng=self.rng)
            self.shown_s[step.add(iso(now), text)] = time.monotonic()


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class Connection(asyncio.Protocol):
    """One connection of the client."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting = b""
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write to."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            first, *lines = self.waiting[:end].decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            size = end + 4 + int(headers.get("content-length", 0))
            if len(self.waiting) < size:
                return
            body, self.waiting = self.waiting[end + 4 : size], self.waiting[size:]
            answer = self.world.answer(first.split(" ")[1], body)
            assert self.transport is not None
            self.transport.write(head(0, b"404 Not Found") if answer is None else head(len(answer)) + answer)
            if headers.get("connection", "").lower() == "close":
                self.transport.close()


async def listen(shape: Shape, errors: int) -> asyncio.Server:
    """Return a server of such an account on a free port of this machine."""
    world = World(shape, errors)
    return await asyncio.get_running_loop().create_server(lambda: Connection(world), "127.0.0.1", 0)


async def main() -> None:
    """Serve until the process is ended; print the port first."""
    asked = json.loads(sys.argv[1])
    server = await listen(Shape(**asked["shape"]), asked["errors"])
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
