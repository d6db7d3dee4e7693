"""Rules are loaded whole or not at all (P8): what is refused, what is said of it, and what a new start begins with."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.core.exceptions import StoreError
from tests.unit.app.rules_bench import NOW, OTHER, RULE, Bench, loaded_bench

TWO_FAILING = """version: 1
rules:
  - id: first
    why: x
    when: {code: A}
    then: {leave: {}}
    tests:
      - match: {code: B}
  - id: second
    why: x
    when: {code: C}
    then: {leave: {}}
    tests:
      - name: the nearest that it must not take
        no_match: {code: C}
"""


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return await loaded_bench(tmp_path / "rules")


async def test_a_refusal_names_every_problem_of_every_file_and_the_set_that_stays(bench: Bench) -> None:
    before = bench.rules.current
    bench.write("a.yaml", RULE.replace("classify", "clasify").replace("retry: {}", "rety: {}"))
    bench.write("b.yaml", "rules: [")
    assert not await bench.rules.load(NOW)
    refused, *named = bench.logged()

    assert bench.rules.current is before
    assert (refused["event"], refused["level"]) == ("rules.refused", "error")
    assert (refused["rules"], refused["since"]) == (before.version, "2026-03-02T09:00:00Z")
    assert refused["errors"] == len(named) >= 3
    assert {(line["event"], line["level"]) for line in named} == {("rules.problem", "error")}
    assert [line["at"].rpartition("/")[2].partition(":")[0] for line in named] == ["a.yaml"] * (len(named) - 1) + [
        "b.yaml"
    ]
    assert "clasify" in named[0]["problem"]
    assert named[0]["rule"] == "one"


async def test_rules_whose_own_tests_fail_are_refused_with_each_test_and_why(bench: Bench) -> None:
    before = bench.rules.current
    bench.write("b.yaml", TWO_FAILING)
    loaded = await bench.rules.load(NOW)
    _, *named = bench.logged()

    assert not loaded
    assert bench.rules.current is before
    assert [(line["code"], line["rule"], line["at"].rpartition("/")[2]) for line in named] == [
        ("E050", "first", "b.yaml:8:9"),
        ("E050", "second", "b.yaml:14:9"),
    ]
    assert "the nearest that it must not take" in named[1]["problem"]


async def test_a_test_that_fails_because_of_a_rule_in_another_file_is_refused_too(bench: Bench) -> None:
    bench.write(
        "0.yaml", "version: 1\nrules:\n  - id: wide\n    why: x\n    when: {code: OLD_SIZE}\n    then: {leave: {}}\n"
    )

    assert not await bench.rules.load(NOW)
    assert [line["rule"] for line in bench.logged() if line["event"] == "rules.problem"] == ["one"]


async def test_a_reload_tells_its_state_whichever_way_it_ends(bench: Bench) -> None:
    good = bench.rules.state
    bench.write("a.yaml", RULE.replace("classify", "clasify"))
    await bench.rules.load(NOW + timedelta(minutes=1))
    refused = bench.rules.state
    bench.write("a.yaml", RULE)
    await bench.rules.load(NOW + timedelta(minutes=2))
    mended = bench.rules.state

    assert (good.ok, good.version, good.count, good.since, good.problems) == (
        True,
        bench.rules.current.version,
        1,
        NOW,
        (),
    )
    assert (refused.ok, refused.version, refused.since) == (False, good.version, NOW)
    assert (refused.tried_at, [problem.code for problem in refused.errors]) == (NOW + timedelta(minutes=1), ["E014"])
    assert (mended.ok, mended.version, mended.since, mended.tried_at) == (
        True,
        good.version,
        NOW,
        NOW + timedelta(minutes=2),
    )
    assert (good.complaint(), mended.complaint()) == ("", "")
    assert f"the last good set, {good.version} with 1 rule since 2026-03-02 09:00:00 UTC, stays" in refused.complaint()


async def test_a_person_who_asks_is_answered_also_where_nothing_has_changed(bench: Bench) -> None:
    await bench.rules.load(NOW)
    unasked = bench.events()
    await bench.rules.load(NOW, asked=True)
    (answer,) = bench.logged()

    assert unasked == []
    assert (answer["event"], answer["changed"], answer["count"], answer["tests"]) == ("rules.loaded", False, 1, 1)


async def test_an_asked_for_reload_answers_also_where_nothing_is_better(bench: Bench) -> None:
    bench.write("a.yaml", RULE.replace("classify", "clasify"))
    for _ in range(2):
        await bench.rules.load(NOW, asked=True)

    assert bench.events() == ["rules.refused", "rules.problem"] * 2


async def test_other_work_goes_on_while_rules_are_read_and_tested(bench: Bench) -> None:
    turns: list[bool] = []

    async def other_work() -> None:
        while True:
            turns.append(reload.done())
            await asyncio.sleep(0)

    reload = asyncio.create_task(bench.rules.load(NOW))
    other = asyncio.create_task(other_work())
    await reload
    other.cancel()

    assert turns.count(False) > 1


async def test_of_two_reloads_at_once_the_later_one_has_the_last_word(bench: Bench) -> None:
    first = asyncio.create_task(bench.rules.load(NOW))
    await asyncio.sleep(0)
    bench.write("a.yaml", RULE.replace("id: one", "id: two"))
    await asyncio.gather(first, bench.rules.load(NOW))

    assert [rule.id for rule in bench.rules.current.rules] == ["two"]


async def test_a_change_of_words_alone_is_no_new_set_and_is_not_kept_again(bench: Bench) -> None:
    before = bench.rules.current.version
    bench.write("a.yaml", RULE.replace("why: x", "why: much clearer"))

    assert await bench.rules.load(NOW)
    assert bench.rules.current.version == before
    assert bench.rules.current.rules[0].why == "much clearer"
    assert len(bench.history.kept) == 1
    assert bench.events() == []


async def test_a_set_that_could_not_be_kept_is_not_in_force_and_is_tried_again(bench: Bench) -> None:
    before = bench.rules.current.version
    bench.write("a.yaml", RULE.replace("OLD_SIZE", OTHER))
    bench.history.full = True
    with pytest.raises(StoreError):
        await bench.rules.load(NOW)
    unchanged = bench.rules.current.version
    bench.history.full = False
    await bench.rules.load(NOW)

    assert unchanged == before
    assert bench.rules.current.version != before


async def test_a_start_with_broken_files_runs_the_last_good_set_with_its_tables_and_says_so(bench: Bench) -> None:
    good = bench.rules.current
    bench.write("a.yaml", "rules: [")
    restarted = bench.start()
    loaded = await restarted.load(NOW + timedelta(hours=1))
    await restarted.fall_back(NOW + timedelta(hours=1))
    (refused, problem, fell_back) = bench.logged()

    assert not loaded
    assert (refused["event"], refused["rules"], problem["event"]) == ("rules.refused", "", "rules.problem")
    assert (fell_back["event"], fell_back["rules"], fell_back["count"]) == ("rules.fell_back", good.version, 1)
    assert restarted.current.version == good.version
    assert (restarted.state.version, restarted.state.since, restarted.broken) == (good.version, NOW, True)
    assert f"the last good set, {good.version}" in restarted.complaint()


async def test_the_last_good_set_names_the_files_that_it_came_from(bench: Bench) -> None:
    place = bench.rules.current.sources[0].place
    bench.write("a.yaml", "rules: [")
    restarted = bench.start()
    await restarted.load(NOW)
    await restarted.fall_back(NOW)

    assert restarted.current.sources[0].place == place


async def test_a_start_with_failing_tests_runs_the_last_good_set(bench: Bench) -> None:
    good = bench.rules.current.version
    bench.write("b.yaml", TWO_FAILING)
    restarted = bench.start()

    assert not await restarted.load(NOW)
    await restarted.fall_back(NOW)
    assert restarted.current.version == good


async def test_a_start_with_the_same_rules_keeps_no_second_copy(bench: Bench) -> None:
    restarted = bench.start()

    assert await restarted.load(NOW)
    assert len(bench.history.kept) == 1
    assert bench.events() == ["rules.loaded"]


async def test_a_first_start_with_broken_files_has_no_rule_and_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "rules")
    await bench.rules.load(NOW)
    await bench.rules.fall_back(NOW)
    (_, _, fell_back) = bench.logged()

    assert (fell_back["event"], fell_back["count"], fell_back["kept"]) == ("rules.fell_back", 0, "")
    assert bench.rules.current.rules == ()
    assert "no rule is in force" in bench.rules.complaint()
