"""What always holds in a sound store, whatever was done with it: the promises that a query can check.

A broken one means that Flowmend has a mistake, or that somebody changed rows by hand. Nothing is mended here: what was
sent and what came of it, only a person can find out.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 100
"""How many places are counted of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """What is wrong where it does not hold, for people, and the query that finds each *place*, as text."""

    broken: str
    places: str


INVARIANTS = (
    Invariant(  # P1; by the name that was given: a patch may make two cases one after the fact
        broken="a record has two retries of which nobody knows what came of them",
        places="""
            SELECT i.case_key AS place FROM batch_items i JOIN batches b USING (batch_no)
            WHERE b.act = 'retry' AND b.state NOT IN ('refused', 'not_sent')
              AND (i.outcome IS NULL OR i.outcome = 'unknown')
            GROUP BY i.step_no, i.case_key HAVING count(*) > 1""",
    ),
    Invariant(  # P1, P2
        broken="a write does not name the errors that it was sent with, so their attempts are not counted",
        places="""
            SELECT 'write ' || b.batch_no AS place FROM batches b
            JOIN (SELECT batch_no, (SELECT count(*) FROM batch_items i WHERE i.batch_no = batches.batch_no) AS named
                  FROM batches) USING (batch_no)
            WHERE named > b.size OR (named < b.size AND b.ended_at IS NULL)""",
    ),
    Invariant(  # P4, P11
        broken="an error that was sent and has no outcome is not in flight, so it could be sent once more",
        places="""
            SELECT 'write ' || b.batch_no || ', error ' || i.error_id AS place FROM batches b JOIN batch_items i USING (batch_no)
            WHERE b.ended_at IS NULL AND b.act IN ('retry', 'resolve') AND i.outcome IS NULL AND NOT EXISTS (
                SELECT 1 FROM errors e
                WHERE e.step_no = i.step_no AND e.error_id = i.error_id AND e.batch_no = b.batch_no)""",
    ),
    Invariant(  # P4
        broken="an error is in flight with a write that does not wait for it, so nothing will ever be done about it",
        places="""
            SELECT 'write ' || e.batch_no || ', error ' || e.error_id AS place FROM errors e
            WHERE e.batch_no IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM batches b JOIN batch_items i USING (batch_no)
                WHERE b.batch_no = e.batch_no AND b.ended_at IS NULL AND b.act IN ('retry', 'resolve')
                  AND i.step_no = e.step_no AND i.error_id = e.error_id AND i.outcome IS NULL)""",
    ),
    Invariant(  # P4
        broken="a write has ended and is said to be at work, or the other way round",
        places="""
            SELECT 'write ' || batch_no AS place FROM batches WHERE (ended_at IS NULL) <> (state IN ('intended', 'accepted', 'unknown'))""",
    ),
    Invariant(  # P4
        broken="a write waits for outcomes, and has them all",
        places="""
            SELECT 'write ' || batch_no AS place FROM batches b WHERE ended_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM batch_items i WHERE i.batch_no = b.batch_no AND i.outcome IS NULL)""",
    ),
    Invariant(  # P4
        broken="a write is settled, and an error of it has no outcome",
        places="""
            SELECT 'write ' || batch_no || ', error ' || error_id AS place FROM batches JOIN batch_items USING (batch_no)
            WHERE state = 'settled' AND outcome IS NULL""",
    ),
    Invariant(  # P15
        broken="the outcomes of a write are not those that its errors have, and by them breakers and ramps decide",
        places="""
            SELECT 'write ' || b.batch_no AS place FROM batches b JOIN batch_items i USING (batch_no)
            GROUP BY b.batch_no
            HAVING count(*) = b.size AND (b.told, b.confirmed, b.came_back, b.unknown, b.refused) <> (
              count(i.outcome), count(*) FILTER (WHERE outcome = 'confirmed'), count(*) FILTER (WHERE outcome = 'came_back'),
              count(*) FILTER (WHERE outcome = 'unknown'), count(*) FILTER (WHERE outcome = 'refused'))""",
    ),
    Invariant(  # P2
        broken="a second name of a record stands for a name that stands for another one: attempts are not counted",
        places="""
            SELECT a.alias AS place FROM aliases a JOIN aliases b ON b.step_no = a.step_no AND b.alias = a.case_root""",
    ),
    Invariant(  # P5
        broken="the number of open errors of a step is not what is stored",
        places="""
            SELECT flow_id || '/' || step_id AS place FROM steps s
            WHERE stored <> (SELECT count(*) FROM errors e WHERE e.step_no = s.step_no)""",
    ),
    Invariant(
        broken="it is not written down what was decided about an error",
        places="SELECT error_id AS place FROM errors WHERE verdict_no NOT IN (SELECT verdict_no FROM verdicts)",
    ),
    Invariant(
        broken="it is not written down which code an error has",
        places="SELECT error_id AS place FROM errors WHERE code_no NOT IN (SELECT code_no FROM codes)",
    ),
    Invariant(
        broken="what a recorded error said, or what was decided about it, is missing",
        places="""
            SELECT error_id AS place FROM (
              SELECT error_id, said, ruling FROM recordings UNION ALL
              SELECT error_id, said, ruling FROM errors WHERE said IS NOT NULL)
            WHERE said NOT IN (SELECT text_no FROM recorded_texts)
               OR ruling NOT IN (SELECT text_no FROM recorded_texts)""",
    ),
)


def broken_invariants(database: sqlite3.Connection) -> Iterator[str]:
    """Yield a sentence for each invariant that does not hold, with how often and the first place."""
    for each in INVARIANTS:
        places = [place for (place,) in database.execute(each.places).fetchmany(MOST)]
        if places:
            more = f"{len(places)} such places" if len(places) < MOST else f"{MOST} or more such places"
            yield f"{each.broken} ({places[0]}{'; ' + more if len(places) > 1 else ''})"
