"""What is said of a recorded error is so for the error itself, whatever was hidden; else it cannot be told."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.core.decisions import Match, Verb
from daemon.core.facts import MISSING
from daemon.core.recordings import MESSAGE_KEPT, Recorded, Ruling, record_of, said_by, trace_of
from daemon.core.records import ErrorRecord
from daemon.rulebook.ast import AnyOf, Condition, NotOf
from daemon.rulebook.hindsight import Answer, CannotTell, Hindsight
from daemon.rulebook.redaction import Redaction
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.widening import widened
from tests.rule_values import NOW, STEP, asks, error, facts, rule

REDACTION = Redaction()


def recorded(record: ErrorRecord) -> Recorded:
    return Recorded(
        step=STEP.ref,
        error_id=record.error_id,
        occurred_at=record.occurred_at,
        trace=trace_of(record.trace_key),
        said=said_by(record, REDACTION.redact(record.message)),
        ruling=Ruling(rule_id="", verb=Verb.NONE, reason="unmatched"),
        judged_at=NOW,
        last_at=NOW,
    )


def looking_back(record: ErrorRecord, *conditions: Condition) -> Answer:
    """Judge the recording of an error by rules r0, r1 … with these conditions."""
    sources = [rule(f"r{number}", condition) for number, condition in enumerate(conditions)]
    known = recorded(record)
    return Hindsight(RuleSet(sources)).match(STEP, known.said, record_of(known), facts(data=MISSING))


def told(answer: Answer) -> object:
    if isinstance(answer, CannotTell):
        return f"{answer.rule_id}?", answer.fields
    return answer.rule.id if isinstance(answer, Match) else None


KEY = "Invalid key 'California' of order 10042, HTTP 429"
IN_DOUBT = ("r0?", ("message",))
CASES = {
    "what is not hidden": ([asks("message", contains="Invalid key")], "r0"),
    "what is not there": ([asks("message", contains="Valid lock")], None),
    "a form of what is hidden": ([asks("message", regex=r"key '(?P<k>[A-Za-z .]+)' of order \d{5}")], "r0"),
    "another form": ([asks("message", regex=r"of order \d{6}")], None),
    "a value of that form": ([asks("message", contains="'California'")], IN_DOUBT),
    "another value of that form": ([asks("message", contains="'Washington'"[:-3])], IN_DOUBT),
    "a value of another form": ([asks("message", contains="'Ohio'")], None),
    "a number that may be": ([asks("message", regex="order 1[0-4]")], IN_DOUBT),
    "what is no letter": ([asks("message", regex="key '[^A-Za-z]+'")], None),
    "what is no digit": ([asks("message", regex=r"order \D")], None),
    "a number that stays": ([asks("message", ends_with="HTTP 429")], "r0"),
    "another number": ([asks("message", ends_with="HTTP 503")], None),
    "not a value": ([NotOf(part=asks("message", contains="'California'"))], IN_DOUBT),
    "all of it": ([asks("message", contains_all=("Invalid", "California"))], IN_DOUBT),
    "all of it, one missing": ([asks("message", contains_all=("Valid lock", "California"))], None),
    "any of it": ([asks("message", contains=("'California'", "Invalid"))], "r0"),
    "a glob": ([asks("message", glob="Invalid key '*'*")], "r0"),
    "an order of texts": ([asks("message", gt="A")], "r0"),
    "whether there is one": ([asks("message", exists=True)], "r0"),
    "without regard to case": ([asks("message", ignore_case=True, contains="KEY 'CALIFORNIA'")], IN_DOUBT),
    "a rule after one in doubt": ([asks("message", contains="California"), asks("code", is_="")], IN_DOUBT),
    "a rule before one in doubt": ([asks("message", contains="key"), asks("message", contains="California")], "r0"),
    "one of two": ([AnyOf(parts=(asks("message", contains="California"), asks("http_status", is_=429)))], "r0"),
    "the retry data": ([asks("data", expression="type", is_="x")], ("r0?", ("data",))),
    "the trace key": ([asks("trace_key", is_="SO-1")], ("r0?", ("trace_key",))),
    "whether there is a trace key": ([asks("trace_key", exists=True)], "r0"),
    "nothing in the way": ([asks("data", expression="type", is_="x"), asks("code", is_="A")], ("r0?", ("data",))),
}  # fmt: skip


@pytest.mark.parametrize(("conditions", "expected"), CASES.values(), ids=CASES.keys())
def test_a_recording_tells_as_much_as_it_holds(conditions: list[Condition], expected: object) -> None:
    assert told(looking_back(error(KEY, trace_key="SO-1", http_status=429), *conditions)) == expected


def test_without_a_trace_key_or_retry_data_nothing_is_in_doubt() -> None:
    record = error(KEY, retry_key="")
    assert told(looking_back(record, asks("data", expression="type", is_="x"))) is None
    assert told(looking_back(record, asks("trace_key", is_="SO-1"))) is None
    assert told(looking_back(record, asks("trace_key", exists=False))) == "r0"


def test_of_a_message_that_was_cut_only_its_presence_is_known() -> None:
    record = error("Invalid key " * MESSAGE_KEPT)
    assert told(looking_back(record, asks("message", contains="Invalid"))) == IN_DOUBT
    assert told(looking_back(record, asks("message", exists=False))) is None


def test_what_hangs_on_the_time_is_judged_each_time() -> None:
    hindsight = Hindsight(RuleSet([rule("old", asks("message", contains="Invalid"), asks("age", gte=7200))]))
    known = recorded(error(KEY))
    answers = [
        told(hindsight.match(STEP, known.said, record_of(known), facts(now=NOW + timedelta(hours=hours))))
        for hours in (0, 1, 0)
    ]
    assert answers == [None, "old", None]


def test_steps_are_told_apart() -> None:
    hindsight = Hindsight(RuleSet([rule("here", asks("flow", glob="Orders*"))]))
    known = recorded(error(KEY))
    for name, expected in (("Orders", "here"), ("Items", None), ("Orders", "here")):
        step = replace(STEP, flow_name=name)
        assert told(hindsight.match(step, known.said, record_of(known), facts())) == expected


WORDS = ["Invalid", "state", "'CA'", "'California'", "'Ça'", "order 12345", "x12", "404", "a.b@c.com", "A", "1", "é"]
PATTERNS = [
    r"Invalid (?P<what>\w+) reference", r"(?i)invalid\s+state", r"'(?P<c>[A-Z]{2})'", "^Invalid", "e$", r"\d+|x{2,}", "",
    r"[Ss]tate(?P<rest>.)?", "é+", "C[AO]", r"[^A-Z']\'", r"\bCA\b", r"\D{3}\d{2,3}\b", r"order \d{3,5}",
    "[[:upper:]]{2}", r"\pL+'", r"[^\W\d]1", r"\x41", "(?:CA|NY) 12", "Cal.*nia", r"\W'\w", "a.b@", r"\Qa.b\E", "[a-]{1}",
]  # fmt: skip
TEXTS = ["CA", "state", "'CA'", "order 12345", "12", "a.b@c.com", "California", "404"]


def test_whatever_is_hidden_nothing_false_is_told() -> None:
    rng = random.Random(7)
    seen = Counter[tuple[bool, bool]]()
    for _ in range(3_000):
        message = " ".join(rng.choices(WORDS, k=rng.randint(1, 4)))
        name = rng.choice(["regex", "regex", "contains", "is_", "starts_with", "ends_with", "glob", "contains_all"])
        operands = tuple(rng.choices(PATTERNS if name == "regex" else TEXTS, k=rng.randint(1, 2)))
        if name == "glob":
            operands = tuple(f"*{operand}*" for operand in operands)
        checks: dict[str, Any] = {name: operands}
        condition: Condition = asks("message", ignore_case=rng.random() < 0.3, **checks)
        if rng.random() < 0.3:
            condition = NotOf(part=condition)
        truth = RuleSet([rule("r0", condition)]).match(STEP, error(message), facts())
        answer = looking_back(error(message), condition)
        unsure = isinstance(answer, CannotTell)
        assert unsure or (answer is None) == (truth is None), (message, condition)
        seen[unsure, truth is None] += 1
    assert min(seen.values()) > 100, seen
    assert seen[False, True] + seen[False, False] > 2_000


@pytest.mark.parametrize("pattern", [r"\C", r"\Qx\E", r"\8"])
def test_a_pattern_that_is_not_understood_is_not_widened(pattern: str) -> None:
    assert widened(pattern) is None
