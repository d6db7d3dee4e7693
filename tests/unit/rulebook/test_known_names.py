"""Names in rules are held against those that an account has, and only against those."""

from pathlib import Path

import pytest

from daemon.core.records import Flow, Integration, Step, StepRef
from daemon.rulebook.known_names import AccountNames, unknown_names
from daemon.rulebook.lint import lines_of
from daemon.rulebook.problems import Problem
from daemon.rulebook.reader import read_rules


def step(step_id: str, name: str, flow: Flow) -> Step:
    ref = StepRef(account="acme", flow_id=flow.flow_id, step_id=step_id)
    return Step(
        ref=ref, type="import", name=name, flow_name=flow.name, integration_id="i1", integration_name="Shop [EU]"
    )


ORDERS = Flow(flow_id="f1", name="Amazon orders to NetSuite", integration_id="i1")
PRICES = Flow(flow_id="f2", name="Price lists", integration_id="i1")
KNOWN = AccountNames(
    account="acme",
    accounts=("acme", "globex"),
    integrations=(Integration(integration_id="i1", name="Shop [EU]"),),
    flows=(ORDERS, PRICES),
    steps=(step("s1", "Create sales order", ORDERS), step("s2", "Post price list", PRICES)),
)
UNMET = AccountNames(
    account="acme",
    accounts=("acme",),
    integrations=KNOWN.integrations,
    flows=KNOWN.flows,
    steps=(*KNOWN.steps, step("s3", "", ORDERS)),
)


def told(folder: Path, *whens: str, scope: str = "", known: AccountNames = KNOWN) -> list[Problem]:
    rules = "".join(
        f"  - {{id: r{number}, why: W., when: {when}, then: {{leave: {{}}}}}}\n" for number, when in enumerate(whens)
    )
    (folder / "a.yaml").write_text(f"version: 1\n{scope}rules:\n{rules}", encoding="utf-8")
    found = read_rules([folder])
    assert found.problems == ()
    return list(unknown_names(found.sources, known, lines_of(found)))


@pytest.mark.parametrize(
    ("when", "code", "message", "hint"),
    [
        pytest.param(
            "{code: A, flow: Amazn orders to NetSuite}",
            "W040",
            'account "acme" has no flow "Amazn orders to NetSuite"',
            'did you mean "Amazon orders to NetSuite"?',
            id="a flow",
        ),
        pytest.param(
            "{code: A, flow: [f1, price lists]}",
            "W040",
            'account "acme" has no flow "price lists"',
            'did you mean "Price lists"?',
            id="one of several, in another case",
        ),
        pytest.param(
            "{code: A, step: Create sales orders}",
            "W040",
            'account "acme" has no step "Create sales orders"',
            'did you mean "Create sales order"?',
            id="a step",
        ),
        pytest.param(
            "{code: A, integration: 'Shop [US]'}",
            "W040",
            'account "acme" has no integration "Shop [US]"',
            'did you mean "Shop [EU]"?',
            id="an integration",
        ),
        pytest.param(
            "{code: A, account: globx}",
            "W040",
            'the configuration has no account "globx"',
            'did you mean "globex"?',
            id="an account",
        ),
        pytest.param(
            "{code: A, flow: 'Ebay *'}", "W041", 'account "acme" has no flow that fits "Ebay *"', "", id="a glob"
        ),
        pytest.param(
            "{code: A, flow: {contains: ebay, ignore_case: true}}",
            "W041",
            'account "acme" has no flow that fits "ebay"',
            "",
            id="words",
        ),
        pytest.param(
            "{code: A, not: {flow: Prices}}",
            "W040",
            'account "acme" has no flow "Prices"',
            'did you mean "Price lists"?',
            id="what is left out",
        ),
    ],
)
def test_a_name_that_nothing_has_is_pointed_out(tmp_path: Path, when: str, code: str, message: str, hint: str) -> None:
    (problem,) = told(tmp_path, when)
    assert (problem.code, problem.message, problem.hint) == (code, message, hint)


@pytest.mark.parametrize(
    "when",
    [
        "{code: A, flow: Amazon orders to NetSuite}",
        "{code: A, flow: f1, step: s1}",
        "{code: A, flow: 'Amazon *', step: 'Create *'}",
        "{code: A, integration: 'Shop [EU]'}",
        "{code: A, step: {starts_with: create, ignore_case: true}}",
        "{code: A, account: acme, flow: Price lists, step: s2}",
        "{code: A, any: [{flow: Price lists}, {step: s1}]}",
        "{code: A, account: globex, flow: Whatever it has}",
    ],
)
def test_names_that_are_there_or_elsewhere_are_left_in_peace(tmp_path: Path, when: str) -> None:
    assert told(tmp_path, when) == []


def test_the_caret_stands_under_the_name(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, "{code: A, flow: [f1, Ebay orders]}")
    assert problem.source[problem.column - 1 : problem.column - 1 + problem.width] == "Ebay orders"
    assert problem.allowed == ("Amazon orders to NetSuite", "Price lists")


def test_a_name_in_the_scope_is_told_once_and_of_no_rule(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, "{code: A}", "{code: B}", scope="scope: {flow: Ebay orders}\n")
    assert problem.rule == ""
    assert problem.line == 2


def test_names_that_are_known_and_nowhere_together_are_pointed_out(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, "{code: A, flow: Price lists, step: Create sales order}")
    assert problem.code == "W042"
    assert 'nothing has flow "Price lists" and step "Create sales order" at once' in problem.message


def test_a_step_that_was_never_met_may_be_the_one(tmp_path: Path) -> None:
    together = "{code: A, flow: Amazon orders to NetSuite, step: Post price list}"
    assert told(tmp_path, together, known=UNMET) == []
    (problem,) = told(tmp_path, "{code: A, step: Send invoice}", known=UNMET)
    assert "1 of its 3 steps never had an error, so their names are not known" in problem.why
