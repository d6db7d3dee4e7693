"""JMESPath over retry data whose numbers are exact; the one importer of jmespath.

jmespath knows ``int`` and ``float`` only and raises where data has a shape an expression did not expect. Here Decimals
are numbers as well, no float arises, and an expression that fails selects nothing.
"""

from copy import deepcopy
from decimal import Decimal, InvalidOperation
from numbers import Number
from typing import Any

import jmespath
from jmespath import exceptions, functions
from jmespath.functions import signature


class SelectionError(ValueError):
    """The expression is no JMESPath; the text says where."""


def exact(value: object) -> object:
    """Return *value*, a JSON value, with every float replaced by the Decimal that is written the same way."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [exact(part) for part in value]
    return value


class _Functions(functions.Functions):
    """JMESPath's built-in functions, with Decimals among the numbers."""

    def _get_allowed_pytypes(self, types: Any) -> Any:
        allowed, of_elements = super()._get_allowed_pytypes(types)  # type: ignore[misc]
        with_decimal = [(*names, "Decimal") if "float" in names else names for names in of_elements]
        return [*allowed, "Decimal"] if "float" in allowed else allowed, with_decimal

    def _convert_to_jmespath_type(self, pyobject: str) -> str:
        return "number" if pyobject == "Decimal" else str(super()._convert_to_jmespath_type(pyobject))  # type: ignore[misc]

    @signature({"types": ["array-number"]})
    def _func_avg(self, arg: list[Any]) -> Decimal | None:
        return Decimal(sum(arg)) / len(arg) if arg else None

    @signature({"types": []})
    def _func_to_number(self, arg: object) -> object:
        if not isinstance(arg, str):
            return arg if isinstance(arg, Number) and not isinstance(arg, bool) else None
        try:
            number = Decimal(arg)
        except InvalidOperation:
            return None
        return number if number.is_finite() else None

    @signature({"types": []})
    def _func_to_string(self, arg: object) -> str:
        return str(arg) if isinstance(arg, Decimal) else str(super()._func_to_string(arg))  # type: ignore[misc]

    @signature({"types": []})
    def _func_type(self, arg: object) -> str | None:
        return "number" if isinstance(arg, Decimal) else super()._func_type(arg)  # type: ignore[misc]


_OPTIONS = jmespath.Options(custom_functions=_Functions())


class Selection:
    """One compiled JMESPath expression.

    Raises:
        SelectionError: *expression* is no JMESPath.
    """

    __slots__ = ("_parsed", "expression")

    def __init__(self, expression: str) -> None:
        self.expression = expression
        try:
            # A copy, for jmespath keeps and shares what it parsed.
            self._parsed = deepcopy(jmespath.compile(expression))
        except exceptions.JMESPathError as refusal:
            raise SelectionError(str(refusal)) from None
        _make_literals_exact(self._parsed.parsed)

    def of(self, data: object) -> object:
        """Return what the expression selects from *data*, or None for nothing."""
        try:
            return self._parsed.search(data, _OPTIONS)
        except (
            exceptions.JMESPathError,
            ArithmeticError,
            AttributeError,
            LookupError,
            RuntimeError,
            TypeError,
            ValueError,
        ):
            # All that jmespath and the operators beneath it raise on data of an unexpected shape.
            return None


def _make_literals_exact(node: Any) -> None:
    if node["type"] == "literal":
        node["value"] = exact(node["value"])
    for child in node["children"]:
        if isinstance(child, dict):
            _make_literals_exact(child)
