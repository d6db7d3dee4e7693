"""What messages propose can be copied into the file as it stands: it reads back as what was meant."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rulebook.formats import plain
from daemon.rulebook.notation import Notation
from daemon.rulebook.toml_format import read_toml
from daemon.rulebook.yaml_format import read_yaml

YAML, TOML = Notation.of("rules/a.yaml"), Notation.of("rules/A.TOML")
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\ufeff")
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.integers(min_value=-(10**9), max_value=10**9)),
    lambda inner: st.one_of(st.lists(inner, min_size=1, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "yaml", "toml"),
    [
        ({"match": {"code": "DUP_RCRD"}}, "match: {code: DUP_RCRD}", 'match = {code = "DUP_RCRD"}'),
        ({"gte": "10m"}, 'gte: "10m"', 'gte = "10m"'),
        ({"contains": ["a b", "yes: no"]}, 'contains: [a b, "yes: no"]', 'contains = ["a b", "yes: no"]'),
        ({"regex": r"order \d+"}, r"regex: 'order \d+'", r"regex = 'order \d+'"),
        ({"regex": "it's"}, 'regex: "it\'s"', 'regex = "it\'s"'),
        ({"exists": False}, "exists: false", "exists = false"),
        ({"ship-to.state": "CA"}, '"ship-to.state": CA', '"ship-to.state" = "CA"'),
        ({"leave": {}}, "leave: {}", "leave = {}"),
    ],
)
def test_a_line_is_written_as_people_write_it(value: dict[str, object], yaml: str, toml: str) -> None:
    ((key, inside),) = value.items()
    assert (YAML.line(key, inside), TOML.line(key, inside)) == (yaml, toml)


@given(value=VALUES)
def test_toml_reads_back(value: object) -> None:
    written = f"x = {TOML.value(value)}\n"
    assert tomllib.loads(written) == {"x": value}
    assert read_toml(written).flaws == ()


@given(value=VALUES)
def test_yaml_reads_back(value: object) -> None:
    document = read_yaml(f"x: {YAML.value(value)}\n")
    assert document.flaws == ()
    assert document.root is not None
    assert plain(document.root) == {"x": value}
