"""What a look at one installation finds, in words: one finding for each thing that was looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How it is: as it should be, worth knowing, or wrong."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Topic(StrEnum):
    """What is looked at, in this order."""

    CONFIGURATION = "configuration"
    TOKEN = "token"  # noqa: S105 - a word, no secret
    REGION = "region"
    ACCOUNT = "account"
    CLOCK = "clock"
    RIGHTS = "rights"
    FLOWS = "flows"
    RULES = "rules"
    STORE = "store"
    QUEUE = "unsettled work"
    TRACE_KEYS = "trace keys"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding; *said* is what was found (several lines where there are several problems), *advice* what to do.

    *account* is "" where it concerns none in particular.
    """

    topic: Topic
    grade: Grade
    said: str
    advice: str = ""
    account: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it for ``doctor --json``."""
        return {
            "topic": self.topic.value,
            "account": self.account,
            "grade": self.grade.value,
            "said": self.said,
            "advice": self.advice,
        }


def counted(number: int, word: str, more: str = "") -> str:
    """Write ``1 rule``, ``1,000 rules``; *more* is the plural that an s does not make."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {more or f'{word}s'}"
