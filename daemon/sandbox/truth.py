"""The truth behind an error: the business record, what cures it, and what really happened to it.

integrator.io shows errors; the application behind a step holds records. A test looks here to see whether a record ran
twice, whatever the client believes.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from daemon.sandbox.exact import changes, read_exact, value_at, write_exact

CureKind = Literal["retry", "patch", "duplicate", "never", "changes", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How the failure of a record shows: the fields of the error object that say what went wrong."""

    source: str
    code: str
    message: Any
    classification: str = ""
    http_status: int | None = None
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """What makes a record pass.

    ``retry``      passes at retry number *at_retry*
    ``patch``      passes once *value* stands at *pointer* of the retry data (``/data/…``), and fails again before that
    ``duplicate``  is in the target already: a retry passes and makes a second copy; it should be resolved
    ``never``      fails again at every retry
    ``changes``    fails at the first retry with another *face*, and from then on *then* cures it
    ``none``       has no retry data, so nothing can run it again
    """

    kind: CureKind
    at_retry: int = 1
    pointer: str = ""
    value: Any = None
    face: Face | None = None
    then: "Cure | None" = None


@dataclass(slots=True, kw_only=True)
class Truth:
    """One business record on one step.

    *cure* is the one that holds now and *face* how the record fails now (``changes`` replaces both). *runs* counts how
    often a retry job ran it in the target, *copies* how often it is there; more than one is the harm that must never
    happen. *retried_by* tells who started each accepted retry that its key stood in. *patched* holds every retry
    data that was PUT, as received, and *stray_changes* the pointers at which a PUT changed something other than what
    the cure is about. *error_ids* are all the ids under which it was ever open, *open_ids* those of now.
    """

    record_id: str
    family: str
    flow_id: str
    step_id: str
    trace_key: str
    cure: Cure
    face: Face
    runs: int = 0
    runs_of_cure: int = 0
    copies: int = 0
    jobs_pending: int = 0
    resolved_by: str = ""
    vanished: bool = False
    retried_by: list[str] = field(default_factory=list)
    patched: list[str] = field(default_factory=list)
    stray_changes: list[str] = field(default_factory=list)
    error_ids: list[str] = field(default_factory=list)
    open_ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.cure.kind == "duplicate":
            self.copies = 1

    @property
    def state(self) -> Literal["open", "in_job", "cured", "resolved", "vanished"]:
        """Say where the record stands; ``cured`` means that a retry brought it into the target."""
        if self.open_ids:
            return "open"
        if self.jobs_pending:
            return "in_job"
        if self.vanished:
            return "vanished"
        return "cured" if self.runs and self.copies else "resolved"

    @property
    def retries_accepted(self) -> int:
        """Count the times its key stood in an accepted retry call."""
        return len(self.retried_by)

    @property
    def harmed(self) -> bool:
        """Tell whether the record is in the target more than once."""
        return self.copies > 1

    def run(self, envelope: bytes) -> bool:
        """Run the record once in the target, with this retry data, and tell whether it passed."""
        self.runs += 1
        self.runs_of_cure += 1
        match self.cure.kind:
            case "retry":
                passed = self.runs_of_cure >= self.cure.at_retry
            case "patch":
                # written and read back, so that both sides hold numbers by their spelling
                right = read_exact(write_exact(self.cure.value))
                passed = value_at(read_exact(envelope), self.cure.pointer) == right
            case "duplicate":
                passed = True
            case "changes" if self.cure.face and self.cure.then:
                self.face, self.cure, self.runs_of_cure = self.cure.face, self.cure.then, 0
                passed = False
            case _:
                passed = False
        self.copies += passed
        return passed

    def note_patch(self, before: bytes, after: bytes) -> None:
        """Remember retry data that was PUT, and where it strays from what the cure is about.

        Raises:
            ValueError: *after* is not JSON.
        """
        places = changes(read_exact(before), read_exact(after))
        self.patched.append(after.decode())
        self.stray_changes += [place for place in places if self.cure.kind != "patch" or place != self.cure.pointer]
