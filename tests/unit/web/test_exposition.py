"""Samples under hostile names, and the documentation of every metric."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from daemon.core.records import StepRef
from daemon.core.totals import Totals
from daemon.web.exposition import LONGEST, MOST, Exposition
from daemon.web.measures import ALL
from daemon.web.reading import AccountReading, Reading, Stored

ROOT = Path(__file__).parents[3]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = (
    'x"} 1\nflowmend_fake{a="b', "back\\slash", "\x00\x1b[31m", "\u2028", "{}", "", "\ud800", "x" * 5000, "café", "a=b,c", "#",
)  # fmt: skip


def reading(totals: Totals | None = None, stored: Stored | None = None, *, accounts: int = 1) -> Reading:
    return Reading(
        accounts=[
            AccountReading(
                name=f"a{number}",
                totals=totals or Totals(),
                throttled_s=0.0,
                lag_s=0.0,
                last_success_at=NOON,
                stored=stored,
            )
            for number in range(accounts)
        ],
        mode="enforce",
        version="1.2",
        python="3.11",
        rules_loaded=3,
        rules_ok=True,
        rules_tried_at=NOON,
        config_ok=True,
    )


def values(
    of: Reading, name: str, form: str = "openmetrics", most: int = MOST
) -> dict[frozenset[tuple[str, str]], float]:
    """Return the samples of a metric, written and read again."""
    exposition = Exposition(of, most=most)
    families = (
        read_text(generate_latest(exposition).decode())
        if form == "text"
        else read_openmetrics(generate_openmetrics(exposition).decode())  # type: ignore[no-untyped-call]
    )
    return {
        frozenset(sample.labels.items()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize("form", ["openmetrics", "text"])
def test_hostile_names_stay_label_values_of_their_own_metric(form: str) -> None:
    totals = Totals()
    for number, name in enumerate(HOSTILE, start=1):
        totals.limited[name] += number
        totals.seen[StepRef(account="a0", flow_id=name, step_id=name)] += number
        totals.settled[name, "retry", "confirmed"] += number

    found = values(reading(totals), "flowmend_limit_held_total", form)

    assert sorted(found.values()) == list(range(1, len(HOSTILE) + 1))
    assert all(len(value) <= LONGEST for key in found for _, value in key)
    assert len(values(reading(totals), "flowmend_errors_seen_total", form)) == len(HOSTILE)
    text = generate_latest(Exposition(reading(totals))).decode()
    assert not [line for line in text.split("\n") if line and not line.startswith(("flowmend_", "# HELP", "# TYPE"))]
    assert "flowmend_fake" not in {line.partition("{")[0] for line in text.split("\n")}


def test_series_are_bounded_and_the_rest_is_added_up() -> None:
    totals = Totals()
    for number in range(50):
        totals.limited[f"rule-{number}"] += 1

    found = values(reading(totals), "flowmend_limit_held_total", most=5)

    assert len(found) == 6
    assert found[frozenset({("account", "a0"), ("rule", "other")})] == 45
    assert found[frozenset({("account", "a0"), ("rule", "rule-0")})] == 1


def test_a_bounded_counter_never_goes_back() -> None:
    totals, before = Totals(), dict[frozenset[tuple[str, str]], float]()
    for number in range(20):
        totals.limited[f"rule-{number % 7}"] += 1
        now = values(reading(totals), "flowmend_limit_held_total", most=3)
        assert all(now[key] >= value for key, value in before.items())
        before = now


def test_a_step_of_two_flows_is_one_breaker_series_and_the_open_one_counts() -> None:
    breakers = {
        StepRef(account="a0", flow_id="f1", step_id="s"): True,
        StepRef(account="a0", flow_id="f2", step_id="s"): False,
        StepRef(account="a0", flow_id="f2", step_id="t"): False,
    }
    stored = Stored(open={}, held={}, unknown=0, expiring=0, unsettled=0, breakers=breakers)

    found = values(reading(stored=stored), "flowmend_breaker_open")

    assert found == {
        frozenset({("account", "a0"), ("step", "s")}): 1,
        frozenset({("account", "a0"), ("step", "t")}): 0,
    }


def test_durations_of_all_accounts_are_one_histogram_whose_buckets_add_up() -> None:
    totals = Totals()
    for took_s in (0.05, 0.1, 0.2, 4000.0):
        totals.cycle_s.add(took_s)

    found = values(reading(totals, accounts=2), "flowmend_cycle_seconds_bucket")

    assert {float(dict(key)["le"]): value for key, value in found.items() if float(dict(key)["le"]) in (0.1, 0.25, 900.0)} == {
        0.1: 4, 0.25: 6, 900.0: 6,
    }  # fmt: skip
    assert found[frozenset({("le", "+Inf")})] == 8
    assert values(reading(totals, accounts=2), "flowmend_cycle_seconds_sum") == {frozenset(): pytest.approx(8000.7)}


def test_what_is_not_known_is_left_out_and_not_said_to_be_zero() -> None:
    for name in ("flowmend_open_errors", "flowmend_unmatched_errors", "flowmend_writes_paused"):
        assert values(reading(), name) == {}


def test_the_documentation_has_every_metric_as_the_code_has_it() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(flowmend_\w+)` \| (\w+) \| ([\w, ]*) \| (.+) \|$", text, re.MULTILINE)

    assert rows == [(each.name, each.kind, ", ".join(each.labels), each.says) for each in ALL]


CONTRACT = """
flowmend_open_errors{account,flow,step} flowmend_errors_seen_total{account,flow,step}
flowmend_decisions_total{account,rule,action} flowmend_outcomes_total{account,rule,action,outcome}
flowmend_unmatched_errors{account} flowmend_held_errors{account,queue} flowmend_unknown_outcomes{account} flowmend_expiring_errors{account}
flowmend_unsettled_batches{account} flowmend_account_refused{account}
flowmend_cycle_seconds flowmend_poll_last_success_timestamp_seconds{account}
flowmend_watermark_lag_seconds{account} flowmend_api_requests_total{account,endpoint,status}
flowmend_api_request_seconds{endpoint} flowmend_api_throttled_seconds_total{account}
flowmend_breaker_open{account,step} flowmend_limit_held_total{account,rule}
flowmend_limit_reached{account,rule} flowmend_rules_loaded
flowmend_rules_last_reload_success flowmend_rules_last_reload_timestamp_seconds
flowmend_config_last_reload_success flowmend_writes_paused
flowmend_mode{mode} flowmend_build_info{version,python}
"""


def test_names_and_labels_are_those_that_dashboards_and_alerts_were_promised() -> None:
    made = [each.name + (f"{{{','.join(each.labels)}}}" if each.labels else "") for each in ALL]
    assert made == CONTRACT.split()
