"""What a pattern needs, and that this is never too much."""

import pytest
import re2
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from daemon.rulebook.literals import NOTHING, Needs, pattern_needs


def needs(*clauses: set[str], folded: bool = False, enough: bool = False) -> Needs:
    return Needs(clauses=tuple(map(frozenset, clauses)), folded=folded, enough=enough)


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("Invalid state", needs({"Invalid state"}, enough=True)),
        ("^Invalid state$", needs({"Invalid state"})),
        (r"Invalid \w+ key '(?P<key>[^']+)'", needs({"Invalid "}, {" key '"}, {"'"})),
        ("already (exists|there)", needs({"already exists", "already there"}, enough=True)),
        ("(?:timeout|took .* long)", needs({"timeout", "took "})),
        ("colou?r", needs({"color", "colour"}, enough=True)),
        ("ab*c", needs({"a"}, {"c"})),
        ("(abc)+d", needs({"abc"}, {"d"})),
        ("x{2}y", needs({"x"}, {"y"})),
        ("x{0,1}y", needs({"y", "xy"}, enough=True)),
        ("x{0}y", needs({"y"})),
        ("a{,2}", needs({"a{,2}"}, enough=True)),
        ("a{b}", needs({"a{b}"}, enough=True)),
        ("{a}: b{2}", needs({"{a}: "}, {"b"})),
        (r"\$1\.50 \(net\)", needs({"$1.50 (net)"}, enough=True)),
        (r"a\tb\n", needs({"a\tb\n"}, enough=True)),
        (r"\bORA-\d{5}\b", needs({"ORA-"})),
        ("[Ss]tate", needs({"State", "state"}, enough=True)),
        ("[^S]tate", needs({"tate"})),
        ("[a-z]tate", needs({"tate"})),
        ("[]x]y", needs({"]y", "xy"}, enough=True)),
        ("[[:alpha:]]tate", needs({"tate"})),
        (r"[\d]tate", needs({"tate"})),
        (r"[\]]tate", needs({"]tate"}, enough=True)),
        (r"\pLtate\p{Greek}x", needs({"tate"}, {"x"})),
        ("(?i)Invalid.KEY", needs({"invalid"}, {"key"}, folded=True)),
        ("In(?i:VALID)", needs({"invalid"}, folded=True)),
        ("(?i)straße x", needs({"stra"}, {"e x"}, folded=True)),
        ("(?s)a.b", needs({"a"}, {"b"})),
        ("(?P<a>x)(?<b>y)", needs({"xy"}, enough=True)),
        ("漢字.é", needs({"漢字"}, {"é"})),
        ("", needs()),
        ("a|", needs()),
        (".*", needs()),
        ("a|b*", needs()),
        ("(a|b|c|d|e)(a|b|c|d|e)", needs(set("abcde"), set("abcde"))),
    ],
)
def test_a_pattern_needs_the_literals_it_cannot_do_without(pattern: str, needed: Needs) -> None:
    assert pattern_needs(pattern) == needed


@pytest.mark.parametrize(
    "pattern",
    [
        r"\Qa.b\E",
        r"\x41bc",
        r"\101",
        "(?#x)abc",
        "(?=abc)abc",
        "abc)",
        "(abc",
        "[abc",
        "abc\\",
        "*abc",
        "a**",
        "{2}",
        r"\u0041",
    ],
)
def test_a_pattern_that_is_not_understood_needs_nothing(pattern: str) -> None:
    assert pattern_needs(pattern) == NOTHING


def test_ignoring_case_folds_the_literals() -> None:
    assert pattern_needs("Invalid KEY", ignore_case=True) == needs({"invalid key"}, folded=True)


ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "K",
        "s",
        "ß",
        "é",
        " ",
        "'",
        r"\.",
        r"\n",
        ".",
        r"\d",
        r"\w",
        r"\b",
        "^",
        "$",
        "[ab]",
        "[^a]",
        "[a-c]",
        "[Ks]",
        "ab",
        "Key",
    ]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "??"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        inner.map(lambda part: f"(?P<name>{part})" if "name" not in part else part),
        inner.map(lambda part: f"(?i:{part})"),
    ),
    max_leaves=8,
)
PIECES = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "ab",
        "k",
        "K",
        "\u212a",
        "s",
        "S",
        "\u017f",
        "ß",
        "ẞ",
        "SS",
        "é",
        "É",
        " ",
        "'",
        ".",
        "\n",
        "1",
        "key",
        "Key",
        "KEY",
    ]
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=6), st.booleans())
def test_whatever_a_pattern_finds_has_what_it_needs(pattern: str, texts: list[str], ignore_case: bool) -> None:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    needed = pattern_needs(pattern, ignore_case=ignore_case)
    try:
        compiled = re2.compile(pattern, options)
    except re2.error:
        assume(False)
    for text in texts:
        looked_at = text.casefold() if needed.folded else text
        met = all(any(literal in looked_at for literal in clause) for clause in needed.clauses)
        found = compiled.search(text) is not None
        assert met or not found
        assert found or not (needed.enough and met)
