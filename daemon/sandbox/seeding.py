"""Turns one row of the table of families into one failed record of a world."""

import json
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from string import Template as Text
from typing import Any

from daemon.sandbox.business import EXACT, RECORDS, Facts, make_facts
from daemon.sandbox.exact import put_at
from daemon.sandbox.stamps import stamp
from daemon.sandbox.template import Template
from daemon.sandbox.templates import template_of
from daemon.sandbox.truth import Cure, Face, Truth
from daemon.sandbox.world import Step, World

MOST_TRACE_CHARACTERS = 128
PURGED_AFTER = timedelta(days=30)


def add_record(  # noqa: PLR0913 - one record has as many sides
    world: World,
    step: Step,
    template: Template,
    *,
    rng: random.Random,
    at: datetime,
    trace_key: str | None = None,
    fields: Mapping[str, Any] | None = None,
    auto_resolve: bool = False,
) -> Truth:
    """Let a new record of a family fail on *step* at the moment *at*.

    *trace_key* None takes the record's own; a given one is cut as the platform cuts it. *fields* are set on the error
    over whatever the family says. *auto_resolve* resolves older errors of the same trace key.
    """
    record_number = len(world.truths) + 1
    facts = make_facts(rng, record_number)
    key_fact, build = RECORDS[step.resource.kind_of_record]
    own_key = "" if template.blank_trace else facts[key_fact]
    facts["trace"] = facts[key_fact]
    envelope = {"data": build(facts), "stage": f"page_processor_{step.resource.kind}"}
    following = template_of(template.becomes) if template.becomes else None
    for each in (template, following):
        if each and each.pointer:
            put_at(envelope, each.pointer, facts[each.wrong])
    truth = Truth(
        record_id=f"r{record_number:06d}",
        family=template.family,
        flow_id=step.flow_id,
        step_id=step.step_id,
        trace_key=(own_key if trace_key is None else trace_key)[:MOST_TRACE_CHARACTERS],
        cure=_cure(template, following, facts),
        face=_face(template, facts),
    )
    world.truths[truth.record_id] = truth
    if template.metadata_only:
        envelope["data"] = {}
        envelope["files"] = {"fileMeta": {"fileName": f"{facts['po']}.edi", "type": "text/plain"}}
    envelope |= {"traceKey": truth.trace_key, "dataURI": truth.trace_key}
    extra: dict[str, Any] = {"purgeAt": int((at + PURGED_AFTER).timestamp() * 1000)}
    if template.retry_in_s:
        extra["retryAt"] = stamp(at + timedelta(seconds=template.retry_in_s))
    world.open_error(
        step,
        truth,
        at=at,
        envelope=None if template.cure == "none" else _spelled(envelope, facts),
        auto_resolve=auto_resolve,
        **extra | dict(template.fields) | dict(fields or {}),
    )
    return truth


def _face(template: Template, facts: Facts) -> Face:
    return Face(
        source=template.source,
        code=_filled(template.code, facts),
        message=_filled(template.message, facts),
        classification=template.classification,
        http_status=template.http,
        method=template.method,
    )


def _cure(template: Template, following: Template | None, facts: Facts) -> Cure:
    return Cure(
        kind=template.cure,
        at_retry=template.at_retry,
        pointer=template.pointer,
        value=facts[template.right] if template.right else None,
        face=_face(following, facts) if following else None,
        then=_cure(following, None, facts) if following else None,
    )


def _filled(text: Any, facts: Facts) -> Any:
    return Text(text).substitute(facts) if isinstance(text, str) else text


def _spelled(envelope: Mapping[str, Any], facts: Facts) -> bytes:
    return json.dumps(envelope).replace(f'"{EXACT}"', facts["exact_amount"]).encode()
