"""What is proposed for errors that no rule takes: careful, with a text that only they have, and with tests that pass."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.app.suggest import read_text
from daemon.core.recordings import CUT, DIGIT, LOWER, UPPER, Said
from daemon.rulebook.constant_text import constant_texts
from daemon.rulebook.ruleset import compile_rules
from daemon.rulebook.suggestion import Known, Proposal, propose
from daemon.rulebook.suggestion_text import HEAD, file_text, rules_text
from daemon.rulebook.testing import run_tests
from tests.makers import ago


def said(message: str = "Invalid entity reference key 17", **fields: Any) -> Said:
    return Said(**{"source": "application", "code": "INVALID_KEY", "message": message, "retryable": True, **fields})


def known(*messages: str, pattern: str = "", of_said: dict[str, Any] | None = None, **fields: Any) -> Known:
    texts = messages or ("Invalid entity reference key 17", "Invalid entity reference key 4711")
    usual = {
        "pattern": pattern or "Invalid entity reference key <*>",
        "said": tuple(said(text, **(of_said or {})) for text in texts),
        "count": 40,
        "open": 40,
        "steps": 1,
        "first_at": ago(days=3),
        "last_at": ago(hours=1),
    }
    return Known(**{**usual, **fields})


def proposed(one: Known, others: Sequence[Said] = (), **more: Any) -> Proposal:
    proposal = propose(one, others, more.get("neighbours", ()), more.get("taken", ()), 14)
    assert proposal is not None
    return proposal


def failures(*proposals: Proposal) -> list[str]:
    sources = read_text(file_text(proposals))
    assert read_text(HEAD + rules_text(proposals))
    return [result.detail for result in run_tests(compile_rules(sources), sources) if not result.passed]


@pytest.mark.parametrize(
    ("people", "action"),
    [
        pytest.param({}, "hold", id="nobody did anything"),
        pytest.param({"retried": 5, "worked": 5}, "retry", id="retries went through"),
        pytest.param({"retried": 10, "worked": 8}, "retry", id="most retries went through"),
        pytest.param({"retried": 4, "worked": 4}, "hold", id="too few retries"),
        pytest.param({"retried": 10, "worked": 7}, "hold", id="too many came back"),
        pytest.param({"resolved": 38}, "resolve", id="nearly all were resolved"),
        pytest.param({"resolved": 37}, "hold", id="not nearly all were resolved"),
        pytest.param({"resolved": 19, "count": 19}, "hold", id="too few were resolved"),
        pytest.param({"retried": 5, "worked": 5, "of_said": {"retryable": False}}, "hold", id="no retry data"),
    ],
)
def test_the_action_is_what_people_did_and_else_to_hold(people: dict[str, Any], action: str) -> None:
    proposal = proposed(known(**people))

    assert list(proposal.then) == [action]
    assert "mode: observe" in rules_text([proposal])
    assert failures(proposal) == []


@pytest.mark.parametrize(
    ("one", "others", "when"),
    [
        pytest.param(
            known(),
            [],
            {"code": "INVALID_KEY", "message": {"contains": "Invalid entity reference key"}},
            id="the code and the text that all share",
        ),
        pytest.param(
            known("Record 1 is locked by user Ann", "Record 2 is locked by user Bob"),
            [said("Account is locked by user Carl")],
            {"code": "INVALID_KEY", "message": {"contains_all": ["is locked by user", "Record"]}},
            id="more texts where another error of the code has the first",
        ),
        pytest.param(
            known(of_said={"code": ""}),
            [],
            {"source": "application", "message": {"contains": "Invalid entity reference key"}},
            id="the source where there is no code",
        ),
        pytest.param(known("", of_said={"code": "EMPTY"}), [], {"code": "EMPTY"}, id="the code alone"),
        pytest.param(
            known(said=tuple(said("No answer in time", code=f"TA1-{number}") for number in (461684, 468290))),
            [],
            {"code": {"starts_with": "TA1-"}, "message": {"contains": "No answer in time"}},
            id="the beginning of codes with ids in them",
        ),
    ],
)
def test_a_rule_asks_for_what_only_these_errors_say(
    one: Known, others: Sequence[Said], when: dict[str, object]
) -> None:
    assert proposed(one, others).when == when


def test_without_a_code_a_short_text_is_too_little() -> None:
    assert propose(known("Failed: 17", "Failed: 18", of_said={"code": ""}), [], [], [], 14) is None


def test_an_id_that_there_is_already_is_not_given_again() -> None:
    free = proposed(known()).rule_id

    assert free == "invalid-key-invalid-entity-reference-key"
    assert proposed(known(), taken={free}).rule_id == f"{free}-2"
    assert proposed(known(), taken={free, f"{free}-2"}).rule_id == f"{free}-3"


def test_tests_show_only_words_that_all_errors_of_the_pattern_share() -> None:
    one = known(
        "The owner Ann Lee of account Acme is inactive 17",
        "The owner Bob of account Blue Heron is inactive 4",
        pattern="The owner <*> of account <*> is inactive <*>",
    )

    shown = {str(test["match"]["message"]) for test in proposed(one).tests if "match" in test}  # type: ignore[index]

    assert shown == {
        "The owner Xxx Xxx of account Xxxx is inactive 00",
        "The owner Xxx of account Xxxx Xxxxx is inactive 0",
    }


def test_the_test_of_what_is_left_is_another_error_of_the_code_if_there_is_one() -> None:
    same = known("Nothing of that kind", pattern="Nothing of that kind")
    other = known("Else", pattern="Else", of_said={"code": "OTHER"})

    def left(neighbours: Sequence[Known]) -> object:
        return proposed(known(), neighbours=neighbours).tests[-1]["no_match"]

    assert left([other, same]) == {"source": "application", "code": "INVALID_KEY", "message": "Nothing of that kind"}
    assert left([other]) == {"source": "application", "code": "OTHER", "message": "Else"}
    assert left([]) == {"source": "application", "code": "INVALID_KEY", "message": "Another message."}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(["a bad key 1", "a bad key 2"], ("a bad key",), id="whole words"),
        pytest.param(
            ["Order 1 is late again", "Order 2 is late again"], ("is late again", "Order"), id="longest first"
        ),
        pytest.param(["one", "two"], (), id="nothing in common"),
        pytest.param(["a bad key 1"], ("a bad key 1",), id="one message"),
        pytest.param(["12 34 - 5", "12 34 - 6"], (), id="no letters"),
        pytest.param(
            [f"code '{UPPER}{LOWER}' is unknown{CUT}"], ("' is unknown", "code '"), id="nothing that is hidden"
        ),
        pytest.param([f"{DIGIT}{DIGIT}"], (), id="all is hidden"),
    ],
)
def test_common_texts_stand_in_every_message(messages: Sequence[str], expected: tuple[str, ...]) -> None:
    assert constant_texts(messages) == expected


def test_a_text_that_one_of_many_messages_lacks_is_not_common() -> None:
    messages = [f"Order {n} is late again" for n in range(1_000)]
    messages[501] = "Order 501 was late again"

    assert constant_texts(messages) == ("Order",)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@settings(max_examples=60)
@given(messages=st.lists(TEXTS, min_size=1, max_size=4), code=TEXTS, source=TEXTS)
def test_whatever_errors_say_a_proposed_rule_loads_and_takes_them(
    messages: Sequence[str], code: str, source: str
) -> None:
    one = known(*messages, pattern=" ".join(messages), of_said={"code": code.strip(), "source": source.strip()})

    proposal = propose(one, [], [], [], 14)

    assert proposal is None or failures(proposal) == []
