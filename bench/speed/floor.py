"""What the same pages cost at least, and what a script of one's own costs: the scales of the first two rows.

The floor reads as many steps at once as Flowmend does, with aiohttp, and decodes every field with msgspec. The script
goes through them one after another with requests, json and a loop of 100 patterns.
"""

import asyncio
import json
import random
import re
import time
from collections import deque
from urllib.parse import urljoin

import aiohttp
import msgspec

from bench.bench_matcher import make_rules
from bench.speed.corpus import SEED, words
from bench.speed.processes import Figures, peak_mb
from daemon.rulebook.ast import AllOf, FieldCondition

AT_ONCE = 8
READ_BUFFER_BYTES = 2 * 1024 * 1024


class Entry(msgspec.Struct, rename="camel", gc=False):
    """One error with all of its fields."""

    error_id: str
    occurred_at: str
    source: str
    code: str
    message: str
    trace_key: str
    retry_data_key: str
    req_and_res_key: str
    classification: str
    classified_by: str
    o_index: str
    export_data_uri: str = msgspec.field(name="exportDataURI")
    flow_job_id: str = msgspec.field(name="_flowJobId")


class Page(msgspec.Struct):
    """One page."""

    errors: list[Entry]
    next_page: str = msgspec.field(default="", name="nextPageURL")


class Paging(msgspec.Struct):
    """What is needed of a page to find the next."""

    next_page: str = msgspec.field(default="", name="nextPageURL")


async def read(base_url: str, *, decoded: bool) -> Figures:
    """Read every page of every step; not *decoded*: take the bytes and look for nothing but the next page."""
    decoder = msgspec.json.Decoder(Page)
    async with aiohttp.ClientSession(read_bufsize=READ_BUFFER_BYTES, cookie_jar=aiohttp.DummyCookieJar()) as session:
        began, cpu = time.perf_counter(), time.process_time()
        steps = deque(await _steps(session, base_url))
        errors = pages = 0

        async def worker() -> None:
            nonlocal errors, pages
            while steps:
                target = steps.popleft()
                while target:
                    async with session.get(urljoin(base_url, target)) as response:
                        body = await response.read()
                    pages += 1
                    if decoded:
                        page = decoder.decode(body)
                        errors += len(page.errors)
                        target = page.next_page
                    else:
                        _, found, rest = body[-200:].partition(b'"nextPageURL":"')
                        target = rest[: rest.index(b'"')].decode() if found else ""

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return {"took_s": took_s, "cpu_s": cpu_s, "errors": errors, "pages": pages, "peak_mb": peak_mb()}


async def _steps(session: aiohttp.ClientSession, base_url: str) -> list[str]:
    async with session.get(f"{base_url}/flows") as response:
        flows = await response.json()
    return [
        f"{base_url}/flows/{flow['_id']}/{step['_importId']}/errors"
        for flow in flows
        for step in flow["pageProcessors"]
    ]


def script(base_url: str, errors: int) -> Figures:
    """Read the first *errors* errors as one's own script would, with 100 rules, and return what that took."""
    import requests  # noqa: PLC0415 - of the extra "bench"

    patterns = _patterns()
    session = requests.Session()
    began = time.perf_counter()
    read_so_far = matched = 0
    flows = session.get(f"{base_url}/flows", timeout=60).json()
    steps = [f"/v1/flows/{flow['_id']}/{each['_importId']}/errors" for flow in flows for each in flow["pageProcessors"]]
    for step in steps:
        target = step
        while target and read_so_far < errors:
            answer = json.loads(session.get(urljoin(base_url, target), timeout=60).content)
            for entry in answer["errors"]:
                matched += any(pattern.search(entry["message"]) for pattern in patterns)
            read_so_far += len(answer["errors"])
            target = answer.get("nextPageURL", "")
    return {"took_s": time.perf_counter() - began, "errors": read_so_far, "matched": matched}


def _patterns() -> list[re.Pattern[str]]:
    found: list[re.Pattern[str]] = []
    for source in make_rules(random.Random(SEED), words(), 200):
        assert isinstance(source.when, AllOf)
        for part in source.when.parts:
            assert isinstance(part, FieldCondition)
            if part.checks[0].operator == "regex":
                found.append(re.compile(str(part.checks[0].operands[0])))
    return found[:100]
