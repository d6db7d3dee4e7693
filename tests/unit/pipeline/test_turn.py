"""One page is worked on at a time, and none that waits for the platform holds up the others."""

import asyncio

import pytest

from daemon.pipeline.slices import Turn


class Work:
    """Pages that are worked on in a turn; each says when it begins, waits for the platform, goes on and ends."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.said: list[str] = []
        self.answers: dict[str, asyncio.Event] = {}

    async def page(self, name: str, *, asks: bool = False) -> None:
        """Work on one; it *asks* the platform, which answers once it is told to."""
        async with self.turn.taken():
            self.said.append(f"{name} begins")
            await asyncio.sleep(0)  # as between two slices
            if asks:
                answer = self.answers[name] = asyncio.Event()
                async with self.turn.left():
                    await answer.wait()
                self.said.append(f"{name} goes on")
                await asyncio.sleep(0)
            self.said.append(f"{name} ends")

    def start(self, name: str, *, asks: bool = False) -> asyncio.Task[None]:
        return asyncio.create_task(self.page(name, asks=asks))


async def all_else() -> None:
    """Come back when nothing else has anything to do."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_one_page_after_another() -> None:
    work = Work()
    await asyncio.gather(*(work.start(name) for name in "abc"))
    assert work.said == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


async def test_a_page_that_waits_for_the_platform_holds_up_no_other() -> None:
    work = Work()
    waiting = work.start("a", asks=True)
    await asyncio.gather(work.start("b"), work.start("c"))
    assert work.said == ["a begins", "b begins", "b ends", "c begins", "c ends"]
    work.answers["a"].set()
    await waiting
    assert work.said[5:] == ["a goes on", "a ends"]


async def test_a_page_that_was_answered_waits_for_the_one_that_is_worked_on() -> None:
    work = Work()
    one, other = work.start("a", asks=True), work.start("b", asks=True)
    await all_else()
    work.answers["a"].set()
    work.answers["b"].set()
    await asyncio.gather(one, other)
    assert work.said == ["a begins", "b begins", "a goes on", "a ends", "b goes on", "b ends"]


@pytest.mark.parametrize("answered", [pytest.param(False, id="waiting"), pytest.param(True, id="about to go on")])
async def test_a_page_that_is_cancelled_while_it_has_left_its_turn_takes_nobody_elses(answered: bool) -> None:
    work = Work()
    gone, other = work.start("a", asks=True), work.start("b", asks=True)
    await all_else()
    async with work.turn.taken():
        if answered:
            work.answers["a"].set()
            await all_else()
        gone.cancel()
        await all_else()
        last = work.start("c")
        await all_else()
        assert "c begins" not in work.said
    with pytest.raises(asyncio.CancelledError):
        await gone
    work.answers["b"].set()
    await asyncio.gather(other, last)
    assert {"b ends", "c ends"} <= {*work.said}
    assert "a ends" not in work.said


async def test_a_page_that_fails_gives_up_its_turn() -> None:
    turn = Turn()
    with pytest.raises(ValueError, match="odd"):
        async with turn.taken():
            raise ValueError("odd")
    with pytest.raises(ValueError, match="refused"):
        async with turn.taken(), turn.left():
            raise ValueError("refused")
    async with asyncio.timeout(1), turn.taken():
        pass


async def test_who_has_no_turn_leaves_none() -> None:
    work = Work()
    async with work.turn.taken():
        beside = asyncio.create_task(leave(work.turn))
        await beside
        after = work.start("b")
        await all_else()
        assert work.said == []
    await after


async def leave(turn: Turn) -> None:
    async with turn.left():
        pass
