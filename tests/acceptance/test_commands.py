"""The installed command, as people and scripts use it."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.acceptance.command import served_sandbox, started, write_config

SHIPPED = Path(__file__).parents[2] / "rules"


def test_help_tells_a_newcomer_what_it_is_and_where_to_begin(tmp_path: Path) -> None:
    done = started("--help", cwd=tmp_path)

    assert done.returncode == 0
    assert "integrator.io" in done.stdout
    assert "flowmend demo" in done.stdout
    for command in (
        "demo",
        "sandbox",
        "run",
        "once",
        "plan",
        "approve",
        "apply",
        "check",
        "errors",
        "case",
        "hold",
        "pause",
        "resume",
        "schema",
        "db",
        "doctor",
    ):
        assert command in done.stdout


def test_it_says_which_version_it_is(tmp_path: Path) -> None:
    done = started("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"flowmend {version('flowmend')}\n")


def test_a_folder_to_practise_in_works_as_it_is_made(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--world", "tiny", "--practice", "practice") as sandbox:
        done = started("once", "--json", cwd=tmp_path / "practice")
        told = json.loads(done.stdout)["accounts"]["practice"]
        assert (done.returncode, done.stderr, sandbox.state["writes"]) == (0, "", [])
        assert told["matched"] > 0


def test_the_demo_ends_with_figures_that_equal_the_sandboxs_truth(tmp_path: Path) -> None:
    done = started("demo", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    truth = told["sandbox"]

    assert done.returncode in (0, 3), done.stderr
    assert truth["steps"] >= 12
    assert truth["flows"] >= 6
    assert told["new"] >= 2000
    for name in ("retried", "patched", "resolved", "confirmed", "came_back"):
        assert told[name] == truth[name] > 0, name
        assert told[name] == sum(rule.get(name, 0) for rule in told["rules"].values()), name
    assert told["open"] == truth["errors"]
    assert truth["harmed"] == 0


def test_the_demo_for_people_shows_a_table_and_that_the_books_agree(tmp_path: Path) -> None:
    done = started("demo", "--errors", "300", cwd=tmp_path)

    assert "came back" in done.stdout
    assert "They agree with the table." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_work_of_a_day_by_commands(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--errors", "400", "--job-seconds", "0.2") as sandbox:
        write_config(tmp_path, sandbox.url, SHIPPED, mode="observe")
        observed = started("once", "--json", cwd=tmp_path)
        assert observed.returncode == 0, observed.stderr
        counts = json.loads(observed.stdout)["accounts"]["acme"]
        assert counts["new"] == counts["open"] == 400
        assert not sandbox.state["writes"]

        write_config(tmp_path, sandbox.url, SHIPPED, mode="enforce")
        planned = started("plan", "--json", cwd=tmp_path)
        groups = json.loads(planned.stdout)["acme"]["groups"]
        assert sum(group["due"] for group in groups) > 100
        assert not sandbox.state["writes"]
        assert "why not all" in started("plan", cwd=tmp_path).stdout

        done = started("once", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        counts = json.loads(done.stdout)["accounts"]["acme"]
        assert counts["confirmed"] > 100
        assert sandbox.state["totals"]["harmed"] == 0

        errors = json.loads(started("errors", "--json", "--limit", "1000", cwd=tmp_path).stdout)
        assert len(errors) == counts["open"]
        held = json.loads(started("hold", "list", "--json", cwd=tmp_path).stdout)
        assert {row["errorId"] for row in held} == {row["errorId"] for row in errors if row["verb"] == "hold"}
        assert len(held) == sum(row["verb"] == "hold" for row in errors) > 0
        came_back = next(row for row in errors if row["reason"] == "waiting" and row["case"].startswith("t:"))
        events = json.loads(started("case", came_back["case"].removeprefix("t:"), "--json", cwd=tmp_path).stdout)
        assert {"retry", "open"} <= {event["what"] for event in events}
        for command in (
            ["errors"],
            ["hold", "list"],
            ["case", came_back["case"].removeprefix("t:")],
            ["db", "upgrade"],
        ):
            shown = started(*command, cwd=tmp_path)
            assert shown.returncode == 0, shown.stderr
            assert shown.stdout.strip()


@pytest.mark.parametrize("what", ["rules", "config"])
def test_schema_prints_a_draft_07_schema(tmp_path: Path, what: str) -> None:
    done = started("schema", what, cwd=tmp_path)

    assert json.loads(done.stdout)["$schema"].startswith("http://json-schema.org/draft-07/schema")


def test_check_finds_the_shipped_rules_sound(tmp_path: Path) -> None:
    done = started("check", "--strict", str(SHIPPED), cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert "tests passed" in done.stdout


def test_the_doctor_says_what_is_wrong_as_far_as_it_can_look(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "rules")
    (tmp_path / "config.toml").write_text('[accounts.acme]\n[store]\nurl = "sqlite:///./f.db"\n', encoding="utf-8")
    done = started("doctor", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)

    assert (done.returncode, told["ok"], done.stderr) == (1, False, "")
    assert [(each["topic"], each["grade"]) for each in told["findings"]] == [
        ("configuration", "problem"),
        ("token", "problem"),
        ("rules", "ok"),
        ("store", "warning"),
        ("notifications", "ok"),
    ]
    assert "account acme has no token" in told["findings"][0]["said"]
