"""How a sandbox behaves where the API document leaves it open, and where a test wants it awkward."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Behaviour of one sandbox; the defaults are the documented or the likeliest one.

    Who may ask:
        *token* and *user_id* belong together. *scope* None leaves the field out of ``tokenInfo``. *share_id* "" means
        that no ``Integrator-AShareId`` is needed. *other_region* refuses the right token with a plain "Unauthorized".
        *error_management* False is an account without Error Management 2.0: its errors are not shown to anybody. The API
        document does not say how; here it is a 404.

    Retry jobs:
        *job_seconds* is the time from creation to end; 0 means ended when next looked at, None never. *leaves* says when
        a retried error leaves the open list. *rerun_used* lets a retryDataKey that was retried before run its record
        once more, as a repeated POST does; False treats such a key as gone. *retried_in* says which run the new error of a
        failed retry names as its ``_flowJobId``: the retry job, none, or the one in which the record failed at first.
        *jobs_listed_after_s* is how long a new job is missing from the list of jobs; by its id it can be asked for at once.

    Ids that are gone:
        *gone_ids* "refuse" answers a whole batch with *gone_status* when one of its ids or keys is not there any more.

    Lists:
        *paging* "offset" counts from the top of a list that may have moved since; "keyset" goes on where the last page
        ended. *next_page_url* replaces every ``nextPageURL``. *empty_204* answers 204 in place of an empty list.
        *resolve_answer* is how a successful resolve is answered: 204, or 200 with or without a body.

    Summary of an integration:
        "full" counts flows without errors as 0, "omit_zeros" leaves them out, "no_none" knows no pseudo id ``none``;
        "missing" answers 404, "forbidden" 403, "other_shape" something else than a list.

    Rate limit:
        *rate_limit* turns the bucket of 1,000 requests (300/s) on. *retry_after* is the header of every 429: "auto" the
        whole seconds until a request fits again, "" none, anything else as it is.
    """

    token: str = "sandbox-token"  # noqa: S105 - opens nothing but this sandbox
    user_id: str = "5e0c1f2a9b3d4e5f60718293"
    scope: str | None = "*"
    share_id: str = ""
    other_region: bool = False
    error_management: bool = True

    job_seconds: float | None = 0.0
    leaves: Literal["at_once", "when_run"] = "at_once"
    rerun_used: bool = True
    retried_in: Literal["retry_job", "blank", "first_run"] = "retry_job"
    jobs_listed_after_s: float = 0.0

    gone_ids: Literal["ignore", "refuse"] = "ignore"
    gone_status: Literal[404, 422] = 404

    list_page_size: int = 100
    error_page_size: int = 1000
    order: Literal["newest", "oldest"] = "newest"
    paging: Literal["keyset", "offset"] = "keyset"
    next_page_url: str = ""
    empty_204: bool = True
    resolve_answer: Literal["204", "200_empty", "200_json"] = "204"

    integration_summary: Literal["full", "omit_zeros", "no_none", "missing", "forbidden", "other_shape"] = "full"

    rate_limit: bool = False
    retry_after: str = "auto"
