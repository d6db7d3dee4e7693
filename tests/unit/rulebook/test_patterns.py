"""RE2 as the rules see it: patterns, globs, and one scan for many literals."""

import fnmatch
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.rulebook.patterns import LiteralScan, Pattern, PatternError, glob_pattern, is_plain


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("a*c", "abbc", True),
        ("a*c", "abbcd", False),
        ("a*c", "a\n\x00c", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a?c", "a漢c", True),
        ("a[bc]d", "acd", True),
        ("a[!bc]d", "acd", False),
        ("a[!bc]d", "aed", True),
        ("a[0-9]", "a7", True),
        ("a[^b]", "a^", True),
        ("a[]]", "a]", True),
        ("a[!]]", "a]", False),
        ("a[\\d]", "a\\", True),
        ("a[-b]", "a-", True),
        ("a[b", "a[b", True),
        ("[[]x]", "[x]", True),
        ("a.c", "abc", False),
        ("(a+)$", "(a+)$", True),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_a_glob_stands_for_the_whole_text(glob: str, text: str, fits: bool) -> None:
    assert Pattern(glob_pattern(glob)).found(text.encode()) is fits


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a", "b", ".", "\\", "^", "*", "?", "[ab]", "[!a]", "[^b]", "[a-b]", "]"]), max_size=5
    ).map("".join),
    st.text(alphabet="ab.\\^]\n", max_size=6),
)
def test_a_glob_means_what_it_means_to_a_shell(glob: str, text: str) -> None:
    expected = re.compile(fnmatch.translate(glob)).match(text) is not None
    assert Pattern(glob_pattern(glob)).found(text.encode()) is expected


@pytest.mark.parametrize(("glob", "plain"), [("abc", True), ("a*", False), ("a?", False), ("a[b", False), ("a]", True)])
def test_a_glob_without_wildcards_is_plain(glob: str, plain: bool) -> None:
    assert is_plain(glob) is plain


def test_groups_that_took_no_part_are_left_out() -> None:
    pattern = Pattern(r"(?P<state>[A-Z]{2})(?P<zip>\d+)?")
    assert pattern.names == {"state": 1, "zip": 2}
    assert pattern.groups("é CA".encode()) == {"state": "CA"}
    assert pattern.groups(b"none") == {}
    assert Pattern("CA").groups(b"CA") == {}


def test_a_refused_pattern_says_why_and_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PatternError, match="invalid perl operator"):
        Pattern("(?!x)")
    assert capfd.readouterr() == ("", "")


def test_a_scan_finds_every_literal_that_occurs() -> None:
    scan = LiteralScan(["abc", "bc", "漢字", "\x00\x1b[", "a.c", "(x)"])
    assert scan.hits(b"xabc") == (0, 1)
    assert scan.hits("a漢字\x00\x1b[(x)".encode()) == (2, 3, 5)
    assert scan.hits(b"axc") == ()
    assert scan.hits(b"") == ()


def test_a_scan_without_the_memory_it_needs_says_so_instead_of_finding_nothing() -> None:
    literals = [f"literal number {number}" for number in range(500)]
    assert LiteralScan(literals, memory_bytes=10_000).hits(b"literal number 7") is None
    assert LiteralScan(literals).hits(b"literal number 7") == (7,)
