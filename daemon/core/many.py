"""Named tuples that are made for every error."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

Row = TypeVar("Row", bound=tuple[Any, ...])


def maker(kind: type[Row]) -> Callable[[tuple[Any, ...]], Row]:
    """Return what makes a *kind* out of the values of all its fields, in their order, in half the time of a call of it.

    Nobody checks how many there are. It is for the few tuples of which an error needs one each; 1 µs less for all of them.
    """
    return partial(tuple.__new__, kind)
