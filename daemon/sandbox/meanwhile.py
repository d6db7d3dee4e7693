"""What somebody does to one error at a given call, right before it is answered: the faults ``meanwhile:<who>``.

It falls on the first error that the call names and that is open, else on the first open one of the call's step, else
on the first of the account::

    resolve, retry, assign, edit   a colleague resolves it, retries it, is given it, edits its retry data
    vanish                         it is purged
    auto_resolve, auto_retry       the platform resolves it or retries it by itself
    disable, offline               its flow is disabled; its step's connection goes offline
    revoke                         the token is purged
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from daemon.sandbox.jobs import Jobs
from daemon.sandbox.people import act
from daemon.sandbox.world import Step, World

NAMED_BY = ("errors", "errorIds", "retryDataKeys")
"""The fields of a write's body that name errors, by id or by retry data key."""


def happen(who: str, world: World, jobs: Jobs, *, path: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Let *who* (of the list above) act at a call with these variables in its path and this body; on nothing, nothing."""
    if who == "revoke":
        act(world, jobs, {"do": "token", "valid": False}, now)
        return
    target = next(_targets(world, path, body), None)
    if target is None:
        return
    step, error_id = target
    on = {"flow": step.flow_id, "step": step.step_id, "errors": [error_id]}
    acts: dict[str, dict[str, Any]] = {
        "resolve": {"do": "resolve", **on},
        "auto_resolve": {"do": "resolve", "by": "auto", **on},
        "retry": {"do": "retry", **on},
        "auto_retry": {"do": "retry", "by": "auto", **on},
        "assign": {"do": "assign", "email": "clerk@example.com", **on},
        "edit": {"do": "edit_data", "pointer": "/data/editedBy", "value": "clerk", **on},
        "vanish": {"do": "vanish", **on},
        "disable": {"do": "flow", "flow": step.flow_id, "disabled": True},
        "offline": {"do": "connection", "connection": step.resource.connection_id, "offline": True},
    }
    act(world, jobs, acts[who], now)


def _targets(world: World, path: Mapping[str, str], body: bytes) -> Iterator[tuple[Step, str]]:
    """Yield the open errors that somebody may act on, the best first."""
    of_call = [each for each in world.steps() if each.step_id == path.get("step") and each.flow_id == path.get("flow")]
    for step in of_call:
        for name in chain(_names(body), [path.get("key", "")]):
            data = step.retry_data.get(name)
            error_id = data.error_id if data else name
            if error_id in step.open:
                yield step, error_id
    for step in chain(of_call, world.steps()):
        yield from ((step, each) for each in list(step.open.ids()))


def _names(body: bytes) -> Iterator[str]:
    try:
        said = json.loads(body)
    except ValueError:
        return
    for field in NAMED_BY if isinstance(said, dict) else ():
        named = said.get(field, ())
        yield from (str(each.get("id") if isinstance(each, dict) else each) for each in named)
