"""What was last written for a case, whatever the key under which it came back."""

from daemon.core.decisions import Outcome
from tests.contract.store_values import LATER, NOON, OTHER_STEP, STEP, Store, batch, item, judged, save


async def test_the_last_patch_of_a_case_is_the_newest_under_any_of_its_keys(store: Store) -> None:
    for error_id, after in (("e1", b"1"), ("e2", b"2"), ("e3", b"")):
        await save(store, judged(error_id, case_key="t:1"))
        number = await store.intend(batch(item(error_id, case_key="t:1", before=b"0", after=after)), NOON)
        await store.settle(number, {error_id: Outcome.CAME_BACK}, LATER)

    assert await store.last_patches_of_cases(STEP, ["t:1", "t:2"]) == {"t:1": b"2"}
    assert await store.last_patches_of_cases(OTHER_STEP, ["t:1"]) == {}


async def test_each_rule_is_told_of_its_own_patches_only(store: Store) -> None:
    for rule_id, after in (("r1", b"1"), ("r2", b"2")):
        await save(store, judged("e1", case_key="t:1"))
        await store.settle(
            await store.intend(batch(item("e1", case_key="t:1", before=b"0", after=after), rule_id=rule_id), NOON),
            {"e1": Outcome.CAME_BACK},
            LATER,
        )

    assert await store.last_patches_of_cases(STEP, ["t:1"], rule_id="r1") == {"t:1": b"1"}
    assert await store.last_patches(STEP, ["k-e1"], rule_id="r1") == {"k-e1": b"1"}
    assert await store.last_patches(STEP, ["k-e1"], rule_id="r3") == {}


async def test_what_was_withdrawn_before_it_was_sent_was_written_for_no_case(store: Store) -> None:
    await save(store, judged("e1", case_key="t:1"))
    number = await store.intend(batch(item("e1", case_key="t:1", before=b"0", after=b"1")), NOON)
    await store.withdraw(number, ["e1"], NOON, NOON)

    assert await store.last_patches_of_cases(STEP, ["t:1"]) == {}


async def test_what_a_patch_replaced_is_known_until_another_one_changes_more(store: Store) -> None:
    assert await store.last_replaced(STEP, "k-e1") is None
    for before, after, replaced in ((b"0", b"1", (b"0", b"1")), (b"1", b"1", (b"0", b"1")), (b"1", b"2", (b"1", b"2"))):
        await save(store, judged("e1", case_key="t:1"))
        number = await store.intend(batch(item("e1", case_key="t:1", before=before, after=after)), NOON)
        await store.not_sent(number, "paused", NOON, NOON)
        assert await store.last_replaced(STEP, "k-e1") == replaced
    assert await store.last_replaced(STEP, "k-e2") is None
    assert await store.last_replaced(OTHER_STEP, "k-e1") is None


async def test_what_patches_changed_on_a_case_is_known_in_order_whatever_the_key(store: Store) -> None:
    for error_id, before, after in (("e1", b"0", b"1"), ("e2", b"1", b"1"), ("e3", b"1", b"2"), ("e4", b"", b"")):
        await save(store, judged(error_id, case_key="t:1"))
        number = await store.intend(batch(item(error_id, case_key="t:1", before=before, after=after)), NOON)
        await store.settle(number, {error_id: Outcome.CAME_BACK}, LATER)
    assert await store.replaced_of_case(STEP, "t:1") == [(b"0", b"1"), (b"1", b"2")]
    assert await store.replaced_of_case(STEP, "t:2") == []
    assert await store.replaced_of_case(OTHER_STEP, "t:1") == []


async def test_a_patch_whose_error_was_withdrawn_may_have_replaced_something(store: Store) -> None:
    await save(store, judged("e1"), judged("e2"))
    number = await store.intend(batch(item("e1", before=b"0", after=b"1"), item("e2", before=b"0", after=b"2")), NOON)
    await store.withdraw(number, ["e1"], NOON, NOON)
    assert await store.last_replaced(STEP, "k-e1") == (b"0", b"1")
