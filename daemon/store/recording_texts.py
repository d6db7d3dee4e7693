"""How recordings are written down: what errors share as JSON under its hash, what is known of a case as JSON."""

import json
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from daemon.core.actions import Mode
from daemon.core.cases import NEW_CASE, CaseHistory
from daemon.core.decisions import Verb
from daemon.core.recordings import Recorded, Ruling, Said
from daemon.store.columns import clean, from_ms, to_ms

KEPT = 4_096
"""Texts that are kept as what they say: most errors say what one of some thousands has said before."""

Text = tuple[int, str]
"""A hash and what it stands for."""


def said_text(said: Said) -> Text:
    """Write down what errors say."""
    return _text(
        said.source,
        said.code,
        said.message,
        said.classification,
        said.classified_by,
        said.assigned_to,
        said.tags,
        said.http_status,
        said.retryable,
    )


@lru_cache(maxsize=KEPT)
def said_of(text: str) -> Said:
    """Read what `said_text` wrote."""
    source, code, message, classification, classified_by, assigned_to, tags, http_status, retryable = json.loads(text)
    return Said(
        source=source,
        code=code,
        message=message,
        classification=classification,
        classified_by=classified_by,
        assigned_to=assigned_to,
        tags=tuple(tags),
        http_status=http_status,
        retryable=retryable,
    )


def ruling_text(ruling: Ruling) -> Text:
    """Write down what was decided."""
    return _text(ruling.rule_id, ruling.verb.value, ruling.reason, ruling.mode.value)


@lru_cache(maxsize=KEPT)
def ruling_of(text: str) -> Ruling:
    """Read what `ruling_text` wrote."""
    rule_id, verb, reason, mode = json.loads(text)
    return Ruling(rule_id=rule_id, verb=Verb(verb), reason=reason, mode=Mode(mode))


def case_text(recorded: Recorded) -> str:
    """Write down what was known of the case, and when the platform meant to retry; "" for nothing."""
    case = recorded.case
    if recorded.retry_at is None and (case is NEW_CASE or case == NEW_CASE):
        return ""
    flags = [case.unsettled, case.unknown, case.nameless, case.shared]
    moments = [to_ms(moment) for moment in (case.last_attempt_at, case.cured_at, case.gone_at, recorded.retry_at)]
    return clean(_json([case.attempts, sorted(case.by_rule.items()), moments, flags]))


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


def _text(*values: object) -> Text:
    text = clean(_json(values))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True), text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
