"""What errors say is kept in two parts, and is the same again when they are put together."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from daemon.core.recordings import CUT, DIGIT, LETTER, LOWER, SIGNS, UPPER, Said
from daemon.store.recording_tables import recorded_texts
from daemon.store.recording_texts import GAP, frame_text, said_of, take_apart
from daemon.store.sql import SqlStore, open_store
from tests.contract.store_values import LATER, STEP, minutes
from tests.contract.test_store_recordings import recorded, save

LETTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(f"aZ0 _^#~$*+-<>!@%=\x1f\0{SIGNS}{CUT}")
MESSAGES = st.lists(st.text(LETTERS) | st.sampled_from([" Smith", " NetSuite", " 17", LOWER * 3, "HTTP"])).map("".join)


@given(MESSAGES)
@example("")
@example("Order")
@example(f" {UPPER}{LOWER}{LETTER}'{DIGIT}17 McBride A_^#~$*+-<>!@%= 9{CUT}")
def test_what_was_said_is_the_same_again(message: str) -> None:
    said = Said(source="s", code="c", message=message, tags=("T1", "T2"), http_status=400, retryable=True)
    (_, frame), (none, words) = take_apart([Said(message="no"), said])
    assert (none, words.isascii()) == ("", True)
    assert said_of(frame_text(frame), words) == said


def test_what_was_written_whole_is_read_as_well() -> None:
    assert said_of('["s","c","no Order 17","","","",["T1"],400,true]', "") == Said(
        source="s", code="c", message="no Order 17", tags=("T1",), http_status=400, retryable=True
    )


@pytest.mark.parametrize(
    ("message", "frame", "words"),
    [
        ("Order 17 of McBride, ACME", f"Order {GAP} of {GAP}, {GAP}", "17 McBride ACME"),
        (f"no '{UPPER}{LOWER * 4}' for order {DIGIT * 3}", f"no '{GAP}' for order {GAP}", "^+ =#"),
        (f"no {UPPER * 15}{LOWER * 15}{DIGIT * 15}{LETTER}", f"no {GAP}", "<>!^*+-_@%=#~"),
        ("ECONNRESET: read", "ECONNRESET: read", ""),
        ("the oRDER of itemX", "the oRDER of itemX", ""),
    ],
    ids=["names and numbers", "hidden", "long and hidden", "nothing that varies", "capitals within a word"],
)
def test_names_numbers_and_what_is_hidden_are_no_part_of_the_frame(message: str, frame: str, words: str) -> None:
    assert take_apart([Said(message=message)]) == ([("", "", frame, "", "", "", (), None, False)], [words])


async def test_a_frame_is_kept_once_and_forgotten_with_the_last_that_was_said_in_it() -> None:
    async with open_store("sqlite://", now=lambda: LATER) as store:
        said = [Said(assigned_to="a@example.com", message=f"no Order {number}") for number in range(3)]
        await save(store, *(recorded(f"e{number}", said=each) for number, each in enumerate(said)))
        assert await kept(store) == 2  # with the ruling
        await store.drop(STEP, ["e0", "e1"])
        await store.forget_recordings(minutes(60))
        assert await kept(store) == 2
        await store.drop(STEP, ["e2"])
        await store.forget_recordings(minutes(60))
        assert await kept(store) == 0


async def kept(store: SqlStore) -> int:
    def count(connection: Connection) -> int:
        return connection.execute(select(func.count()).select_from(recorded_texts)).scalar_one()

    return await store.transact(count, write=False, durable=False)
