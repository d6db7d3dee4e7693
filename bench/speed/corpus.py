"""The errors that the page server lists, as integrator.io writes them: seeded, some 300 templates, by Zipf's law.

The messages are those of ``bench_matcher``, so that its rules fit them; every other field is filled in as on a real
account, so that a page weighs what a real page weighs.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from json import dumps, loads

from bench.bench_matcher import TEMPLATES, WEIGHTS, make_templates, make_words

SEED = 7
WORDS = 400
NEWEST = timedelta(minutes=10)
"""How long ago the newest error occurred: settled, and no retry is too early."""

SPAN = timedelta(days=3)
"""How long before the newest the oldest occurred."""

_MOMENTS = 4096
_CLASSES = ("connection", "duplicate", "governance", "missing", "parse", "value", "intermittent", "")
_STATUSES = (400, 404, 409, 422, 429, 500, 502, 503)


def words() -> list[str]:
    """Return the words that messages and rules share."""
    return make_words(random.Random(SEED), WORDS)


def entry_templates() -> list[str]:
    """Return one error for each message template, with places for what differs, ready for ``str.format``."""
    rng = random.Random(SEED + 1)
    return [_entry(number, *template) for number, template in enumerate(make_templates(rng))]


def _entry(number: int, message: str, source: str, code: str) -> str:
    fields = {
        "occurredAt": "<at>",
        "source": source,
        "code": code,
        "message": message.replace("{number}", "<number>").replace("{word}", "<word>"),
        "traceKey": "<id>",
        "exportDataURI": "<id> <word>",
        "oIndex": "1",
        "retryDataKey": "332fe7ab<id>81fe",
        "errorId": "<id>",
        "_flowJobId": "60c8f2b17a3d4e5f6a7b8c9d",
        "classification": _CLASSES[number % len(_CLASSES)],
        "classifiedBy": "autopilot",
        "reqAndResKey": f"<id>-9a2aeeaaec51494cb1ed2206f34116c8-{_STATUSES[number % len(_STATUSES)]}-POST",
    }
    text = dumps(fields, separators=(",", ":")).replace("{", "{{").replace("}", "}}")
    for name in ("at", "number", "word", "id"):
        text = text.replace(f"<{name}>", f"{{{name}}}")
    return text


def entries(count: int, *, first_id: int, newest_at: datetime, rng: random.Random) -> Iterator[tuple[datetime, str]]:
    """Yield *count* errors as JSON, each with the moment it occurred, newest first; ids count on from *first_id*."""
    templates, names = entry_templates(), words()
    moments = [newest_at - SPAN * place / _MOMENTS for place in range(_MOMENTS)]
    written = [iso(moment) for moment in moments]
    picked = rng.choices(range(TEMPLATES), WEIGHTS, k=count)
    for place, template in enumerate(picked):
        moment = place * _MOMENTS // count
        yield (
            moments[moment],
            templates[template].format(
                at=written[moment], number=rng.randrange(100, 99_999), word=rng.choice(names), id=first_id + place
            ),
        )


def with_odd_messages(listed: Sequence[str], odd: str) -> list[str]:
    """Return the same errors with messages that are meant to hold up whoever reads them."""
    pumped = (
        "Invalid order reference key 'a a a for inventory of Aaaa for order line 1 in Timeout of 1 ms exceeded when "
    )
    if odd == "pumped":
        return [_with_message(text, f"{pumped * 72}{number}") for number, text in enumerate(listed)]
    huge = 5_000_000
    message = '{"a":"' * (huge // 6) if odd == "escaped" else (pumped * (huge // len(pumped) + 1))[:huge]
    return [_with_message(listed[0], message), *listed[1:]]


def _with_message(text: str, message: str) -> str:
    return dumps(loads(text) | {"message": message}, separators=(",", ":"))


def iso(moment: datetime) -> str:
    """Write a moment as the platform does."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page(listed: Sequence[str]) -> bytes:
    """Return the beginning of a page, open for its ``nextPageURL`` and the closing brace."""
    return f'{{"errors":[{",".join(listed)}]'.encode()
