"""Figures → samples: which values each metric has, by its labels, in the order in which they came about."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import accumulate

from daemon.core.actions import Mode
from daemon.core.decisions import Outcome
from daemon.core.records import StepRef
from daemon.core.totals import Durations
from daemon.web.reading import AccountReading, Reading, Stored

Labels = tuple[str, ...]
Sample = tuple[str, Labels, float]
"""The name of a metric, its label values, and the value."""


def samples(reading: Reading) -> Iterator[Sample]:
    """Yield what was counted and what is so now; of one metric and the same labels there may be several, to be added."""
    for account in reading.accounts:
        yield from _of_account(account)
        if account.stored is not None:
            yield from _of_store(account.name, account.stored)
    for account in reading.accounts:  # after all that has happened: alerts need a zero before the first unknown outcome
        for rule_id, act in reading.sends:
            yield "flowmend_limit_held_total", (account.name, rule_id), 0
            yield "flowmend_limit_reached", (account.name, rule_id), 0
            for outcome in Outcome:
                yield "flowmend_outcomes_total", (account.name, rule_id, act, outcome.value), 0
    yield "flowmend_rules_loaded", (), reading.rules_loaded
    yield "flowmend_rules_last_reload_success", (), reading.rules_ok
    yield "flowmend_rules_last_reload_timestamp_seconds", (), _unix(reading.rules_tried_at)
    yield "flowmend_config_last_reload_success", (), reading.config_ok
    if reading.paused is not None:
        yield "flowmend_writes_paused", (), reading.paused
    for mode in Mode:
        name = mode.name.lower()
        yield "flowmend_mode", (name,), name == reading.mode
    yield "flowmend_build_info", (reading.version, reading.python), 1


def durations(reading: Reading) -> Iterator[tuple[str, Labels, Durations]]:
    """Yield what was timed, as `samples`; of the same labels there may be several, to be added."""
    for account in reading.accounts:
        yield "flowmend_cycle_seconds", (), account.totals.cycle_s
        for endpoint, took in account.totals.request_s.items():
            yield "flowmend_api_request_seconds", (endpoint,), took


def buckets(same: list[Durations]) -> tuple[list[tuple[str, float]], float]:
    """Return durations with the same bounds as a histogram's cumulative buckets, and their sum in seconds."""
    bounds = [*map(str, same[0].bounds_s), "+Inf"]
    counts = accumulate(map(sum, zip(*(each.counts for each in same), strict=True)))
    return list(zip(bounds, map(float, counts), strict=True)), sum(each.sum_s for each in same)


def _of_account(account: AccountReading) -> Iterator[Sample]:
    name, totals = account.name, account.totals
    for ref, count in totals.seen.items():
        yield "flowmend_errors_seen_total", (name, ref.flow_id, ref.step_id), count
    for (rule_id, verb), count in totals.decided.items():
        yield "flowmend_decisions_total", (name, rule_id, verb), count
    for (rule_id, act, outcome), count in totals.settled.items():
        yield "flowmend_outcomes_total", (name, rule_id, act, outcome), count
    for rule_id, count in totals.limited.items():
        yield "flowmend_limit_held_total", (name, rule_id), count
    for (endpoint, status), count in totals.requests.items():
        yield "flowmend_api_requests_total", (name, endpoint, str(status)), count
    yield "flowmend_api_throttled_seconds_total", (name,), account.throttled_s
    yield "flowmend_poll_last_success_timestamp_seconds", (name,), _unix(account.last_success_at)
    if account.unmatched is not None:
        yield "flowmend_unmatched_errors", (name,), account.unmatched
    yield "flowmend_account_refused", (name,), account.refused
    for rule_id in account.over_limit:
        yield "flowmend_limit_reached", (name, rule_id), 1
    yield "flowmend_watermark_lag_seconds", (name,), account.lag_s


def _of_store(name: str, stored: Stored) -> Iterator[Sample]:
    for ref, count in stored.open.items():
        yield "flowmend_open_errors", (name, ref.flow_id, ref.step_id), count
    for queue, count in stored.held.items():
        yield "flowmend_held_errors", (name, queue), count
    yield "flowmend_unknown_outcomes", (name,), stored.unknown
    yield "flowmend_expiring_errors", (name,), stored.expiring
    yield "flowmend_unsettled_batches", (name,), stored.unsettled
    for step_id, is_open in _by_step(stored.breakers).items():
        yield "flowmend_breaker_open", (name, step_id), is_open


def _by_step(breakers: Mapping[StepRef, bool]) -> dict[str, bool]:
    """Return whether retries are held back on a step in any of the flows that it is part of."""
    found: dict[str, bool] = {}
    for ref, is_open in breakers.items():
        found[ref.step_id] = found.get(ref.step_id, False) or is_open
    return found


def _unix(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
