"""What the platform's flows, summaries, jobs and connections mean: JSON objects in, values of ``core.records`` out."""

from collections.abc import Iterator
from typing import Any

from daemon.core.exceptions import ProtocolError
from daemon.core.records import Connection, Flow, Integration, Job, Mark, StepType, TokenInfo
from daemon.integrator.wire import Json, moment, objects, text

_COUNT_DIGITS = 15


def integration(answer: Json) -> Integration:
    """Return one integration."""
    return Integration(integration_id=text(answer.get("_id")), name=text(answer.get("name")))


def flow(answer: Json) -> Flow:
    """Return one flow with its steps (chapter 9)."""
    return Flow(
        flow_id=text(answer.get("_id")),
        name=text(answer.get("name")),
        integration_id=text(answer.get("_integrationId")),
        disabled=_flag(answer.get("disabled")),
        steps=tuple(dict.fromkeys(_steps(answer))),
    )


def _steps(answer: Json) -> Iterator[tuple[str, StepType]]:
    nodes = objects(answer.get("pageGenerators")) + objects(answer.get("pageProcessors"))
    for router in objects(answer.get("routers")):
        for branch in objects(router.get("branches")):
            nodes += objects(branch.get("pageProcessors"))
    for node in [*nodes, answer]:  # older flows have their one export and import at the top
        if export_id := text(node.get("_exportId")):
            yield export_id, "export"
        if import_id := text(node.get("_importId")):
            yield import_id, "import"


def marks(entries: Any, id_key: str, where: str) -> dict[str, Mark]:
    """Return what a summary says, by the id under *id_key*.

    Raises:
        ProtocolError: the summary has another shape; which of the entries have errors is not known.
    """
    found: dict[str, Mark] = {}
    for entry in entries if isinstance(entries, list) else [None]:
        named = entry if isinstance(entry, dict) else {}
        known_id, num_error = text(named.get(id_key)), _count(named.get("numError"))
        if not known_id or num_error is None:
            raise ProtocolError(f"{where}: the error summary has an unknown shape; what is open is not known")
        found[known_id] = Mark(num_error=num_error, last_error_at=moment(named.get("lastErrorAt")))
    return found


def job(answer: Json) -> Job:
    """Return one job."""
    return Job(
        job_id=text(answer.get("_id")),
        type=text(answer.get("type")),
        status=text(answer.get("status")),
        num_success=_count(answer.get("numSuccess")) or 0,
        num_error=_count(answer.get("numError")) or 0,
        triggered_by=text(answer.get("triggeredBy")),
        created_at=moment(answer.get("createdAt")),
        ended_at=moment(answer.get("endedAt")),
    )


def connection(answer: Json) -> Connection:
    """Return one connection."""
    return Connection(
        connection_id=text(answer.get("_id")), name=text(answer.get("name")), offline=_flag(answer.get("offline"))
    )


def tag(answer: Json) -> tuple[str, str]:
    """Return a tag's ``tagId`` (not its ``_id``) and its name."""
    return text(answer.get("tagId")), text(answer.get("tag")) or text(answer.get("name"))


def step_detail(answer: Json) -> tuple[str, str]:
    """Return the name and the connection id of an export or import."""
    return text(answer.get("name")), text(answer.get("_connectionId"))


def token_info(answer: Json) -> TokenInfo:
    """Return whose token it is; the scope may be missing."""
    return TokenInfo(user_id=text(answer.get("_userId")), scope=text(answer.get("scope")))


def _flag(value: Any) -> bool:
    return text(value).lower() == "true"


def _count(value: Any) -> int | None:
    count = text(value)
    return int(count) if count.isdecimal() and len(count) <= _COUNT_DIGITS else None
