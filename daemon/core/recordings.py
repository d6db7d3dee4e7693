"""Recordings: what was judged, kept so that the past can be judged with other rules.

A recording tells an error without the values in its message: letters and digits of what looks like a value are replaced
by signs that only say of what kind they were. The rest stays, because it is what rules look for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from daemon.core.actions import Mode
from daemon.core.batches import Act
from daemon.core.cases import NEW_CASE, CaseHistory
from daemon.core.decisions import Decision, Outcome, Verb
from daemon.core.many import maker
from daemon.core.records import ErrorRecord, StepRef

MESSAGE_KEPT = 2_000
"""How many characters of a message are recorded: one that is longer cannot be judged again."""

LOWER, UPPER, DIGIT, LETTER = "\ue000", "\ue001", "\ue002", "\ue003"
"""The signs for a hidden character: a-z, A-Z, 0-9, any other letter. They belong to the private use of Unicode."""

SIGNS = LOWER + UPPER + DIGIT + LETTER

CUT = "\ue004"
"""Stands at the end of a message of which only the beginning was recorded."""


class Said(NamedTuple):
    """What an error says, as rules see it, without what is its own: shared by all errors that say the same.

    A tuple like `Ruling` and `Recorded`, because they are made for every error: a frozen dataclass takes several times
    as long to make, and to look for.

    *message* has `SIGNS` where a value stood, and ends in `CUT` where it is only the beginning of the message.
    """

    source: str = ""
    code: str = ""
    message: str = ""
    classification: str = ""
    classified_by: str = ""
    assigned_to: str = ""
    tags: tuple[str, ...] = ()
    http_status: int | None = None
    retryable: bool = False

    def __repr__(self) -> str:
        """Return what kind of error it is, and nothing of its message (P10)."""
        return f"Said(source={self.source!r}, code={self.code!r})"


class Ruling(NamedTuple):
    """What was decided; *rule_id* "" where no rule matched."""

    rule_id: str
    verb: Verb
    reason: str
    mode: Mode = Mode.OBSERVE


class Recorded(NamedTuple):
    """One error as it was judged at *judged_at*, with what was known of its case then.

    Judged again with the same result it is the same recording. *last_at* is until when that was what was judged of it:
    until it was judged otherwise, or was seen for the last time. *trace* is a hash of the trace key that names its case, 0
    where none does. The store tells both.
    """

    step: StepRef
    error_id: str
    occurred_at: datetime | None
    said: Said
    ruling: Ruling
    judged_at: datetime
    last_at: datetime
    trace: int = 0
    case: CaseHistory = NEW_CASE
    retry_at: datetime | None = None


class Fate(StrEnum):
    """What came of an error. The ones with ``person`` are the work of people."""

    OPEN = "open"
    UNDER_WAY = "under_way"
    CONFIRMED = "confirmed"
    CAME_BACK = "came_back"
    UNKNOWN = "unknown"
    RESOLVED = "resolved"
    PERSON_RESOLVED = "person_resolved"
    PERSON_RETRIED = "person_retried"
    PLATFORM = "platform"
    LEFT = "left"


BY_PEOPLE = frozenset({Fate.PERSON_RESOLVED, Fate.PERSON_RETRIED})
"""What only people do: they have worked on the error."""


ACTED: Mapping[tuple[str, str | None], Fate] = {
    (Act.RETRY, None): Fate.UNDER_WAY,
    (Act.RETRY, Outcome.CONFIRMED): Fate.CONFIRMED,
    (Act.RETRY, Outcome.CAME_BACK): Fate.CAME_BACK,
    (Act.RETRY, Outcome.UNKNOWN): Fate.UNKNOWN,
    (Act.RETRY, Outcome.VANISHED): Fate.LEFT,
    (Act.RESOLVE, None): Fate.UNDER_WAY,
    (Act.RESOLVE, Outcome.CONFIRMED): Fate.RESOLVED,
    (Act.RESOLVE, Outcome.UNKNOWN): Fate.UNKNOWN,
    (Act.RESOLVE, Outcome.VANISHED): Fate.LEFT,
}
"""What came of an error that we acted on; what was refused, or came back from a resolve, is as it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A recording, and what is known now of its error.

    *open*: it is still stored. *left_at* is when it was noticed that it had left without us, *how* the fate that was
    found out, "" while nobody has asked.
    """

    recorded: Recorded
    open: bool = False
    left_at: datetime | None = None
    how: str = ""

    def fate(self, acted: Fate | None) -> Fate:
        """Return what came of the error, given what came of it when we *acted* on it, if we did."""
        if acted is not None:
            return acted
        if self.how:
            return Fate(self.how)
        return Fate.OPEN if self.open else Fate.LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Errors of a step that left without us, of which nobody has asked how; *since* is when the first was last seen."""

    step: StepRef
    error_ids: tuple[str, ...]
    since: datetime


def trace_of(trace_key: str) -> int:
    """Return what a recording keeps of a trace key: a hash of 48 bits, 0 for none."""
    if not trace_key:
        return 0
    return int.from_bytes(blake2b(trace_key.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "big")


def trace_in(case_key: str) -> int:
    """Return what a recording keeps of the trace key that names a case, 0 where none does."""
    kind, name = case_key[:2], case_key[2:]
    if kind == "c:":
        return trace_of(name.partition(":")[2])
    return trace_of(name) if kind == "t:" else 0


_said = maker(Said)


def said_by(record: ErrorRecord, message: str) -> Said:
    """Return what *record* says, with *message*, the redacted one, in place of its own."""
    _, _, source, code, _, _, retry_key, http_status, classification, classified_by, assigned_to, tags, _, _, _ = record
    kept = message if len(message) <= MESSAGE_KEPT else message[:MESSAGE_KEPT] + CUT
    return _said((source, code, kept, classification, classified_by, assigned_to, tags, http_status, bool(retry_key)))


def ruling_of(decision: Decision) -> Ruling:
    """Return what *decision* was."""
    return Ruling(decision.rule_id, decision.verb, decision.reason, decision.mode)


def record_of(recorded: Recorded) -> ErrorRecord:
    """Return the error as far as the recording knows it; its message still has `SIGNS` in it.

    What a key stands for is not known, only whether there was one.
    """
    said = recorded.said
    return ErrorRecord(
        error_id=recorded.error_id,
        occurred_at=recorded.occurred_at,
        source=said.source,
        code=said.code,
        message=said.message,
        trace_key="hidden" if recorded.trace else "",
        retry_key="hidden" if said.retryable else "",
        http_status=said.http_status,
        classification=said.classification,
        classified_by=said.classified_by,
        assigned_to=said.assigned_to,
        tags=said.tags,
        retry_at=recorded.retry_at,
    )


FILLINGS = (str.maketrans(SIGNS, "aA0à"), str.maketrans(SIGNS, "zZ9ж"))
"""Two ways to put characters for `SIGNS`, as unlike as can be: what holds with both does not hang on a value."""


def readable(message: str) -> str:
    """Return a recorded message as people read it: x, X and 0 for what is hidden."""
    return message.translate(str.maketrans(SIGNS + CUT, "xX0x…"))


def has_hidden(message: str) -> bool:
    """Tell whether a recorded message hides anything."""
    return not message.isascii() and any(sign in message for sign in SIGNS + CUT)
