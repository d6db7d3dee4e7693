"""All problems come at once, each in its place, and none hides another."""

from pathlib import Path

import pytest

from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import RuleFiles, read_rules
from daemon.rulebook.reading import PROBLEM_LIMIT

HEAD = "version: 1\nrules:\n  - id: sample\n    why: A sample.\n"


def read(directory: Path, text: str) -> RuleFiles:
    path = directory / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return read_rules([path])


def problems(directory: Path, when: str = "{code: DUP}", then: str = "{leave: {}}", more: str = "") -> list[Problem]:
    return list(read(directory, f"{HEAD}    when: {when}\n    then: {then}\n{more}").problems)


def test_the_problems_of_all_rules_and_of_all_keys_come_together(tmp_path: Path) -> None:
    read_files = read(
        tmp_path,
        "version: 1\nrules:\n"
        "  - {id: one, why: One., when: {cod: A, message: {contain: B}}, then: {retry: {after: 5, max_attempts: 0}}}\n"
        "  - {id: two, why: Two., when: {code: A}, then: {leave: {}}}\n"
        "  - {id: three, why: Three., when: {age: 5m}, then: {hold: {}}, mode: of}\n",
    )
    assert [(one.line, one.column, one.code) for one in read_files.problems] == [
        (3, 33, "E014"),
        (3, 51, "E020"),
        (3, 87, "E019"),
        (3, 104, "E018"),
        (5, 37, "E022"),
        (5, 54, "E010"),
        (5, 71, "E017"),
    ]
    assert [source.rule.id for source in read_files.sources] == ["two"]


ADD = "{op: add, path: /data/a"

WRONG = [
    ("{code: {in: A}}", "{leave: {}}", "E011"),
    ("{code: {in: []}}", "{leave: {}}", "E013"),
    ("{code: {is: ''}}", "{leave: {}}", "E013"),
    ("{code: {}}", "{leave: {}}", "E013"),
    ("{code: }", "{leave: {}}", "E011"),
    ("{code: [[A]]}", "{leave: {}}", "E011"),
    ("{message: {exists: maybe}}", "{leave: {}}", "E011"),
    ("{message: {regex: '[a'}}", "{leave: {}}", "E021"),
    ("{message: {regex: 'a)'}}", "{leave: {}}", "E021"),
    ("{message: {regex: '*a'}}", "{leave: {}}", "E021"),
    ("{message: {regex: 'a++'}}", "{leave: {}}", "E021"),
    ("{message: {regex: '(?>a)'}}", "{leave: {}}", "E021"),
    ("{message: {regex: '(?P=a)'}}", "{leave: {}}", "E021"),
    ("{message: {regex: '(?<=a)b'}}", "{leave: {}}", "E021"),
    ("{message: {regex: 'a\\Z'}}", "{leave: {}}", "E021"),
    ("{message: {regex: ['a', '(?!b)']}}", "{leave: {}}", "E021"),
    ("{message: {regex: ''}}", "{leave: {}}", "E013"),
    ("{message: {regex: 'a|'}}", "{leave: {}}", "W032"),
    ("{http_status: many}", "{leave: {}}", "E011"),
    ("{http_status: 012}", "{leave: {}}", "E011"),
    ("{http_status: true}", "{leave: {}}", "E011"),
    ("{http_status: {gte: '5'}}", "{leave: {}}", "E011"),
    ("{retryable: [true]}", "{leave: {}}", "E011"),
    ("{retryable: {exists: true}}", "{leave: {}}", "E022"),
    ("{code: A, age: {gte: soon}}", "{leave: {}}", "E019"),
    ("{code: A, age: {contains: 5m}}", "{leave: {}}", "E022"),
    ("{code: A, step_type: {glob: 'im*'}}", "{leave: {}}", "E022"),
    ("{data: {a: {gt: b}}}", "{leave: {}}", "E011"),
    ("{data: {a: {is: {b: 1}}}}", "{leave: {}}", "E011"),
    ("{data: {a: {sounds_like: b}}}", "{leave: {}}", "E020"),
    ("{data: a}", "{leave: {}}", "E011"),
    ("{data: {}}", "{leave: {}}", "E013"),
    ("{any: []}", "{leave: {}}", "E013"),
    ("{any: [{}, {code: A}]}", "{leave: {}}", "E013"),
    ("{any: [code]}", "{leave: {}}", "E011"),
    ("{not: [code]}", "{leave: {}}", "E011"),
    ("code", "{leave: {}}", "E011"),
    ("{flow: A, attempts: {gt: 1}, step_type: import}", "{leave: {}}", "E023"),
    ("{not: {all: [{code: A}, {flow: B}]}}", "{leave: {}}", "E023"),
    ("{all: [{flow: A}, {any: [{code: A}, {flow: B}]}]}", "{leave: {}}", "E023"),
    ("{code: A}", "leave", "E011"),
    ("{code: A}", "{}", "E030"),
    ("{code: A}", "{leave: {because: x}}", "E014"),
    ("{code: A}", "{resolve: {}}", "E010"),
    ("{code: A}", "{hold: {queue: The Warehouse}}", "E015"),
    ("{code: A}", "{hold: {queue: w, edit: {path: /data/a}}}", "E011"),
    ("{code: A}", "{hold: {queue: w, edit: [{type: text}]}}", "E010 E017"),
    ("{code: A}", "{hold: {queue: w, edit: [{path: /data/a}, {path: /data/a}]}}", "E038"),
    ("{code: A}", "{hold: {queue: w, edit: [{path: /data/a, type: integer, one_of: [1.5]}]}}", "E038"),
    ("{code: A}", "{hold: {queue: w, edit: [{path: /data/a, one_of: [[1]]}]}}", "E011"),
    ("{code: A}", "{retry: {ramp: []}}", "E013"),
    ("{code: A}", "{retry: {ramp: [0, 3]}}", "E018"),
    ("{code: A}", "{retry: {ramp: [a]}}", "E011"),
    ("{code: A}", "{retry: {backoff: {factor: 0.5}}}", "E018"),
    ("{code: A}", "{retry: {backoff: {max: 0s}}}", "E018"),
    ("{code: A}", "{retry: {max_age: 0s}}", "E018"),
    ("{code: A}", "{retry: {max_attempts: 2.5}}", "E011"),
    ("{code: A}", "{leave: {}, notify: [Ops Team]}", "E015"),
    ("{code: A}", "{leave: {}, tag: [[A]]}", "E011"),
    ("{code: A}", "{retry: {}, patch: {op: remove, path: /data/a}}", "E011"),
    ("{code: A}", "{retry: {}, patch: []}", "E013"),
    ("{code: A}", "{retry: {}, patch: [remove]}", "E011"),
    ("{code: A}", "{retry: {}, patch: [{path: /data/a}]}", "E010"),
    ("{code: A}", "{retry: {}, patch: [{op: remove, path: /data}]}", "E032"),
    ("{code: A}", "{retry: {}, patch: [{op: remove, path: /data/a/-}]}", "E032"),
    ("{code: A}", "{retry: {}, patch: [{op: remove, path: /data/a/}]}", "E032"),
    ("{code: A}", "{retry: {}, patch: [{op: remove, path: /data/a~b}]}", "E032"),
    ("{code: A}", "{retry: {}, patch: [{op: remove, path: /database}]}", "E032"),
    ("{code: A}", "{retry: {}, patch: [{op: move, path: /data/a/b, from: /data/a}]}", "E032"),
    ("{code: A}", "{retry: {}, patch: [{op: copy, path: /data/a, from: /b}]}", "E032"),
    ("{code: A}", "{retry: {}, patch: [{op: remove, path: /data/a, value: 1}]}", "E033"),
    ("{code: A}", "{retry: {}, patch: [{op: test, path: /data/a, value: 1, from: /data/b}]}", "E033"),
    ("{code: A}", "{retry: {}, patch: [{op: add, path: /data/a, value_from: {}}]}", "E033"),
    ("{code: A}", "{retry: {}, patch: [{op: add, path: /data/a, value_from: {data: a, field: code}}]}", "E033"),
    ("{code: A}", "{retry: {}, patch: [{op: add, path: /data/a, value_from: {data: 'a['}}]}", "E025"),
    ("{code: A}", "{retry: {}, patch: [{op: add, path: /data/a, value_from: {data: a, lookup: b}}]}", "E035"),
    ("{code: A}", "{retry: {after: [5m]}}", "E011"),
    ("{code: A}", "{hold: {queue: w, edit: [{path: /data/a, type: boolean, one_of: [A, true]}]}}", "E038"),
    ("{code: A}", "{hold: {queue: w, edit: [{path: /data/a, type: number, one_of: [1, 1.5, false]}]}}", "E038"),
    ("{data: {a: 1}}", f"{{retry: {{}}, patch: [{ADD}, value_from: {{data: '{'(' * 5000}'}}}}]}}", "E025"),
    (
        "{data: {a: 1}}",
        f"{{retry: {{}}, patch: [{ADD}, value_from: {{data: a, transform: [{{trim: true}}]}}}}]}}",
        "E036",
    ),
    (
        "{data: {a: 1}}",
        f"{{retry: {{}}, patch: [{ADD}, value_from: {{data: a, transform: [{{prefix: true}}]}}}}]}}",
        "E011",
    ),
    (
        "{not: {message: {regex: '(?P<a>b)'}}, code: A}",
        "{retry: {}, patch: [{op: add, path: /data/a, value_from: {match: a}}]}",
        "E034",
    ),
    (
        "{code: A}",
        "{retry: {}, patch: [{op: add, path: /data/a, value_from: {data: a, transform: [{number: false}]}}]}",
        "E036",
    ),
    (
        "{code: A}",
        "{retry: {}, patch: [{op: add, path: /data/a, value_from: {data: a, transform: [{truncate: 0}]}}]}",
        "E018",
    ),
    (
        "{code: A}",
        "{retry: {}, patch: [{op: add, path: /data/a, value_from: {data: a, transform: [[trim]]}}]}",
        "E011",
    ),
]


@pytest.mark.parametrize(("when", "then", "codes"), WRONG, ids=[f"{w} {t}"[:90] for w, t, _ in WRONG])
def test_what_is_wrong_in_a_rule_is_found(when: str, then: str, codes: str, tmp_path: Path) -> None:
    assert [one.code for one in problems(tmp_path, when, then)] == codes.split()


RIGHT = [
    "{not: {code: A}}",
    "{any: [{code: A}, {flow: B, source: C}]}",
    "{not: {any: [{code: A}, {flow: B}]}}",
    "{not: {not: {code: A}}}",
    "{retryable: false}",
    "{code: {exists: false}}",
    "{data: {a: null}}",
]


@pytest.mark.parametrize("when", RIGHT)
def test_a_condition_on_the_error_itself_is_enough(when: str, tmp_path: Path) -> None:
    assert problems(tmp_path, when) == []


MORE = [
    ("    tests: [5]\n", "E011"),
    ("tables: 5\n", "E011"),
    ("    tests: []\n", "E013"),
    ("    tests: {match: {code: A}}\n", "E011"),
    ("    tests: [{match: {code: A}, no_match: {code: B}}]\n", "E040"),
    ("    tests: [{match: {}}]\n", "E013"),
    ("    tests: [{match: {http_status: '5'}}]\n", "E011"),
    ("    tests: [{match: {code: A}, expect: 1}]\n", "E014"),
    ("    tests: [{no_match: {code: A}, data: 1, patched: 2}]\n", "E040"),
    ("    limit: {per_hour: 0}\n", "E018"),
    ("    limit: {per_hour: 1.5}\n", "E011"),
    ("    limit: 5\n", "E011"),
    ("    mode: [observe]\n", "E017"),
    ("    classify: In Transit\n", "E015"),
    ("    owner: ''\n", "E013"),
    ("    patch: []\n", "E014"),
    ("tables: {}\n", "E013"),
    ("tables: {a b: {c: d}}\n", "E015"),
    ("tables: {a: {}}\n", "E013"),
    ("tables: {a: [b]}\n", "E011"),
    ("tables: {a: {csv: b.csv}}\n", "E010 E010 E037"),
    ("scope: {}\n", "E013"),
    ("scope: {code: A}\n", "E014"),
]


@pytest.mark.parametrize(("more", "codes"), MORE, ids=[more.strip() for more, _ in MORE])
def test_what_is_wrong_beside_conditions_and_action_is_found(more: str, codes: str, tmp_path: Path) -> None:
    assert [one.code for one in problems(tmp_path, more=more)] == codes.split()


@pytest.mark.parametrize(
    ("pattern", "column", "width"),
    [
        ("'a(?=b)'", 31, 3),
        ('"a(?=b)"', 31, 3),
        ("a(?=b)", 30, 3),
        ("'it''s(?=b)'", 29, 12),
        ("'[(](?=b)'", 33, 3),
        ("'(a[)]'", 30, 1),
        ("'\\(a)'", 33, 1),
        ("'x(\\d)\\1'", 35, 2),
    ],
)
def test_the_caret_stands_under_the_part_of_the_pattern_that_is_meant(
    pattern: str, column: int, width: int, tmp_path: Path
) -> None:
    (one,) = problems(tmp_path, f"{{message: {{regex: {pattern}}}}}")
    assert (one.code, one.column, one.width) == ("E021", column, width)


def test_a_rule_without_an_id_is_named_by_its_number(tmp_path: Path) -> None:
    found = read(tmp_path, "version: 1\nrules:\n  - {why: W., when: {cod: A}, then: {leave: {}}}\n  - 5\n").problems
    assert [(one.path, one.message) for one in found] == [
        (("rule number 1",), '"id" is missing'),
        (("rule number 1", "when"), 'unknown key "cod"'),
        ((), "this must be a rule: a map with id, when and then, not the number 5"),
    ]


def test_a_patch_can_only_be_tested_on_data(tmp_path: Path) -> None:
    then = "{retry: {}, patch: [{op: remove, path: /data/a}]}"
    (one,) = problems(tmp_path, then=then, more="    tests: [{match: {code: DUP}, patched: {}}]\n")
    assert one.code == "E040"


def test_an_id_used_three_times_gives_two_problems(tmp_path: Path) -> None:
    rule = "  - {id: one, why: W., when: {code: A}, then: {leave: {}}}\n"
    found = read(tmp_path, f"version: 1\nrules:\n{rule * 3}").problems
    assert [(one.code, one.line, one.others[0].line) for one in found] == [("E016", 3, 4), ("E016", 3, 5)]


def test_ids_are_unique_over_all_files(tmp_path: Path) -> None:
    rule = "version: 1\nrules:\n  - {id: one, why: W., when: {code: A}, then: {leave: {}}}\n"
    for name in ("b.yaml", "a.yaml"):
        (tmp_path / name).write_text(rule, encoding="utf-8")
    (one,) = read_rules([tmp_path]).problems
    assert (one.code, one.file, one.others[0].file) == ("E016", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))


def test_of_a_file_broken_from_end_to_end_only_the_first_problems_are_kept(tmp_path: Path) -> None:
    keys = "".join(f"key{n}: 1\n" for n in range(PROBLEM_LIMIT * 2))
    found = read(tmp_path, keys).problems
    assert len(found) == PROBLEM_LIMIT + 1
    assert "E006" in {one.code for one in found}
