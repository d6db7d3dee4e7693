"""The log of a command is as the configuration says."""

import json
import logging
from collections.abc import Iterator

import pytest

from daemon.cli.options import make_log
from daemon.settings import Settings


@pytest.fixture(autouse=True)
def _the_processes_own_logger_stays_as_it_was() -> Iterator[None]:
    own = logging.getLogger()
    before = own.handlers[:], own.level
    yield
    own.handlers[:], own.level = before


@pytest.mark.parametrize(
    ("log", "expected"),
    [({}, {}), ({"messages": False}, {}), ({"messages": True}, {"message": "no customer 4711"})],
    ids=["by default", "off", "on"],
)
def test_errors_own_text_is_logged_where_the_configuration_asks_for_it(
    capsys: pytest.CaptureFixture[str], log: dict[str, bool], expected: dict[str, str]
) -> None:
    settings = Settings.model_validate({"log": {"format": "json", **log}})
    made, _ = make_log(settings)
    made.info("error.matched", message="no customer 4711")

    facts = json.loads(capsys.readouterr().err)
    assert {key: value for key, value in facts.items() if key not in {"ts", "level", "event"}} == expected
