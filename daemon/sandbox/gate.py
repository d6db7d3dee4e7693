"""Who may come in, and how often: token, shared account, rate limit."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime

from daemon.sandbox.calls import Answer, answer_json, not_found
from daemon.sandbox.options import Options
from daemon.sandbox.world import World

BUCKET = 1000
REFILL_PER_S = 300
OF_ERRORS = frozenset(
    {
        "GET integration-errors", "GET flow-errors", "GET errors", "GET resolved", "GET data", "PUT resolved",
        "POST retry", "PUT data", "PUT assign", "PUT step-tags",
    }
)  # fmt: skip
"""What there is with Error Management 2.0 only."""


class Gate:
    """Lets a request in, or answers in place of the API."""

    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self._options = options
        self._tokens = float(BUCKET)
        self._filled_at: datetime | None = None

    def refusal(self, endpoint: str, headers: Mapping[str, str], now: datetime) -> Answer | None:
        """Return the refusal of a request with these headers, or None where it may pass."""
        options = self._options
        if options.other_region:
            return Answer(status=401, body=b"Unauthorized", content_type="text/plain")
        if headers.get("Authorization") != f"Bearer {options.token}" or not self._world.token_valid:
            return answer_json({"message": "Unauthorized"}, status=401)
        if options.share_id and headers.get("Integrator-AShareId") is None:
            message = "An account is shared with you. Please send the Integrator-AShareId in the request header."
            return answer_json({"errors": [{"code": "missing_header", "message": message}]}, status=400)
        if options.share_id and headers.get("Integrator-AShareId") != options.share_id:
            return answer_json({"message": "Forbidden"}, status=403)
        if not options.error_management and endpoint in OF_ERRORS:
            return not_found("Path", endpoint).answer()
        return self._over_limit(now) if options.rate_limit else None

    def throttled(self, wait_s: int = 1, *, retry_after: str = "auto") -> Answer:
        """Return the answer to one request too many; *retry_after* "auto" is as the options say."""
        after = self._options.retry_after if retry_after == "auto" else retry_after
        headers = {"Retry-After": str(wait_s) if after == "auto" else after}
        error = {"code": "rate_limited", "message": "Too many requests; please slow down."}
        return answer_json({"errors": [error]}, status=429, headers={k: v for k, v in headers.items() if v})

    def _over_limit(self, now: datetime) -> Answer | None:
        passed_s = (now - self._filled_at).total_seconds() if self._filled_at else 0.0
        self._tokens = min(float(BUCKET), self._tokens + passed_s * REFILL_PER_S)
        self._filled_at = now
        if self._tokens < 1:
            return self.throttled(math.ceil((1 - self._tokens) / REFILL_PER_S))
        self._tokens -= 1
        return None


def retry_after(wait: str, now: datetime) -> str:
    """Return the header for a *wait* of the vocabulary of faults, "" for none."""
    words = {
        "none": "",
        "junk": "soon",
        "date": format_datetime(now + timedelta(seconds=2), usegmt=True),
        "past": format_datetime(now - timedelta(hours=1), usegmt=True),
    }
    return words.get(wait, wait)
