"""``flowmend replay`` and ``flowmend diff`` as a rule editor meets them."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from re import sub
from typing import Any

import pytest
import typer

from daemon.cli.diff import diff
from daemon.cli.errors import errors
from daemon.cli.replay import replay
from daemon.core.exceptions import ConfigError, RuleError
from tests.integration.small_shop import BUSY, FLOW, HOPELESS, RETRIES, STEP, fail, one_pass, people, small_shop

LONG = 36_500
"""Days: the shop's clock stands in the past."""

NEW = """
version: 1
rules:
  - id: invoices
    why: The books decide.
    when: {code: SSS_REQUEST_LIMIT_EXCEEDED, data: {type: invoice}}
    then: {leave: {}}
  - id: close
    why: Nothing to do.
    mode: observe
    when: {code: INVALID_KEY_OR_REF}
    then: {resolve: {because: nothing to do}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, the rules that ran, new ones, and a store in which people have been at work."""
    folder = tmp_path_factory.mktemp("place")

    rules = RETRIES.replace("retry: {max_attempts: 3, ramp: off}", "hold: {queue: q}")

    async def happen() -> None:
        async with small_shop(folder, rules) as shop, shop.daemon() as daemon:
            fail(shop, BUSY, count=2)
            tried, closed, _ = (fail(shop, HOPELESS, count=count) for count in (1, 4, 1))
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(minutes=20))
            people(shop, "resolve", *closed)
            people(shop, "retry", *tried)
            shop.clock.pass_by(timedelta(minutes=20))
            await one_pass(daemon)

    asyncio.run(happen())
    (folder / "new.yaml").write_text(NEW, encoding="utf-8")
    (folder / "config.toml").write_text(
        f'[accounts.acme]\n[rules]\npaths = ["rules"]\n[store]\nurl = "sqlite:///{folder}/flowmend.db"\n',
        encoding="utf-8",
    )
    return folder


def run(command: Any, *arguments: Any, **options: Any) -> int:
    """Run a command and return its exit code."""
    try:
        command(*arguments, **{"days": LONG, **options})
    except typer.Exit as ended:
        return int(ended.exit_code)
    return 0


def run_listing(place: Path, **asked: Any) -> None:
    """Run ``flowmend errors --json``."""
    with pytest.raises(typer.Exit):
        errors(config=place / "config.toml", json=True, **asked)


def test_a_change_is_told_rule_by_rule_with_what_came_of_the_errors(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    code = run(diff, "running", "new.yaml")
    told = sub(r"[0-9]{8,}", "ID", sub("rules@[0-9a-f]+", "rules@…", capsys.readouterr().out))

    assert code == 3
    assert told.replace(str(place), "").splitlines() == [
        "running (rules@…): 1 rule → new.yaml: 2 rules",
        "",
        "added    invoices  new.yaml:4:5",
        "added    close  new.yaml:8:5",
        "removed  again  /rules/rules.yaml:4:5",
        "",
        "7 of 9 errors of the last 36,500 days would have gone another way.",
        "",
        "close",
        "   7 errors would have been resolved, if the rule did more than observe; before: held by again",
        "      what came of them: 1 retried by a person · 4 resolved by a person · 2 still open",
        "",
        "2 errors cannot be told, because recordings do not say enough:",
        "   2 that invoices may take: it asks about the retry data",
        "",
        "UNSAFE  close would have resolved 5 errors that people worked on:",
        "   1 retried by a person, such as ID",
        "   4 resolved by a person, such as ID, ID, ID, …",
        "   What people retry they want to go through; once resolved, nothing opens it again.",
        "   Narrow its conditions, hold instead of resolving, or ask those who did it. Exit code 3.",
    ]


def test_rules_that_are_in_force_already_are_told_from_a_change_that_does_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    said = "is in force already"

    assert run(diff, "running", "rules") == 0
    assert f"rules {said}: a running service" in capsys.readouterr().out
    assert run(diff, "rules", "rules") == 0
    assert said not in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="everywhere"),
        pytest.param({"step": STEP}, id="a step by name"),
        pytest.param({"flow": FLOW}, id="a flow by name"),
        pytest.param({"flow": FLOW, "step": STEP}, id="both"),
    ],
)
def test_open_errors_are_listed_by_the_names_of_flow_and_step(
    place: Path, capsys: pytest.CaptureFixture[str], asked: dict[str, str]
) -> None:
    run_listing(place, **asked)

    assert len(json.loads(capsys.readouterr().out)) == 4


def test_a_name_that_nobody_knows_is_not_an_empty_list(place: Path) -> None:
    with pytest.raises(ConfigError, match=f'no step "Create sales ordr" is known here. Did you mean "{STEP}"'):
        run_listing(place, step="Create sales ordr")


def test_a_change_is_told_to_machines(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(diff, str(place / "rules"), str(place / "new.yaml"), config=place / "config.toml", json=True)
    told = json.loads(capsys.readouterr().out)

    assert (code, told["unsafe"], told["errors"]) == (3, True, 9)
    assert (told["added"], told["removed"]) == (["invoices", "close"], ["again"])
    ((change,), (doubt,)) = told["differences"], told["cannot_tell"]
    assert (change["rule"], change["verb"], change["rule_before"], change["verb_before"]) == (
        "close", "resolve", "again", "hold"
    )  # fmt: skip
    assert change["came_of_them"] == {"person_retried": 1, "person_resolved": 4, "open": 2}
    assert (doubt["rule"], doubt["fields"], doubt["errors"]) == ("invoices", ["data"], 2)


def test_rules_that_decide_alike_are_said_to(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(diff, "running", str(place / "rules"), config=place / "config.toml") == 0
    told = capsys.readouterr().out
    assert "The rules decide alike" in told
    assert "No difference for 9 errors" in told


def test_the_past_is_told_rule_by_rule(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(replay, [place / "new.yaml"], config=place / "config.toml") == 0
    told = [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    assert told[0].startswith("9 errors of the last 36,500 days, judged by rules@")
    assert [line.split() for line in told[3:4]] == [["close", "7", "·", "7", "·", "·", "7", "held", "by", "again"]]
    assert told[-1] == "   2 that invoices may take: it asks about the retry data"


def test_the_past_is_told_to_machines(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(replay, [place / "new.yaml"], config=place / "config.toml", json=True) == 0
    told = json.loads(capsys.readouterr().out)

    assert (told["errors"], told["decided_otherwise"], told["cannot_tell"]) == (9, 7, 2)
    invoices, close = told["by_rule"]
    assert (invoices["matched"], invoices["cannot_tell"]) == (0, 2)
    assert (close["matched"], close["resolve"], close["decided_otherwise"]) == (
        7, 7, [{"rule": "again", "verb": "hold", "errors": 7}]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"days": 14}, "nothing was judged in the last 14 days that could be judged again"),
        ({"flow": "Items"}, "nothing was judged there in the last 36500 days; flowmend errors lists flows"),
    ],
)
def test_where_nothing_was_judged_it_is_said_why(
    place: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], said: str
) -> None:
    for command, arguments in ((replay, [[place / "rules"]]), (diff, ["running", str(place / "new.yaml")])):
        assert run(command, *arguments, config=place / "config.toml", **options) == 0
        assert said in capsys.readouterr().err


def test_where_nothing_is_recorded_it_is_said_how_it_can_be(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWMEND_RECORDINGS__KEEP", "0s")
    assert run(replay, [place / "rules"], config=place / "config.toml", days=1) == 0
    assert 'nothing is recorded, because recordings.keep is "0s"' in capsys.readouterr().err


def test_broken_rules_judge_nothing(place: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\nrules: [{id: x}]\n", encoding="utf-8")
    with pytest.raises(RuleError, match="nothing is judged by rules that would not be loaded"):
        run(replay, [broken], config=place / "config.toml")
    with pytest.raises(RuleError, match="cannot be compared"):
        run(diff, "running", str(broken), config=place / "config.toml")
    with pytest.raises(ConfigError, match='there is no account "globex"'):
        run(diff, "running", "running", config=place / "config.toml", account="globex")
