"""The patterns of messages: what says the same is one pattern, what does not is another, however it is written."""

import random
from collections.abc import Sequence

import pytest

from bench.bench_mining import grouping_accuracy, mined
from bench.held_out_errors import TEMPLATES as OTHERS
from bench.held_out_errors import corpus as of_others
from bench.integration_errors import TEMPLATES, Sample, corpus
from daemon.core.message_patterns import find_patterns
from daemon.core.message_tokens import TOKENS_KEPT, Tokeniser


def patterns(*messages: str) -> list[str]:
    return sorted(str(pattern) for pattern in find_patterns(messages))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param("Order 4711 of 12/31/2025", "Order <*> of <*>", id="numbers and dates"),
        pytest.param("Order #1001 is closed", "Order <*> is closed", id="order numbers"),
        pytest.param("at Mon Jun 20 03:40:59 2025 UTC", "at <*>", id="a date in words"),
        pytest.param("took 5 ms, then 1.5 secs", "took <*> , then <*>", id="units belong to their number"),
        pytest.param("sent 1671 bytes (1.63 KB) of it", "sent <*> of it", id="the same value once more in brackets"),
        pytest.param("to ann.lee+x@example.com.", "to <*> .", id="e-mail address"),
        pytest.param("GET https://api.example.com/v1/a?b=c: failed", "GET <*> : failed", id="URL without its colon"),
        pytest.param("file /var/tmp/a.csv is gone", "file <*> is gone", id="path"),
        pytest.param("file C:\\data\\in.csv is gone", "file <*> is gone", id="path of Windows"),
        pytest.param("id 3f2b8c1a-1111-4222-a333-444455556666 x", "id <*> x", id="UUID"),
        pytest.param("card ****1234 declined", "card <*> declined", id="masked number"),
        pytest.param("key 'California'", 'key "California"', id="a name in quotes is one token"),
        pytest.param("key 'A-100'", "key <*>", id="a number in quotes"),
        pytest.param("isn't O'Brien's", "isn't O'Brien's", id="apostrophes are no quotes"),
        pytest.param(
            '{"message":"Too many requests at once"}',
            '{ "message" : " Too many requests at once " }',
            id="a sentence in quotes is read",
        ),
        pytest.param("ids 1, 2, 3 fail", "ids <*> fail", id="a list of numbers is one value"),
        pytest.param("uses IPv4 and OAuth2", "uses IPv4 and OAuth2", id="words with a digit stay"),
        pytest.param("paid €1,234.50 of 20 £ due", "paid <*> of <*> due", id="money"),
        pytest.param("weighs 20.5 kg or 45 lbs here", "weighs <*> or <*> here", id="weights"),
        pytest.param("login of svc_edi@pg:22 failed", "login of <*> : <*> failed", id="a user at a host without a dot"),
        pytest.param("a@b@c is no address", "a@b@c is no address", id="two signs for at"),
        pytest.param("MIC Aw4F6nBa+7xss/tVmVTsDU5mj+DTbW= sent", "MIC <*> sent", id="base64"),
        pytest.param(
            "an internationalisation/representatives2", "an internationalisation/representatives2", id="long words"
        ),
        pytest.param(
            "Lock wait timeout\n\tat com.example.Writer.save(Writer.java:47)\n\t... 12 more",
            "Lock wait timeout",
            id="what a stack trace stands behind",
        ),
        pytest.param("Two lines\n  at 5 o'clock", "Two lines at <*> o'clock", id="at is a word, too"),
        pytest.param(
            """{"f1234":"Field 'f1234' is not set","f5678":"Field 'f5678' is not set"}""",
            """{ <*> : " Field ' <*> ' is not set " }""",
            id="entries that say the same are one",
        ),
        pytest.param("call of 15 () failed", "call of <*> failed", id="empty brackets behind a value"),
        pytest.param("", "", id="nothing"),
        pytest.param("it's 'open", "it's ' open", id="a quote that is never closed"),
    ],
)
def test_what_can_only_be_a_value_is_one_and_words_stay(message: str, expected: str) -> None:
    assert " ".join(Tokeniser().tokens(message)) == expected


def test_a_message_is_read_up_to_a_bound() -> None:
    assert len(Tokeniser().tokens("word " * 10_000)) == TOKENS_KEPT


STATES = ("California", "Texas", "Ohio", "Florida", "Bavaria", "Ontario")
TITLES = (
    "Mug",
    "Summer Tent",
    "Wool Socks (3 pack) - black",
    "Water Bottle (steel)",
    "Hoodie for cold evenings outside",
)
COMPANIES = ("Acme", "Blue Heron Ltd", "Nordic Outdoor Supply AB", "Contoso", "The Olive Press", "Fabrikam Inc")


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(
            [f"Invalid state {state} for order {number}" for number, state in enumerate(STATES)],
            ["Invalid state <*> for order <*>"],
            id="many words in one place are values",
        ),
        pytest.param(
            ["The session of user 1 was opened", "The session of user 2 was closed"],
            ["The session of user <*> was closed", "The session of user <*> was opened"],
            id="few words in one place are not",
        ),
        pytest.param(
            [f"Customer {company} exceeds the credit limit by {number}.10" for number, company in enumerate(COMPANIES)],
            ["Customer <*> exceeds the credit limit by <*>"],
            id="a name may have one word or four",
        ),
        pytest.param(
            [
                f"Required fields are missing: [{', '.join(STATES[n : n + length])}]"
                for n in range(3)
                for length in (1, 2, 3)
            ],
            ["Required fields are missing : [ <*> ]"],
            id="a list may have one entry or five",
        ),
        pytest.param(
            [
                f"login on {state} refused: host=h{number}.example.com{user}"
                for number, state in enumerate(STATES)
                for user in ("", *(f" user={name.lower()}" for name in STATES))
            ],
            [
                "login on <*> refused : host = <*>",
                "login on <*> refused : host = <*> user = <*>",
            ],
            id="a further key is another message",
        ),
        pytest.param(
            [f'We do not have as many "{title}" as you asked for' for title in TITLES],
            ["We do not have as many <*> as you asked for"],
            id="a name may have brackets, and be quoted as a word or as a sentence",
        ),
        pytest.param(
            [
                f"Export of order 1 to Berlin has failed{why}"
                for why in ("", " (gone)", " (refused)", " (late)", " (again)")
            ],
            ["Export of order <*> to Berlin has failed", "Export of order <*> to Berlin has failed ( <*> )"],
            id="a reason in brackets is another message than none",
        ),
        pytest.param(
            [
                *(f'["The product {product} has no price at all"]' for product in ("Mug", "Tent", "Lamp", "Hoodie")),
                '["The product Mug was deleted","The product Tent has no price at all"]',
            ],
            [
                '[ " The product <*> has no price at all " ]',
                '[ " The product Mug was deleted " , " The product Tent has no price at all " ]',
            ],
            id="a name does not reach from one quoted sentence into the next",
        ),
        pytest.param(["Record has been changed"] * 3, ["Record has been changed"], id="one message many times"),
        pytest.param([], [], id="no message"),
    ],
)
def test_messages_that_say_the_same_are_one_pattern(messages: Sequence[str], expected: Sequence[str]) -> None:
    assert patterns(*messages) == expected


def test_every_message_is_in_exactly_one_pattern_and_the_largest_comes_first() -> None:
    messages = [sample.message for sample in corpus(TEMPLATES, 500, seed=5)]

    found = find_patterns(messages)

    assert sorted(member for pattern in found for member in pattern.members) == list(range(500))
    assert [len(pattern.members) for pattern in found] == sorted((len(each.members) for each in found), reverse=True)


def test_the_order_of_the_messages_makes_no_difference() -> None:
    messages = [sample.message for sample in corpus(TEMPLATES, 800, seed=6)]
    mixed = random.Random(1).sample(messages, k=len(messages))

    def groups(given: Sequence[str]) -> set[tuple[str, tuple[str, ...]]]:
        return {(str(one), tuple(sorted(given[number] for number in one.members))) for one in find_patterns(given)}

    assert groups(messages) == groups(mixed)


def test_more_messages_than_are_divided_at_once_are_put_to_the_patterns_of_those() -> None:
    words = [f"{first}{second}{third}" for first in "abcdefgh" for second in "ijklmnop" for third in "qrstuvwx"]
    messages = [f"Item {words[n % 512]} of vendor {words[n * 7 % 509]} cannot be bought any more" for n in range(5_000)]

    assert [len(pattern.members) for pattern in find_patterns(messages)] == [5_000]


def test_what_fits_none_of_the_patterns_of_those_divided_first_gets_its_own() -> None:
    words = [f"{first}{second}{third}" for first in "abcdefgh" for second in "ijklmnop" for third in "qrstuvwx"]
    many = [f"Item {words[n % 512]} of vendor {words[n * 7 % 509]} cannot be bought any more" for n in range(5_000)]
    other = [f"Order {word} from depot {word} may not leave the house" for word in ("abc", "bcd", "cde")]

    for place in range(len(other) + 1):
        mixed = [*many[:place], *other, *many[place:]]
        first, *rest = find_patterns(mixed)
        assert (len(first.members), sum(len(pattern.members) for pattern in rest)) == (5_000, 3)


@pytest.mark.parametrize("common", ["", "because "], ids=["not a word", "one word in all of them"])
def test_messages_that_have_nothing_in_common_are_not_thrown_together(common: str) -> None:
    chance = random.Random(3)
    words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(500)]
    messages = [common + " ".join(chance.choices(words, k=12)) for _ in range(400)]

    assert max(len(pattern.members) for pattern in find_patterns(messages)) < 5


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(["x 1 " * count for count in range(1, 200)], id="hundreds of slots"),
        pytest.param(["a " * count for count in range(1, 300)], id="one word again and again"),
        pytest.param(["'" * 500 + '"' * 501, "\\" * 500, "/" * 500, "://" * 200], id="quotes and slashes"),
        pytest.param(["x" * 100_000, "\ud800 half a pair", "\x00\x01"], id="no words at all"),
    ],
)
def test_hostile_messages_are_taken_apart_all_the_same(messages: Sequence[str]) -> None:
    assert sum(len(pattern.members) for pattern in find_patterns(messages)) == len(messages)


@pytest.mark.parametrize(
    ("samples", "least"),
    [
        pytest.param(corpus(TEMPLATES, 1_500, seed=21), 0.95, id="first"),
        pytest.param(of_others(OTHERS, 1_500, seed=21), 0.92, id="other systems"),
    ],
)
def test_integration_errors_are_grouped_nearly_all_as_their_templates_are(
    samples: Sequence[Sample], least: float
) -> None:
    accuracy = grouping_accuracy(mined([each.message for each in samples]), [each.template for each in samples])

    assert accuracy > least


def test_a_group_counts_as_right_only_if_it_is_the_templates_whole_group() -> None:
    truth = ["a", "a", "b", "b", "b", "c"]

    assert grouping_accuracy([1, 1, 2, 2, 2, 3], truth) == 1
    assert grouping_accuracy([1, 1, 2, 2, 4, 3], truth) == pytest.approx(3 / 6)
    assert grouping_accuracy([1, 1, 2, 2, 2, 2], truth) == pytest.approx(2 / 6)
