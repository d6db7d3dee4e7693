"""What a store tells so that it can be seen whether it knows all that was sent."""

from daemon.core.batches import Act
from tests.contract.store_values import (
    ELSEWHERE,
    NOON,
    OTHER_STEP,
    STEP,
    Store,
    batch,
    held,
    intend,
    judged,
    minutes,
    save,
    unmatched,
)


async def test_the_steps_to_retry_have_an_error_to_be_retried_now_or_later_that_is_not_in_flight(store: Store) -> None:
    await save(store, judged("e1", due_at=minutes(900)), judged("e2"))
    await save(store, held("e1"), unmatched("e2"), step=OTHER_STEP)
    await save(store, judged("e1"), step=ELSEWHERE)
    assert await store.steps_to_retry("acme") == [STEP]
    assert await store.steps_to_retry("globex") == [ELSEWHERE]

    await intend(store, "e1", "e2")
    await save(store, judged("e2"), step=OTHER_STEP)
    assert await store.steps_to_retry("acme") == [OTHER_STEP]


async def test_jobless_are_the_retries_that_happened_or_may_have_and_name_no_job(store: Store) -> None:
    await save(store, *(judged(f"e{number}") for number in range(1, 9)))
    ids = [await store.intend(batch(f"e{number}"), minutes(number)) for number in range(1, 7)]
    await store.accepted(ids[1], "j2", NOON)
    await store.unknown(ids[2], "the answer is lost", NOON)
    await store.refused(ids[3], "no", NOON, NOON)
    await store.not_sent(ids[4], "no connection", NOON, NOON)
    await store.intend(batch("e7", act=Act.RESOLVE), minutes(7))
    await save(store, judged("e9"), step=OTHER_STEP)
    await store.intend(batch("e9", step=OTHER_STEP), minutes(8))

    assert sorted(await store.jobless(STEP, NOON)) == [minutes(1), minutes(3), minutes(6)]
    assert sorted(await store.jobless(STEP, minutes(3))) == [minutes(3), minutes(6)]
    assert await store.jobless(ELSEWHERE, NOON) == []
