from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.core.actions import EditField, Hold
from daemon.core.decisions import Outcome, Verb
from daemon.core.exceptions import StoreError
from daemon.core.judgements import Gone, Judged, Known
from daemon.core.reads import Recheck, Sight
from daemon.core.records import Mark
from daemon.core.windows import NEVER_READ, StepProgress
from tests.contract.store_values import (
    ELSEWHERE,
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Clock,
    Store,
    batch,
    held,
    intend,
    item,
    judged,
    minutes,
    save,
    stored,
    unmatched,
)

SMALLEST, LARGEST = -(2**63), 2**63 - 1


async def sweep(store: Store, *seen: str, trusted: bool) -> list[str]:
    """Read the whole step, showing *seen*, and return the ids that are gone."""
    read = await store.begin_read(STEP, full=True)
    await store.see(read, seen)
    return [gone.error_id for gone in await store.end_read(read, trusted=trusted)]


async def test_a_step_never_met_was_never_read(store: Store) -> None:
    assert await store.progress(STEP) == NEVER_READ
    assert await store.known(STEP, ["e1"]) == {}
    assert await store.all_progress("acme") == {}


async def test_progress_counts_open_and_in_flight_errors_of_its_own_step(store: Store) -> None:
    await save(store, unmatched("e1"), judged("e2"), judged("e3"))
    await save(store, unmatched("e1"), step=OTHER_STEP)
    await intend(store, "e2")
    await store.save_progress(STEP, mark=Mark(num_error=3), watermark_at=NOON, swept_at=None, judged_with="rules@1")
    expected = StepProgress(mark=Mark(num_error=3), watermark_at=NOON, judged_with="rules@1", open=2, in_flight=1)
    assert await store.progress(STEP) == expected
    assert await store.all_progress("acme") == {STEP: expected, OTHER_STEP: StepProgress(open=1)}
    assert await store.open_counts("acme") == {STEP: 2, OTHER_STEP: 1}
    assert (await store.open_count("acme"), await store.open_count("nobody's")) == (3, 0)
    assert await store.all_progress("globex") == {}


async def test_a_sweep_moves_back_and_a_watermark_does_not_and_none_leaves_them(store: Store) -> None:
    await store.save_progress(STEP, mark=None, watermark_at=LATER, swept_at=LATER, judged_with="a")
    await store.save_progress(STEP, mark=None, watermark_at=NOON, swept_at=NOON, judged_with="b")
    await store.save_progress(STEP, mark=None, watermark_at=None, swept_at=None, judged_with="c")
    assert await store.progress(STEP) == StepProgress(watermark_at=LATER, swept_at=NOON, judged_with="c")
    await store.save_progress(STEP, mark=None, watermark_at=minutes(9), swept_at=minutes(9), judged_with="c")
    assert (await store.progress(STEP)).watermark_at == minutes(9)


async def test_a_mark_is_taken_back_by_saving_none(store: Store) -> None:
    for mark in (Mark(num_error=1, last_error_at=NOON), None):
        await store.save_progress(STEP, mark=mark, watermark_at=NOON, swept_at=None, judged_with="a")
        assert (await store.progress(STEP)).mark == mark


@pytest.mark.parametrize("fingerprint", [0, 1, -1, SMALLEST, LARGEST])
async def test_a_fingerprint_comes_back_to_the_last_bit(store: Store, fingerprint: int) -> None:
    await save(store, judged("e1", fingerprint=fingerprint))
    assert await store.known(STEP, ["e1", "e2"]) == {"e1": Known(fingerprint=fingerprint, case_key="t:order-1")}


async def test_known_tells_what_is_in_flight_and_what_is_held(store: Store) -> None:
    await save(store, held("e1", case_key="d:1"), judged("e2"), step=STEP)
    await intend(store, "e2")
    assert await store.known(STEP, ["e1", "e2"]) == {
        "e1": Known(fingerprint=7, case_key="d:1", held=True),
        "e2": Known(fingerprint=7, case_key="t:order-2", in_flight=True),
    }
    assert await store.known(OTHER_STEP, ["e1"]) == {}


async def test_a_page_counts_new_errors_once_and_replaces_the_others(store: Store, clock: Clock) -> None:
    assert await save(store, judged("e1"), judged("e2"), judged("e2", code="LAST")) == 2
    clock.time = LATER
    assert await save(store, unmatched("e2"), judged("e3")) == 1
    rows = {row.error_id: row for row in await store.errors("acme")}
    assert (rows["e2"].verb, rows["e2"].reason, rows["e2"].due_at) == (Verb.NONE, "unmatched", None)
    assert (rows["e1"].first_seen_at, rows["e2"].first_seen_at, rows["e3"].first_seen_at) == (NOON, NOON, LATER)
    assert (await store.progress(STEP)).open == 3


async def test_a_row_in_flight_stays_as_it_is(store: Store) -> None:
    await intend(store, "e1")
    await save(store, unmatched("e1", fingerprint=9))
    await store.rejudge(STEP, [held("e1")])
    assert await store.known(STEP, ["e1"]) == {"e1": Known(fingerprint=7, case_key="t:order-1", in_flight=True)}
    assert await store.held() == []


async def test_an_error_is_held_exactly_while_its_newest_decision_holds_it(store: Store, clock: Clock) -> None:
    edit = (EditField(path="/data/quantity", type="integer", min=1), EditField(path="/data/at", one_of=("A", 2, True)))
    hold = Hold(queue="warehouse", title="count it", edit=edit)
    await save(store, held("e1", hold=hold, detail="12 missing"), held("e2"))
    clock.time = LATER
    await store.rejudge(STEP, [held("e1", hold=replace(hold, queue="finance"), detail="13 missing")])
    await save(store, judged("e2"))
    (row,) = await store.held("acme")
    assert (row.step, row.error_id, row.queue, row.title, row.edit) == (STEP, "e1", "finance", "count it", edit)
    assert (row.rule_id, row.reason, row.detail, row.held_at, row.code) == (
        "r1",
        "hold",
        "13 missing",
        NOON,
        "INVALID_KEY",
    )


async def test_an_observed_hold_is_a_decision_but_holds_nothing(store: Store) -> None:
    await save(store, held("e1", hold=None, detail="would be held"))
    assert await store.held() == []
    (row,) = await store.errors("acme", verb=Verb.HOLD)
    assert row.detail == "would be held"


@pytest.mark.parametrize("full", [False, True], ids=["window", "full"])
async def test_a_page_tells_how_many_errors_the_read_had_not_shown(store: Store, full: bool) -> None:
    read = await store.begin_read(STEP, full=full)
    assert (await store.see(read, ["e1", "e2", "e2"])).fresh == 2
    assert (await store.see(read, ["e2", "e3"])).fresh == (1 if full else 2)


@pytest.mark.parametrize("full", [False, True], ids=["window", "full"])
async def test_a_page_tells_how_many_of_its_errors_are_not_stored(store: Store, full: bool) -> None:
    await intend(store, "e2")
    await save(store, judged("e1"))
    await save(store, judged("e4"), step=OTHER_STEP)
    read = await store.begin_read(STEP, full=full)
    assert (await store.see(read, ["e1", "e2"])).unknown == 0
    assert (await store.see(read, ["e1", "e3", "e4", "e3"])).unknown == 3
    assert (await store.see(read, [])) == Sight(fresh=0, unknown=0)


async def test_only_a_full_read_that_has_not_ended_knows_what_it_has_seen(store: Store) -> None:
    window, full = await store.begin_read(STEP, full=False), await store.begin_read(STEP, full=True)
    await store.see(window, ["e1"])
    await store.see(full, ["e2"])
    assert await store.was_seen(window, ["e1", "e2"]) == set()
    assert await store.was_seen(full, ["e1", "e2", "e3"]) == {"e2"}
    await store.end_read(full, trusted=True)
    assert await store.was_seen(full, ["e2"]) == set()


async def test_a_window_read_takes_nothing_for_gone(store: Store) -> None:
    await save(store, judged("e1"))
    read = await store.begin_read(STEP, full=False)
    assert await store.end_read(read, trusted=True) == []
    assert await stored(store) == ["e1"]


async def test_a_trusted_full_read_returns_and_forgets_what_it_did_not_show(store: Store) -> None:
    await save(store, held("e1"), judged("e2"), judged("e3"))
    await save(store, judged("e1"), step=OTHER_STEP)
    read = await store.begin_read(STEP, full=True)
    await store.see(read, ["e2"])
    gone = await store.end_read(read, trusted=True)
    assert gone == [
        Gone(error_id="e1", case_key="t:order-1", rule_id="r1", verb=Verb.HOLD),
        Gone(error_id="e3", case_key="t:order-3", rule_id="r1", verb=Verb.RETRY),
    ]
    assert (await stored(store), await stored(store, OTHER_STEP), await store.held()) == (["e2"], ["e1"], [])
    assert (await store.progress(STEP)).open == 1


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.CAME_BACK])
async def test_of_an_error_that_left_it_is_told_whether_a_retry_of_it_may_have_been_why(
    store: Store, outcome: Outcome
) -> None:
    number = await intend(store, "e1")
    await store.settle(number, {"e1": outcome}, LATER)
    await save(store, judged("e1"), step=OTHER_STEP)

    assert [each.unknown for each in await store.drop(STEP, ["e1"])] == [outcome is Outcome.UNKNOWN]
    assert [each.unknown for each in await store.drop(OTHER_STEP, ["e1"])] == [False]


async def test_an_error_in_flight_is_never_taken_for_gone(store: Store) -> None:
    await intend(store, "e1")
    assert await sweep(store, trusted=True) == []
    assert (await store.progress(STEP)).in_flight == 1


async def test_an_unsteady_read_must_miss_an_error_twice_in_a_row(store: Store) -> None:
    await save(store, judged("e1"), judged("e2"), judged("e3"))
    assert await sweep(store, "e2", trusted=False) == []
    assert await sweep(store, "e3", trusted=False) == ["e1"]
    assert await sweep(store, "e3", trusted=False) == ["e2"]
    assert await sweep(store, "e3", trusted=False) == []


async def test_an_error_that_came_back_after_it_was_dropped_has_not_been_missed_before(store: Store) -> None:
    await save(store, judged("e1"))
    await sweep(store, trusted=False)
    await store.drop(STEP, ["e1"])
    await save(store, judged("e1"))
    assert await sweep(store, trusted=False) == []


async def test_a_read_that_never_ends_forgets_nothing_and_leaves_nothing_behind(store: Store) -> None:
    await save(store, judged("e1"))
    given_up = await store.begin_read(STEP, full=True)
    await store.see(given_up, ["e1"])
    await store.save_page(given_up, [judged("e2")])
    assert await sweep(store, "e2", trusted=True) == ["e1"]
    assert await store.was_seen(given_up, ["e1"]) == set()


async def test_an_overtaken_or_ended_full_read_cannot_conclude_anything(store: Store) -> None:
    await save(store, judged("e1"))
    first = await store.begin_read(STEP, full=True)
    second = await store.begin_read(STEP, full=True)
    with pytest.raises(StoreError, match="overtaken"):
        await store.end_read(first, trusted=True)
    await store.see(second, ["e1"])
    assert await store.end_read(second, trusted=True) == []
    with pytest.raises(StoreError, match="ended"):
        await store.end_read(second, trusted=True)
    assert await stored(store) == ["e1"]


async def test_full_reads_of_two_steps_do_not_disturb_each_other(store: Store) -> None:
    await save(store, judged("e1"))
    here, there = await store.begin_read(STEP, full=True), await store.begin_read(OTHER_STEP, full=True)
    await store.see(there, ["e1"])
    assert await store.end_read(there, trusted=True) == []
    assert [gone.error_id for gone in await store.end_read(here, trusted=True)] == ["e1"]


async def test_stale_are_steps_with_open_errors_judged_by_other_rules_or_swept_too_long_ago(store: Store) -> None:
    for step_id, rules, swept_at, rows, counted in (
        ("fresh", "new", NOON, 1, 1),
        ("old-rules", "old", NOON, 1, 1),
        ("never-swept", "new", None, 1, 1),
        ("swept-long-ago", "new", minutes(-60), 1, 1),
        ("swept-tomorrow", "new", minutes(24 * 60), 1, 1),
        ("empty", "old", None, 0, 0),
        ("counted-but-not-listed", "new", minutes(-60), 0, 3),
    ):
        step = replace(STEP, step_id=step_id)
        await save(store, *[unmatched(f"e{n}") for n in range(rows)], step=step)
        mark = Mark(num_error=counted)
        await store.save_progress(step, mark=mark, watermark_at=NOON, swept_at=swept_at, judged_with=rules)
    await save(store, unmatched("e1"), step=ELSEWHERE)
    stale = await store.stale_steps("acme", "new", minutes(-1))
    assert [ref.step_id for ref in stale] == [
        "counted-but-not-listed", "never-swept", "old-rules", "swept-long-ago", "swept-tomorrow",
    ]  # fmt: skip


async def test_rechecks_are_windows_over_errors_due_to_be_judged_again(store: Store) -> None:
    def left(error_id: str, age: int, due: int) -> Judged:
        return judged(
            error_id, verb=Verb.LEAVE, reason="platform-retries", occurred_at=minutes(-age), due_at=minutes(due)
        )

    rows = [left("e1", 10, 0), left("e2", 30, -5), left("e3", 90, 1), unmatched("e4"), judged("e5")]
    undated = judged("e6", verb=Verb.LEAVE, occurred_at=None)
    await save(store, *rows, undated)
    await save(store, left("e7", 20, 0), step=ELSEWHERE)
    assert await store.rechecks("acme", NOON) == [Recheck(step=STEP, since=minutes(-30), until=minutes(-10), count=2)]
    assert await store.rechecks("acme", NOON, limit=1) == [
        Recheck(step=STEP, since=minutes(-30), until=minutes(-30), count=1)
    ]
    assert await store.rechecks("acme", NOON - timedelta(hours=1)) == []


async def test_dropping_returns_what_was_stored_and_not_in_flight(store: Store) -> None:
    await save(store, judged("e1"), held("e2"), judged("e3"))
    await intend(store, "e3")
    gone = await store.drop(STEP, ["e1", "e2", "e3", "e9"])
    assert [each.error_id for each in gone] == ["e1", "e2"]
    assert (await stored(store), await store.held()) == (["e3"], [])
    assert await store.drop(OTHER_STEP, ["e1"]) == []


@pytest.mark.parametrize("odd", ["a\0b", "half \ud83d", "line\nbreak", "'; --", "İ\U0001f600", '\\u0000 "', ""])
async def test_text_of_any_kind_stops_nothing_and_its_case_keeps_its_attempts(store: Store, odd: str) -> None:
    row = judged("e1", case_key=f"t:{odd}", code=odd, rule_id=odd, reason=odd, detail=odd)
    assert await save(store, row, held("e2", queue=odd, detail=odd)) == 2
    assert await save(store, row) == 0
    batch_id = await store.intend(batch(item("e1", case_key=f"t:{odd}"), rule_id=odd), NOON)
    await store.accepted(batch_id, "j1", NOON)
    histories = await store.case_histories(STEP, [f"t:{odd}", "t:other"], NOON)
    assert {key: history.attempts for key, (_, history) in histories.items()} == {f"t:{odd}": 1, "t:other": 0}
    await store.case_events("acme", odd)


@pytest.mark.parametrize("count", [1, 9, 10, 99, 100, 235])
async def test_a_page_of_any_size_is_kept_whole(store: Store, count: int) -> None:
    ids = [f"e{place:03}" for place in range(count)]
    assert await save(store, *(judged(each) for each in ids)) == count
    more = [*ids, "e999"]
    assert await save(store, *(judged(each, fingerprint=8) for each in reversed(more))) == 1
    known = await store.known(STEP, more)
    assert (sorted(known), {one.fingerprint for one in known.values()}) == (more, {8})
