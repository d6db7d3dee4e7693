"""What holds for every value of the core, whichever module it stands in."""

import pkgutil
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

import pytest

import daemon.core
from daemon.core.applied import Applied
from daemon.core.decisions import Decision
from daemon.core.facts import Facts
from daemon.core.judgements import Judged, Known
from daemon.core.recordings import Recorded, Ruling, Said
from daemon.core.records import ErrorRecord
from daemon.core.tally import Tally
from daemon.core.totals import Durations, Totals

COUNTED = (Tally, Applied, Totals, Durations)
"""What is added to as things come about."""

MODULES = [import_module(f"daemon.core.{found.name}") for found in pkgutil.iter_modules(daemon.core.__path__)]
VALUES = sorted(
    {
        thing
        for module in MODULES
        for thing in vars(module).values()
        if isinstance(thing, type) and is_dataclass(thing) and thing.__module__ == module.__name__
    },
    key=lambda value: (value.__module__, value.__name__),
)


@pytest.mark.parametrize("value", [value for value in VALUES if value not in COUNTED], ids=lambda value: value.__name__)
def test_a_value_cannot_change_and_is_made_by_names(value: Any) -> None:
    params = value.__dataclass_params__
    assert params.frozen
    assert params.eq
    assert "__dict__" not in dir(value)
    assert all(field.kw_only for field in fields(value))


def test_the_values_of_all_modules_were_looked_at() -> None:
    assert {"Window", "CaseHistory", "ErrorRow", "Gone", "Recheck", "Catalogue"} <= {value.__name__ for value in VALUES}


@pytest.mark.parametrize(
    "value", [ErrorRecord, Facts, Decision, Judged, Known, Said, Ruling, Recorded], ids=lambda value: value.__name__
)
def test_what_is_made_for_every_error_is_a_tuple_with_nothing_beside_it(value: type) -> None:
    assert issubclass(value, tuple)
    assert "__dict__" not in dir(value)
