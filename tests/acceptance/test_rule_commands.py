"""What rule editors run: the commands about rule files, as they are installed."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.command import flowmend, started

RULES = """\
version: 1
rules:
  - id: any-of-the-shop
    why: Whatever the shop says.
    when: {source: shop}
    then: {leave: {}}
    tests:
      - match: {source: shop}
  - id: busy
    why: Too many at once.
    when: {code: BUSY, source: application}
    then: {retry: {after: 5m}}
    tests:
      - match: {code: BUSY, source: application}
  - id: upper-case-state
    why: NetSuite wants capitals.
    when: {code: STATE}
    then:
      patch:
        - {op: replace, path: /data/state, value_from: {data: state, transform: [upper]}}
      retry: {}
    tests:
      - match: {code: STATE}
        data: {state: ca, lines: [1.10]}
        patched: {state: CA, lines: [1.10]}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, encoding="utf-8")
    return file


def test_tests_that_pass_are_counted(rules: Path) -> None:
    done = started("test", str(rules), cwd=rules.parent)

    assert done.returncode == 0, done.stderr
    assert "all 3 tests of 3 rules passed" in done.stdout


def test_a_failed_test_shows_what_was_expected_what_was_found_and_why(rules: Path) -> None:
    text = rules.read_text(encoding="utf-8").replace(
        "BUSY, source: application}\n  - id", "BUSY, source: shop}\n  - id"
    )
    rules.write_text(text.replace("patched: {state: CA", "patched: {state: Ca"), encoding="utf-8")
    done = flowmend("test", "rules.yaml", cwd=rules.parent)

    assert done.returncode == 1
    assert done.stdout.splitlines()[:10] == [
        'rules.yaml:14:9  test failed in rule "busy": match 1',
        '   expected  rule "busy" wins',
        '   found     rule "any-of-the-shop" (rules.yaml:3:5) wins',
        '   because   rule "any-of-the-shop" wins instead; of "busy" this fails: source: is "application"; found \'shop\'',
        "",
        'rules.yaml:23:9  test failed in rule "upper-case-state": match 1',
        '   expected  /data/state  "Ca"',
        '   found     /data/state  "CA"',
        "   because   the patched data is not what the test expects",
        "",
    ]
    assert done.stdout.splitlines()[-1].endswith("2 of 3 tests of 3 rules failed")


def test_one_rule_alone_can_be_tested_and_an_unknown_one_is_named_back(rules: Path) -> None:
    one = flowmend("test", "rules.yaml", "--rule", "busy", cwd=rules.parent)
    none = flowmend("test", "rules.yaml", "--rule", "bussy", cwd=rules.parent)

    assert "all 1 test of rule busy passed" in one.stdout
    assert none.returncode == 2
    assert 'did you mean "busy"?' in none.stderr


def test_coverage_says_what_no_test_would_notice(rules: Path) -> None:
    done = flowmend("test", "rules.yaml", "--coverage", cwd=rules.parent)

    assert done.returncode == 0
    assert 'rules.yaml:11:12  busy: no test would miss the condition code: is "BUSY"' in done.stdout
    assert "3 of 3 rules have a test that shows what they match" in done.stdout


def test_the_junit_report_has_a_case_for_each_test(rules: Path) -> None:
    text = rules.read_text(encoding="utf-8").replace("patched: {state: CA", "patched: {state: Ca")
    rules.write_text(text, encoding="utf-8")
    flowmend("test", "rules.yaml", "--junit", "report.xml", cwd=rules.parent)
    suite = ET.parse(rules.parent / "report.xml").getroot()

    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert [case.get("classname") for case in suite] == ["any-of-the-shop", "busy", "upper-case-state"]
    assert suite.findtext("testcase/failure") == '/data/state expected "Ca", found "CA"'


def test_json_carries_the_same_facts(rules: Path) -> None:
    done = flowmend("test", "rules.yaml", "--coverage", "--json", cwd=rules.parent)
    told = json.loads(done.stdout)

    assert (told["ok"], told["passed"], told["failed"]) == (True, 3, [])
    assert {gap["kind"] for gap in told["coverage"]["gaps"]} == {"condition"}


def test_broken_files_are_shown_and_nothing_is_run(rules: Path) -> None:
    rules.write_text(RULES.replace("code: STATE", "cod: STATE"), encoding="utf-8")
    done = flowmend("test", "rules.yaml", cwd=rules.parent)

    assert done.returncode == 1
    assert 'E014  unknown key "cod"' in done.stderr
    assert "no test was run" in done.stderr


def test_fmt_shows_checks_prints_and_writes(rules: Path) -> None:
    check = started("fmt", "--check", "rules.yaml", cwd=rules.parent)
    diff = flowmend("fmt", "--diff", "rules.yaml", cwd=rules.parent)
    alone = flowmend("fmt", "--stdout", "--to", "toml", "rules.yaml", cwd=rules.parent)
    assert (check.returncode, diff.returncode, alone.returncode) == (1, 0, 0)
    assert check.stdout.startswith("would format rules.yaml\n1 of 1 file would be changed")
    assert "-    when: {source: shop}\n" in diff.stdout
    assert "+      source: shop\n" in diff.stdout
    assert alone.stdout.startswith('version = 1\n\n[[rules]]\nid = "any-of-the-shop"\n')
    assert rules.read_text(encoding="utf-8") == RULES

    written = flowmend("fmt", "rules.yaml", "--json", cwd=rules.parent)
    told = json.loads(written.stdout)
    assert told["files"] == [{"file": "rules.yaml", "to": "rules.yaml", "changed": True, "written": True}]
    assert flowmend("fmt", "--check", "rules.yaml", cwd=rules.parent).returncode == 0


ERROR = {
    "errorId": "77",
    "occurredAt": "2026-03-02T09:00:00Z",
    "source": "erp",
    "code": "BUSY",
    "message": "Too\u001b many",
}


def test_an_error_in_a_file_is_explained_near_misses_first(rules: Path) -> None:
    (rules.parent / "error.json").write_text(json.dumps(ERROR), encoding="utf-8")
    done = started("explain", "--file", "error.json", "--rules", "rules.yaml", "--all", cwd=rules.parent)

    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[7:] == [
        "No rule takes it: it is left alone.",
        "",
        "Near misses (all but one condition hold):",
        "   rules.yaml:9:5  busy: source: is \"application\"; found 'erp'",
        "",
        "The other rules, in order:",
        "   rules.yaml:3:5  any-of-the-shop: source: is \"shop\"; found 'erp'",
        "   rules.yaml:15:5  upper-case-state: code: is \"STATE\"; found 'BUSY'",
    ]


def test_an_error_in_a_file_may_say_its_step_and_its_data(rules: Path) -> None:
    rules.write_text(RULES.replace("when: {code: STATE}", "when: {flow: Orders, data: {state: ca}}"), encoding="utf-8")
    (rules.parent / "error.json").write_text(
        json.dumps(ERROR | {"retryDataKey": "k", "flow": "Orders", "data": {"state": "ca"}}), encoding="utf-8"
    )
    done = flowmend("explain", "--file", "error.json", "--rules", "rules.yaml", "--json", cwd=rules.parent)
    told = json.loads(done.stdout)

    assert told["rule"] == "upper-case-state"
    assert [each["near"] for each in told["rules"]] == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        ((), "", "name one open error by its id"),
        (("--file", "error.json"), "not json", "not one error as integrator.io lists it"),
        (("--file", "error.json"), '{"errors": [{}]}', "this is a list of errors"),
        (("--file", "none.json"), "", "none.json: No such file"),
        (("12",), "", "--rules goes with --file"),
    ],
    ids=["nothing named", "no JSON", "a list", "no file", "rules beside an id"],
)
def test_what_cannot_be_explained_is_said_so(rules: Path, arguments: tuple[str, ...], text: str, said: str) -> None:
    (rules.parent / "error.json").write_text(text, encoding="utf-8")
    done = flowmend("explain", *arguments, "--rules", "rules.yaml", cwd=rules.parent)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_check_explains_a_code_and_names_the_nearest_to_an_unknown_one(tmp_path: Path) -> None:
    done = flowmend("check", "--explain", "e14", cwd=tmp_path)
    unknown = flowmend("check", "--explain", "E999", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("E014  A key that does not exist here")
    assert "\nwrong:\n    when:\n" in done.stdout
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert 'no message has the code "E999"; there are: ' in unknown.stderr


def test_check_fails_on_warnings_only_where_it_is_strict(rules: Path) -> None:
    rules.write_text(RULES.replace("    why: Too many at once.\n", ""), encoding="utf-8")
    mild = flowmend("check", "rules.yaml", "--format", "github", cwd=rules.parent)
    strict = flowmend("check", "rules.yaml", "--strict", "--format", "sarif", cwd=rules.parent)

    assert mild.returncode == 0, mild.stdout
    assert mild.stdout.startswith("::warning file=rules.yaml,line=9,col=5,endColumn=7,title=W030 in rule busy::")
    assert strict.returncode == 1
    assert [each["ruleId"] for each in json.loads(strict.stdout)["runs"][0]["results"]] == ["W030"]


def test_a_captured_test_goes_to_standard_output_and_what_is_to_be_known_beside_it(rules: Path) -> None:
    text = json.dumps(ERROR | {"source": "application", "message": "Too many: jane@shop.example, order 1234567"})
    (rules.parent / "error.json").write_text(text, encoding="utf-8")
    yaml = started("capture", "--file", "error.json", "--rules", "rules.yaml", cwd=rules.parent)
    told = flowmend("capture", "--file", "error.json", "--rules", "rules.yaml", "--json", cwd=rules.parent)

    message = "Too many: person1@example.com, order 1000001"
    assert (yaml.returncode, told.returncode) == (0, 0), yaml.stderr
    assert (
        yaml.stdout == f'      - match: {{source: application, code: BUSY, message: "{message}", retryable: false}}\n'
    )
    assert 'rule "busy" took the error and takes this test' in yaml.stderr
    assert json.loads(told.stdout)["match"]["message"] == message


def test_a_captured_test_that_another_rule_takes_says_so(rules: Path) -> None:
    rules.write_text(
        RULES.replace("code: BUSY, source: app", "message: {contains: '1234567'}, source: app", 1), encoding="utf-8"
    )
    text = json.dumps(ERROR | {"source": "application", "message": "Order 1234567 waits"})
    (rules.parent / "error.json").write_text(text, encoding="utf-8")
    done = flowmend("capture", "--file", "error.json", "--rules", "rules.yaml", "--toml", cwd=rules.parent)

    assert done.returncode == 1
    assert done.stdout.startswith('[[rules.tests]]\nmatch = { source = "application", code = "BUSY"')
    assert 'rule "busy" took the error, but of this test no rule does: message: contains "1234567"' in done.stderr
