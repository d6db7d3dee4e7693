"""Fixtures for every test."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import stamina
from aiohttp import ClientResponse
from aioresponses import aioresponses
from hypothesis import settings

settings.register_profile("flowmend", deadline=None)  # how long an example takes is not what a test is about
settings.load_profile("flowmend")


class CompleteResponse(ClientResponse):
    """What aioresponses 0.7.9 makes, with the ``stream_writer`` that aiohttp 3.14 and later cannot do without."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, stream_writer=Mock(output_size=0), **kwargs)


class CompleteResponses(aioresponses):
    """aioresponses whose every answer is a ``CompleteResponse``."""

    def add(self, *args: Any, **kwargs: Any) -> None:
        super().add(*args, **{"response_class": CompleteResponse, **kwargs})


@pytest.fixture
def aioresponses_server() -> Iterator[aioresponses]:
    """Answer what aiohttp's client sessions ask, without a socket."""
    with CompleteResponses() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_pauses_between_attempts() -> Iterator[None]:
    """Let stamina try as often as it would, without the pauses in between."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
