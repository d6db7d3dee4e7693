"""A report tells the same in every form, and what it shows of others' names does nothing."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.cli.report_figures import ENDS, FIGURES, report_csv, report_json
from daemon.cli.report_page import report_page
from daemon.cli.report_view import report_text
from daemon.cli.report_words import percent, rate, roughly
from daemon.core.batches import Act
from daemon.core.rates import Rate
from daemon.core.records import Step, StepRef
from daemon.core.report import Report
from daemon.core.report_rows import Arrived, End, Incident, IncidentKind, OpenStep, Sent
from tests.report_values import ARRIVED, LEFT, NOW, SENT, WEEK, reported

HOSTILE = "<script>alert(1)</script>\"'><img src=http://example.com/x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://example.com")'
BAD = StepRef(account=HOSTILE, flow_id=HOSTILE, step_id="s")


class Page(HTMLParser):
    """What is on a page: every tag with its attributes, and the text of each cell, row by row, by table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._rows: list[list[str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            kind = (dict(attrs).get("class") or "").split()
            self._rows = self.tables.setdefault(kind[0] if kind else "", [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._rows and self._rows[-1]:
            self._rows[-1][-1] += data.strip()


def one(**told: object) -> Report:
    return Report(window=WEEK, accounts=(reported(**told),))  # type: ignore[arg-type]


def hostile() -> Report:
    """Return a report in which every name that comes from outside tries to be more than a name."""
    sent = [Sent(rule_id=HOSTILE, day=9, act=Act.RETRY, end=End.CAME_BACK, count=40)]
    step = Step(ref=BAD, type="import", name=HOSTILE, flow_name=HOSTILE)
    incidents = [
        Incident(kind=kind, target=f"{HOSTILE}/s", rule_id=HOSTILE, reason=HOSTILE, began_at=NOW) for kind in IncidentKind
    ]  # fmt: skip
    account = reported(
        sent=sent,
        open_steps=[OpenStep(step=BAD, count=2, unmatched=1, expiring=1, oldest_at=NOW - timedelta(days=29))],
        held={HOSTILE: 1},
        unknown=1,
        incidents=incidents,
        steps={BAD: step},
    )
    return Report(window=WEEK, accounts=(replace(account, name=HOSTILE), replace(account, name="acme")))


@settings(max_examples=25)
@given(st.lists(ARRIVED), st.lists(LEFT), st.lists(SENT), st.sampled_from([0, 2, 10, 30]), st.sampled_from([3, 30]))
def test_text_json_csv_and_page_tell_the_same(
    arrived: list[Arrived], left: list[object], sent: list[Sent], kept: int, kept_sent: int
) -> None:
    report = one(
        arrivals=arrived, left=left, sent=sent, keeps=timedelta(days=kept), keeps_sent=timedelta(days=kept_sent)
    )
    data = json.loads(json.dumps(report_json(report)))["accounts"]["acme"]
    rows = list(csv.DictReader(StringIO(report_csv(report))))
    page = Page(report_page(report))
    text = dict(re.findall(r"(?m)^(\S.*?)  +([\d,]+|not known)  +[\d,]+ *$|", report_text(report)))
    lines = {row[0]: row[1:] for row in page.tables["figures"][1:]}
    for name, figure in FIGURES:
        known = figure(report.now)
        shown = _shown(known)
        assert lines[name][0] == shown
        assert text.get(name, shown) == shown
    flat = {"new": data["period"]["new"], **_flat("left", data["period"]["left"])}
    flat |= _flat("retries", data["period"]["retries"]) | _flat("resolves", data["period"]["resolves"])
    for name in rows[0] if rows else ():
        if name not in ("account", "rule", "day_from"):
            cells = [row[name] for row in rows if row[name]]
            assert sum(map(int, cells)) == (flat[name] or 0), name
            assert bool(cells) == (flat[name] is not None)
    days = page.tables["days"][1:]
    assert [day[1] for day in days] == [
        "not known" if day["new"] is None else f"{day['new']:,}" for day in data["by_day"]
    ]
    assert [day[3] for day in days] == [
        _shown(day["retries"] and day["retries"]["confirmed"]) for day in data["by_day"]
    ]


def _shown(figure: int | None) -> str:
    return "not known" if figure is None else f"{figure:,}"


def _flat(name: str, figures: dict[str, int] | None) -> dict[str, int | None]:
    left = ("person_resolved", "person_retried", "platform", "vanished", "not_asked")
    return {
        f"{name}_{key}": value for key, value in (figures or dict.fromkeys(left if name == "left" else ENDS)).items()
    }


def test_every_key_of_the_json_is_told_in_the_manual() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)`", manual.partition("## The report")[2].partition("\n## ")[0]))
    assert set(_keys(report_json(hostile()))) - {HOSTILE, "acme"} <= told


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def test_a_page_loads_nothing_and_runs_nothing_whatever_things_are_called() -> None:
    page = report_page(hostile())
    read = Page(page)
    assert {tag for tag, _ in read.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "a"})
    attributes = {name for _, attrs in read.tags for name in attrs}
    assert not {name for name in attributes if name.startswith("on") or name in ("src", "href", "xlink:href", "style")}
    assert not re.search(r"url\(|@import|@font-face", page)
    assert read.text.count("<script>alert(1)</script>") > 10
    bare = page.replace("http://example.com", "")
    assert "http:" not in bare
    assert "https:" not in bare


def test_each_plot_is_told_in_words_and_named_once() -> None:
    read = Page(report_page(hostile()))
    plots = [attrs for tag, attrs in read.tags if tag == "svg" and attrs.get("role") == "img"]
    ids = Counter(attrs["id"] for _, attrs in read.tags if "id" in attrs)
    assert len(plots) == 4, "two for each account"
    assert set(ids.values()) == {1}
    for plot in plots:
        title, told = str(plot["aria-labelledby"]).split()
        assert (title in ids, told in ids) == (True, True)
    assert "came back: 40 in all" in read.text


def test_a_page_says_what_period_it_is_about_and_is_made_for_paper_and_for_dark_rooms() -> None:
    page = report_page(one())
    assert "2026-03-13 09:00" in page
    assert "2026-03-20 09:00" in page
    assert "UTC" in page
    for needed in ("@page { size: A4", "@media print", "prefers-color-scheme: dark", '<html lang="en">'):
        assert needed in page


def test_no_cell_of_a_spreadsheet_is_a_formula() -> None:
    for sign in ("=", "+", "-", "@", "\t", "\r"):
        account = reported([Arrived(rule_id=f"{sign}1", day=9, count=1)])
        (row, *_) = csv.DictReader(
            StringIO(report_csv(Report(window=WEEK, accounts=(replace(account, name=FORMULA),))))
        )
        assert (row["account"], row["rule"]) == (f"'{FORMULA}", f"'{sign}1")


def test_the_text_says_first_what_needs_a_person_and_what_is_only_load() -> None:
    report = hostile()
    text = report_text(report)
    order = [
        "What needs a person",
        "1 retry has an unknown outcome",
        "deleted",
        "held",
        "What is only load",
        "Open now",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "0 of 40 retries helped. This rule is only load" in text
    assert "all accounts" in text
    assert "\x1b" not in text


def test_what_was_not_recorded_is_said_and_not_counted_as_nothing() -> None:
    for report, words in (
        (one(keeps=timedelta(0)), "nothing is recorded"),
        (one(keeps=timedelta(days=3)), "known from 2026-03-17 09:00 UTC on"),
        (one(keeps=timedelta(days=10)), "not known of the period before, only from 2026-03-10 09:00 UTC on"),
        (
            one(keeps_sent=timedelta(days=3)),
            "What was sent, and what came of it, is known from 2026-03-17 09:00 UTC on",
        ),
    ):
        assert words in report_text(report)
        assert words in report_page(report)
        assert words in report_json(report)["accounts"]["acme"]["notes"][0]
    assert "not known" not in report_text(one())


@pytest.mark.parametrize(
    ("helped", "tried", "words"),
    [
        (0, 0, "-"),
        (2, 5, "2 of 5, too few to tell"),
        (10, 10, "100 % (72-100 %), 10 of 10"),
        (1, 1000, "<1 % (0-1 %), 1 of 1,000"),
        (999, 1000, ">99 % (99-100 %), 999 of 1,000"),
    ],
)
def test_a_rate_is_told_with_how_sure_it_is(helped: int, tried: int, words: str) -> None:
    assert rate(Rate(helped=helped, tried=tried)) == words


def test_shares_and_spans_are_told_shortly() -> None:
    assert [percent(share) for share in (0, 0.004, 0.5, 0.996, 1)] == ["0 %", "<1 %", "50 %", ">99 %", "100 %"]
    spans = {
        -90_000: "0 seconds",
        0: "0 seconds",
        59: "59 seconds",
        60: "1 minute",
        7199: "119 minutes",
        7200: "2 hours",
        172_800: "2 days",
    }
    assert {seconds: roughly(timedelta(seconds=seconds)) for seconds in spans} == spans
