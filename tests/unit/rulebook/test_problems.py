"""Problems are rendered for people who do not program, and given whole to programs."""

import pytest

from daemon.rulebook.ast import Place
from daemon.rulebook.codes import CODES
from daemon.rulebook.problems import BETWEEN_KEYS, Problem, ordered, render, summary


def test_a_problem_is_rendered_with_its_line_a_caret_and_what_to_do() -> None:
    problem = Problem(
        code="E014",
        message='unknown key "clasification"',
        file="rules/20-netsuite.yaml",
        line=8,
        column=7,
        width=13,
        source="      clasification: duplicate",
        rule="dup-sku",
        path=("when",),
        hint='did you mean "classification"?',
        allowed=("all", "any", "not"),
        why="ignored, the rule would match every error of its step: it has no other condition",
    )
    assert render([problem]) == (
        f'rules/20-netsuite.yaml:8:7  E014  unknown key "clasification" in rule "dup-sku"{BETWEEN_KEYS}when\n'
        "   8 |       clasification: duplicate\n"
        '     |       ^^^^^^^^^^^^^ did you mean "classification"?\n'
        "   allowed here: all, any, not\n"
        "   ignored, the rule would match every error of its step: it has no other condition\n"
    )


def test_two_places_are_both_shown() -> None:
    problem = Problem(
        code="E003",
        message='key "retry" written twice',
        file="a.yaml",
        line=11,
        column=5,
        width=5,
        source="    retry: 1",
        others=(Place(file="a.yaml", line=119, column=5), Place(file="b.yaml", line=3, column=1)),
        other_sources=("    retry: 2", "retry: 3"),
        hint="keep one",
    )
    assert render([problem]) == (
        'a.yaml:11:5 and :119:5 and b.yaml:3:1  E003  key "retry" written twice\n'
        "   11 |     retry: 1\n"
        "      |     ^^^^^\n"
        "   119 |     retry: 2\n"
        "       |     ^^^^^\n"
        "   3 | retry: 3\n"
        "     | ^^^^^ keep one\n"
    )


def test_a_problem_of_a_whole_file_needs_no_line() -> None:
    problem = Problem(code="E001", message="there is no such file", file="rules", hint="check it")
    assert render([problem]) == "rules  E001  there is no such file\n   check it\n"


def test_problems_are_separated_by_an_empty_line() -> None:
    one = Problem(code="E001", message="a", file="a")
    assert render([one, one]) == "a  E001  a\n\na  E001  a\n"
    assert render([]) == ""


def test_a_rule_named_in_the_message_is_not_named_again() -> None:
    problem = Problem(code="W031", message='rule "ns-any" can never act', file="a", line=1, column=1, rule="ns-any")
    assert render([problem]).startswith('a:1:1  W031  rule "ns-any" can never act\n')


@pytest.mark.parametrize(("column", "caret"), [(1, 0), (70, 69), (400, 51), (995, 51)])
def test_of_a_long_line_the_part_around_the_caret_is_shown(column: int, caret: int) -> None:
    source = "".join(str(number % 10) for number in range(1, 1001))
    problem = Problem(code="E004", message="m", file="f", line=1, column=column, width=3, source=source)
    _, line, carets = render([problem]).splitlines()
    shown = line.split(" | ", 1)[1]
    assert carets.split(" | ", 1)[1] == " " * caret + "^^^"
    assert shown[caret] == str(column % 10)
    assert len(shown) <= 152


def test_nothing_from_a_file_reaches_the_terminal_unseen() -> None:
    problem = Problem(code="E004", message="m\x1b[31m", file="f", line=1, column=3, source="\ta\x1b]0;x\x07b")
    text = render([problem])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert text.splitlines()[1] == "   1 |  a\N{REPLACEMENT CHARACTER}]0;x\N{REPLACEMENT CHARACTER}b"


def test_programs_get_every_fact_under_its_name() -> None:
    problem = Problem(
        code="W030",
        message="m",
        file="f",
        line=2,
        column=3,
        width=4,
        rule="r",
        path=("a", "b"),
        hint="h",
        allowed=("x",),
        why="w",
        others=(Place(file="g", line=5, column=6),),
        other_sources=("",),
    )
    assert problem.to_dict() == {
        "code": "W030", "severity": "warning", "file": "f", "line": 2, "column": 3, "end_column": 7, "rule": "r",
        "path": ["a", "b"], "message": "m", "hint": "h", "allowed": ["x"], "why": "w",
        "others": [{"file": "g", "line": 5, "column": 6}], "explanation": CODES["W030"].meaning,
    }  # fmt: skip


def test_problems_are_ordered_by_place() -> None:
    places = [("b", 1, 1), ("a", 10, 1), ("a", 2, 5), ("a", 2, 1)]
    problems = [Problem(code="E004", message="m", file=f, line=n, column=c) for f, n, c in places]
    assert [(one.file, one.line, one.column) for one in ordered(problems)] == sorted(places)


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ([], "no problems"),
        (["E001"], "1 error in 1 file"),
        (["E001", "E002", "W030"], "2 errors, 1 warning in 3 files"),
        (["W030", "W031"], "2 warnings in 2 files"),
    ],
)
def test_a_summary_counts_in_words(codes: list[str], text: str) -> None:
    assert summary([Problem(code=code, message="m", file=f"{n}") for n, code in enumerate(codes)]) == text


def test_codes_are_explained_in_whole_sentences() -> None:
    assert all(text.meaning.endswith(".") and len(text.meaning) > 40 for text in CODES.values())
    assert all(text.why.endswith(".") and len(text.why) > 40 for text in CODES.values())
    assert all(code[0] in "EW" and code[1:].isdigit() and len(code) == 4 for code in CODES)
