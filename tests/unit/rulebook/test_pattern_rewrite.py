"""A pattern that RE2 does not know is answered with one that it knows, and that finds the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rulebook.pattern_rewrite import Instead, rewritten
from daemon.rulebook.patterns import Pattern


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"order (?=[0-9]+)", "order [0-9]+"),
        (r"x(?=a|b)", "x(?:a|b)"),
        (r"a(?=b)|c", "ab|c"),
        (r"(?<=sku )A-\d+", r"sku A-\d+"),
        (r"order [0-9]++ refused", "order [0-9]+ refused"),
        (r"\d*+x?+", r"\d*x?"),
        (r"(?>order|item) 5", "(?:order|item) 5"),
        (r"refused\Z", r"refused\z"),
        (r"order \K[0-9]+", "order [0-9]+"),
        (r"a\hb\R", r"a[ \t]b(?:\r\n|\n|\r)"),
        (r"\<order\>", r"\border\b"),
        (r"caf\u00e9", r"caf\x{00e9}"),
        (r"[\u00e9]", r"[\x{00e9}]"),
        (r"(?'sku'[A-Z]+)", "(?P<sku>[A-Z]+)"),
        (r"a(?#the order)b", "ab"),
        (r"(SKU) \1", "(SKU) SKU"),
        (r"(?P<a>SKU) (?P=a)", "(?P<a>SKU) SKU"),
        (r"(?:x)(SKU) \k<1>", "(?:x)(SKU) SKU"),
        (r"a{1,2000}", "a{1,}"),
        (r"\\Z(?=x)", r"\\Zx"),
        (r"[(?=]+\Z", r"[(?=]+\z"),
    ],
)
def test_what_is_only_written_otherwise_is_written_so(pattern: str, instead: str) -> None:
    assert rewritten(pattern) == Instead(regex=instead)
    Pattern(instead)


@pytest.mark.parametrize(
    ("pattern", "regex", "unless"),
    [
        (r"order (?!test)", "order ", ("order test",)),
        (r"(?<!test )order \d+", r"order \d+", (r"test order \d+",)),
        (r"a(?!b)c(?!d)", "ac", ("ab", "acd")),
        (r"price(?! list| tag)s", "prices", ("price(?: list| tag)",)),
        (r"^(?!.*test order).*$", "", ("test order",)),
        (r"^(?!test)", "", ("^test",)),
    ],
)
def test_what_must_not_be_there_becomes_a_condition_of_its_own(
    pattern: str, regex: str, unless: tuple[str, ...]
) -> None:
    assert rewritten(pattern) == Instead(regex=regex, unless=unless)


@pytest.mark.parametrize("pattern", ["(?=.*order)(?=.*refused)", r"^(?=.*\border\b)(?=.*refused).*$"])
def test_words_in_any_order_are_words(pattern: str) -> None:
    assert rewritten(pattern) == Instead(words=("order", "refused"))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\w+) \1",
        "a{2000}",
        "foo(?=bar)baz",
        "(a(?=b))+",
        "(?(1)a|b)",
        "a|(?!b)c",
        "order (not",
        "a**",
        "[z-a]",
        r"(a)\2",
    ],
)
def test_where_nothing_finds_the_same_nothing_is_proposed(pattern: str) -> None:
    assert rewritten(pattern) is None


PARTS = st.sampled_from(["a", "b", "ab", "[ab]", "a+", "(?:a|b)", "b?", "."])
WHOLE = st.lists(PARTS, min_size=1, max_size=3).map("".join)
TEXTS = st.text(alphabet="abc", max_size=8)


@given(before=WHOLE, looked_at=WHOLE, text=TEXTS)
def test_what_looks_around_at_an_end_finds_the_same_texts(before: str, looked_at: str, text: str) -> None:
    for pattern in (f"{before}(?={looked_at})", f"(?>{before}){looked_at}\\Z", f"({before})\\K{looked_at}"):
        instead = rewritten(pattern)
        assert instead is not None
        wanted = pattern.replace("\\K", "").replace("(?>", "(?:")  # which Python 3.10 and older do not know either
        assert Pattern(instead.regex).found(text.encode()) == (re.search(wanted, text) is not None)


@given(kept=WHOLE, ruled_out=WHOLE, text=TEXTS)
def test_an_error_that_has_neither_is_judged_alike_and_no_other_is_let_in(kept: str, ruled_out: str, text: str) -> None:
    instead = rewritten(f"{kept}(?!{ruled_out})")
    assert instead is not None
    now = Pattern(instead.regex).found(text.encode()) and not Pattern(instead.unless[0]).found(text.encode())
    assert not now or re.search(f"{kept}(?!{ruled_out})", text)
