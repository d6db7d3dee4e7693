"""What people and the platform do meanwhile, on request of a test: the body of ``POST /_sandbox/act``.

``do`` names the act. A step is named by ``flow`` and ``step`` (ids or names), errors by ``errors`` (ids)::

    {"do": "resolve", "flow", "step", "errors", "by"?}           somebody ("auto": the platform) resolves errors
    {"do": "retry", "flow", "step", "errors", "by"?}             somebody retries errors
    {"do": "assign", "flow", "step", "errors", "email"}          errors are given to a person; "" takes them back
    {"do": "change", "flow", "step", "errors", "fields"}         fields of the error objects get other values
    {"do": "vanish", "flow", "step", "errors"}                   errors are purged
    {"do": "edit_data", "flow", "step", "errors", "pointer", "value"}   somebody edits the retry data
    {"do": "add_errors", "flow", "step", "family", "count"?, "traceKey"?, "age_s"?, "fields"?}   all of one run
    {"do": "connection", "connection", "offline"?, "ping_heals"?}
    {"do": "flow", "flow", "disabled"?, "auto_resolve"?}
    {"do": "end_job", "job", "how"}                              completed, failed or canceled, now
    {"do": "modify_step", "flow", "step", "by"?}                 somebody edits the export or import
    {"do": "token", "valid"?, "user"?}                           the token is purged, or is back, or is another user's

At a given call instead of on request: the faults ``meanwhile:<who>``.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from daemon.sandbox.exact import put_at, read_exact, write_exact
from daemon.sandbox.jobs import Jobs
from daemon.sandbox.seeding import add_record
from daemon.sandbox.stamps import stamp
from daemon.sandbox.templates import template_of
from daemon.sandbox.world import Entry, Step, World

SOMEBODY = "5f1d3c7e8a9b0c1d2e3f4a5b"
"""The user id of a colleague who works on the same errors."""


def act(world: World, jobs: Jobs, body: Any, now: datetime) -> dict[str, Any]:
    """Do one act and say what came of it.

    Raises:
        LookupError: a flow, step, error, connection, job or field that the act needs is not there.
        ValueError: the act is not known, or one of its fields has a value that is not allowed.
    """
    if not isinstance(body, dict):
        raise TypeError("the act must be a JSON object with the key 'do'")
    acts = _Acts(world=world, jobs=jobs, body=body, now=now)
    doing = acts.known().get(str(body.get("do")))
    if doing is None:
        raise ValueError(f"unknown act {body.get('do')!r}; one of: {', '.join(sorted(acts.known()))}")
    return doing()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acts:
    world: World
    jobs: Jobs
    body: Mapping[str, Any]
    now: datetime

    def known(self) -> Mapping[str, Callable[[], dict[str, Any]]]:
        return {
            "resolve": self.resolve,
            "retry": self.retry,
            "assign": lambda: self.change({"assignedTo": self.body["email"]}),
            "change": lambda: self.change(self.body["fields"]),
            "vanish": self.vanish,
            "edit_data": self.edit_data,
            "add_errors": self.add_errors,
            "connection": self.connection,
            "flow": self.flow,
            "end_job": self.end_job,
            "modify_step": self.modify_step,
            "token": self.token,
        }

    def resolve(self) -> dict[str, Any]:
        step = self.step()
        for entry in self.entries(step):
            self.world.resolve(step, entry.error_id, by=self.by(), at=self.now)
        return {"done": True}

    def retry(self) -> dict[str, Any]:
        step = self.step()
        job = self.jobs.retry(step, [entry.retry_key for entry in self.entries(step)], by=self.by(), now=self.now)
        return {"done": True, "job": job.job_id}

    def change(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        for entry in self.entries(self.step()):
            entry.change(**fields)
        return {"done": True}

    def vanish(self) -> dict[str, Any]:
        step = self.step()
        for entry in self.entries(step):
            self.world.vanish(step, entry.error_id)
        return {"done": True}

    def edit_data(self) -> dict[str, Any]:
        step = self.step()
        for entry in self.entries(step):
            data = step.retry_data[entry.retry_key]
            envelope = read_exact(data.envelope)
            put_at(envelope, self.body["pointer"], self.body["value"])
            data.envelope = write_exact(envelope).encode()
        return {"done": True}

    def add_errors(self) -> dict[str, Any]:
        step, template = self.step(), template_of(self.body["family"])
        at = self.now - timedelta(seconds=self.body.get("age_s", 0))
        rng = random.Random(f"{self.world.seed}/{len(self.world.truths)}")
        run = self.jobs.note_run(step.flow_id, ended_at=at)
        added = [
            add_record(
                self.world,
                step,
                template,
                rng=rng,
                at=at,
                trace_key=self.body.get("traceKey"),
                fields={"_flowJobId": run.job_id} | self.body.get("fields", {}),
                auto_resolve=True,
            )
            for _ in range(self.body.get("count", 1))
        ]
        return {
            "done": True,
            "records": [record.record_id for record in added],
            "errors": [record.error_ids[-1] for record in added],
        }

    def connection(self) -> dict[str, Any]:
        connection = self.world.connections[self.body["connection"]]
        connection.offline = self.body.get("offline", connection.offline)
        connection.ping_heals = self.body.get("ping_heals", connection.ping_heals)
        return {"done": True}

    def flow(self) -> dict[str, Any]:
        name = self.body["flow"]
        flow = next((each for each in self.world.flows.values() if name in (each.flow_id, each.name)), None)
        if flow is None:
            raise LookupError(f"no flow {name!r}")
        flow.disabled = self.body.get("disabled", flow.disabled)
        flow.auto_resolve = self.body.get("auto_resolve", flow.auto_resolve)
        flow.last_modified = self.now
        return {"done": True}

    def end_job(self) -> dict[str, Any]:
        job, how = self.jobs.get(self.body["job"]), self.body["how"]
        if job is None:
            raise LookupError(f"no job {self.body['job']!r}")
        if how not in ("completed", "failed", "canceled"):
            raise ValueError(f"a job ends completed, failed or canceled, not {how!r}")
        self.jobs.end(job, how, self.now)
        return {"done": True}

    def modify_step(self) -> dict[str, Any]:
        resource = self.step().resource
        resource.last_modified = self.now
        resource.audit.append(
            {
                "_id": self.world.new_id(),
                "resourceType": resource.kind,
                "_resourceId": resource.resource_id,
                "source": "UI",
                "_byUserId": self.by(),
                "time": stamp(self.now),
                "fieldChanges": [{"fieldPath": "mappings", "oldValue": "a", "newValue": "b"}],
            }
        )
        return {"done": True}

    def token(self) -> dict[str, Any]:
        self.world.token_valid = bool(self.body.get("valid", self.world.token_valid))
        self.world.user_id = str(self.body.get("user", self.world.user_id))
        return {"done": True}

    def by(self) -> str:
        return str(self.body.get("by", SOMEBODY))

    def step(self) -> Step:
        return self.world.find_step(self.body["flow"], self.body["step"])

    def entries(self, step: Step) -> list[Entry]:
        entries = [(error_id, step.open.get(str(error_id))) for error_id in self.body["errors"]]
        if gone := [error_id for error_id, entry in entries if entry is None]:
            raise LookupError(f"not open on this step: {gone}")
        return [entry for _, entry in entries if entry is not None]
