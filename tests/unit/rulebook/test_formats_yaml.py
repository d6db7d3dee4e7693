"""YAML becomes the same tree whichever way it is read, and only what rule files are meant to have."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.rulebook import yaml_quick
from daemon.rulebook.formats import Document, MappingNode, ScalarNode, plain
from daemon.rulebook.yaml_format import read_with_ruamel, read_yaml

RULE = """\
version: 1   # the format's
rules:
- id: dup-sku
  why: The record's there; nothing to do.
  when:
    code: [DUP_RCRD, "DUP \\"X\\"", 'it''s', 404]
    message: {regex: "state '(?P<state>[A-Z]+)'", ignore_case: true}
    data: {"ship to": ~, b: -1.50}

  then:
    retry: {after: 5m, ramp: [3, 30]}
    patch:
      -   op: remove
          path: /data/a
      - {op: add, path: /data/b, value: {}}
    notify: []
  tests:
    -
      match: {code: DUP_RCRD}
"""


def value_of(text: str) -> object:
    root = read_yaml(f"key: {text}\n").root
    assert isinstance(root, MappingNode)
    node = root.entries["key"].value
    assert isinstance(node, ScalarNode)
    return node.value


@pytest.mark.parametrize(
    "text",
    [
        "no", "yes", "on", "off", "No", "y", "True", "FALSE", "012", "0o17", "0x1F", "1_000", "1e5", "+5", "5m", ".5", "1.",
        "2024-01-31", "12:30:00", "Null", "NULL", "1.2.3", "1,5", "-x", "a:b", "http://example.com/a", "it's", "5 minutes",
    ],
)  # fmt: skip
def test_what_only_looks_like_something_else_stays_text(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("404", 404),
        ("-7", -7),
        ("1.50", 1.5),
        ('"404"', "404"),
        ("'true'", "true"),
        ('""', ""),
    ],
)
def test_plain_numbers_and_the_words_true_false_and_null_are_values(text: str, value: object) -> None:
    found = value_of(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", [".inf", "-.INF", "+.inf", ".NaN", "9" * 41])
def test_numbers_that_cannot_be_used_are_refused_where_they_stand(text: str) -> None:
    (flaw,) = read_yaml(f"key: {text}\n").flaws
    assert (flaw.code, flaw.line, flaw.column, flaw.width) == ("E007", 1, 6, len(text))


def test_numbers_keep_every_digit() -> None:
    root = read_yaml("a: 0.10000000000000000001\n").root
    assert root is not None
    assert str(plain(root)) == "{'a': Decimal('0.10000000000000000001')}"


def test_every_key_and_value_knows_where_it_stands() -> None:
    root = read_yaml("rules:\n  - {id: 'dup', when: [1, true]}\n").root
    assert isinstance(root, MappingNode)
    item = root.entries["rules"].value.items[0]  # type: ignore[union-attr]
    assert isinstance(item, MappingNode)
    when = item.entries["when"]
    assert (item.line, item.column) == (2, 5)
    assert (when.line, when.column, when.width) == (2, 17, 4)
    first, second = when.value.items  # type: ignore[union-attr]
    assert (first.line, first.column, second.column, second.width) == (2, 24, 27, 4)
    name = item.entries["id"].value
    assert (name.line, name.column, name.width) == (2, 10, 5)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: &x 1\n", "E005", 1, 4),
        ("a: *x\n", "E005", 1, 4),
        ("a: !!int 5\n", "E005", 1, 4),
        ("a: !python/object:os.system {}\n", "E005", 1, 4),
        ("a: {<<: {b: 1}}\n", "E005", 1, 5),
        ("a: 1\n---\nb: 2\n", "E005", 2, 1),
        ("%YAML 1.1\n---\na: 1\n", "E005", 2, 1),
        ("? [a]\n: 1\n", "E005", 1, 3),
        ("a: 1\nb: 2\na: 3\n", "E003", 1, 1),
        ("a: {b: 1, b: 2}\n", "E003", 1, 5),
        ("a:\n\tb: 1\n", "E004", 2, 1),
        ("a: b: c\n", "E004", 1, 5),
        ("a:\n  b: 1\n c: 2\n", "E004", 3, 2),
        ('a: "\\d"\n', "E004", 1, 6),
        ('a: "b\n', "E004", 1, 4),
        ("a: [1, 2\n", "E004", 1, 4),
        ("a: {b: 1\n", "E004", 1, 4),
        ("a: @b\n", "E004", 1, 4),
        ("a: b\n\x00\n", "E004", 2, 1),
        ("a: \x1b[31m\n", "E004", 1, 4),
        ("[" * 100_000, "E006", 1, 66),
        ("- " * 100_000, "E006", 1, 131),
        ("{a: " * 100_000, "E006", 1, 261),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, str) else str(value),
)
def test_what_rule_files_cannot_have_is_refused_in_its_place(text: str, code: str, line: int, column: int) -> None:
    flaw = read_yaml(text).flaws[0]
    assert (flaw.code, flaw.line, flaw.column) == (code, line, column)


def test_an_alias_bomb_is_never_unfolded() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    document = read_yaml(f"l0: &l0 [lol]\n{levels}")
    assert {flaw.code for flaw in document.flaws} == {"E005"}


def test_both_places_of_a_key_written_twice_are_told_and_the_first_stays() -> None:
    document = read_yaml("a: 1\nb: 2\na: 3\n")
    assert document.root is not None
    assert document.flaws[0].others == ((3, 1),)
    assert plain(document.root) == {"a": 1, "b": 2}


@pytest.mark.parametrize("text", ["why: >-\n  two\n  lines\n", "why: two\n  lines\n", 'why: "two\n  lines"\n'])
def test_text_over_several_lines_is_joined(text: str) -> None:
    root = read_yaml(text).root
    assert root is not None
    assert plain(root) == {"why": "two lines"}


def test_the_quick_way_takes_a_usual_rule_file() -> None:
    assert yaml_quick.read(RULE) is not None


SNIPPETS = st.sampled_from(
    [" ", "\n", ":", ": ", "-", "- ", "#", " #", ",", "[", "]", "{", "}", '"', "'", "''", "|", ">", "&", "*", "!", "?",
     "%", "@", "\\", "~", "null", "true", "0", "1.5", "é", "\t", "\r", "\u00a0", "\u2028", "---\n", "...", "\n  ", "<<", "="]
)  # fmt: skip
EDITS = st.lists(st.tuples(st.integers(0, len(RULE)), st.integers(0, 12), SNIPPETS | st.just("")), max_size=5)
PARTS = st.tuples(st.integers(0, RULE.count("\n")), st.integers(1, RULE.count("\n") + 1))


def edited(edits: list[tuple[int, int, str]], part: tuple[int, int]) -> str:
    lines = RULE.split("\n")[part[0] : part[0] + part[1]]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    text = "\n".join(line[margin:] for line in lines)
    for at, removed, added in edits:
        place = at % (len(text) + 1)
        text = text[:place] + added + text[place + removed :]
    return text


@given(edits=EDITS, part=PARTS)
@example(edits=[], part=(0, 30))
def test_what_the_quick_way_takes_is_what_ruamel_reads(
    edits: list[tuple[int, int, str]], part: tuple[int, int]
) -> None:
    text = edited(edits, part)
    quick = yaml_quick.read(text)
    assert quick is None or quick == read_with_ruamel(text)


@example("\r\t")
@example("a: \x85\t")
@given(st.text(max_size=60))
def test_no_text_at_all_makes_reading_fail(text: str) -> None:
    assert isinstance(read_yaml(text), Document)
