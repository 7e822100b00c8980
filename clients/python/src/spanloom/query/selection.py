"""Which columns to return, in which order, and how many rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import invalid
from ..v1 import query_service_pb2 as pb

ColumnTypeName = Literal["string", "int64", "float64", "bool"]


@dataclass(frozen=True)
class AttributeColumn:
    """An attribute as a column of its own; of the resource instead of the span or record where ``resource``."""

    key: str
    name: str = ""
    type: ColumnTypeName = "string"
    resource: bool = False

    def to_message(self) -> pb.AttributeColumn:
        """As it travels. Errors: INVALID_FIELD."""
        if not self.key:
            raise invalid("columns", "cannot query: an attribute's key is empty")
        if self.type not in ("string", "int64", "float64", "bool"):
            why = f'type is "{self.type}", must be one of string, int64, float64, bool'
            raise invalid("columns", f'cannot query attribute "{self.key}": {why}')
        kind = f"COLUMN_TYPE_{self.type.upper()}"
        message = pb.AttributeColumn(key=self.key, type=kind, resource=self.resource)
        # `as` is a word of Python's own.
        setattr(message, "as", self.name)
        return message


@dataclass(frozen=True)
class Selection:
    """Columns, order and limit of a query; empty ones leave it to the server."""

    columns: tuple[str | AttributeColumn, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int | None = field(default=None)

    @property
    def names(self) -> list[str]:
        """Columns by name."""
        return [each for each in self.columns if isinstance(each, str)]

    @property
    def attributes(self) -> list[pb.AttributeColumn]:
        """Attributes to project."""
        return [each.to_message() for each in self.columns if isinstance(each, AttributeColumn)]

    @property
    def order(self) -> list[pb.Order]:
        """What to sort by."""
        return to_order(self.order_by)

    @property
    def most_rows(self) -> int:
        """The limit as it travels; 0 means none."""
        return 0 if self.limit is None else self.limit


def make_selection(
    columns: str | AttributeColumn | Iterable[str | AttributeColumn], order_by: str | Sequence[str], limit: int | None
) -> Selection:
    """A selection. Errors: INVALID_FIELD for a limit that is not a whole number from 1."""
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise invalid("limit", f"cannot query: limit is {limit!r}, must be a whole number from 1")
    named = (columns,) if isinstance(columns, (str, AttributeColumn)) else tuple(columns)
    order = (order_by,) if isinstance(order_by, str) else tuple(order_by)
    return Selection(named, order, limit)


def to_order(columns: Iterable[str]) -> list[pb.Order]:
    """What to sort by; a minus before a column means largest first."""
    return [pb.Order(column=each.removeprefix("-"), descending=each.startswith("-")) for each in columns]
