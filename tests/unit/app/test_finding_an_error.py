"""An error's id is its own only together with its step: where several have it, the step is asked for, by id or name."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from daemon.app.explain import find_error
from daemon.core.decisions import Verb
from daemon.core.exceptions import ConfigError
from daemon.core.records import Step, StepRef
from daemon.core.rows import ErrorRow

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEPS = {
    StepRef(account="acme", flow_id="f1", step_id=step_id): name
    for step_id, name in (("s1", "Create invoice"), ("s2", "Create sales order"))
}


class FakeRows:
    """Knows one error id on both steps; of the second it does not know the name."""

    async def errors(
        self, account: str | None = None, *, error_id: str | None = None, limit: int = 100
    ) -> Sequence[ErrorRow]:
        assert limit > 1
        known = STEPS if error_id == "7" and account in (None, "acme") else {}
        return [
            ErrorRow(
                step=ref, error_id="7", case_key="t:1", code="A", verb=Verb.NONE, rule_id="", reason="unmatched",
                detail="", occurred_at=NOW, due_at=None, in_flight=False, first_seen_at=NOW,
            )
            for ref in known
        ]  # fmt: skip

    async def steps(self, account: str) -> Mapping[StepRef, Step]:
        first = next(iter(STEPS))
        assert account == "acme"
        return {first: Step(ref=first, type="import", name=STEPS[first])}


@pytest.mark.parametrize(("step", "found"), [("Create invoice", "s1"), ("s1", "s1"), ("s2", "s2")])
async def test_the_step_tells_errors_of_one_id_apart(step: str, found: str) -> None:
    assert (await find_error(FakeRows(), "7", None, step)).step.step_id == found


@pytest.mark.parametrize(
    ("error_id", "account", "step", "said"),
    [
        (
            "7",
            None,
            None,
            'choose one.\n   --step "Create invoice"   \\(of acme, s1\\)\n   --step "s2"   \\(of acme, s2\\)$',
        ),
        ("7", None, "Create cash sale", "is not known on a step Create cash sale, but there:\n   --step"),
        ("7", "other", None, "no open error 7 is known"),
        ("8", None, None, "no open error 8 is known"),
    ],
    ids=["several", "another step", "another account", "no such id"],
)
async def test_what_is_not_one_error_is_said_with_what_there_is(
    error_id: str, account: str | None, step: str | None, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        await find_error(FakeRows(), error_id, account, step)
