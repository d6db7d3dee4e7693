"""Pauses: where nothing may be written for now, because a person said so (P16)."""

from dataclasses import dataclass
from datetime import datetime

from daemon.core.moments import stamp
from daemon.core.records import StepRef


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Scope:
    """What a pause stops; "" stands for every account, flow or step."""

    account: str = ""
    flow_id: str = ""
    step_id: str = ""

    def covers(self, ref: StepRef) -> bool:
        """Tell whether the step is within."""
        given = ((self.account, ref.account), (self.flow_id, ref.flow_id), (self.step_id, ref.step_id))
        return all(wanted in ("", found) for wanted, found in given)

    def __str__(self) -> str:
        parts = (("step", self.step_id), ("flow", self.flow_id), ("account", self.account))
        return " of ".join(f"{word} {name}" for word, name in parts if name) or "everything"


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One pause that holds, until *until* (None: until somebody resumes). *number* 0 is the PAUSE file's."""

    number: int
    scope: Scope
    reason: str
    by: str
    since: datetime
    until: datetime | None = None

    def __str__(self) -> str:
        until = "" if self.until is None else f" until {stamp(self.until)}"
        why = f": {self.reason}" if self.reason else ""
        return f"writing to {self.scope} is paused{until}, since {stamp(self.since)} by {self.by}{why}"
