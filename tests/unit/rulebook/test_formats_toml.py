"""TOML becomes the same kind of tree as YAML, with the place of every key and value."""

import tomllib
from decimal import Decimal

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from daemon.rulebook.formats import Document, MappingNode, Node, ScalarNode, SequenceNode, plain
from daemon.rulebook.toml_format import read_toml

TEXT = '''\
version = 1  # the format's
scope.flow = ["Orders [PROD]",  # a list over lines
  'Returns',
]

[[rules]]
id = "dup-sku"
why = """
Two
lines \\
  joined"""
when = {code = "DUP", message.regex = 'a\\d', "ship to" = true}
[rules.then.retry]
after = "5m"
max_attempts = 0x4

[[rules]]
id = 'state'
[[rules.tests]]
match = {}
'''


def entry_places(node: Node, way: str = "") -> dict[str, tuple[int, int]]:
    if isinstance(node, MappingNode):
        found = {f"{way}.{entry.key}": (entry.line, entry.column) for entry in node.entries.values()}
        for entry in node.entries.values():
            found |= entry_places(entry.value, f"{way}.{entry.key}")
        return found
    if isinstance(node, SequenceNode):
        return {
            place: at for n, item in enumerate(node.items) for place, at in entry_places(item, f"{way}.{n}").items()
        }
    return {way + "=": (node.line, node.column)}


def test_every_key_and_value_knows_where_it_stands() -> None:
    root = read_toml(TEXT).root
    assert root is not None
    places = entry_places(root)
    assert places == {
        ".version": (1, 1), ".version=": (1, 11), ".scope": (2, 1), ".scope.flow": (2, 7),
        ".scope.flow.0=": (2, 15), ".scope.flow.1=": (3, 3),
        ".rules": (6, 3), ".rules.0.id": (7, 1), ".rules.0.id=": (7, 6), ".rules.0.why": (8, 1), ".rules.0.why=": (8, 7),
        ".rules.0.when": (12, 1), ".rules.0.when.code": (12, 9), ".rules.0.when.code=": (12, 16),
        ".rules.0.when.message": (12, 23), ".rules.0.when.message.regex": (12, 31),
        ".rules.0.when.message.regex=": (12, 39), ".rules.0.when.ship to": (12, 46), ".rules.0.when.ship to=": (12, 58),
        ".rules.0.then": (13, 8), ".rules.0.then.retry": (13, 13), ".rules.0.then.retry.after": (14, 1),
        ".rules.0.then.retry.after=": (14, 9), ".rules.0.then.retry.max_attempts": (15, 1),
        ".rules.0.then.retry.max_attempts=": (15, 16), ".rules.1.id": (18, 1), ".rules.1.id=": (18, 6),
        ".rules.1.tests": (19, 9), ".rules.1.tests.0.match": (20, 1),
    }  # fmt: skip


def test_the_tree_holds_what_tomllib_reads() -> None:
    root = read_toml(TEXT).root
    assert root is not None
    assert plain(root) == tomllib.loads(TEXT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1979-05-27", "1979-05-27"),
        ("1979-05-27T07:32:00Z", "1979-05-27T07:32:00Z"),
        ("1979-05-27 07:32:00", "1979-05-27 07:32:00"),
        ("07:32:00", "07:32:00"),
        ("1_000", 1000),
        ("0b11", 3),
        ("-0.50", Decimal("-0.50")),
        ("1_0.1", Decimal("10.1")),
        ("true", True),
        ("'''it's'''", "it's"),
        ('""""quoted""""', '"quoted"'),
        ('"a\\u00e9"', "aé"),
    ],
)
def test_numbers_are_exact_and_dates_stay_text(text: str, value: object) -> None:
    root = read_toml(f"key = {text}").root
    assert root is not None
    (found,) = plain(root).values()  # type: ignore[attr-defined]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a = 1\na = 2\n", "E003", 1, 1),
        ("[a]\nb = 1\n[a]\nc = 2\n", "E003", 1, 2),
        ("a = {b = 1, b = 2}\n", "E003", 1, 6),
        ("a = {b = 1}\n[a]\nc = 1\n", "E003", 1, 1),
        ("a = 1\n[[a]]\n", "E003", 1, 1),
        ("[[a]]\nb = 1\n[a]\n", "E003", 1, 3),
        ("a = 1\na.b = 2", "E003", 1, 1),
        ("a = \n", "E004", 1, 5),
        ("a = [1, 2\n", "E004", 1, 10),
        ('a = "b\n', "E004", 1, 7),
        ('a = "\\d"\n', "E004", 1, 8),
        ("a = '''b", "E004", 1, 5),
        ("a: 1\n", "E004", 1, 2),
        ("a = 012\n", "E004", 1, 5),
        ("a = yes\n", "E004", 1, 5),
        ("[a\n", "E004", 1, 3),
        ("a = 1 b = 2\n", "E004", 1, 7),
        ("a = {b = 1,\n c = 2}\n", "E004", 1, 12),
        ("= 1\n", "E004", 1, 1),
        ("a = \x00\n", "E004", 1, 5),
        ("a = inf\n", "E007", 1, 5),
        ("a = -nan\n", "E007", 1, 5),
        ("a = 1e999\n", "E007", 1, 5),
        (f"a = {'9' * 41}\n", "E007", 1, 5),
        ("a = " + "[" * 100_000, "E006", 1, 70),
        ("a = " + "{a = " * 100_000, "E006", 1, 330),
        (".".join("a" * 100_000) + " = 1", "E006", 1, 129),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, str) else str(value),
)
def test_what_is_wrong_is_told_in_its_place(text: str, code: str, line: int, column: int) -> None:
    flaw = read_toml(text).flaws[0]
    assert (flaw.code, flaw.line, flaw.column) == (code, line, column)


def test_a_key_written_twice_hides_neither_the_rest_nor_its_second_place() -> None:
    document = read_toml("a = 1\na = 2\n[b]\nc = 3\n")
    assert document.root is not None
    assert document.flaws[0].others == ((2, 1),)
    assert plain(document.root) == {"a": 1, "b": {"c": 3}}


def test_bad_syntax_is_told_beside_a_key_written_twice() -> None:
    document = read_toml("a = 1\nb = \na = 2\n")
    assert [flaw.code for flaw in document.flaws] == ["E004"]
    document = read_toml("a = 1\na = 2\nb = \n")
    assert [flaw.code for flaw in document.flaws] == ["E003"]


KEYS = st.text(st.sampled_from("abc-_1 .é\"'\\\n"), min_size=1, max_size=5)
VALUES = st.recursive(
    st.text(max_size=8) | st.integers(-(10**12), 10**12) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_toml_comes_out_as_tomllib_reads_it(content: dict[str, object]) -> None:
    text = tomlkit.dumps(content).replace("\r\n", "\n")
    document = read_toml(text)
    assert document.flaws == ()
    assert document.root is not None
    assert plain(document.root) == tomllib.loads(text)


@given(st.text(max_size=60) | st.text(st.sampled_from("a.=[]{}\"'\\\n #,1"), max_size=40))
def test_no_text_at_all_makes_reading_fail(text: str) -> None:
    document = read_toml(text)
    assert isinstance(document, Document)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert document.flaws
    else:
        assert document.root is not None


def test_a_scalar_is_as_wide_as_it_is_written() -> None:
    root = read_toml('a = "x\\ty"\nb = 1_000\n').root
    assert isinstance(root, MappingNode)
    widths = [entry.value.width for entry in root.entries.values() if isinstance(entry.value, ScalarNode)]
    assert widths == [6, 5]
