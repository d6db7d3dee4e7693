"""Errors that somebody gives as JSON: one as integrator.io lists it, or a whole listing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.exceptions import ConfigError, ProtocolError
from daemon.core.facts import UNAVAILABLE
from daemon.core.records import ErrorRecord, Step, StepRef
from daemon.integrator import wire
from daemon.rulebook.selection import exact

STEP_WORDS = ("account", "integration", "flow", "step", "step_type")
"""What a file may say beside the error's own fields, in the words of rule files; and ``data``, ``attempts``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldError:
    """One error as it was told. *data* is the retry data's ``data``, `UNAVAILABLE` where nothing was said of it."""

    step: Step
    record: ErrorRecord
    attempts: int = 0
    data: Any = UNAVAILABLE


def told_error(text: bytes, where: str) -> ToldError:
    """Return the one error that *text* holds.

    Raises:
        ConfigError: it is not one error as JSON.
    """
    try:
        told = wire.json_object(text, where)
        step_type = str(told.get("step_type", "import"))
        attempts = int(told.get("attempts", 0))
    except (ProtocolError, ValueError, TypeError) as wrong:
        why = str(wrong).removeprefix(f"{where}: ")
        raise ConfigError(f"{where}: not one error as integrator.io lists it, as a JSON object ({why})") from wrong
    if "errors" in told and isinstance(told["errors"], list):
        raise ConfigError(f"{where}: this is a list of errors; give one of the objects in it")
    words = {name: str(told.get(name, "")) for name in STEP_WORDS}
    step = Step(
        ref=StepRef(account=words["account"], flow_id=words["flow"], step_id=words["step"]),
        type="export" if step_type == "export" else "import",
        name=words["step"],
        flow_name=words["flow"],
        integration_id=words["integration"],
        integration_name=words["integration"],
    )
    data: Any = exact(json.loads(text)["data"]) if "data" in told else UNAVAILABLE
    return ToldError(step=step, record=wire.error_of(text, where), attempts=attempts, data=data)


def told_errors(text: bytes, where: str) -> Sequence[ToldError]:
    """Return the errors of a listing: ``{"errors": […]}`` as integrator.io answers, a bare list, or one error.

    Raises:
        ConfigError: it is none of these.
    """
    try:
        told = wire.decode(text, where)
    except ProtocolError as wrong:
        raise ConfigError(f"{where}: not errors as integrator.io lists them, as JSON ({wrong})") from wrong
    if isinstance(told, dict) and isinstance(told.get("errors"), list):
        told = told["errors"]
    if not isinstance(told, list):
        return [told_error(text, where)]
    return [
        told_error(json.dumps(each).encode(), f"{where}, error {number}") for number, each in enumerate(told, start=1)
    ]
