"""``flowmend suggest`` as a rule editor meets it: on what was recorded, and on a listing in a file."""

import asyncio
import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app.replay import Asked, past_errors
from daemon.app.suggest import Suggestions, sightings, suggest
from daemon.cli.suggest import suggest as command
from daemon.core.actions import Mode
from daemon.core.exceptions import ConfigError, RuleError
from daemon.rulebook.candidate import prepare
from tests.integration.shop import SHIPPED, Shop
from tests.integration.small_shop import BUSY, FLAKY, HOPELESS, UNRECORDED, fail, one_pass, people, small_shop

OTHER = (
    "version: 1\nrules:\n  - {id: other, why: w, classify: c, when: {code: RCRD_HAS_BEEN_CHANGED}, then: {leave: {}}}\n"
)
CHANGED = "netsuite-record-changed"
LONG = 36_500
"""Days: the shop's clock stands in the past."""


async def suggested(shop: Shop, **more: Any) -> Suggestions:
    async with shop.daemon(Mode.OBSERVE) as daemon:
        asked = Asked(since=shop.clock.now() - timedelta(days=14), now=shop.clock.now())
        rules = daemon.rules.current
        seen = await sightings(past_errors(daemon.store, asked), rules)
    return suggest(seen, rules, **{"days": 14, "least": 1, "most": 10, **more})


async def test_a_retry_is_suggested_where_those_of_people_went_through_and_else_to_hold(tmp_path: Path) -> None:
    async with small_shop(tmp_path, OTHER) as shop:
        cured, hopeless = fail(shop, BUSY, count=6), fail(shop, HOPELESS, count=6)
        fail(shop, CHANGED, count=2)
        async with shop.daemon(Mode.OBSERVE) as daemon:
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(minutes=20))
            people(shop, "retry", *cured, *hopeless)
            shop.clock.pass_by(timedelta(minutes=20))
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(minutes=20))
            await one_pass(daemon)
        made = await suggested(shop)

    by_code = {str(each.proposal.when["code"]): each for each in made.rules}
    assert set(by_code) == {"SSS_REQUEST_LIMIT_EXCEEDED", "INVALID_KEY_OR_REF"}, "what a rule takes is not suggested"
    busy, stuck = by_code["SSS_REQUEST_LIMIT_EXCEEDED"], by_code["INVALID_KEY_OR_REF"]
    assert (busy.proposal.known.retried, busy.proposal.known.worked, busy.takes) == (6, 6, 6)
    assert list(busy.proposal.then) == ["retry"]
    assert (stuck.proposal.known.retried, stuck.proposal.known.worked, stuck.takes) == (6, 0, 12)
    assert list(stuck.proposal.then) == ["hold"]
    assert all(each.overlap == 0 for each in made.rules)


async def test_what_a_rule_may_take_for_a_value_that_is_not_recorded_is_not_suggested(tmp_path: Path) -> None:
    for_one = OTHER.replace(
        "code: RCRD_HAS_BEEN_CHANGED", 'code: SSS_REQUEST_LIMIT_EXCEEDED, message: {contains: "4711"}'
    )
    async with small_shop(tmp_path, for_one) as shop:
        fail(shop, BUSY, count=3)
        fail(shop, HOPELESS, count=3)
        async with shop.daemon(Mode.OBSERVE) as daemon:
            await one_pass(daemon)
        made = await suggested(shop)

    assert [each.proposal.when["code"] for each in made.rules] == ["INVALID_KEY_OR_REF"]
    assert (made.errors, made.unmatched) == (6, 3)


async def test_a_resolve_is_suggested_only_where_people_resolved_nearly_all(tmp_path: Path) -> None:
    async with small_shop(tmp_path, OTHER) as shop:
        closed, some = fail(shop, HOPELESS, count=20), fail(shop, FLAKY, count=20)
        async with shop.daemon(Mode.OBSERVE) as daemon:
            await one_pass(daemon)
            shop.clock.pass_by(timedelta(minutes=20))
            people(shop, "resolve", *closed, *some[:15])
            shop.clock.pass_by(timedelta(minutes=20))
            await one_pass(daemon)
        made = await suggested(shop)

    actions = {str(each.proposal.when["code"]): list(each.proposal.then) for each in made.rules}
    assert actions == {"INVALID_KEY_OR_REF": ["resolve"], "UNEXPECTED_ERROR": ["hold"]}
    assert "people resolved 20 of 20 of these by hand" in made.text()
    assert made.text().count("mode: observe") == 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, one rule, and a store in which errors of two kinds were recorded."""
    folder = tmp_path_factory.mktemp("place")

    async def happen() -> None:
        async with small_shop(folder, OTHER) as shop, shop.daemon(Mode.OBSERVE) as daemon:
            fail(shop, BUSY, count=4)
            fail(shop, HOPELESS, count=3)
            await one_pass(daemon)

    asyncio.run(happen())
    configuration = f'[accounts.acme]\n[rules]\npaths = ["rules"]\n[store]\nurl = "sqlite:///{folder}/flowmend.db"\n'
    (folder / "config.toml").write_text(configuration, encoding="utf-8")
    return folder


def run(place: Path, **options: Any) -> None:
    usual = {"config": None if "rules" in options else place / "config.toml", "days": LONG, "least": 1, "most": 10}
    command(**{**usual, **options})


def test_the_rules_and_what_to_do_next_are_shown(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(place)
    shown = capsys.readouterr().out

    assert "7 of 7 errors are taken by no rule; they say 2 different things." in shown
    assert "hold: takes 4 of these errors, none that another rule takes now" in shown
    assert "mode: observe" in shown
    assert "--write FILE" in shown
    assert "flowmend test" in shown
    assert "flowmend diff running" in shown


def test_written_rules_are_sound_and_not_suggested_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = place / "suggested.yaml"  # not among the configured rules yet
    try:
        run(place, write=file, most=1)
        assert "1 rule written to" in capsys.readouterr().out
        run(place, write=file)
        capsys.readouterr()
        run(place, write=file)
        nothing = f"there is nothing to suggest. Nothing was written to {file}."
        assert f"each is taken by a rule: {nothing}" in capsys.readouterr().out
        candidate = prepare([place / "rules", file])
        assert [problem.message for problem in candidate.problems if problem.rule != "other"] == []
        assert candidate.ruleset is not None
        assert len(candidate.ruleset.rules) == 3
    finally:
        file.unlink()


def test_the_output_for_programs_has_the_rules_their_effect_and_their_text(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(place, json=True)
    told = json.loads(capsys.readouterr().out)

    assert (told["errors"], told["unmatched"], told["patterns"]) == (7, 7, 2)
    assert [rule["effect"] for rule in told["rules"]] == [
        {"takes": 4, "taken_by_others_now": 0},
        {"takes": 3, "taken_by_others_now": 0},
    ]
    assert told["text"].startswith("version: 1\n")


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        pytest.param({"flow": "elsewhere"}, "nothing was judged there in the last", id="another flow"),
        pytest.param({"least": 5}, "2 patterns seen too rarely: --min-count 1 shows all.", id="too rare"),
        pytest.param({"most": 1}, "1 more pattern: --limit shows more.", id="too many"),
    ],
)
def test_what_is_not_shown_is_said(
    place: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], heard: str
) -> None:
    run(place, **options)
    told = capsys.readouterr()

    assert heard in told.out + told.err


def test_a_listing_needs_no_configuration_and_no_store(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [{"code": "ODD", "message": f"The order {n} of Ann Lee is odd"} for n in range(4)]
    (place / "errors.json").write_text(json.dumps({"errors": errors}), encoding="utf-8")
    run(place, file=str(place / "errors.json"), rules=[SHIPPED])
    from_file = capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(errors).encode())))
    run(place, file="-", rules=[SHIPPED])

    assert capsys.readouterr().out == from_file
    assert "4 of 4 errors are taken by no rule" in from_file
    assert "message: {contains: of Ann Lee is odd}" in from_file


@pytest.mark.parametrize(
    ("options", "failure", "heard"),
    [
        pytest.param({"file": "errors.json", "flow": "f"}, ConfigError, "leave out --file", id="a file has no flows"),
        pytest.param({"file": "missing.json"}, ConfigError, "missing.json: No such file", id="no such file"),
        pytest.param({"write": Path("rules.txt")}, ConfigError, "ends in .yaml", id="not YAML"),
        pytest.param({"account": "globex"}, ConfigError, "globex", id="no such account"),
        pytest.param({"rules": [Path("nowhere.yaml")], "file": "-"}, RuleError, "nowhere.yaml", id="no such rules"),
    ],
)
def test_what_cannot_be_done_is_said(
    place: Path, options: dict[str, Any], failure: type[Exception], heard: str
) -> None:
    with pytest.raises(failure) as refused:
        run(place, **options)

    assert heard in str(refused.value)


def test_where_nothing_is_recorded_that_is_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def happen() -> None:
        async with small_shop(tmp_path, OTHER, recordings=UNRECORDED) as shop, shop.daemon() as daemon:
            fail(shop, BUSY)
            await one_pass(daemon)

    asyncio.run(happen())
    (tmp_path / "config.toml").write_text(
        f'[accounts.acme]\n[rules]\npaths = ["rules"]\n[recordings]\nkeep = "0s"\n[store]\nurl = "sqlite:///{tmp_path}/flowmend.db"\n',
        encoding="utf-8",
    )
    run(tmp_path)

    told = capsys.readouterr()
    assert "recordings.keep" in told.err
    assert told.out == ""
