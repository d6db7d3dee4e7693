"""What is remembered of an error that was judged.

What is made for every error of a page is a tuple: a frozen dataclass takes several times as long to make.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from daemon.core.actions import Hold
from daemon.core.decisions import Verb


class Judged(NamedTuple):
    """One error and the decision about it, as the store keeps it. No message text, no retry data (P10).

    *due_at*: for a retry or resolve, when it may be sent; for any other verb, when to judge it again. *tag* and *assign* say
    that the rule wants it tagged or assigned, which has not been done yet. *hold* is set for a held error.
    """

    error_id: str
    case_key: str
    occurred_at: datetime | None
    fingerprint: int
    code: str
    verb: Verb
    rule_id: str
    reason: str
    detail: str = ""
    due_at: datetime | None = None
    tag: bool = False
    assign: bool = False
    hold: Hold | None = None


class Known(NamedTuple):
    """What the store holds of an error already judged: *held* for people; *in_flight* while a write is unsettled.

    *case_key* is the case that it was of when it was judged last. A tuple, because reading a backlog makes one for each
    of its errors, and the decoder of the store makes them.
    """

    fingerprint: int
    case_key: str
    in_flight: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """An error that was open and is not any more, without us.

    *unknown*: nobody knows what came of a retry of it, so it may have left by that one.
    """

    error_id: str
    case_key: str
    rule_id: str
    verb: Verb
    unknown: bool = False
