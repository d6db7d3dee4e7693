"""Attempts belong to the case, under whatever name it comes back (P2)."""

from datetime import timedelta

import pytest

from daemon.core.batches import Act
from daemon.core.cases import CaseHistory
from daemon.core.decisions import Outcome
from daemon.core.exceptions import StoreError
from daemon.core.reads import Recheck
from tests.contract.store_values import (
    LATER,
    NOON,
    OTHER_STEP,
    STEP,
    Store,
    attempts,
    batch,
    intend,
    item,
    judged,
    minutes,
    save,
)

KEY = "t:order-1"


async def history(store: Store, key: str = KEY) -> CaseHistory:
    return (await store.case_histories(STEP, [key], NOON))[key][1]


async def retried(
    store: Store, error_id: str, *, outcome: Outcome | None = None, alias: str = "", **fields: str
) -> int:
    """Retry an error of case `KEY` (or of the one given) and settle it."""
    key = fields.get("case_key", KEY)
    await save(store, judged(error_id, case_key=key))
    number = await store.intend(
        batch(item(error_id, case_key=key, alias=alias), rule_id=fields.get("rule", "r1")), NOON
    )
    if outcome:
        await store.settle(number, {error_id: outcome}, LATER)
    return number


async def test_a_case_never_seen_has_no_history(store: Store) -> None:
    assert await store.case_histories(STEP, [KEY, "e:9"], NOON) == {
        KEY: (KEY, CaseHistory()),
        "e:9": ("e:9", CaseHistory()),
    }


async def test_a_history_counts_every_retry_of_the_case_and_ours_by_rule(store: Store) -> None:
    await retried(store, "e1", outcome=Outcome.CAME_BACK)
    await retried(store, "e2", outcome=Outcome.CONFIRMED, rule="r2")
    await save(store, judged("e3", case_key=KEY))
    await store.intend(batch(item("e3", case_key=KEY)), minutes(9))
    await store.note_others(STEP, {"x1": KEY}, minutes(3))
    assert await history(store) == CaseHistory(
        attempts=4, by_rule={"r1": 2, "r2": 1}, last_attempt_at=minutes(9), cured_at=NOON, unsettled=True
    )


async def test_an_unknown_outcome_is_not_unsettled_but_unknown(store: Store) -> None:
    await retried(store, "e1", outcome=Outcome.UNKNOWN)
    assert await history(store) == CaseHistory(attempts=1, by_rule={"r1": 1}, last_attempt_at=NOON, unknown=True)


async def test_neither_resolves_nor_other_steps_count_as_attempts(store: Store) -> None:
    await intend(store, "e1", act=Act.RESOLVE)
    await intend(store, "e1", step=OTHER_STEP)
    assert await history(store) == CaseHistory()


async def test_a_retry_by_others_counts_once_however_often_it_is_noted(store: Store) -> None:
    for moment in (NOON, LATER):
        await store.note_others(STEP, {"x1": KEY, "x2": KEY, "x3": "t:other"}, moment)
    assert await history(store) == CaseHistory(attempts=2, last_attempt_at=NOON)


async def test_attempts_outlive_pruning(store: Store) -> None:
    await retried(store, "e1", outcome=Outcome.CONFIRMED)
    await store.prune(NOON + timedelta(days=900), NOON)
    assert await attempts(store) == 1


async def test_a_patched_record_that_comes_back_under_its_new_digest_is_the_same_case(store: Store) -> None:
    await retried(store, "e1", case_key="d:old", alias="d:new", outcome=Outcome.CAME_BACK)
    histories = await store.case_histories(STEP, ["d:old", "d:new"], NOON)
    assert {key: (root, known.attempts) for key, (root, known) in histories.items()} == {
        "d:old": ("d:old", 1),
        "d:new": ("d:old", 1),
    }
    assert (await store.case_histories(OTHER_STEP, ["d:new"], NOON))["d:new"] == ("d:new", CaseHistory())


async def test_an_alias_of_an_alias_is_still_the_first_case(store: Store) -> None:
    await retried(store, "e1", case_key="d:1", alias="d:2", outcome=Outcome.CAME_BACK)
    await retried(store, "e2", case_key="d:2", alias="d:3", outcome=Outcome.CAME_BACK)
    await retried(store, "e3", case_key="d:1", alias="d:4", outcome=Outcome.CAME_BACK)
    histories = await store.case_histories(STEP, ["d:1", "d:2", "d:3", "d:4"], NOON)
    assert {(root, known.attempts) for root, known in histories.values()} == {("d:1", 3)}


async def test_a_case_may_come_back_under_the_same_alias_any_number_of_times(store: Store) -> None:
    for number in (1, 2, 3):
        await retried(store, f"e{number}", case_key="d:old", alias="d:new", outcome=Outcome.CAME_BACK)
    assert (await store.case_histories(STEP, ["d:new"], NOON))["d:new"][1].attempts == 3


async def test_an_alias_that_had_attempts_of_its_own_brings_them_along(store: Store) -> None:
    await retried(store, "e1", case_key="d:b", alias="d:c", outcome=Outcome.CAME_BACK)
    await store.note_others(STEP, {"x1": "d:b"}, NOON)
    await retried(store, "e2", case_key="d:a", alias="d:b", outcome=Outcome.CAME_BACK)
    histories = await store.case_histories(STEP, ["d:a", "d:b", "d:c"], NOON)
    assert {(root, known.attempts) for root, known in histories.values()} == {("d:a", 3)}


async def test_two_records_that_a_patch_makes_equal_count_together(store: Store) -> None:
    await retried(store, "e1", case_key="d:a", alias="d:same", outcome=Outcome.CAME_BACK)
    await retried(store, "e2", case_key="d:b", alias="d:same", outcome=Outcome.CAME_BACK)
    histories = await store.case_histories(STEP, ["d:a", "d:b", "d:same"], NOON)
    assert {(root, known.attempts) for root, known in histories.values()} == {("d:b", 2)}


async def test_a_case_in_flight_under_one_name_is_not_retried_under_another(store: Store) -> None:
    await retried(store, "e1", case_key="d:old", alias="d:new")
    with pytest.raises(StoreError, match="already in flight"):
        await retried(store, "e2", case_key="d:new")


@pytest.mark.parametrize("alias", ["", "d:old"], ids=["none", "itself"])
async def test_no_alias_is_made_where_the_key_stays_the_same(store: Store, alias: str) -> None:
    await retried(store, "e1", case_key="d:old", alias=alias)
    assert (await store.case_histories(STEP, ["d:old", ""], NOON))["d:old"][0] == "d:old"


async def test_a_case_has_returned_with_an_error_that_was_not_known_when_its_batch_was_intended(store: Store) -> None:
    await save(store, judged("e0", case_key=KEY))
    first = await retried(store, "e1")
    assert await store.returned(STEP, [KEY], first) == {}
    await save(store, judged("e2", case_key=KEY), judged("e3", case_key="t:never-tried"))
    await save(store, judged("e2", case_key=KEY), step=OTHER_STEP)
    assert await store.returned(STEP, [KEY, "t:never-tried", "t:absent"], first) == {KEY: minutes(-60)}
    await save(store, judged("e4", case_key=KEY, occurred_at=None), judged("e5", case_key=KEY, occurred_at=NOON))
    assert await store.returned(STEP, [KEY], first) == {KEY: NOON}
    await store.drop(STEP, ["e4", "e5"])
    await store.settle(first, {"e1": Outcome.CAME_BACK}, LATER, gone={"e1"})
    second = await store.intend(batch(item("e2", case_key=KEY)), LATER)
    assert await store.returned(STEP, [KEY], second) == {}
    assert await store.returned(STEP, [KEY], first) == {}


async def test_judging_an_error_again_does_not_make_it_a_return(store: Store) -> None:
    await save(store, judged("e2", case_key=KEY))
    number = await retried(store, "e1")
    await save(store, judged("e2", case_key=KEY, fingerprint=99))
    assert await store.returned(STEP, [KEY], number) == {}


async def test_a_return_under_an_alias_is_found_by_either_name(store: Store) -> None:
    number = await retried(store, "e1", case_key="d:old", alias="d:new")
    await save(store, judged("e2", case_key="d:new"))
    assert await store.returned(STEP, ["d:old", "d:new"], number) == dict.fromkeys(["d:old", "d:new"], minutes(-60))
    await store.drop(STEP, ["e2"])
    await save(store, judged("e3", case_key="d:old"))
    assert await store.returned(STEP, ["d:new"], number) == {"d:new": minutes(-60)}


async def test_an_error_whose_case_is_named_only_when_it_is_looked_at_again_is_a_return_too(store: Store) -> None:
    number = await retried(store, "e1", case_key="d:old")
    await save(store, judged("e2", case_key="e:e2"))
    await save(store, judged("e2", case_key="d:old"))
    assert await store.returned(STEP, ["d:old"], number) == {"d:old": minutes(-60)}


async def test_the_last_patch_of_a_retry_key_is_the_newest_whatever_became_of_its_batch(store: Store) -> None:
    for after, outcome in ((b"1", "settled"), (b"2", "withdrawn"), (b"", "plain")):
        await save(store, judged("e1"))
        number = await store.intend(batch(item("e1", before=b"0", after=after)), NOON)
        if outcome == "withdrawn":
            await store.withdraw(number, ["e1"], NOON, NOON)
        else:
            await store.settle(number, {"e1": Outcome.CAME_BACK}, NOON)
    assert await store.last_patches(STEP, ["k-e1", "k-e2"]) == {"k-e1": b"2"}
    assert await store.last_patches(OTHER_STEP, ["k-e1"]) == {}


async def test_an_error_tells_of_one_retry_by_others_also_when_its_case_gets_another_name(store: Store) -> None:
    await store.note_others(STEP, {"x1": "d:b", "x2": "d:a"}, NOON)
    await store.note_others(STEP, {"x1": "d:a", "x2": "d:b"}, LATER)
    await retried(store, "e1", case_key="d:a", alias="d:b", outcome=Outcome.CAME_BACK)
    assert (await history(store, "d:b")).attempts == 3


async def test_a_case_remembers_when_its_newest_error_occurred_that_left_without_us(store: Store) -> None:
    here = {"case_key": KEY}
    await save(store, judged("e1", occurred_at=minutes(-9), **here), judged("e2", occurred_at=minutes(-5), **here))
    await save(store, judged("e3", occurred_at=minutes(-7), **here), judged("e4", occurred_at=None, **here))
    await save(store, judged("e5", case_key="e:e5"), judged("e6", case_key="t:stays"))
    await store.drop(STEP, ["e1", "e4", "e5"])
    assert (await history(store)).gone_at == minutes(-9)
    await store.drop(STEP, ["e2"])
    await store.drop(STEP, ["e3"])
    assert (await history(store)) == CaseHistory(gone_at=minutes(-5))
    assert [(await history(store, key)).gone_at for key in ("e:e5", "t:stays")] == [None, None]
    assert (await store.case_histories(OTHER_STEP, [KEY], NOON))[KEY][1].gone_at is None


async def test_what_a_full_read_does_not_show_has_left_and_what_we_settled_has_not(store: Store) -> None:
    await retried(store, "e1", outcome=Outcome.CONFIRMED)
    await retried(store, "e2", outcome=Outcome.VANISHED, case_key="t:order-2")
    await save(store, judged("e3"), judged("e4"))
    number = await store.intend(batch(item("e4")), NOON)
    read = await store.begin_read(STEP, full=True)
    await store.end_read(read, trusted=True)
    gone = {key: (await history(store, key)).gone_at for key in (KEY, "t:order-2", "t:order-3", "t:order-4")}
    assert gone == {KEY: None, "t:order-2": None, "t:order-3": NOON - timedelta(hours=1), "t:order-4": None}
    await store.settle(number, {"e4": Outcome.CAME_BACK}, NOON, gone={"e4"})
    assert (await history(store, "t:order-4")).gone_at is None


async def test_what_left_is_remembered_as_long_as_is_asked_for(store: Store) -> None:
    await save(store, judged("e1", occurred_at=NOON), judged("e2", occurred_at=NOON - timedelta(days=1)))
    await store.drop(STEP, ["e1", "e2"])
    await store.prune(NOON - timedelta(days=60), NOON)
    assert [(await history(store, key)).gone_at for key in ("t:order-1", "t:order-2")] == [NOON, None]


async def test_the_open_errors_of_a_case_are_found_that_occurred_after_one_that_left(store: Store) -> None:
    at = {n: minutes(-n) for n in range(1, 10)}
    here = {"case_key": KEY}
    await save(store, judged("e5", occurred_at=at[5], **here), judged("e4", case_key="t:other", occurred_at=at[4]))
    assert await store.open_again(STEP, [KEY]) is None
    await store.drop(STEP, ["e5"])
    assert await store.open_again(STEP, [KEY]) is None
    await save(store, judged("e1", occurred_at=at[1], **here), judged("e3", occurred_at=at[3], **here))
    await save(store, judged("e7", occurred_at=at[7], **here), judged("e6", occurred_at=at[5], **here))
    await save(store, judged("e9", occurred_at=None, **here), judged("e2", occurred_at=at[2], **here), step=OTHER_STEP)
    assert await store.open_again(STEP, [KEY, "t:other"]) == Recheck(step=STEP, since=at[3], until=at[1], count=2)
    await store.intend(batch(item("e1", case_key=KEY)), NOON)
    assert await store.open_again(STEP, [KEY]) == Recheck(step=STEP, since=at[3], until=at[3], count=1)
    assert await store.open_again(STEP, ["t:other", "t:absent"]) is None
    assert await store.open_again(OTHER_STEP, [KEY]) is None
