"""How the tests of rules are shown: for people, as JSON, as JUnit."""

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from daemon.cli.check_view import SHOWN, result_json, show_failed
from daemon.cli.render import clean, plural, say
from daemon.rulebook.coverage import Coverage, Gap
from daemon.rulebook.ruleset import RuleSet
from daemon.rulebook.testing import RuleTestResult

HEADINGS = {
    "untested": "Rules without a test that shows what they match:",
    "condition": "Conditions that no test would miss (add a no_match test that only this condition keeps out):",
    "brittle": "Samples whose message would not match in another form (is the rule meant to be that exact?):",
}


def show_tests(rules: RuleSet, results: Sequence[RuleTestResult], held: Coverage | None, rule: str | None) -> None:
    """Print every failed test as a difference, then what no test would notice, then one closing line."""
    failed = [result for result in results if not result.passed]
    show_failed(failed)
    if held is not None:
        _show_coverage(held, rule)
    of = f" of rule {rule}" if rule else f" of {plural(len(rules.rules), 'rule')}"
    count = plural(len(results), "test")
    if not results:
        say(f"{rules.version}: there is no test{of}; docs/rules.md shows how to write one")
    else:
        say(f"{rules.version}: {f'{len(failed)} of {count}{of} failed' if failed else f'all {count}{of} passed'}")


def _show_coverage(held: Coverage, rule: str | None) -> None:
    for kind, heading in HEADINGS.items():
        gaps = [gap for gap in held.gaps if gap.kind == kind and rule in (None, gap.rule_id)]
        if gaps:
            say(heading)
            for gap in gaps:
                say(f"   {_place_of(gap)}  {gap.rule_id}: {clean(gap.text, SHOWN)}")
            say()
    say(
        f"{held.tested} of {plural(held.rules, 'rule')} have a test that shows what they match; the tests hold "
        f"{held.held} of {plural(held.conditions, 'condition')}"
    )


def tests_json(
    rules: RuleSet, results: Sequence[RuleTestResult], held: Coverage | None, rule: str | None
) -> dict[str, Any]:
    """Return the results for ``--json``."""
    failed = [result for result in results if not result.passed]
    told: dict[str, Any] = {
        "ok": not failed,
        "rules": rules.version,
        "passed": len(results) - len(failed),
        "failed": [result_json(result) for result in failed],
    }
    if held is not None:
        told["coverage"] = {
            "rules": held.rules,
            "tested": held.tested,
            "conditions": held.conditions,
            "held": held.held,
            "gaps": [
                {
                    "kind": gap.kind,
                    "rule": gap.rule_id,
                    "text": gap.text,
                    "file": gap.place.file if gap.place else "",
                    "line": gap.place.line if gap.place else 0,
                }
                for gap in held.gaps
                if rule in (None, gap.rule_id)
            ],
        }
    return told


def junit_xml(results: Sequence[RuleTestResult]) -> str:
    """Return the results as a JUnit report, a test case each."""
    failures = str(sum(not result.passed for result in results))
    suite = ET.Element("testsuite", name="flowmend rules", tests=str(len(results)), failures=failures)
    for result in results:
        case = ET.SubElement(suite, "testcase", classname=result.rule_id, name=clean(result.name))
        if result.place is not None:
            case.set("file", result.place.file)
            case.set("line", str(result.place.line))
        if not result.passed:
            failure = ET.SubElement(case, "failure", message=clean(result.detail, SHOWN))
            lines = [f"{each.path} expected {each.expected}, found {each.found}".strip() for each in result.differences]
            failure.text = clean("; ".join(lines), SHOWN * len(lines or ["one"]))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _place_of(gap: Gap) -> str:
    return str(gap.place) if gap.place else "-"
