"""What an error costs on disk, and that no statement of the main path reads a step's backlog from end to end."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

from daemon.core.decisions import Verb
from daemon.core.judgements import Judged
from daemon.core.recordings import Recorded, Ruling, Said
from daemon.rulebook.redaction import Redaction
from daemon.store import (
    breakers,
    cases,
    due,
    entries,
    judged,
    leaving,
    past,
    planning,
    reading,
    recordings,
    reporting,
    shown,
)
from daemon.store.paged import Paged
from daemon.store.sql import open_store
from daemon.store.tables import METADATA
from tests.contract.store_values import LATER, NOON, STEP, minutes

STATEMENTS: dict[str, Any] = {
    "known": reading.KNOWN,
    "keep new": judged.KEEP_NEW,
    "replace": judged.REPLACE,
    "let go": judged.LET_GO,
    "put on hold": judged.PUT_ON_HOLD,
    "keep past": judged.KEEP_PAST,
    "forget named": leaving.FORGET[leaving.NAMED],
    "forget unseen": leaving.FORGET[leaving.UNSEEN],
    "note left named": leaving.NOTE_LEFT[leaving.NAMED],
    "note left unseen": leaving.NOTE_LEFT[leaving.UNSEEN],
    "keep past of named": leaving.KEEP_PAST[leaving.NAMED],
    "keep past of unseen": leaving.KEEP_PAST[leaving.UNSEEN],
    "keep past of those that end": entries.PAST_NAMED,
    "stored between": shown.STORED,
    "unknown": shown.UNKNOWN,
    "note unseen": shown.NOTE_UNSEEN,
    "progress": reading.PROGRESS,
    "open counts": reading.OPEN_COUNTS,
    "stale": reading.STALE,
    "rechecks": reading.RECHECKS,
    "take off": entries.TAKE_OFF,
    "grounded": entries.GROUNDED,
    "end": entries.END_NAMED,
    "free": entries.FREE_NAMED,
    "free all": entries.FREE_ALL,
    "wake": entries.WAKE,
    "wake held": entries.WAKE_HELD,
    "returned": cases.RETURNED,
    "due": due.DUE,
    **{f"wanted {act}": statement for act, statement in due.WANTED.items()},
    **{f"choose {act}": statement for act, statement in planning.CHOOSE.items()},
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_no_statement_of_the_main_path_reads_a_whole_backlog(name: str) -> None:
    details = await explained(STATEMENTS[name])
    about_errors = [detail for detail in details if " errors" in detail]
    assert not [each for each in about_errors if each.startswith("SCAN") or each.endswith("PRIMARY KEY (step_no=?)")]
    assert details


@pytest.mark.parametrize(
    "statement",
    [breakers.RETRY_RUNS, reporting.SENT, reporting.MEDIANS],
    ids=["retry runs", "sent", "medians"],
)
async def test_what_came_of_retries_lately_is_found_without_reading_the_whole_journal(statement: Any) -> None:
    details = await explained(statement)
    scans = [detail for detail in details if detail.startswith("SCAN") and detail.split()[1] in METADATA.tables]
    assert not scans
    assert any("INDEX batches_by_step (step_no=? AND intended_at>?" in detail for detail in details)


async def test_stages_are_found_by_what_was_told_lately_or_not_yet_without_reading_the_day() -> None:
    details = await explained(due.STAGES)
    assert [each for each in details if " INDEX batches_" in each] == [
        "SEARCH batches USING INDEX batches_by_plan (plan_id=? AND step_no=?)",
        "SEARCH told USING INDEX batches_told (step_no=? AND rule_id=? AND told_at>?)",
        "SCAN under_way USING INDEX batches_open",
    ]


@pytest.mark.parametrize(
    "statement",
    [entries.OPEN_BATCHES, entries.OPEN_ON_STEP, entries.OPEN_ITEMS, entries.BY_DATA, entries.OPEN_COUNT],
    ids=["all", "those of a step", "their items", "by data", "count"],
)
async def test_what_is_under_way_is_found_without_reading_what_has_ended(statement: Any) -> None:
    details = await explained(statement)
    assert [each for each in details if each.startswith("SCAN batches")] in (
        [],
        ["SCAN batches USING INDEX batches_open"],
    )
    assert not [each for each in details if each.startswith("SCAN batch_items")]
    assert any("INDEX batches_open" in detail or "PRIMARY KEY (batch_no=?)" in detail for detail in details)


@pytest.mark.parametrize(
    "statement", [cases.HISTORIES, recordings.NOTE_FATES], ids=["histories of cases", "fates of recordings"]
)
async def test_what_is_asked_of_a_few_records_does_not_read_all_that_ever_happened_on_their_step(
    statement: Any,
) -> None:
    details = await explained(statement)
    history = ("batch_items", "foreign_attempts", "shared_keys", "gone_cases", "departures")
    of_history = [each for each in details if any(f" {table} " in each for table in history)]
    assert of_history
    assert not [each for each in of_history if each.startswith("SCAN") or each.endswith("(step_no=?)")]


@pytest.mark.parametrize("statement", [recordings.REMEMBERED, recordings.UPTO, recordings.DEPARTED, past.TEXT_NUMBERS])
async def test_recordings_are_found_by_their_step_and_error(statement: Any) -> None:
    details = await explained(statement)
    scans = [detail for detail in details if detail.startswith("SCAN")]
    assert not [detail for detail in scans if "recordings" in detail or "departures" in detail or "texts" in detail]
    assert details


async def explained(statement: Any) -> list[str]:
    """Return how the database would go about a statement, a line a table."""
    paged = isinstance(statement, Paged)
    sql = statement.text(100) if paged else _expanded(str(statement.compile(dialect=sqlite.dialect())))

    def plan(connection: Connection) -> list[str]:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))
        return [row.detail for row in rows]

    async with open_store("sqlite://") as store:
        return await store.transact(plan, write=False, durable=False)


def _expanded(sql: str) -> str:
    """Write a list of two where a statement takes a list of any length."""
    while "__[POSTCOMPILE_" in sql:
        before, _, rest = sql.partition("__[POSTCOMPILE_")
        sql = f"{before}?, ?{rest.partition(']')[2]}"
    return sql


def seen(number: int, verb: Verb) -> Judged:
    """Return an error as large as errors are."""
    acted = verb is Verb.RETRY
    return Judged(
        error_id=str(5_646_501_091 + 7 * number),
        case_key=f"t:{53_000 + number}",
        occurred_at=minutes(-number / 7),
        fingerprint=number * 7_919_777_777_777,
        code=("SSS_REQUEST_LIMIT_EXCEEDED", "INVALID_KEY_OR_REF", "response_failure")[number % 3],
        verb=verb,
        rule_id=f"rule-{number % 50}" if acted else "",
        reason="due" if acted else "unmatched",
        detail="it will pass" if acted else "",
        due_at=NOON if acted else None,
    )


@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest-first", "newest-first"])
async def test_each_error_nobody_acted_on_takes_at_most_120_bytes_with_its_recording(
    tmp_path: Path, newest_first: bool
) -> None:
    numbers = sorted(range(1_000, 31_000), reverse=newest_first)
    redaction = Redaction()
    sizes: list[int] = []
    for some in (numbers[:5_000], numbers[5_000:]):  # by then all frames are known
        async with open_store(f"sqlite:///{tmp_path}/store.db", now=lambda: LATER) as store:
            read = await store.begin_read(STEP, full=True)
            for start in range(0, len(some), 1000):
                page = some[start : start + 1000]
                rows = [seen(n, Verb.NONE if n % 3 else Verb.RETRY) for n in page]
                recorded = [recording(n, redaction) for n in page]
                await store.see(read, [row.error_id for row in rows])
                await store.save_page(read, rows, recorded)
        sizes.append((tmp_path / "store.db").stat().st_size)
    assert (sizes[1] - sizes[0]) / 25_000 <= 120


async def test_the_recording_of_an_error_that_left_takes_at_most_85_bytes(tmp_path: Path) -> None:
    numbers = range(30_000)
    redaction = Redaction()
    async with open_store(f"sqlite:///{tmp_path}/store.db") as store:
        for start in range(0, len(numbers), 1000):
            page = numbers[start : start + 1000]
            read = await store.begin_read(STEP, full=True)
            rows = [seen(n, Verb.NONE) for n in page]
            await store.see(read, [row.error_id for row in rows])
            await store.save_page(read, rows, [recording(n, redaction) for n in page])
            gone = await store.drop(STEP, [row.error_id for row in rows])
            assert len(gone) == len(page)
        pages = await store.transact(recording_pages, write=False, durable=False)
    assert pages / len(numbers) <= 85


def recording_pages(connection: Connection) -> float:
    """Return how many bytes the recordings take."""
    return float(connection.exec_driver_sql("SELECT sum(pgsize) FROM dbstat WHERE name = 'recordings'").scalar_one())


def recording(number: int, redaction: Redaction) -> Recorded:
    """Return the recording of an error whose message holds values of its own."""
    code = ("SSS_REQUEST_LIMIT_EXCEEDED", "INVALID_KEY_OR_REF", "response_failure")[number % 3]
    message = f"Invalid reference key '{number * 7919}' for order {number} in line {number % 50}: {code} of customer@example.com"
    return Recorded(
        step=STEP,
        error_id=str(5_646_501_091 + 7 * number),
        occurred_at=minutes(-number / 7),
        said=Said(source="application", code=code, message=redaction.redact(message), retryable=True),
        ruling=Ruling(rule_id=f"rule-{number % 50}", verb=Verb.RETRY, reason="due"),
        judged_at=NOON,
        last_at=NOON,
    )
