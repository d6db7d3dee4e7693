"""Notices → one message: a title, a text for people and a document for programs. The same notices make the same message."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon.core.moments import stamp
from daemon.core.notices import Noted
from daemon.notify.phrases import NO_RULES, OF_EVENT, Phrases

SHOWN = 20
"""How many notices a text tells of; the document for programs has all of them."""

TITLE = 120
"""Characters of a title."""

NOT_FACTS = frozenset({"ts", "level", "event"})

GRAVITY = ("error", "warning", "info", "debug")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one channel. Receivers that get the same *id* again may drop it. *level* is that of the gravest."""

    id: str
    at: datetime
    level: str
    title: str
    text: str
    document: bytes


def compose(message_id: str, at: datetime, told: Sequence[Noted], *, host: str) -> Message:
    """Return the message that tells of *told*, one or more, the gravest first; *at* is when it was put together."""
    ranked = sorted(told, key=_rank)
    first = ranked[0]
    more = len(ranked) - 1
    title = f"Flowmend: {_cut(_said(_phrases(first).title, first), TITLE)}{f' (and {more} more)' if more else ''}"
    firsts = {each.event: each for each in reversed(ranked)}  # why an event matters is said once
    parts = [_paragraph(each, explained=each is firsts[each.event]) for each in ranked[:SHOWN]]
    if more >= SHOWN:
        parts.append(f"… and {len(ranked) - SHOWN} more; the log has all of them.")
    text = "\n\n".join([*parts, f"Flowmend on {host}, message {message_id}"])
    accounts = {str(each.facts.get("account", "")) for each in ranked}
    document = {
        "id": message_id,
        "event": first.event,
        "at": stamp(at, "milliseconds"),
        "account": accounts.pop() if len(accounts) == 1 else "",
        "title": title,
        "text": text,
        "facts": _facts(first),
        "notices": [
            {
                "event": each.event,
                "times": each.times,
                "first_at": stamp(each.first_at, "milliseconds"),
                "last_at": stamp(each.last_at, "milliseconds"),
                "facts": _facts(each),
            }
            for each in ranked
        ],
    }
    return Message(
        id=message_id,
        at=at,
        level=_level(first),
        title=title,
        text=text,
        document=json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"),
    )


def _rank(noted: Noted) -> tuple[int, datetime]:
    return (GRAVITY.index(_level(noted)), noted.first_at)


def _level(noted: Noted) -> str:
    level = str(noted.facts.get("level", "info"))
    return level if level in GRAVITY else "info"


def _facts(noted: Noted) -> dict[str, object]:
    return {name: value for name, value in noted.facts.items() if name not in NOT_FACTS}


def _phrases(noted: Noted) -> Phrases:
    """Return what is said of an event; its facts, where nothing else is."""
    known = OF_EVENT.get(noted.event)
    if noted.event == "rules.refused" and not noted.facts.get("rules"):
        return NO_RULES
    if known is not None:
        return known
    facts = ", ".join(f"{name} {{{name}}}" for name in _facts(noted) if name != "account")
    return Phrases(title=f"{noted.event} {{account}}".rstrip(), what=f"{noted.event}: {facts}")


def _paragraph(noted: Noted, *, explained: bool) -> str:
    phrases = _phrases(noted)
    account = noted.facts.get("account", "")
    lines = [
        _said(phrases.what, noted),
        f"When: {_when(noted)}",
        f"Account: {account}" if account else "",
        f"Why it matters: {_said(phrases.why, noted)}" if phrases.why and explained else "",
        f"What to do: {_said(phrases.do, noted)}" if phrases.do else "",
    ]
    return "\n".join(line for line in lines if line)


def _said(template: str, noted: Noted) -> str:
    spoken = defaultdict(str, {name: _spoken(value) for name, value in noted.facts.items()})
    return " ".join(template.format_map(spoken).split())


def _spoken(value: object) -> str:
    return "unknown" if value is None else str(value)


def _when(noted: Noted) -> str:
    if noted.times == 1:
        return _moment(noted.first_at)
    return f"{noted.times:,} times from {_moment(noted.first_at)} to {_moment(noted.last_at)}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
