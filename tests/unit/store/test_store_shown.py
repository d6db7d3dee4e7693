"""What a full read has shown, told from little: against a set of all that was."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from daemon.store.judged import keep
from daemon.store.scratch import unseen
from daemon.store.shown import Shown
from daemon.store.sql import open_store
from daemon.store.steps import make_step
from tests.contract.store_values import NOON, STEP, judged

NAMES = [f"e{number}" for number in range(10, 40)]
names = st.lists(st.sampled_from(NAMES), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    stored=st.sets(st.sampled_from(NAMES)),
    lost=st.sets(st.sampled_from(NAMES)),
    pages=st.lists(names, max_size=6),
    most_left=st.integers(0, 8),
)
def test_what_was_shown_and_what_was_not_is_told_whatever_the_order(
    stored: set[str], lost: set[str], pages: list[list[str]], most_left: int
) -> None:
    async def play() -> None:
        async with open_store("sqlite://") as store:
            await store.transact(read, write=True, durable=False)

    def read(connection: Connection) -> None:
        step_no = make_step(connection, STEP)
        keep(connection, step_no, [judged(name) for name in stored], NOON)
        read = Shown(step_no=step_no, read_no=1, most_left=most_left)
        known, shown = set(stored), set[str]()
        for page in pages:
            sight = read.see(connection, page)
            assert (sight.fresh, sight.unknown) == (len({*page} - shown), sum(name not in known for name in page))
            shown |= {*page}
            saved = [name for name in {*page} - known if name not in lost]
            keep(connection, step_no, [judged(name) for name in saved], NOON)
            read.saved(saved)
            known |= {*saved}
            assert len(read.left) <= most_left
            assert read.seen(connection, NAMES) == shown
        assert read.note_unseen(connection, trusted=True) == len(known - shown)
        assert set(connection.execute(unseen.select()).scalars()) == known - shown

    asyncio.run(play())
