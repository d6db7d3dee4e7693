"""What conditions look at: one error on its step, with what is known of its case and its retry data."""

from collections.abc import Callable, Mapping
from enum import IntEnum, auto

from daemon.core.facts import UNAVAILABLE, Facts
from daemon.core.records import ErrorRecord, Step

MESSAGE_CUT = 65_536
"""How many characters of a message are looked at (P13)."""


class Stage(IntEnum):
    """When a condition can be judged, cheapest first.

    What depends on the step and on fields with few different values is judged once per combination, what depends on
    the message once per message, and the rest, from ``TRACE_KEY`` on, each time.
    """

    STEP = auto()
    FIELDS = auto()
    MESSAGE = auto()
    TRACE_KEY = auto()
    AGE = auto()
    ATTEMPTS = auto()
    DATA = auto()


class Text:
    """A text in the forms that patterns and comparisons need.

    Half surrogate pairs, which no UTF-8 can carry, are joined or become U+FFFD, so that all forms say the same.
    """

    __slots__ = ("_folded", "plain", "raw")

    def __init__(self, plain: str) -> None:
        try:
            self.raw = plain.encode()
        except UnicodeEncodeError:
            plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            self.raw = plain.encode()
        self.plain = plain
        self._folded: str | None = None

    @property
    def folded(self) -> str:
        """Return the text without differences of case."""
        if self._folded is None:
            self._folded = self.plain.casefold()
        return self._folded


def message_of(record: ErrorRecord) -> Text:
    """Return as much of an error's message as rules look at."""
    return Text(record.message[:MESSAGE_CUT])


class Subject:
    """One error as its rules see it; *message* is its `message_of`, where that is there already."""

    __slots__ = ("_attempts", "facts", "message", "record", "step")

    def __init__(self, step: Step, record: ErrorRecord, facts: Facts, message: Text | None = None) -> None:
        self.step = step
        self.record = record
        self.facts = facts
        self.message = message or message_of(record)
        self._attempts: int | None = None

    @property
    def attempts(self) -> int:
        """Return the retries of the case so far, looked up once."""
        if self._attempts is None:
            known = self.facts.attempts
            self._attempts = known if isinstance(known, int) else known()
        return self._attempts

    @property
    def data(self) -> object:
        """Return the retry data's ``data``, or why there is none."""
        return self.facts.data if self.record.retry_key else UNAVAILABLE


Reader = Callable[[Subject], tuple[object, ...]]


def _present(*values: str) -> tuple[object, ...]:
    return tuple(value for value in values if value)


def _age(subject: Subject) -> tuple[object, ...]:
    occurred_at = subject.record.occurred_at
    return () if occurred_at is None else (subject.facts.now - occurred_at,)


def _http_status(subject: Subject) -> tuple[object, ...]:
    status = subject.record.http_status
    return () if status is None else (status,)


READERS: Mapping[str, tuple[Stage, Reader]] = {
    "account": (Stage.STEP, lambda s: _present(s.step.ref.account)),
    "integration": (Stage.STEP, lambda s: _present(s.step.integration_id, s.step.integration_name)),
    "flow": (Stage.STEP, lambda s: _present(s.step.ref.flow_id, s.step.flow_name)),
    "step": (Stage.STEP, lambda s: _present(s.step.ref.step_id, s.step.name)),
    "step_type": (Stage.STEP, lambda s: _present(s.step.type)),
    "source": (Stage.FIELDS, lambda s: _present(s.record.source)),
    "code": (Stage.FIELDS, lambda s: _present(s.record.code)),
    "classification": (Stage.FIELDS, lambda s: _present(s.record.classification)),
    "classified_by": (Stage.FIELDS, lambda s: _present(s.record.classified_by)),
    "assigned_to": (Stage.FIELDS, lambda s: _present(s.record.assigned_to)),
    "tags": (Stage.FIELDS, lambda s: _present(*s.record.tags)),
    "http_status": (Stage.FIELDS, _http_status),
    "retryable": (Stage.FIELDS, lambda s: (s.record.retryable,)),
    "message": (Stage.MESSAGE, lambda s: (s.message,) if s.message.plain else ()),
    "trace_key": (Stage.TRACE_KEY, lambda s: _present(s.record.trace_key)),
    "age": (Stage.AGE, _age),
    "attempts": (Stage.ATTEMPTS, lambda s: (s.attempts,)),
}
"""When each field can be judged, and its values: none where it is missing, several where any of them may fit."""
