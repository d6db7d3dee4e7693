"""The account that is served: integrations, flows and steps, their summaries, and where the pages of each step are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many integrations, flows in each and steps in each flow there are."""

    integrations: int
    flows: int
    steps: int

    @property
    def count(self) -> int:
        """Return how many steps there are in all."""
        return self.integrations * self.flows * self.steps

    def flow_ids(self) -> Iterator[tuple[str, str]]:
        """Yield every flow with its integration."""
        for number in range(self.integrations * self.flows):
            yield f"f{number}", f"i{number // self.flows}"

    def step_ids(self) -> Iterator[tuple[str, str]]:
        """Yield every step with its flow."""
        for number in range(self.count):
            yield f"s{number}", f"f{number // self.steps}"


def documents(shape: Shape, counts: Mapping[str, int], last_error_at: str) -> dict[str, bytes]:
    """Return what every path but the error lists answers, by path; *counts* are the open errors by step."""
    steps_of: dict[str, list[str]] = {}
    for step, flow in shape.step_ids():
        steps_of.setdefault(flow, []).append(step)
    flows = [_flow(flow, integration, steps_of[flow]) for flow, integration in shape.flow_ids()]
    found: dict[str, Any] = {
        "/v1/tokenInfo": {"_userId": "5e0bench", "scope": "*"},
        "/v1/integrations": [
            {"_id": f"i{number}", "name": f"Integration {number}"} for number in range(shape.integrations)
        ],
        "/v1/flows": flows,
        "/v1/jobs": [],
        "/v1/tags": [],
    }
    by_integration: dict[str, list[dict[str, Any]]] = {f"i{number}": [] for number in range(shape.integrations)}
    for each in flows:
        flow_id = each["_id"]
        open_on = [_mark("_expOrImpId", step, counts.get(step, 0), last_error_at) for step in steps_of[flow_id]]
        found[f"/v1/flows/{flow_id}"] = each
        found[f"/v1/flows/{flow_id}/errors"] = {"flowErrors": open_on}
        total = sum(counts.get(step, 0) for step in steps_of[flow_id])
        by_integration[each["_integrationId"]].append(_mark("_flowId", flow_id, total, last_error_at))
        for step in steps_of[flow_id]:
            found[f"/v1/imports/{step}"] = {"_id": step, "name": f"Step {step[1:]}", "_connectionId": f"c{flow_id}"}
            found[f"/v1/flows/{flow_id}/{step}/errors"] = {"errors": []}
            found[f"/v1/flows/{flow_id}/{step}/resolved"] = {"resolved": []}
        found[f"/v1/connections/c{flow_id}"] = {"_id": f"c{flow_id}", "name": "Bench", "offline": False}
    for integration, marks in by_integration.items():
        found[f"/v1/integrations/{integration}/errors"] = marks
    return {path: dumps(answer, separators=(",", ":")).encode() for path, answer in found.items()}


def _flow(flow: str, integration: str, steps: list[str]) -> dict[str, Any]:
    return {
        "_id": flow,
        "name": f"Flow {flow[1:]}",
        "_integrationId": integration,
        "disabled": False,
        "pageProcessors": [{"type": "import", "_importId": step} for step in steps],
    }


def _mark(key: str, value: str, errors: int, last_error_at: str) -> dict[str, Any]:
    return {key: value, "numError": errors, **({"lastErrorAt": last_error_at} if errors else {})}
