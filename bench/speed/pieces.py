"""What an error cannot cost less than, piece by piece: each by itself, with as little of ours around it as can be.

``python -m bench.speed.pieces [--errors 50000]`` prints microseconds of CPU an error, and how many times the floor that is.
The sums are what a program would take that did nothing else: they tell how far the goals of the two readings are from
what CPython, RE2 and SQLite can do. Below the sum of the first cycle stands what the plainest loop takes that puts its
pieces together, with no cases, no decisions, nothing odd in an error, and in nobody else's way; and one that makes the
rows which Flowmend makes, from its own parts one after the other, in one thread, with nothing known of any case.
"""

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from hashlib import blake2b
from json import loads
from pathlib import Path

import msgspec
from sqlalchemy import create_engine

from bench.bench_matcher import make_rules
from bench.speed.corpus import SEED, entries, page, words
from bench.speed.floor import Entry, Page
from bench.speed.processes import measured, server
from bench.speed.scan import RULES
from daemon.core.cases import case_key
from daemon.core.facts import Facts
from daemon.core.recordings import said_by
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.integrator.wire import errors_page
from daemon.rulebook.prefilter import Prefilter
from daemon.rulebook.redaction import BETWEEN, Redaction
from daemon.rulebook.ruleset import compile_rules
from daemon.rulebook.subject import Text
from daemon.rulebook.value_finder import values
from daemon.store.columns import EPOCH, MILLISECOND, to_ms
from daemon.store.judged import KEEP_NEW
from daemon.store.paged import Row
from daemon.store.recording_texts import GAP, VARIES, Frame, take_apart
from daemon.store.tables import METADATA

A_PAGE = 1000
NAMES = msgspec.json.Decoder(set[str])
TABLE = "(step_no, error_id, case_key, code_no, occurred_at, fingerprint, verdict_no, seen_at, said, words"
KEEP = f"INSERT INTO errors VALUES ({', '.join('?' * 10)})"
STORED = """
    SELECT json_group_array(error_id)
    FROM (SELECT error_id FROM errors WHERE step_no = 1 AND error_id BETWEEN ? AND ?)"""

Piece = tuple[str, float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.pieces", description=__doc__)
    parser.add_argument("--errors", type=int, default=50_000)
    errors = parser.parse_args().errors
    with server("page_server", errors=errors) as url:
        floor_us, bytes_us = (
            min(measured("floor:read", base_url=url, decoded=decoded)["cpu_s"] for _ in range(3)) / errors * 1e6
            for decoded in (True, False)
        )
    listed = [
        text for _, text in entries(errors, first_id=1_000_000, newest_at=datetime.now(UTC), rng=random.Random(SEED))
    ]
    bodies = [page(listed[start : start + A_PAGE]) + b"}" for start in range(0, errors, A_PAGE)]
    ids = [[loads(text)["errorId"] for text in listed[start : start + A_PAGE]] for start in range(0, errors, A_PAGE)]
    messages = [loads(text)["message"] for text in listed]
    http, decoding = ("HTTP and bytes", bytes_us), list(_decoding(bodies, errors))
    first = [http, *decoding, *_judging(messages), *_keeping(ids)]
    again = [http, decoding[0], *_finding(ids)]
    together = [
        ("HTTP, and the rest in the plainest loop", bytes_us + _in_one_loop(bodies, errors)),
        ("HTTP, and the same rows from our parts in a plain loop", bytes_us + _the_same_rows(bodies, errors)),
    ]
    for title, pieces, loops in (("first cycle", first, together), ("nothing new", again, [])):
        print(f"\n{title}")
        for name, us in (*pieces, ("all of these", sum(us for _, us in pieces)), *loops):
            print(f"  {name:60} {us:6.2f} us {us / floor_us:6.1f} x the floor of {floor_us:.2f} us")


def _decoding(bodies: list[bytes], errors: int) -> Iterator[Piece]:
    yield "the ids of a page", _us(errors, lambda: deque((errors_page(each, "")[1] for each in bodies), maxlen=0))
    decode = msgspec.json.Decoder(Page).decode
    yield "every field of it", _us(errors, lambda: deque((len(decode(each).errors) for each in bodies), maxlen=0))


def _prefilter() -> Prefilter:
    prefilter = Prefilter()
    for source in make_rules(random.Random(SEED), words(), RULES):
        prefilter.add(source.when)
    prefilter.build()
    return prefilter


def _judging(messages: list[str]) -> Iterator[Piece]:
    prefilter = _prefilter()
    texts, count = [Text(message) for message in messages], len(messages)
    deque((text.raw for text in texts), maxlen=0)
    yield f"RE2's scan for the words of {RULES} rules", _us(count, lambda: [prefilter.hits(text) for text in texts])
    pages = [BETWEEN.join(messages[start : start + A_PAGE]) for start in range(0, count, A_PAGE)]
    yield "the search for values in the messages", _us(count, lambda: [deque(values(each), maxlen=0) for each in pages])
    hidden = Redaction().redact_all(messages)
    yield "the words that vary in them", _us(count, lambda: deque(map(VARIES.split, hidden), maxlen=0))
    yield "one hash", _us(count, lambda: [blake2b(each.encode(), digest_size=8).digest() for each in messages])


def _keeping(ids: list[list[str]]) -> Iterator[Piece]:
    at = int(time.time() * 1000)
    rows = [
        [(1, each, f"t:{each}", 7, at, hash(each), 3, at, 40, "%= Ahmedzai") for each in sorted(some)] for some in ids
    ]

    def keep() -> None:
        with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as folder, closing(_database(folder)) as database:
            for some in rows:
                with database:
                    database.executemany(KEEP, some)

    yield "its row in SQLite, in one bare statement", _us(sum(map(len, ids)), keep)


def _in_one_loop(bodies: list[bytes], errors: int) -> float:
    prefilter, redaction, decode = _prefilter(), Redaction(), msgspec.json.Decoder(Page).decode
    frames: dict[tuple[str, ...], int] = {}
    seen: set[tuple[int, ...] | None] = set()

    def row(entry: Entry, hidden: str) -> tuple[object, ...]:
        seen.add(prefilter.hits(Text(entry.message)))
        said = (
            f"{entry.source}\x1f{entry.code}\x1f{entry.message}\x1f{entry.trace_key}\x1f{entry.retry_data_key}".encode()
        )
        digest = int.from_bytes(blake2b(said, digest_size=8).digest(), "big", signed=True)
        parts = VARIES.split(hidden)
        frame = (entry.source, entry.code, GAP.join(parts[::2]), entry.classification, entry.classified_by)
        frame_no = frames.setdefault(frame, len(frames))
        at = (datetime.fromisoformat(entry.occurred_at) - EPOCH) // MILLISECOND
        return 1, entry.error_id, f"t:{entry.trace_key}", 7, at, digest, 3, at, frame_no, " ".join(parts[1::2])

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as folder, closing(_database(folder)) as database:
            for body in bodies:
                errors_page(body, "")
                entries = decode(body).errors
                hidden = redaction.redact_all([entry.message for entry in entries])
                with database:
                    database.executemany(KEEP, list(map(row, entries, hidden)))

    return _us(errors, work)


def _the_same_rows(bodies: list[bytes], errors: int) -> float:
    rules = compile_rules(make_rules(random.Random(SEED), words(), RULES))
    redaction, step = Redaction(), Step(ref=StepRef(account="bench", flow_id="flow", step_id="step"), type="import")
    facts, now = Facts(datetime.now(UTC)), to_ms(datetime.now(UTC))
    numbers: dict[object, int] = {}

    def number(what: object) -> int:
        return numbers.setdefault(what, len(numbers))

    def row(record: ErrorRecord, frame: Frame, varying: str) -> Row:
        match = rules.match(step, record, facts)
        return (
            *(record.error_id, case_key(record), number(record.code), to_ms(record.occurred_at), record.fingerprint()),
            *(0, None, number(match and type(match)), number(frame), varying, 1, "", 0),
        )

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as folder:
            engine = create_engine(f"sqlite:///{folder}/bare.db")
            METADATA.create_all(engine)
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
                for body in bodies:
                    records = errors_page(body, "")[0].records()
                    hidden = redaction.redact_all([record.message for record in records])
                    frames, varying = take_apart(list(map(said_by, records, hidden)))
                    rows = sorted(map(row, records, frames, varying))
                    KEEP_NEW.execute(connection, rows, {"step": 1, "now": now})
                    connection.commit()

    return _us(errors, work)


def _finding(ids: list[list[str]]) -> Iterator[Piece]:
    count = sum(map(len, ids))
    with tempfile.TemporaryDirectory(prefix="flowmend-bench-") as folder, closing(_database(folder)) as database:
        with database:
            database.executemany(KEEP, ((1, each, f"t:{each}", 7, 0, 0, 3, 0, 40, "") for some in ids for each in some))
        shown = [(min(some), max(some), set(some)) for some in ids]

        def compare() -> None:
            for first, last, names in shown:
                (stored,) = database.execute(STORED, (first, last)).fetchone()
                if names.symmetric_difference(NAMES.decode(stored)):
                    raise AssertionError

        yield "the stored ids of as many errors, compared", _us(count, compare)
    there_and_back = _us(count, lambda: asyncio.run(_to_a_thread(len(shown))))
    yield "a way to a thread of its own and back", there_and_back


async def _to_a_thread(times: int) -> None:
    with ThreadPoolExecutor(1) as thread:
        for _ in range(times):
            await asyncio.get_running_loop().run_in_executor(thread, bool)


def _database(folder: str) -> sqlite3.Connection:
    database = sqlite3.connect(Path(folder) / "bare.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(f"CREATE TABLE errors {TABLE}, PRIMARY KEY (step_no, error_id)) WITHOUT ROWID")
    return database


def _us(errors: int, work: Callable[[], object]) -> float:
    """Return the CPU time that *work* on all errors takes, the best of three, in microseconds an error."""

    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return min(once() for _ in range(3)) / errors * 1e6


if __name__ == "__main__":
    main()
