"""The two ways of paging: ``Link`` headers for lists of things, ``nextPageURL`` in the body for errors."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from daemon.sandbox.calls import Answer, Call, RefusedCallError, answer_json
from daemon.sandbox.listing import Listing
from daemon.sandbox.options import Options
from daemon.sandbox.stamps import read_stamp
from daemon.sandbox.world import Entry


def linked_page(call: Call, options: Options, path: str, documents: Sequence[Any]) -> Answer:
    """Answer one page of *documents*, with a ``Link`` to the next one where there is more."""
    start = int(_open_cursor(call.asked("cursor"))["start"]) if call.asked("cursor") else 0
    stop = start + options.list_page_size
    page = documents[start:stop]
    if not page and options.empty_204:
        return Answer(status=204)
    if stop >= len(documents):
        return answer_json(page)
    link = f'<{call.origin}{path}?cursor={_cursor(start=stop)}>; rel="next"'
    return answer_json(page, headers={"Link": link})


def error_page(call: Call, options: Options, path: str, key: str, entries: Listing[Entry]) -> Answer:
    """Answer one page of *entries* as ``{key: […], "nextPageURL": …}``.

    Filters are named after the list's moment (``occurredAt_gte``). The URL of the next page carries them itself, so a
    call that gives both a cursor and filters is refused: it shows a client that appends its own again.
    """
    moment = "occurredAt" if key == "errors" else "resolvedAt"
    names = (f"{moment}_gte", f"{moment}_lte", "source")
    filters = {name: value for name in names if (value := call.asked(name))}
    after: int | None = None
    if cursor := call.asked("cursor"):
        if filters:
            raise RefusedCallError(400, "invalid_query", "nextPageURL carries the filters; send none beside it.")
        opened = _open_cursor(cursor)
        after, filters = int(opened["after"]), opened["filters"]
    since, until = _moment(filters, names[0]), _moment(filters, names[1])
    source = filters.get("source")

    def wanted(entry: Entry) -> bool:
        return (
            (since is None or entry.at >= since)
            and (until is None or entry.at <= until)
            and (source is None or entry.fields.get("source") == source)
        )

    page, after = entries.page(
        options.error_page_size,
        cursor=after,
        newest_first=options.order == "newest",
        by_offset=options.paging == "offset",
        wanted=wanted,
        since=since,
    )
    if not page and options.empty_204:
        return Answer(status=204)
    next_url = f"{path}?cursor={_cursor(after=after, filters=filters)}" if after is not None else ""
    if options.next_page_url:
        next_url = options.next_page_url
    tail = f',"nextPageURL":{json.dumps(next_url)}' if next_url else ""
    # joined by hand: each error was written once when it was first listed
    return Answer(body=f'{{"{key}":[{",".join(entry.wire() for entry in page)}]{tail}}}'.encode())


def _moment(filters: dict[str, str], name: str) -> datetime | None:
    if name not in filters:
        return None
    try:
        return read_stamp(filters[name])
    except ValueError:
        raise RefusedCallError(400, "invalid_query", f"{name} must be a UTC time in ISO format.", name) from None


def _cursor(**values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _open_cursor(cursor: str) -> dict[str, Any]:
    try:
        opened: dict[str, Any] = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise RefusedCallError(400, "invalid_query", "The page does not exist.", "cursor") from None
    return opened
