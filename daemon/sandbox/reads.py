"""The GET half of the API: every answer as the API document describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.sandbox.calls import Answer, Call, RefusedCallError, Responder, answer_json, not_found
from daemon.sandbox.documents import (
    connection_document,
    flow_document,
    flow_summary,
    integration_summary,
    resource_document,
)
from daemon.sandbox.jobs import Job, Jobs
from daemon.sandbox.options import Options
from daemon.sandbox.paging import error_page, linked_page
from daemon.sandbox.stamps import read_stamp
from daemon.sandbox.world import Flow, Resource, Step, World

MOST_JOBS = 1001


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Answers to what only looks; a ping is among them although it can bring a connection back."""

    world: World
    jobs: Jobs
    options: Options

    def responders(self) -> Mapping[tuple[str, str], Responder]:
        """Return what answers each endpoint, by its name and its path under ``/v1``."""
        return {
            ("GET tokenInfo", "/tokenInfo"): self.token_info,
            ("GET integrations", "/integrations"): self.integrations,
            ("GET integration-errors", "/integrations/{integration}/errors"): self.integration_errors,
            ("GET flows", "/flows"): self.flows,
            ("GET flow", "/flows/{flow}"): self.flow,
            ("GET flow-errors", "/flows/{flow}/errors"): self.flow_errors,
            ("GET errors", "/flows/{flow}/{step}/errors"): self.errors,
            ("GET resolved", "/flows/{flow}/{step}/resolved"): self.resolved,
            ("GET data", "/flows/{flow}/{step}/{key}/data"): self.data,
            ("GET tags", "/tags"): self.tags,
            ("GET jobs", "/jobs"): self.list_jobs,
            ("GET job", "/jobs/{job}"): self.job,
            ("GET connection", "/connections/{connection}"): self.connection,
            ("GET ping", "/connections/{connection}/ping"): self.ping,
            ("GET import", "/imports/{step}"): self.import_,
            ("GET export", "/exports/{step}"): self.export,
            ("GET audit", "/{kind:imports|exports}/{step}/audit"): self.audit,
        }

    def token_info(self, _: Call) -> Answer:
        """Answer whose token it is."""
        scope = {} if self.options.scope is None else {"scope": self.options.scope}
        return answer_json({"_userId": self.world.user_id} | scope)

    def integrations(self, call: Call) -> Answer:
        """List the integrations."""
        documents = [{"_id": each, "name": name} for each, name in self.world.integrations.items()]
        return linked_page(call, self.options, "/v1/integrations", documents)

    def integration_errors(self, call: Call) -> Answer:
        """Count the open errors of the flows of an integration."""
        integration_id, style = call.path["integration"], self.options.integration_summary
        if style == "forbidden":
            return answer_json({"message": "Forbidden"}, status=403)
        none = integration_id == "none"
        if (
            style == "missing"
            or (none and style == "no_none")
            or not (none or integration_id in self.world.integrations)
        ):
            raise not_found("Integration", integration_id)
        if style == "other_shape":
            return answer_json({"flowErrors": [], "total": 0})
        summary = integration_summary(self.world, "" if none else integration_id)
        return answer_json([line for line in summary if line["numError"] or style != "omit_zeros"])

    def flows(self, call: Call) -> Answer:
        """List the flows."""
        documents = [flow_document(flow) for flow in self.world.flows.values()]
        return linked_page(call, self.options, "/v1/flows", documents)

    def flow(self, call: Call) -> Answer:
        """Answer one flow."""
        return answer_json(flow_document(flow_of(self.world, call)))

    def flow_errors(self, call: Call) -> Answer:
        """Count the open errors of every step of a flow; any query is ignored."""
        return answer_json(flow_summary(flow_of(self.world, call)))

    def errors(self, call: Call) -> Answer:
        """List a page of a step's open errors."""
        step = step_of(self.world, call)
        return error_page(call, self.options, f"/v1/flows/{step.flow_id}/{step.step_id}/errors", "errors", step.open)

    def resolved(self, call: Call) -> Answer:
        """List a page of a step's resolved errors."""
        step = step_of(self.world, call)
        path = f"/v1/flows/{step.flow_id}/{step.step_id}/resolved"
        return error_page(call, self.options, path, "resolved", step.resolved)

    def data(self, call: Call) -> Answer:
        """Answer retry data, byte for byte as it is stored."""
        data = step_of(self.world, call).retry_data.get(call.path["key"])
        if data is None or data.state == "gone":
            raise not_found("Retry data", call.path["key"])
        return Answer(body=data.envelope)

    def tags(self, call: Call) -> Answer:
        """List the tags; ``tagId`` is the one that errors carry."""
        documents = [{"_id": tag_id[::-1] * 4, "tagId": tag_id, "tag": tag} for tag_id, tag in self.world.tags.items()]
        return linked_page(call, self.options, "/v1/tags", documents)

    def list_jobs(self, call: Call) -> Answer:
        """List jobs, the newest first and at most 1,001, of one status, one step, one type, one stretch of time."""
        since, until = _moment(call, "createdAt_gte"), _moment(call, "createdAt_lte")
        kind = call.asked("type")
        wanted = {name: call.asked(name) for name in ("_flowId", "_importId", "_exportId", "status")}
        found = []
        listed_until = call.now - timedelta(seconds=self.options.jobs_listed_after_s)
        for job in self.jobs.newest_first(since):
            if (kind and job.type != kind) or job.created_at > listed_until or not _within(job, since, until):
                continue
            if wanted["_flowId"] not in ("", job.flow_id):
                continue  # before its document is made, which takes longer than all the rest
            document = job.document(call.now)
            if all(not value or document.get(name) == value for name, value in wanted.items()):
                found.append(document)
            if len(found) == MOST_JOBS:
                break
        return answer_json(found) if found or not self.options.empty_204 else Answer(status=204)

    def job(self, call: Call) -> Answer:
        """Answer one job."""
        return answer_json(job_of(self.jobs, call).document(call.now))

    def connection(self, call: Call) -> Answer:
        """Answer one connection."""
        connection = self.world.connections.get(call.path["connection"])
        if connection is None:
            raise not_found("Connection", call.path["connection"])
        return answer_json(connection_document(connection))

    def ping(self, call: Call) -> Answer:
        """Test a connection, which brings an offline one back online where it can be reached."""
        connection = self.world.connections.get(call.path["connection"])
        if connection is None:
            raise not_found("Connection", call.path["connection"])
        if connection.offline and not connection.ping_heals:
            return answer_json({"errors": [{"code": "401", "message": "Invalid login attempt."}]})
        connection.offline = False
        return answer_json({"code": 200})

    def import_(self, call: Call) -> Answer:
        """Answer one import."""
        return answer_json(resource_document(self._resource(call, "import")))

    def export(self, call: Call) -> Answer:
        """Answer one export."""
        return answer_json(resource_document(self._resource(call, "export")))

    def audit(self, call: Call) -> Answer:
        """Answer who changed an export or import, and when."""
        return answer_json({"audit": self._resource(call, call.path["kind"].removesuffix("s")).audit})

    def _resource(self, call: Call, kind: str) -> Resource:
        resource = self.world.resources.get(call.path["step"])
        if resource is None or resource.kind != kind:
            raise not_found(kind.title(), call.path["step"])
        return resource


def flow_of(world: World, call: Call) -> Flow:
    """Return the flow that the call's path names.

    Raises:
        RefusedCallError: there is none.
    """
    flow = world.flows.get(call.path["flow"])
    if flow is None:
        raise not_found("Flow", call.path["flow"])
    return flow


def step_of(world: World, call: Call) -> Step:
    """Return the step that the call's path names.

    Raises:
        RefusedCallError: there is no such flow, or the step is not in it.
    """
    step = flow_of(world, call).steps.get(call.path["step"])
    if step is None:
        raise not_found("Export or import", call.path["step"])
    return step


def job_of(jobs: Jobs, call: Call) -> Job:
    """Return the job that the call's path names.

    Raises:
        RefusedCallError: there is none.
    """
    job = jobs.get(call.path["job"])
    if job is None:
        raise not_found("Job", call.path["job"])
    return job


def _within(job: Job, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or job.created_at >= since) and (until is None or job.created_at <= until)


def _moment(call: Call, name: str) -> datetime | None:
    try:
        return read_stamp(text) if (text := call.asked(name)) else None
    except ValueError:
        raise RefusedCallError(400, "invalid_query", f"{name} must be a UTC time in ISO format.", name) from None
