"""The report tells what happened, as the sandbox knows it, and the same in every form."""

import asyncio
import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from re import findall
from typing import Any

import pytest

from daemon.app.forgotten import note_forgotten
from daemon.app.reporting import make_report
from daemon.cli.report import Format, report
from daemon.cli.report_figures import FIGURES
from daemon.core.exceptions import ConfigError, StoreError
from daemon.core.rates import Trend
from daemon.core.report import AccountReport, Report, Window
from daemon.core.report_rows import IncidentKind
from daemon.core.retention import Retention, retention
from daemon.store.copies import copy_store
from daemon.store.sql import open_store
from tests.integration.busy_weeks import Weeks, spend


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    """Three weeks of a shop that ended a moment ago."""
    return spend(tmp_path_factory.mktemp("weeks"), datetime.now(UTC).replace(microsecond=0))


def kept_by(weeks: Weeks, keeps: timedelta) -> Retention:
    return retention(weeks.until, keep=timedelta(days=90), recordings=keeps, retry_max_age=timedelta(days=7))


async def made(weeks: Weeks, days: int = 7, keeps: timedelta = timedelta(days=30)) -> Report:
    kept = kept_by(weeks, keeps)
    async with open_store(f"sqlite:///{weeks.folder / 'flowmend.db'}") as store:
        return await make_report(store, ["acme"], Window(until=weeks.until, days=days), kept)


async def of_acme(weeks: Weeks, **asked: Any) -> AccountReport:
    return (await made(weeks, **asked)).accounts[0]


async def test_what_became_of_the_errors_is_what_the_platform_knows(weeks: Weeks) -> None:
    account = await of_acme(weeks)
    now, gone = account.now, account.now.gone
    assert gone is not None
    fixed = [truth for truth in weeks.confirmed if truth.state == "cured"]
    assert now.retried("confirmed") == len(fixed) == len(weeks.confirmed) == 4
    assert all(truth.open_ids and truth.copies == 0 for truth in weeks.came_back)
    assert now.retried("came_back") == len(weeks.came_back) == 40
    assert (
        now.resolved("confirmed") == len(weeks.resolved) == sum(truth.state == "resolved" for truth in weeks.resolved)
    )
    assert gone.person_resolved == len(weeks.resolved_by_people) == 2
    assert gone.person_retried == len(weeks.retried_by_people) == 1
    assert gone.platform == len(weeks.by_platform) == 1
    assert gone.vanished == len(weeks.vanished) == sum(truth.vanished for truth in weeks.vanished) == 1
    assert now.retried("unknown") == account.unknown == len(weeks.unknown) == 1
    assert now.retried("under_way") == account.in_flight == len(weeks.under_way) == 2
    assert now.retried("sent") == 4 + 40 + 1 + 2
    assert account.before.retried("confirmed") == account.before.new == len(weeks.before) == 2


async def test_new_errors_are_those_that_left_one_way_or_another_and_those_that_are_open(weeks: Weeks) -> None:
    account = await of_acme(weeks)
    now, gone = account.now, account.now.gone
    assert gone is not None
    assert now.retries is not None
    assert now.resolves is not None
    left = now.retries.confirmed + now.retries.came_back + now.resolves.confirmed + gone.left
    assert now.new == left + account.open + account.in_flight
    assert total_open(weeks) == account.open + account.in_flight


def total_open(weeks: Weeks) -> int:
    """Return how many errors the platform has open, or in a job that is not over."""
    groups = [
        weeks.confirmed, weeks.came_back, weeks.resolved_by_people, weeks.retried_by_people, weeks.by_platform,
        weeks.vanished, weeks.resolved, weeks.unknown, weeks.held, weeks.under_way, weeks.expiring, weeks.before,
    ]  # fmt: skip
    return sum(len(truth.open_ids) or truth.jobs_pending for group in groups for truth in group)


async def test_what_needs_people_and_what_is_only_load_is_told(weeks: Weeks) -> None:
    account = await of_acme(weeks)
    assert account.held == {"exhausted": 40, "unknown": 1, "warehouse": 3}
    assert account.unmatched == 3, "two that are old, and the one that a person retried in vain"
    assert account.oldest is not None
    assert account.oldest.oldest_at is not None
    assert account.oldest.oldest_at < weeks.until - timedelta(days=28)
    assert [step.expiring for step in account.expiring] == [len(weeks.expiring)]
    assert [rule.rule_id for rule in account.only_load] == ["ship"]
    again = next(rule for rule in account.rules if rule.rule_id == "again")
    assert again.trend is Trend.TOO_FEW
    assert again.to_fix is not None
    assert timedelta(minutes=10) <= again.to_fix < timedelta(minutes=11), "they had failed ten minutes before"


async def test_incidents_are_told_with_when_they_began_and_how_long_they_lasted(weeks: Weeks) -> None:
    useless, breaker, later = (await of_acme(weeks)).incidents
    assert (useless.kind, useless.rule_id, later.rule_id) == (IncidentKind.RULE, "ship", "again")
    assert breaker.kind is IncidentKind.STEP
    assert breaker.ended_at is not None
    assert abs(breaker.ended_at - breaker.began_at - timedelta(days=1)) < timedelta(minutes=2)
    assert [each.kind for each in (await of_acme(weeks, days=3)).incidents] == [IncidentKind.STEP, IncidentKind.RULE]


async def test_without_recordings_the_journal_still_tells_what_the_robot_did(weeks: Weeks) -> None:
    account = await of_acme(weeks, keeps=timedelta(0))
    assert (account.now.new, account.now.gone, account.recorded_since) == (None, None, None)
    assert account.now.retried("confirmed") == 4
    short = await of_acme(weeks, keeps=timedelta(days=2))
    assert [period.new is None for period in short.by_day] == [True] * 5 + [False] * 2


async def test_days_that_are_forgotten_are_not_told_as_days_on_which_nothing_came(
    weeks: Weeks, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copy_store(weeks.folder / "flowmend.db", tmp_path / "flowmend.db")
    async with open_store(f"sqlite:///{tmp_path}/flowmend.db") as store:
        await note_forgotten(store, kept_by(weeks, timedelta(days=2)), weeks.until)
    config = (weeks.folder / "config.toml").read_text(encoding="utf-8").replace(str(weeks.folder), str(tmp_path))
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    told = await asyncio.to_thread(written, weeks, capsys, Format.JSON, config=tmp_path / "config.toml")
    days = json.loads(told)["accounts"]["acme"]["by_day"]
    assert [day["new"] is None for day in days] == [True] * 4 + [False] * 3


def written(weeks: Weeks, capsys: pytest.CaptureFixture[str], form: Format, **options: Any) -> str:
    report(**{"config": weeks.folder / "config.toml", "form": form, **options})
    return capsys.readouterr().out


def test_every_form_tells_the_same_figures(weeks: Weeks, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(written(weeks, capsys, Format.JSON))
    rows = list(csv.DictReader(StringIO(written(weeks, capsys, Format.CSV))))
    text = written(weeks, capsys, Format.TEXT)
    account = data["accounts"]["acme"]
    for act in ("retries", "resolves"):
        for end, number in account["period"][act].items():
            assert sum(int(row[f"{act}_{end}"]) for row in rows) == number, (act, end)
            assert sum(day[act][end] for day in account["by_day"]) == number
            assert sum(rule["period"][act][end] for rule in account["rules"]) == number
    for how in ("person_resolved", "person_retried", "platform", "vanished", "not_asked"):
        assert sum(int(row[f"left_{how}"]) for row in rows) == account["period"]["left"][how]
    assert sum(int(row["new"]) for row in rows) == account["period"]["new"] == data["total"]["period"]["new"] == 100
    told = {name: (this, before) for name, this, before in findall(r"(?m)^(\S.*?)  +(\d+)  +(\d+) *$", text)}
    assert list(told) == [name for name, _ in FIGURES]
    assert told["new"] == ("100", "2")
    assert told["fixed by the robot (confirmed)"] == ("4", "2")
    assert told["came back"] == ("40", "0")
    assert told["dealt with by people"] == ("3", "0")


def test_nothing_that_an_error_says_and_nothing_of_its_data_is_in_a_report(
    weeks: Weeks, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in Format:
        told = written(weeks, capsys, form)
        for truth in (*weeks.came_back, *weeks.expiring, *weeks.unknown):
            for word in (truth.face.message, truth.trace_key, *truth.error_ids):
                assert not word or str(word) not in told


def test_a_report_needs_what_draws_plots_only_where_it_draws_any(weeks: Weeks) -> None:
    code = (
        "import sys; from daemon.cli.report import Format, report; "
        f"report(config=__import__('pathlib').Path({str(weeks.folder / 'config.toml')!r}), form=Format.TEXT); "
        "print({'jinja2', 'pygal'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.endswith("set()\n")


def test_a_report_is_written_to_a_file_whole_or_not_at_all(
    weeks: Weeks, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "report.csv"
    file.write_text("old", encoding="utf-8")
    assert written(weeks, capsys, Format.CSV, output=file) == ""
    assert file.read_bytes().startswith(b"account,rule,day_from,new,")
    assert file.read_bytes().count(b"\r\n") == 1 + 7 * 5
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(ConfigError, match=r"no/report\.csv cannot be written: No such file"):
        written(weeks, capsys, Format.CSV, output=tmp_path / "no" / "report.csv")


def test_json_and_another_form_are_not_both_to_be_had_and_a_store_is_needed(
    weeks: Weeks, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert json.loads(written(weeks, capsys, Format.TEXT, json=True))["days"] == 7
    with pytest.raises(ConfigError, match="two different forms"):
        written(weeks, capsys, Format.CSV, json=True)
    with pytest.raises(ConfigError, match='no account "globex"'):
        written(weeks, capsys, Format.CSV, account="globex")
    (tmp_path / "config.toml").write_text(
        f'[accounts.acme]\n[store]\nurl = "sqlite:///{tmp_path}/none.db"\n', encoding="utf-8"
    )
    with pytest.raises(StoreError, match="there is no store"):
        report(config=tmp_path / "config.toml")
    assert not (tmp_path / "none.db").exists()
