"""Retry jobs: accepted now, run later. Progress is worked out from the clock whenever somebody looks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from daemon.sandbox.options import Options
from daemon.sandbox.stamps import stamp, whole_ms
from daemon.sandbox.truth import Face
from daemon.sandbox.world import Entry, RetryData, Step, World

JobEnd = Literal["completed", "failed", "canceled"]


@dataclass(slots=True, kw_only=True)
class Job:
    """One job. *ends_at* None means that it never ends by itself; *end* is how it ended, or "" before that.

    *taken* are the errors that left the open list because of it. *fate* is how it goes wrong, of the vocabulary of
    faults, or "".
    """

    job_id: str
    type: str
    step: Step | None
    flow_id: str
    keys: tuple[str, ...]
    triggered_by: str
    created_at: datetime
    ends_at: datetime | None
    fate: str = ""
    ended_at: datetime | None = None
    end: JobEnd | Literal[""] = ""
    num_success: int = 0
    num_error: int = 0
    taken: dict[str, Entry] = field(default_factory=dict)

    def status(self, now: datetime) -> str:
        """Return the platform's word for where the job is; it starts half-way between its creation and its end."""
        if self.end:
            return self.end
        return "running" if self.ends_at is None or now >= self.starts_at(self.ends_at) else "queued"

    def starts_at(self, ends_at: datetime) -> datetime:
        """Return when the job leaves the queue."""
        return self.created_at + (ends_at - self.created_at) / 2

    def document(self, now: datetime) -> dict[str, Any]:
        """Return the job as the API shows it."""
        status = self.status(now)
        fields: dict[str, Any] = {
            "_id": self.job_id,
            "type": self.type,
            "_flowId": self.flow_id,
            "status": status,
            "numSuccess": self.num_success,
            "numError": self.num_error,
            "numResolved": self.num_success,
            "numOpenError": self.num_error,
            "triggeredBy": self.triggered_by,
            "createdAt": stamp(self.created_at),
        }
        if self.step:
            fields["_importId" if self.step.resource.kind == "import" else "_exportId"] = self.step.step_id
        if status != "queued":
            fields["startedAt"] = stamp(self.starts_at(self.ends_at or self.created_at))
        if self.ended_at:
            fields["endedAt"] = stamp(self.ended_at)
        return fields


RUN_LENGTH = timedelta(minutes=1)
"""How long a run of a flow took that brought errors."""


class Jobs:
    """All jobs of an account, oldest first, and the machine that runs them."""

    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self._options = options
        self._jobs: dict[str, Job] = {}
        self._runs: dict[str, Job] = {}
        self._pending: list[Job] = []
        self._by_time = True
        self._newest_at: datetime | None = None

    def newest_first(self, since: datetime | None = None) -> Iterator[Job]:
        """Yield all jobs that are shown, the newest first; of those from before *since* none need be."""
        for job in reversed(self._jobs.values()):
            if since and self._by_time and job.created_at < since:
                return
            if job.fate != "vanishes":
                yield job

    def get(self, job_id: str) -> Job | None:
        """Return a job by its id, or None where none is shown."""
        job = self._jobs.get(job_id) or self._runs.get(job_id)
        return job if job and job.fate != "vanishes" else None

    def retryable(self, step: Step, key: str) -> bool:
        """Tell whether the platform would run the record behind *key* (again)."""
        data = step.retry_data.get(key)
        return data is not None and (data.state == "live" or (data.state == "used" and self._options.rerun_used))

    def retry(self, step: Step, keys: Sequence[str], *, by: str, now: datetime, fate: str = "") -> Job:
        """Accept a retry job for *keys*; a key given twice runs its record twice, unknown ones are passed over."""
        job = self._add("retry", step.flow_id, step, tuple(key for key in keys if self.retryable(step, key)), by, now)
        job.fate = fate
        if fate == "hangs":
            job.ends_at = None
        for key in job.keys:
            data = step.retry_data[key]
            data.state = "used"
            data.record.retried_by.append(by)
            data.record.jobs_pending += 1
            if self._options.leaves == "at_once":
                self._take(job, step, data)
        return job

    def run_flow(self, flow_id: str, *, by: str, now: datetime) -> Job:
        """Accept a run of the whole flow; it brings nothing new."""
        return self._add("flow", flow_id, None, (), by, now)

    def note_run(self, flow_id: str, *, ended_at: datetime) -> Job:
        """Add a run of the flow by its schedule that has ended, which errors may name; no list of jobs shows it."""
        job = Job(
            job_id=self._world.new_id(),
            type="flow",
            step=None,
            flow_id=flow_id,
            keys=(),
            triggered_by="auto",
            created_at=whole_ms(ended_at) - RUN_LENGTH,
            ends_at=whole_ms(ended_at),
            ended_at=whole_ms(ended_at),
            end="completed",
        )
        self._runs[job.job_id] = job
        return job

    def settle(self, now: datetime) -> None:
        """Run every job whose time has come, the earliest first."""
        due = [job for job in self._pending if job.ends_at is not None and job.ends_at <= now]
        for job in due:
            self._run(job, job.ends_at or now)

    def end(self, job: Job, how: JobEnd, now: datetime) -> None:
        """End a job before its time: ``completed`` runs it; otherwise its errors are open again as they were."""
        if job.end:
            return
        if how == "completed":
            self._run(job, now)
            return
        self._break_off(job, job.keys, how, now)

    def _add(self, kind: str, flow_id: str, step: Step | None, keys: tuple[str, ...], by: str, now: datetime) -> Job:
        now, length_s = whole_ms(now), self._options.job_seconds
        job = Job(
            job_id=self._world.new_id(),
            type=kind,
            step=step,
            flow_id=flow_id,
            keys=keys,
            triggered_by=by,
            created_at=now,
            ends_at=None if length_s is None else now + timedelta(seconds=length_s),
        )
        self._by_time = self._by_time and (self._newest_at is None or self._newest_at <= now)
        self._newest_at = now
        self._jobs[job.job_id] = job
        self._pending.append(job)
        return job

    def _take(self, job: Job, step: Step, data: RetryData) -> None:
        if entry := self._world.take(step, data.error_id):
            job.taken[data.error_id] = entry

    def _run(self, job: Job, at: datetime) -> None:
        """Run a job's records as far as its fate lets it, and end it."""
        run = {"fails": 0, "halves": -(-len(job.keys) // 2)}.get(job.fate, len(job.keys))
        for key in job.keys[:run]:
            if job.step:
                self._run_record(job, job.step, job.step.retry_data[key], at)
        if job.fate in ("fails", "halves"):
            self._break_off(job, job.keys[run:], "failed", at)
        else:
            self._close(job, "completed", at)

    def _break_off(self, job: Job, left: Sequence[str], how: JobEnd, at: datetime) -> None:
        """End a job that has not run the records behind *left*: their errors are open again as they were."""
        if job.step:
            for entry in job.taken.values():
                self._world.put_back(job.step, entry)
            for key in left:
                data = job.step.retry_data[key]
                data.record.jobs_pending -= 1
                if data.error_id in job.step.open:
                    data.state = "live"
        self._close(job, how, at)

    def _run_record(self, job: Job, step: Step, data: RetryData, at: datetime) -> None:
        record = data.record
        record.jobs_pending -= 1
        self._take(job, step, data)
        connection = self._world.connections[step.resource.connection_id]
        if connection.offline:
            face, passed = record.face, False
            record.face = _offline_face(connection.name)
        else:
            passed = record.run(data.envelope)
            face = record.face
        if passed:
            job.num_success += 1
            if entry := job.taken.pop(data.error_id, None):
                self._world.file_resolved(step, entry, by=job.triggered_by, at=at)
            if self._world.flows[step.flow_id].auto_resolve:
                self._world.resolve_older(step, record.trace_key, at=at)
            return
        job.num_error += 1
        before = job.taken.pop(data.error_id, None)
        data.state = "gone"
        runs = {"retry_job": job.job_id, "blank": "", "first_run": before.fields["_flowJobId"] if before else ""}
        of_run = {"_flowJobId": runs[self._options.retried_in]}
        self._world.open_error(step, record, at=at, envelope=data.envelope, auto_resolve=True, **of_run)
        record.face = face

    def _close(self, job: Job, how: JobEnd, at: datetime) -> None:
        job.end, job.ended_at = how, at
        job.taken.clear()
        self._pending.remove(job)


def _offline_face(connection: str) -> Face:
    return Face(
        source="connection",
        code="CONNECTION_OFFLINE",
        message=f"The connection '{connection}' is offline; the record was not sent.",
        classification="connection",
    )
