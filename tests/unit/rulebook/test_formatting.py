"""Formatting changes how a rule file looks and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from daemon.core.exceptions import RuleError
from daemon.rulebook.file_finder import FoundFile
from daemon.rulebook.fingerprint import digest
from daemon.rulebook.formats import plain
from daemon.rulebook.formatting import Format, Formatted, format_file
from daemon.rulebook.reader import read_found
from daemon.rulebook.toml_format import read_toml
from daemon.rulebook.yaml_format import read_yaml

BROKEN = Path(__file__).parents[2] / "rules/broken"


def found(text: str, name: str = "a.yaml") -> FoundFile:
    return FoundFile(name=name, path=Path(name), content=text.encode())


def formatted(text: str, name: str = "a.yaml", to: Format | None = None) -> str:
    done = format_file(found(text, name), to)
    assert isinstance(done, Formatted), done
    return done.content.decode()


UNTIDY = """\
# yaml-language-server: $schema=./flowmend-rules.schema.json


# About the file.
rules:
    # About the first rule.
    - then: {retry: {max_attempts: 4, after: "5m"},
             patch: [{path: /data/a, value: 'no', op: replace}]}   # as often as this
      tests:
      - {data: {a: 1}, match: {code: "A", message: 'it is # 5'}}
      # - a test that waits
      when: {code: [A,   # the first
                    B]}
      id: first
    - id: second # behind the id
      when:
        message:
          regex: "a\\\\d"
        any:
        - code: 'X'
        # before the second
        - {source: W}
      then:
        leave:
          {}
    # at the end of the rules
version: 1   # always
# at the end
"""

TIDY = """\
# yaml-language-server: $schema=./flowmend-rules.schema.json

# About the file.
version: 1  # always

rules:
  # About the first rule.
  - id: first
    when:
      code:
        - A  # the first
        - B
    then:  # as often as this
      patch:
        - {op: replace, path: /data/a, value: "no"}
      retry: {after: 5m, max_attempts: 4}
    tests:
      - match: {code: A, message: "it is # 5"}
        data: {a: 1}
      # - a test that waits

  - id: second  # behind the id
    when:
      message: {regex: 'a\\d'}
      any:
        - code: X
        # before the second
        - source: W
    then:
      leave: {}
  # at the end of the rules
# at the end
"""
TOML = """\
#:schema ./flowmend-rules.schema.json

# About the file.
version = 1  # always

# About the first rule.
[[rules]]
id = "first"

[rules.when]
code = [
  "A",  # the first
  "B",
]

[rules.then]  # as often as this
patch = [{ op = "replace", path = "/data/a", value = "no" }]
retry = { after = "5m", max_attempts = 4 }

[[rules.tests]]
match = { code = "A", message = "it is # 5" }
data = { a = 1 }
      # - a test that waits

[[rules]]
id = "second"  # behind the id

[rules.when]
message = { regex = 'a\\d' }
any = [
  { code = "X" },
  # before the second
  { source = "W" },
]

[rules.then]
leave = {}
  # at the end of the rules
# at the end
"""


def test_an_untidy_file_comes_out_in_the_one_style() -> None:
    assert formatted(UNTIDY) == TIDY.replace("# always\n\n", "# always\n")


def test_what_is_in_the_style_stays_as_it_is() -> None:
    assert formatted(TIDY) == TIDY
    assert formatted(TOML, "a.toml") == TOML


def test_each_format_becomes_the_other_with_its_comments_and_its_modeline() -> None:
    assert formatted(TIDY, to="toml") == TOML
    assert formatted(TOML, "a.toml", to="yaml") == TIDY


RULE = "version: 1\nrules:\n  - id: a\n    when:\n      code: A\n{}    then:\n      leave: {{}}\n"


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        pytest.param("source: 'plain words'", "source: plain words", id="quotes that nothing needs"),
        pytest.param("source: 'no'", 'source: "no"', id="a word that other readers take for false"),
        pytest.param("source: no", 'source: "no"', id="the same without quotes, which stays text"),
        pytest.param("source: 012", 'source: "012"', id="text that looks like a number"),
        pytest.param("source: 2026-01-02", 'source: "2026-01-02"', id="text that looks like a date"),
        pytest.param("source: 12:30:00", 'source: "12:30:00"', id="text that looks like a time"),
        pytest.param("source: 1e5", 'source: "1e5"', id="text that looks like an exponent"),
        pytest.param("source: 0x1F", 'source: "0x1F"', id="text that looks like a hexadecimal number"),
        pytest.param("source: 404", "source: 404", id="a number stays one"),
        pytest.param("source: 'a: b'", 'source: "a: b"', id="a colon"),
        pytest.param("source: 'a #b'", 'source: "a #b"', id="a number sign"),
        pytest.param("source: '*'", 'source: "*"', id="a sign of YAML"),
        pytest.param('message: {contains: "a\\\\b"}', "message: {contains: 'a\\b'}", id="a backslash"),
        pytest.param("source: it's", "source: it's", id="an apostrophe"),
        pytest.param("message: {contains: it's}", 'message: {contains: "it\'s"}', id="an apostrophe in braces"),
        pytest.param('message: {regex: "a\'b"}', 'message: {regex: "a\'b"}', id="a pattern with an apostrophe"),
        pytest.param("message: {regex: abc}", "message: {regex: 'abc'}", id="a pattern has single quotes"),
        pytest.param('source: "a\\xa0b"', 'source: "a\\u00A0b"', id="what cannot be seen is written out"),
        pytest.param("data: {'a[0]': null}", 'data: {"a[0]": null}', id="a key with brackets"),
        pytest.param("source: [\n        x, z,\n        ]", "source: [x, z]", id="a list over several lines"),
        pytest.param("source: >-\n        x\n        y", "source: x y", id="folded text that has room"),
        pytest.param("source: |\n        x\n        y", "source: |\n        x\n        y", id="text of several lines"),
    ],
)
def test_values_are_written_with_as_few_signs_as_are_safe(line: str, becomes: str) -> None:
    assert formatted(RULE.format(f"      {line}\n")) == RULE.format(f"      {becomes}\n")


def test_long_text_is_folded_and_a_long_map_gets_a_line_for_each_key() -> None:
    words = " ".join(["word"] * 30)
    text = formatted(f"version: 1\nrules: [{{id: a, why: {words}, when: {{code: A}}, then: {{leave: {{}}}}, "
                     f"tests: [{{match: {{code: A, message: {words} more}}}}]}}]\n")  # fmt: skip
    assert "    why: >-\n      word word" in text
    assert "      - match:\n          code: A\n          message: >-\n            word" in text
    assert max(map(len, text.split("\n"))) <= 120


def test_the_order_of_conditions_stays_because_it_says_something() -> None:
    text = RULE.format("      message: {ends_with: b, contains: a}\n      account: acme\n")
    assert formatted(text) == text


def test_a_comment_in_braces_opens_them() -> None:
    text = RULE.format("      message: {contains: a, # one\n        ignore_case: true}\n")
    assert "      message:\n        contains: a  # one\n        ignore_case: true\n" in formatted(text)


def test_comments_of_neighbouring_lines_stand_in_one_column() -> None:
    text = RULE.format("      source: application # one\n      step_type: import  # two\n")
    assert "source: application  # one\n      step_type: import    # two\n" in formatted(text)


def test_where_toml_has_no_room_for_a_comment_it_stands_above() -> None:
    text = RULE.format("      any:\n        - message:\n            contains: a  # why a\n      source: b\n")
    assert 'any = [\n  # why a\n  { message = { contains = "a" } },\n]\nsource = "b"\n' in formatted(text, to="toml")


def test_line_ends_of_windows_stay() -> None:
    done = format_file(found(RULE.format("").replace("\n", "\r\n").replace("code: A", 'code: "A"')))
    assert isinstance(done, Formatted)
    assert done.content == RULE.format("").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        pytest.param(RULE.format("      data: {a: null}\n"), "a.yaml", "a.yaml:6:17: TOML has no null", id="null"),
        pytest.param(
            'version = 1\n[[rules]]\nid = "a"\nwhen = { code = "A", http_status = { gt = 1e2 } }\nthen = { leave = {} }\n',
            "a.toml", "a.toml:4:43: numbers of YAML rule files have no exponent, so 1e2", id="an exponent",
        ),
    ],
)  # fmt: skip
def test_what_the_other_format_cannot_carry_is_refused_with_its_place(text: str, name: str, said: str) -> None:
    with pytest.raises(RuleError, match="left as it was") as refused:
        format_file(found(text, name), "yaml" if name.endswith("toml") else "toml")
    assert said in str(refused.value)


def test_a_file_with_mistakes_is_not_formatted_but_shown() -> None:
    for path in sorted(BROKEN.glob("*.*ml")):
        file = FoundFile(name=path.name, path=path, content=path.read_bytes())
        errors = [problem for problem in read_found([file]).problems if problem.is_error]
        done = format_file(file)
        assert isinstance(done, Formatted) if not errors else done == errors, path.name


WORDS = ["x", "no", "012", "1.50", "a: b", "a #b", "it's", 'say "x"', "back\\slash", "{", "[x]", "*", "&a", "- a", "é", "a\u2028b",
         "two\nlines", "ends: ", " blank", "#", "2026-01-02", "~", "%x", "a\tb", "word " * 40 + "end", "?", "=", "-", "off"]  # fmt: skip
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\r")
clean = st.sampled_from(WORDS) | st.text(letters).map("{}.".format) | st.text(letters).map(".{}".format)
slugs = st.from_regex("[a-z][a-z0-9]{0,8}", fullmatch=True)
matchers = st.one_of(
    clean, st.integers(0, 9), st.lists(clean, min_size=1, max_size=3),
    st.fixed_dictionaries({"contains": st.lists(clean, min_size=1, max_size=9)}, optional={"ignore_case": st.booleans()}),
)  # fmt: skip
conditions = st.fixed_dictionaries(
    {"code": matchers},
    optional={
        "message": matchers,
        "source": matchers,
        "http_status": st.fixed_dictionaries({"gte": st.sampled_from([400, 4.5])}),
        "data": st.dictionaries(st.sampled_from(["a", "b.c", "d[0]"]), clean | st.booleans(), min_size=1),
        "any": st.lists(st.fixed_dictionaries({"code": matchers}, optional={"tags": clean}), min_size=1, max_size=3),
        "not": st.fixed_dictionaries({"code": matchers}),
    },
)
json_data = st.recursive(
    clean | st.integers(-9, 10**12) | st.booleans() | st.sampled_from([1.5, -0.25]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(clean, inner, max_size=3),
    max_leaves=8,
)
actions: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({"leave": {}}),
    st.fixed_dictionaries({"resolve": st.fixed_dictionaries({"because": clean})}),
    st.fixed_dictionaries({"hold": st.fixed_dictionaries({"queue": slugs}, optional={"title": clean})}),
    st.fixed_dictionaries(
        {
            "retry": st.fixed_dictionaries(
                {}, optional={"after": st.just("5m"), "ramp": st.sampled_from([[3, 30], "off"])}
            ),
            "patch": st.lists(
                st.fixed_dictionaries({"op": st.just("add"), "path": st.just("/data/a"), "value": json_data}),
                min_size=1,
            ),
        }
    ),
)
examples = st.fixed_dictionaries(
    {"match": st.fixed_dictionaries({"code": clean}, optional={"message": clean, "tags": st.lists(clean, min_size=1)})},
    optional={"data": json_data, "name": clean},
)
rules = st.lists(
    st.fixed_dictionaries(
        {"id": slugs, "then": actions, "when": conditions},
        optional={"why": clean, "tests": st.lists(examples, min_size=1, max_size=2)},
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda rule: str(rule["id"]),
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return the text of a rule file in block style, with comments wherever they may stand."""
    content: dict[str, Any] = {"rules": draw(rules), "version": 1}
    if draw(st.booleans()):
        content["tables"] = {"t": draw(st.dictionaries(clean, clean, min_size=1))}
    out = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = False, 100_000, False
    yaml.dump(json.loads(json.dumps(content)), out)  # a copy, in which nothing is shared: no anchors
    lines: list[str] = []
    for number, line in enumerate(out.getvalue().splitlines()):
        where = draw(st.integers(0, 5))
        indent = line[: len(line) - len(line.lstrip(" "))]
        if where == 1:
            lines += [
                *draw(st.sampled_from([[], [""]])),
                f"{indent}# above {number}",
                *draw(st.sampled_from([[], [""]])),
            ]
        if where == 2:
            lines.append(f"{indent}    # further in {number}")
        lines.append(f"{line}   # beside {number}" if where == 3 else line)
    return "\n".join([*lines, "# last"])


def comments_of(text: str) -> list[str]:
    return sorted(
        line.rpartition("# ")[2]
        for line in text.split("\n")
        if "# above" in line or "# further" in line or "# beside" in line
    )


def content_of(text: str, name: str) -> object:
    root = (read_toml if name.endswith(".toml") else read_yaml)(text).root
    assert root is not None
    return plain(root)


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(files())
def test_formatting_keeps_rules_and_comments_and_is_done_after_once(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once
    assert content_of(once, "a.yaml") == content_of(text, "a.yaml")
    assert digest(read_found([found(once)]).sources) == digest(read_found([found(text)]).sources)
    assert comments_of(once) == comments_of(text)


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(files())
def test_there_and_back_again_through_toml_nothing_is_lost(text: str) -> None:
    toml = formatted(text, to="toml")
    assert formatted(toml, "a.toml") == toml
    back = formatted(toml, "a.toml", to="yaml")
    assert content_of(toml, "a.toml") == content_of(text, "a.yaml") == content_of(back, "a.yaml")
    assert digest(read_found([found(back)]).sources) == digest(read_found([found(text)]).sources)
    assert comments_of(toml) == comments_of(text) == comments_of(back)
