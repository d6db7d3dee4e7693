"""How recordings are written down: what errors share under its hash, what is known of a case as JSON.

What an error says is taken apart: names, numbers and what is hidden are its own and go into its row, the frame around
them is that of thousands, together with all that is not its message.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, zip_longest
from typing import Any

from daemon.core.actions import Mode
from daemon.core.cases import NEW_CASE, CaseHistory
from daemon.core.decisions import Verb
from daemon.core.recordings import CUT, DIGIT, LETTER, LOWER, SIGNS, UPPER, Ruling, Said
from daemon.store.columns import clean, from_ms, to_ms

KEPT = 4_096
"""Texts that are kept as what they say: most errors say what one of some thousands has said before, but for its words."""

Frame = tuple[Any, ...]
"""What a `Said` is without the words that vary: `GAP` stands in its message for each."""

GAP = DIGIT
"""One of `SIGNS`: each of them varies, so that no frame has any."""

_NO_LETTERS = f"0-9{SIGNS}{CUT}"
_NAME = r"(?<=\b[A-Z])(?<!^[A-Z])[A-Za-z]*+"  # what a message begins with is part of its frame
# It looks back at its first character: what begins with a set of characters is found in half the time.
VARIES = re.compile(f"([A-Z{_NO_LETTERS}](?:(?<=[{_NO_LETTERS}])[{_NO_LETTERS}]*+|{_NAME}))")
_SHORTS = ((LOWER, "*+-_"), (UPPER, "<>!^"), (DIGIT, "@%=#"))
_SHORT = (
    *((sign * times, short) for sign, shorts in _SHORTS for times, short in zip((8, 4, 2, 1), shorts, strict=True)),
    (LETTER, "~"),
    (CUT, "$"),
)
"""What stands for `SIGNS` and `CUT` among words that vary, which have none of these: a byte in place of three to 24."""


def take_apart(said: Sequence[Said]) -> tuple[list[Frame], list[str]]:
    """Return the frames of what some errors say, and the words in each; of no error there is nothing to take apart."""
    sources, codes, messages, *rest = zip(*said, strict=True)
    fixed: list[str] = []
    varying: list[str] = []
    for message in messages:
        parts = VARIES.split(message)
        fixed.append(GAP.join(parts[::2]))
        varying.append(" ".join(parts[1::2]))
    words = "\n".join(varying)  # those of a page at once
    for signs, short in _SHORT:
        words = words.replace(signs, short)
    return [*zip(sources, codes, fixed, *rest, strict=True)], words.split("\n")


def frame_text(frame: Frame) -> str:
    """Write down a frame: a list in place of its message says what stands between the words that vary."""
    source, code, message, *rest = frame
    return _json(source, code, message.split(GAP), *rest)


def said_of(text: str, words: str) -> Said:
    """Read what was said: *words* in the frame *text*, or *text* where that is all of it, as once was written."""
    said, between = _read(text)
    if not between:
        return said
    for signs, short in _SHORT:
        words = words.replace(short, signs)
    parts = zip_longest(between, words.split(" "), fillvalue="")
    return said._replace(message="".join(chain.from_iterable(parts)))


@lru_cache(maxsize=KEPT)
def _read(text: str) -> tuple[Said, Sequence[str]]:
    """Return what was said, and what stands between the words of its message where these are not in it."""
    source, code, message, classification, classified_by, assigned_to, tags, http_status, retryable = json.loads(text)
    between = message if isinstance(message, list) else ()
    said = Said(
        source=source,
        code=code,
        message="" if between else message,
        classification=classification,
        classified_by=classified_by,
        assigned_to=assigned_to,
        tags=tuple(tags),
        http_status=http_status,
        retryable=retryable,
    )
    return said, between


def ruling_text(ruling: Ruling) -> str:
    """Write down what was decided."""
    return _json(ruling.rule_id, ruling.verb.value, ruling.reason, ruling.mode.value)


@lru_cache(maxsize=KEPT)
def ruling_of(text: str) -> Ruling:
    """Read what `ruling_text` wrote."""
    rule_id, verb, reason, mode = json.loads(text)
    return Ruling(rule_id=rule_id, verb=Verb(verb), reason=reason, mode=Mode(mode))


def case_text(case: CaseHistory, retry_at: datetime | None) -> str:
    """Write down what was known of the case, and when the platform meant to retry; "" for nothing."""
    if retry_at is None and (case is NEW_CASE or case == NEW_CASE):
        return ""
    flags = [case.unsettled, case.unknown, case.nameless, case.shared]
    moments = [to_ms(moment) for moment in (case.last_attempt_at, case.cured_at, case.gone_at, retry_at)]
    return _json(case.attempts, sorted(case.by_rule.items()), moments, flags)


def case_of(text: str) -> dict[str, Any]:
    """Read what `case_text` wrote: the fields ``case`` and ``retry_at`` of a recording."""
    if not text:
        return {}
    attempts, by_rule, moments, (unsettled, unknown, nameless, shared) = json.loads(text)
    last_attempt_at, cured_at, gone_at, retry_at = (None if each is None else from_ms(each) for each in moments)
    case = CaseHistory(
        attempts=attempts,
        by_rule=dict(by_rule),
        last_attempt_at=last_attempt_at,
        cured_at=cured_at,
        unsettled=unsettled,
        unknown=unknown,
        nameless=nameless,
        shared=shared,
        gone_at=gone_at,
    )
    return {"case": case, "retry_at": retry_at}


def hashed(text: str) -> tuple[int, str]:
    """Return *text* with the number under which it is found."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True), text


def _json(*values: object) -> str:
    return clean(json.dumps(values, ensure_ascii=False, separators=(",", ":")))
