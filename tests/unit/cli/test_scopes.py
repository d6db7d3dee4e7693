"""What a person means by the flow and the step of a pause."""

from typing import Any

import pytest

from daemon.cli.scopes import Place, meant, named
from daemon.core.exceptions import ConfigError
from daemon.core.pauses import EVERYTHING, Scope

PLACES = [
    Place(account="acme", flow_id="f1", flow_name="Orders"),
    Place(account="acme", flow_id="f1", step_id="s1", flow_name="Orders", step_name="Create order"),
    Place(account="acme", flow_id="f1", step_id="s2", flow_name="Orders", step_name="Read orders"),
    Place(account="acme", flow_id="f2", flow_name="Items"),
    Place(account="acme", flow_id="f2", step_id="s1", flow_name="Items", step_name="Create order"),
    Place(account="globex", flow_id="f3", flow_name="Orders"),
    Place(account="globex", flow_id="f3", step_id="s3", flow_name="Orders", step_name=""),
]


@pytest.mark.parametrize(
    ("asked", "scopes"),
    [
        pytest.param({}, [EVERYTHING], id="nothing named"),
        pytest.param({"account": "acme"}, [Scope(account="acme")], id="an account"),
        pytest.param({"flow": "f2"}, [Scope(flow_id="f2")], id="a flow by id"),
        pytest.param({"flow": "Items"}, [Scope(flow_id="f2")], id="a flow by name"),
        pytest.param({"flow": "Orders"}, [Scope(flow_id="f1"), Scope(flow_id="f3")], id="a name that two flows have"),
        pytest.param(
            {"account": "globex", "flow": "Orders"}, [Scope(account="globex", flow_id="f3")], id="in one account"
        ),
        pytest.param({"step": "s1"}, [Scope(step_id="s1")], id="a step by id, in whatever flow"),
        pytest.param({"step": "Create order"}, [Scope(step_id="s1")], id="a step by name"),
        pytest.param(
            {"flow": "Orders", "step": "Create order"}, [Scope(flow_id="f1", step_id="s1")], id="a step of a flow"
        ),
        pytest.param(
            {"account": "acme", "flow": "f2", "step": "s1"},
            [Scope(account="acme", flow_id="f2", step_id="s1")],
            id="all three",
        ),
    ],
)
def test_ids_and_names_stand_for_all_that_have_them(asked: dict[str, Any], scopes: list[Scope]) -> None:
    found = meant(PLACES, **{"account": None, "flow": None, "step": None} | asked)
    assert (found.scopes, found.notes) == (scopes, ())


@pytest.mark.parametrize(
    ("flow", "step", "scopes", "note"),
    [
        pytest.param("f1", "s9", [Scope(flow_id="f1", step_id="s9")], 'no step "s9"', id="a step not met yet"),
        pytest.param("f9", "s2", [Scope(flow_id="f9", step_id="s2")], 'no flow "f9"', id="a flow not met yet"),
        pytest.param(
            "f1",
            "Create ordr",
            [Scope(flow_id="f1", step_id="Create ordr")],
            '"Create order"',
            id="a slip is pointed at",
        ),
    ],
)
def test_beside_one_that_is_known_an_unknown_one_is_taken_for_an_id_and_that_is_said(
    flow: str, step: str, scopes: list[Scope], note: str
) -> None:
    found = meant(PLACES, None, flow, step)
    assert found.scopes == scopes
    assert note in found.notes[0]
    assert "not met yet" in found.notes[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"flow": "Ordrs"}, 'no flow "Ordrs" is known here. Did you mean "Orders"?', id="a flow"),
        pytest.param({"step": "create orders"}, 'no step "create orders" is known here. Did you mean', id="a step"),
        pytest.param({"flow": "zzzzzzzz"}, 'no flow "zzzzzzzz" is known here. Nothing', id="nothing is near"),
        pytest.param({"flow": "nope", "step": "neither"}, 'no flow "nope"', id="both"),
        pytest.param({"account": "globex", "flow": "Items"}, 'no flow "Items"', id="only in another account"),
        pytest.param({"account": "globex", "step": "s1"}, 'no step "s1"', id="a step of another account"),
        pytest.param({"flow": ""}, "not an empty text", id="an empty flow is not every flow"),
        pytest.param({"step": ""}, "not an empty text", id="an empty step is not every step"),
    ],
)
def test_what_nobody_knows_is_refused_with_the_nearest_name(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        meant(PLACES, **{"account": None, "flow": None, "step": None} | asked)
    assert said in str(refused.value)
    assert "Nothing was changed" in str(refused.value)


def test_scopes_are_told_with_the_names_that_are_known() -> None:
    tell = named([*PLACES, Place(account="acme", flow_id="f1", step_id="s1")])
    assert tell(EVERYTHING) == "everything"
    assert tell(Scope(account="acme", flow_id="f1", step_id="s1")) == (
        "step Create order (s1) of flow Orders (f1) of account acme"
    )
    assert tell(Scope(flow_id="f9")) == "flow f9"
