"""What a test may know: every request in order, and the truth about every record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.sandbox.stamps import stamp
from daemon.sandbox.truth import Truth
from daemon.sandbox.world import World


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request as it came in. *endpoint* is of the vocabulary of `daemon.sandbox.faults`, or ``unknown``.

    *status* is what was answered (0 where the connection was cut); *fault* the kinds of fault that hit it, or "".
    """

    at: datetime
    endpoint: str
    method: str
    path: str
    body: str = ""
    status: int = 0
    fault: str = ""

    def document(self) -> dict[str, Any]:
        """Return the request for ``/_sandbox/state``."""
        return {
            "at": stamp(self.at),
            "endpoint": self.endpoint,
            "path": self.path,
            "body": self.body,
            "status": self.status,
            "fault": self.fault,
        }


def truth_document(truth: Truth) -> dict[str, Any]:
    """Return the truth about one record."""
    return {
        "family": truth.family,
        "cure": truth.cure.kind,
        "flow": truth.flow_id,
        "step": truth.step_id,
        "traceKey": truth.trace_key,
        "state": truth.state,
        "runs": truth.runs,
        "copies": truth.copies,
        "harmed": truth.harmed,
        "retries_accepted": truth.retries_accepted,
        "retried_by": truth.retried_by,
        "error_ids": truth.error_ids,
        "open_error_ids": sorted(truth.open_ids),
        "resolved_by": truth.resolved_by,
        "patched": truth.patched,
        "stray_changes": truth.stray_changes,
    }


def state_document(world: World, seen: Sequence[Seen]) -> dict[str, Any]:
    """Return the whole state.

    ``requests`` counts by endpoint, ``faults`` those that happened by kind, ``writes`` holds every request that was not a GET, in order, with its body;
    ``truths`` is by record id; ``totals`` counts records by state, the harmed ones, and the open errors.
    """
    states = Counter(truth.state for truth in world.truths.values())
    return {
        "world": world.name,
        "seed": world.seed,
        "requests": dict(Counter(each.endpoint for each in seen)),
        "faults": dict(Counter(kind for each in seen for kind in each.fault.split(",") if kind)),
        "writes": [each.document() for each in seen if each.method != "GET"],
        "truths": {record_id: truth_document(truth) for record_id, truth in world.truths.items()},
        "totals": {
            "records": len(world.truths),
            "open_errors": sum(len(step.open) for step in world.steps()),
            "runs": sum(truth.runs for truth in world.truths.values()),
            "harmed": sum(truth.harmed for truth in world.truths.values()),
            "stray_changes": sum(bool(truth.stray_changes) for truth in world.truths.values()),
            **{state: states[state] for state in ("open", "in_job", "cured", "resolved", "vanished")},
        },
    }
