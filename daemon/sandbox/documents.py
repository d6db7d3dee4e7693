"""The JSON documents of things that are not errors: integrations, flows, exports and imports, connections."""

from typing import Any

from daemon.sandbox.stamps import stamp
from daemon.sandbox.world import Connection, Flow, Resource, World


def flow_document(flow: Flow) -> dict[str, Any]:
    """Return a flow with its steps in the form that this flow uses."""
    document: dict[str, Any] = {
        "_id": flow.flow_id,
        "name": flow.name,
        "disabled": flow.disabled,
        "timezone": "America/Los_Angeles",
        "skipRetries": False,
        "autoResolveMatchingTraceKeys": flow.auto_resolve,
        "lastModified": stamp(flow.last_modified),
    }
    if flow.integration_id:
        document["_integrationId"] = flow.integration_id
    if flow.form == "legacy":
        return document | {"_exportId": flow.generators[0], "_importId": flow.branches[0][0]}
    document["pageGenerators"] = [{"_exportId": step_id} for step_id in flow.generators]
    branches = [[_processor(flow.steps[step_id].resource) for step_id in branch] for branch in flow.branches]
    if flow.form == "list":
        return document | {"pageProcessors": branches[0]}
    routed = [
        {"name": f"Branch {number}", "pageProcessors": branch, "nextRouterId": None}
        for number, branch in enumerate(branches, 1)
    ]
    return document | {"routers": [{"id": flow.flow_id[:6], "routeRecordsTo": "first_matching", "branches": routed}]}


def resource_document(resource: Resource) -> dict[str, Any]:
    """Return an export or an import."""
    return {
        "_id": resource.resource_id,
        "name": resource.name,
        "_connectionId": resource.connection_id,
        "adaptorType": f"HTTP{resource.kind.title()}",
        "lastModified": stamp(resource.last_modified),
    }


def connection_document(connection: Connection) -> dict[str, Any]:
    """Return a connection."""
    return {
        "_id": connection.connection_id,
        "type": connection.type,
        "name": connection.name,
        "offline": connection.offline,
        "queues": [{"name": connection.connection_id, "size": 0}],
        "lastModified": stamp(connection.last_modified),
    }


def flow_summary(flow: Flow) -> dict[str, Any]:
    """Return the number of open errors of every step of a flow, zeros included."""
    return {
        "flowErrors": [
            {"_expOrImpId": step.step_id, "numError": len(step.open)}
            | ({"lastErrorAt": stamp(step.last_error_at)} if step.last_error_at else {})
            for step in flow.steps.values()
        ]
    }


def integration_summary(world: World, integration_id: str) -> list[dict[str, Any]]:
    """Return the number of open errors of every flow of an integration ("" means the flows without one)."""
    summary = []
    for flow in world.flows.values():
        if flow.integration_id != integration_id:
            continue
        moments = [step.last_error_at for step in flow.steps.values() if step.last_error_at]
        line = {"_flowId": flow.flow_id, "numError": sum(len(step.open) for step in flow.steps.values())}
        summary.append(line | ({"lastErrorAt": stamp(max(moments))} if moments else {}))
    return summary


def _processor(resource: Resource) -> dict[str, Any]:
    if resource.kind == "import":
        return {"type": "import", "_importId": resource.resource_id, "proceedOnFailure": False}
    return {"type": "export", "_exportId": resource.resource_id}
