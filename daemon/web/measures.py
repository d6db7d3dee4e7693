"""The metrics by name: kind, labels and meaning. docs/operations.md has the same table, and a test compares them."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric as it is scraped."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    says: str


def _measure(name: str, kind: Kind, labels: str, says: str) -> Measure:
    return Measure(name=f"flowmend_{name}", kind=kind, labels=tuple(labels.split()), says=says)


ALL = (
    _measure("open_errors", "gauge", "account flow step", "Errors that are open now, without those being retried."),
    _measure("errors_seen_total", "counter", "account flow step", "Errors met for the first time."),
    _measure(
        "decisions_total", "counter", "account rule action",
        "Errors met for the first time that a rule matched, by what was decided about them then.",
    ),
    _measure(
        "outcomes_total", "counter", "account rule action outcome",
        "Errors that were sent and whose outcome was settled, as outcome.settled in the log counts them.",
    ),
    _measure("unmatched_errors", "gauge", "account", "Open errors that no rule matches, as of the last cycle."),
    _measure("held_errors", "gauge", "account queue", "Open errors that wait for a person, by queue."),
    _measure(
        "unknown_outcomes", "gauge", "account",
        "Retried errors of which nobody knows what came of them; they wait for a person to say it.",
    ),
    _measure(
        "expiring_errors", "gauge", "account",
        "Open errors that occurred 27 to 30 days ago: integrator.io deletes an error and its retry data after about 30 days. "
        "Without those that a rule leaves alone; counted every 15 minutes.",
    ),
    _measure("unsettled_batches", "gauge", "account", "Batches that were sent and have no outcome yet."),
    _measure(
        "account_refused", "gauge", "account",
        "1 from when the token was refused, or the store turned out to be of another account, until a cycle ends well.",
    ),
    _measure("cycle_seconds", "histogram", "", "How long the cycles took that ended well, over all accounts."),
    _measure(
        "poll_last_success_timestamp_seconds", "gauge", "account",
        "When the last cycle ended well, in Unix time; 0 where none has since the start.",
    ),
    _measure(
        "watermark_lag_seconds", "gauge", "account",
        "How far behind the last cycle left the step that could not be read for longest; 0 where all were read.",
    ),
    _measure(
        "api_requests_total", "counter", "account endpoint status",
        "Requests to integrator.io by HTTP status; status 0 is no answer.",
    ),
    _measure("api_request_seconds", "histogram", "endpoint", "How long integrator.io took to answer."),
    _measure(
        "api_throttled_seconds_total", "counter", "account",
        "Seconds for which integrator.io (429) has kept all requests of the account waiting.",
    ),
    _measure(
        "breaker_open", "gauge", "account step",
        "1 while a breaker of the step or of its connection holds open errors back, else 0.",
    ),
    _measure(
        "limit_held_total", "counter", "account rule",
        "Errors that were held because the rule was over a limit, as limit.reached in the log counts them.",
    ),
    _measure(
        "limit_reached", "gauge", "account rule",
        "1 while the rule is over a limit and all that it has due is held, 0 while it is not.",
    ),
    _measure("rules_loaded", "gauge", "", "Rules in force; 0: nothing is acted on."),
    _measure("rules_last_reload_success", "gauge", "", "1 where the newest rule files were accepted, 0 where refused."),
    _measure("rules_last_reload_timestamp_seconds", "gauge", "", "When rule files were last tried, in Unix time."),
    _measure(
        "config_last_reload_success", "gauge", "",
        "1 where the newest configuration was accepted, 0 where a reload was refused: the next start would fail.",
    ),
    _measure("writes_paused", "gauge", "", "1 while a pause holds in any scope: flowmend pause, or the PAUSE file."),
    _measure("mode", "gauge", "mode", "1 for the mode of the configuration, 0 for the others."),
    _measure("build_info", "info", "version python", "1, with the version of Flowmend and of Python."),
)  # fmt: skip
