"""Decisions: what one rule says about one error now, with the reason. Acting on them is another file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from daemon.core.actions import Hold, Mode, Rule


class Verb(StrEnum):
    """What is to be done with an error; ``NONE`` where no rule matched."""

    NONE = "none"
    LEAVE = "leave"
    HOLD = "hold"
    RETRY = "retry"
    RESOLVE = "resolve"


LEFT_ALONE = "leave"
"""The reason of the errors that are left alone because their rule says so, not because something stands in the way."""


class Outcome(StrEnum):
    """How an act ended (P4); ``confirmed`` is the only success."""

    CONFIRMED = "confirmed"
    CAME_BACK = "came_back"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The rule that won, and what its pattern's named groups caught."""

    rule: Rule
    groups: Mapping[str, str] = field(default_factory=dict)


class Decision(NamedTuple):
    """What to do with one error, and why; a tuple, because one is made for every error.

    *reason* is a stable word that counts and documents (``due``, ``waiting``, ``exhausted`` …), *detail* the sentence
    for people. A retry or resolve with *due_at* in the future is not due yet; any other verb with *due_at* set is to be
    judged again then. *hold* says where a held error goes.
    """

    verb: Verb
    reason: str
    detail: str = ""
    rule: Rule | None = None
    mode: Mode = Mode.OBSERVE
    due_at: datetime | None = None
    hold: Hold | None = None

    @property
    def rule_id(self) -> str:
        """Return the id of the rule that decided, or "" where none matched."""
        return self.rule.id if self.rule else ""

    def due_again(self, due_at: datetime) -> "Decision":
        """Return the same decision, to be looked at again at *due_at*."""
        return self._replace(due_at=due_at)
