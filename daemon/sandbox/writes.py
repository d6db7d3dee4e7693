"""The writing half of the API. Four bodies, four shapes; any other shape is refused."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.sandbox.calls import (
    Answer,
    Call,
    RefusedCallError,
    Responder,
    answer_json,
    body_object,
    id_list,
    not_found,
)
from daemon.sandbox.jobs import Jobs
from daemon.sandbox.options import Options
from daemon.sandbox.reads import flow_of, job_of, step_of
from daemon.sandbox.world import Step, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """Answers to what changes the world."""

    world: World
    jobs: Jobs
    options: Options

    def responders(self) -> Mapping[tuple[str, str], Responder]:
        """Return what answers each endpoint, by its name and its path under ``/v1``."""
        return {
            ("PUT resolved", "/flows/{flow}/{step}/resolved"): self.resolve,
            ("POST retry", "/flows/{flow}/{step}/retry"): self.retry,
            ("PUT data", "/flows/{flow}/{step}/{key}/data"): self.put_data,
            ("PUT assign", "/flows/{flow}/{step}/errors/assign"): self.assign,
            ("PUT step-tags", "/flows/{flow}/{step}/tags"): self.tag,
            ("PUT cancel", "/jobs/{job}/cancel"): self.cancel,
            ("POST run", "/flows/{flow}/run"): self.run,
        }

    def resolve(self, call: Call) -> Answer:
        """Resolve errors by ``{"errors": [errorId, …]}``."""
        step = step_of(self.world, call)
        error_ids = id_list(body_object(call, "errors")["errors"], "errors")
        self._refuse_gone(each for each in error_ids if each not in step.open)
        for error_id in error_ids:
            self.world.resolve(step, error_id, by=self.world.user_id, at=call.now)
        match self.options.resolve_answer:
            case "204":
                return Answer(status=204)
            case "200_empty":
                return Answer()
            case "200_json":
                return answer_json({})

    def retry(self, call: Call) -> Answer:
        """Start a retry job by ``{"retryDataKeys": [retryDataKey, …]}``."""
        step = step_of(self.world, call)
        keys = id_list(body_object(call, "retryDataKeys")["retryDataKeys"], "retryDataKeys")
        self._refuse_inactive(step.flow_id)
        self._refuse_gone(each for each in keys if not self.jobs.retryable(step, each))
        job = self.jobs.retry(step, keys, by=self.world.user_id, now=call.now, fate=call.job_fate)
        return answer_json(job.document(call.now))

    def put_data(self, call: Call) -> Answer:
        """Replace retry data by the whole envelope, kept byte for byte."""
        data = step_of(self.world, call).retry_data.get(call.path["key"])
        if data is None or data.state == "gone":
            raise not_found("Retry data", call.path["key"])
        try:
            envelope = json.loads(call.body)
        except ValueError:
            raise RefusedCallError(400, "invalid_json", "The request body is not valid JSON.") from None
        if not isinstance(envelope, dict) or "data" not in envelope:
            raise RefusedCallError(422, "invalid_body", "The request body must be the whole retry data.", "data")
        data.record.note_patch(data.envelope, call.body)
        data.envelope = call.body
        return Answer(body=call.body)

    def assign(self, call: Call) -> Answer:
        """Assign errors by ``{"errorIds": [errorId, …], "email": …}``."""
        step, body = step_of(self.world, call), body_object(call, "errorIds", "email")
        error_ids = id_list(body["errorIds"], "errorIds")
        if not isinstance(body["email"], str) or "@" not in body["email"]:
            raise RefusedCallError(422, "invalid_body", "email must be the e-mail address of a user.", "email")
        self._refuse_gone(each for each in error_ids if each not in step.open)
        for error_id in error_ids:
            if entry := step.open.get(error_id):
                entry.change(assignedTo=body["email"])
        return Answer(status=204)

    def tag(self, call: Call) -> Answer:
        """Replace the tags of errors by ``{"errors": [{"id": …, "rdk": …}, …], "tagIds": […]}``."""
        step, body = step_of(self.world, call), body_object(call, "errors", "tagIds")
        tag_ids, error_ids = body["tagIds"], _tagged(step, body["errors"])
        if not isinstance(tag_ids, list) or not all(
            isinstance(each, str) and each in self.world.tags for each in tag_ids
        ):
            raise RefusedCallError(422, "invalid_ref", "tagIds must hold the tagId of existing tags.", "tagIds")
        self._refuse_gone(each for each in error_ids if each not in step.open)
        for error_id in error_ids:
            if entry := step.open.get(error_id):
                entry.change(tags=tag_ids)
        return answer_json({})

    def cancel(self, call: Call) -> Answer:
        """Cancel a job that has not ended; its errors are open again."""
        body_object(call)
        job = job_of(self.jobs, call)
        self.jobs.end(job, "canceled", call.now)
        return answer_json(job.document(call.now))

    def run(self, call: Call) -> Answer:
        """Run a flow."""
        flow = flow_of(self.world, call)
        self._refuse_inactive(flow.flow_id)
        job = self.jobs.run_flow(flow.flow_id, by=self.world.user_id, now=call.now)
        return answer_json({"_jobId": job.job_id}, status=201)

    def _refuse_inactive(self, flow_id: str) -> None:
        if self.world.flows[flow_id].disabled:
            raise RefusedCallError(422, "inactive_flow", "The flow is disabled; enable it first.", "_flowId")

    def _refuse_gone(self, gone: Any) -> None:
        if self.options.gone_ids == "ignore":
            return
        if first := next(iter(gone), None):
            raise RefusedCallError(
                self.options.gone_status, "invalid_ref", f"{first} does not exist any more.", "errors"
            )


def _tagged(step: Step, errors: Any) -> Sequence[str]:
    if not isinstance(errors, list) or not all(
        isinstance(each, dict) and {"id"} <= set(each) <= {"id", "rdk"} for each in errors
    ):
        raise RefusedCallError(422, "invalid_body", "errors must hold objects of id and rdk.", "errors")
    error_ids = id_list([each["id"] for each in errors], "errors")
    for error_id, each in zip(error_ids, errors, strict=True):
        entry = step.open.get(error_id)
        if entry is not None and str(each.get("rdk") or "") != entry.retry_key:
            raise RefusedCallError(422, "invalid_ref", f"rdk is not the retryDataKey of error {error_id}.", "rdk")
    return error_ids
