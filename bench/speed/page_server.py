"""An integrator.io that only lists: precomputed bytes from a process of its own, so that it is never what is waited for.

``python -m bench.speed.page_server '{"errors": 1000000}'`` prints its port once every page is there. Error ids are unique
with their step only, so beyond a million errors the steps share their pages, and memory stays bounded.
"""

import asyncio
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

from bench.speed.account import Shape, documents
from bench.speed.corpus import NEWEST, SEED, entries, iso, page, with_odd_messages

PAGE = 1000
SHARED_FROM = 1_000_000
"""From how many errors on steps share their pages."""

STEPS = Shape(integrations=5, flows=2, steps=4)

Answers = dict[bytes, tuple[bytes, ...]]
"""What to write for a path (of error lists: with ``page=``), in the pieces that are there already."""


FEWER = b"/_bench/fewer"
"""Asked for this, the server lets its summaries count one error less on each step than before."""


def answers(shape: Shape, errors: int, newest_at: datetime, odd: str = "") -> Answers:
    """Return everything that is served; *odd* messages take the place of some of the ordinary."""
    steps = list(shape.step_ids())
    counts = {step: errors // shape.count for step, _ in steps}
    found = summaries(shape, counts, newest_at)
    rng = random.Random(SEED)
    groups = min(len(steps), max(1, len(steps) * SHARED_FROM // max(errors, 1)))
    shared = [
        pages(counts[step], first_id=5_600_000_000 + number * 1_000_000, newest_at=newest_at, rng=rng, odd=odd)
        for number, (step, _) in enumerate(steps[:groups])
    ]
    for number, (step, flow) in enumerate(steps):
        home, listed = f"/v1/flows/{flow}/{step}/errors", shared[number % groups]
        for place, body in enumerate(listed):
            more = f',"nextPageURL":"{home}?page={place + 1}"}}'.encode() if place + 1 < len(listed) else b"}"
            found[(f"{home}?page={place}" if place else home).encode()] = (head(len(body) + len(more)), body, more)
    return found


def summaries(shape: Shape, counts: Mapping[str, int], newest_at: datetime) -> Answers:
    """Return all but the error lists."""
    return {path.encode(): whole(body) for path, body in documents(shape, counts, iso(newest_at)).items()}


def pages(errors: int, *, first_id: int, newest_at: datetime, rng: random.Random, odd: str = "") -> list[bytes]:
    """Return the pages of one step, each open for its ``nextPageURL``."""
    listed = [text for _, text in entries(errors, first_id=first_id, newest_at=newest_at, rng=rng)]
    if odd:
        listed = with_odd_messages(listed, odd)
    return [page(listed[place : place + PAGE]) for place in range(0, errors, PAGE)]


def head(size: int, status: bytes = b"200 OK") -> bytes:
    """Return the head of an answer of *size* bytes."""
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, size)


def whole(body: bytes) -> tuple[bytes, ...]:
    """Return a whole answer."""
    return (head(len(body)) + body,)


MISSING = (head(0, b"404 Not Found"),)


class Pages(asyncio.Protocol):
    """One connection: for each GET the bytes that are ready."""

    def __init__(self, served: Answers, fewer: Iterator[Answers]) -> None:
        self.served = served
        self.fewer = fewer
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
            target = self.waiting.split(b" ", 2)[1]
            self.waiting = self.waiting[end + 4 :]
            assert self.transport is not None
            self.transport.writelines(self._answer(target))

    def _answer(self, target: bytes) -> Sequence[bytes]:
        if target == FEWER:
            self.served.update(next(self.fewer))
        path, _, query = target.partition(b"?")
        return self.served.get(target if query.startswith(b"page=") else path, MISSING)


async def listen(shape: Shape, errors: int, odd: str = "") -> asyncio.Server:
    """Return a server of such an account on a free port of this machine."""
    newest_at = datetime.now(UTC) - NEWEST
    served, fewer = answers(shape, errors, newest_at, odd), counting_fewer(shape, errors, newest_at)
    return await asyncio.get_running_loop().create_server(lambda: Pages(served, fewer), "127.0.0.1", 0)


def counting_fewer(shape: Shape, errors: int, newest_at: datetime) -> Iterator[Answers]:
    """Yield the summaries that count one error less on each step, then two, and so on."""
    for less in count(1):
        counts = {step: errors // shape.count - less for step, _ in shape.step_ids()}
        found = summaries(shape, counts, newest_at)
        lists = {f"/v1/flows/{flow}/{step}/errors".encode() for step, flow in shape.step_ids()}
        yield {path: answer for path, answer in found.items() if path not in lists} | {FEWER: whole(b"{}")}


async def main() -> None:
    """Serve what the one argument, a JSON object, asks for, until the process is ended; print the port first."""
    asked = json.loads(sys.argv[1])
    shape = Shape(**asked["shape"]) if "shape" in asked else STEPS
    server = await listen(shape, asked["errors"], asked.get("odd", ""))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
