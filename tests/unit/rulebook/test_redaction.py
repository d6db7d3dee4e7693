"""Recorded messages hide values and keep what rules look for."""

import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench import held_out_errors, integration_errors, third_errors
from daemon.core.recordings import CUT, DIGIT, LETTER, LOWER, MESSAGE_KEPT, SIGNS, UPPER, has_hidden, readable
from daemon.rulebook.redaction import Redaction, whole
from tests.naive_redaction import redacted

REDACTED = {
    "nothing to hide": ("Request limit exceeded.", "Request limit exceeded."),
    "a quoted value": ("Invalid key 'California'", "Invalid key 'Xxxxxxxxxx'"),
    "double quotes": ('no "Ann Lee" there', 'no "Xxx Xxx" there'),
    "curved quotes": ("no “Ann” there", "no “Xxx” there"),
    "an apostrophe is no quote": ("doesn't match O'Brien's key", "doesn't match O'Brien's key"),
    "other letters": ("'Müller ЖЯ' 1234", "'Xxxxxx xx' 0000"),
    "an e-mail address": ("to jo.doe+1@mail.example.com now", "to xx.xxx+0@xxxx.xxxxxxx.xxx now"),
    "a quoted e-mail address": ("no 'jane.roe@mail.example.com' here", "no 'xxxx.xxx@xxxx.xxxxxxx.xxx' here"),
    "a quoted name with dots": ("see 'jane.van.roe' here", "see 'jane.van.roe' here"),
    "a long number": ("order 10042 and #4711", "order 00000 and #0000"),
    "a number by itself": ("HTTP 429, 32 characters (max length=40) 7%", "HTTP 429, 32 characters (max length=40) 7%"),
    "a date": ("on 2024-05-01 12:30:05", "on 0000-00-00 00:00:00"),
    "a phone number": ("call 555 123 4567 or 555-123", "call 000 000 0000 or 000-000"),
    "an address of a host": ("from 10.0.0.1", "from 00.0.0.0"),
    "an id": ("id 5f1D3c, SKU-A1007", "id 0x0X0x, SKU-X0000"),
    "a long word": ("key abcdefghijklmnopqrstuvwxyz.", "key xxxxxxxxxxxxxxxxxxxxxxxxxx."),
    "a word of programs": ('"error":"channel_not_found" is "false"', '"error":"channel_not_found" is "false"'),
    "the keys of JSON": ('{"city":"Rome","line1" : "x"}', '{"city":"Xxxx","line0" : "x"}'),
    "escaped JSON": (r'"path: \"ok\", name: \"Bob\""', r'"path: \"ok\", name: \"Xxx\""'),
    "a sentence in quotes": ('{"e":"Order 10042 has already been paid by \'Bob\'"}', '{"e":"Order 00000 has already been paid by \'Xxx\'"}'),
    "nothing": ("", ""),
}  # fmt: skip


PARTS = [
    *"'\"“”@._: \n{}-/aé3",
    r"\"",
    "to",
    "be",
    "Order",
    "x.com",
    "true",
    "12",
    "1000",
    "abcdefghijklmnopqrstuvwxyz",
]


@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
@example("'jane.roe@mail.example.com'")
@settings(max_examples=300, deadline=None)
def test_whatever_a_message_looks_like_it_keeps_its_length_and_no_letter_becomes_another(message: str) -> None:
    hidden = Redaction().redact(message)
    assert len(hidden) == len(message)
    assert all(after in (before, LOWER, UPPER, DIGIT, LETTER) for before, after in zip(message, hidden, strict=True))


SNIPPETS = [
    *PARTS,
    *"%+-=([<>,;\\'\" Üœ€ä\u0663A",
    *("a@b.c", "@b-", "and now the", "a_b", "7", "404", '":', "''", "it's", "ab1", "x" * 24, "\ud800", LOWER, "“ü”"),
]


def test_whatever_is_said_the_same_is_hidden_as_by_the_plain_way() -> None:
    chance = random.Random(6)
    redaction = Redaction()
    messages: list[str] = []
    for number in range(12_000):
        # half of them of few parts, so that these meet in every order
        parts = SNIPPETS if number % 2 else chance.sample(SNIPPETS, chance.randint(2, 9))
        messages.append("".join(chance.choices(parts, k=chance.randint(0, 40))))
    hidden = [redacted(each) for each in messages]
    assert [redaction.redact(each) for each in messages] == hidden
    assert redaction.redact_all(messages) == hidden


BEGINNINGS = ["", "7", " 7", "x7", "'a'", '"a"', "“a”", ": 1", ":", " :", "a b c'", "@x.com", "\n7", "7 1234", "word"]
ENDINGS = [
    "",
    "7",
    "7 ",
    "7.",
    "7x",
    "'a'",
    "'a''",
    '"a"',
    '"a1"',
    '\\"a\\"',
    "'a",
    '"a',
    "“a",
    "\\",
    "ab",
    "x.com",
    '"a" ',
]


def test_what_stands_in_one_message_changes_nothing_in_the_next_one() -> None:
    redaction = Redaction()
    for ending in ENDINGS:
        for beginning in BEGINNINGS:
            pair = [f"no {ending}", f"{beginning} no"]
            assert redaction.redact_all([ending, beginning]) == [redacted(ending), redacted(beginning)]
            assert redaction.redact_all(pair) == [redacted(each) for each in pair]


def test_no_messages_are_no_messages() -> None:
    assert Redaction().redact_all([]) == []


@pytest.mark.parametrize("errors", [integration_errors, third_errors, held_out_errors], ids=lambda each: each.__name__)
def test_what_platforms_say_is_hidden_as_by_the_plain_way(errors: Any) -> None:
    messages = [said.message for said in errors.corpus(errors.TEMPLATES, 2_000, seed=6)]
    assert Redaction().redact_all(messages) == [redacted(each) for each in messages]


@pytest.mark.parametrize(("message", "shown"), REDACTED.values(), ids=REDACTED.keys())
def test_values_are_hidden_and_the_rest_stays(message: str, shown: str) -> None:
    redaction = Redaction()
    for _ in range(2):
        hidden = redaction.redact(message)
        assert readable(hidden) == shown
        assert len(hidden) == len(message)
        assert has_hidden(hidden) == (message != shown)


def test_messages_that_differ_in_their_digits_alone_keep_their_own_short_numbers() -> None:
    redaction = Redaction()
    messages = ["HTTP 404 for 1234", "HTTP 503 for 9876"]
    assert [readable(redaction.redact(each)) for each in messages] == ["HTTP 404 for 0000", "HTTP 503 for 0000"]


def test_each_hidden_character_tells_its_kind() -> None:
    assert Redaction().redact("'aZ5é'") == f"'{LOWER}{UPPER}{DIGIT}{LETTER}'"


@pytest.mark.parametrize("make", [Redaction().redact, whole], ids=["redacted", "whole"])
def test_a_sign_in_the_message_itself_and_half_characters_hide_nothing(make: object) -> None:
    assert callable(make)
    assert make(f"a{SIGNS}{CUT}b\ud800") == "a\ufffd\ufffd\ufffd\ufffd\ufffdb?"


def test_a_long_message_is_cut_right_after_what_is_kept() -> None:
    assert len(Redaction().redact("x y " * MESSAGE_KEPT)) == MESSAGE_KEPT + 1
    assert len(whole("x" * 5_000_000)) == MESSAGE_KEPT + 1
