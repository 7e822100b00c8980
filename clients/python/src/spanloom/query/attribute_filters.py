"""Conditions on attributes by key."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import invalid
from ..v1 import query_service_pb2 as pb

_COMPARISONS: Mapping[str, int] = {
    "eq": pb.COMPARISON_EQUAL,
    "ne": pb.COMPARISON_NOT_EQUAL,
    "lt": pb.COMPARISON_LESS,
    "lte": pb.COMPARISON_LESS_OR_EQUAL,
    "gt": pb.COMPARISON_GREATER,
    "gte": pb.COMPARISON_GREATER_OR_EQUAL,
    "contains": pb.COMPARISON_CONTAINS,
}
# The integer bound that is equivalent to comparing an integer with a fraction.
_INTEGER_BOUNDS: Mapping[str, Callable[[float], int]] = {
    "lt": math.ceil,
    "lte": math.floor,
    "gt": math.floor,
    "gte": math.ceil,
}
_INT64 = range(-(2**63), 2**63)


def attribute_filters(field: str, conditions: Mapping[str, Any]) -> Iterator[list[pb.AttributeFilter]]:
    """Each condition as alternatives, any of which satisfies it.

    A condition is a value to be equal to, or a mapping of eq, ne, lt, lte, gt, gte, contains, exists, which all must
    hold.

    Errors: INVALID_FIELD.
    """
    for key, condition in conditions.items():
        path = f'{field}["{key}"]'
        operators = condition if isinstance(condition, Mapping) else {"eq": condition}
        for operator, operand in operators.items():
            yield from _comparisons(key, operator, operand, path)


def _comparisons(key: str, operator: str, operand: object, path: str) -> Iterator[list[pb.AttributeFilter]]:
    if operator == "exists":
        if operand is not True:
            raise invalid(path, f"cannot query: {path} exists {operand!r}: use True, or not_")
        yield [pb.AttributeFilter(key=key, comparison=pb.COMPARISON_EXISTS)]
        return
    if operator not in _COMPARISONS:
        raise invalid(path, f'cannot query: {path}: "{operator}" is none of {", ".join(_COMPARISONS)}, exists')
    made: Any = {"key": key, "comparison": _COMPARISONS[operator]}
    if isinstance(operand, str):
        yield [pb.AttributeFilter(string_value=operand, **made)]
    elif operator == "contains" or not isinstance(operand, (bool, int, float)) or math.isnan(operand):
        raise invalid(path, f"cannot query: {path} is {operand!r}, must be text, a number or a bool")
    elif isinstance(operand, bool):
        yield [pb.AttributeFilter(bool_value=operand, **made)]
    else:
        alternatives = _numeric(operator, operand, made)
        # Present with another value, whichever type it has: both must hold.
        yield from [[each] for each in alternatives] if operator == "ne" else [alternatives]


def _numeric(operator: str, operand: float, made: Any) -> list[pb.AttributeFilter]:
    double = pb.AttributeFilter(double_value=_to_float(operand), **made)
    if operator not in _INTEGER_BOUNDS:
        return [pb.AttributeFilter(int_value=int(operand), **made), double] if _is_int64(operand) else [double]
    bound = None if math.isinf(operand) else _INTEGER_BOUNDS[operator](operand)
    if bound is not None and bound in _INT64:
        return [pb.AttributeFilter(int_value=bound, **made), double]
    # Beyond all integers: each of them is on the right side of it, or none.
    if operator in ("lt", "lte") and operand > 0:
        return [_integer(made["key"], pb.COMPARISON_LESS_OR_EQUAL, _INT64[-1]), double]
    if operator in ("gt", "gte") and operand < 0:
        return [_integer(made["key"], pb.COMPARISON_GREATER_OR_EQUAL, _INT64[0]), double]
    return [double]


def _integer(key: str, comparison: int, value: int) -> pb.AttributeFilter:
    return pb.AttributeFilter(key=key, comparison=comparison, int_value=value)  # type: ignore[arg-type]


def _is_int64(operand: float) -> bool:
    return math.isfinite(operand) and int(operand) == operand and int(operand) in _INT64


def _to_float(operand: float) -> float:
    """As floating point; an integer beyond all of it is infinite."""
    try:
        return float(operand)
    except OverflowError:
        return math.copysign(math.inf, operand)
