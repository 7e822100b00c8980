"""Queries for log records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..rpc.connection import Connection
from ..v1 import query_service_pb2 as pb
from .arrow_query import ArrowQuery
from .filters import to_log_filter
from .selection import AttributeColumn, Selection, make_selection
from .tail import Tail, check_followed


class LogQuery(ArrowQuery):
    """A query for log records: immutable; every method that narrows it gives a new one."""

    def __init__(
        self, connection: Connection, conditions: Sequence[Mapping[str, Any]] = (), selection: Selection | None = None
    ) -> None:
        self._conditions = tuple(conditions)
        self._selection = selection or Selection()
        first = self._conditions[0] if len(self._conditions) == 1 else {"and_": list(self._conditions)}
        self._filter = to_log_filter(first)
        super().__init__(connection, "QueryLogs", self.to_request)

    @classmethod
    def of(cls, connection: Connection, conditions: Mapping[str, Any]) -> LogQuery:
        """A query from keyword arguments: conditions, and ``columns``, ``order_by``, ``limit``."""
        rest = dict(conditions)
        selection = make_selection(rest.pop("columns", ()), rest.pop("order_by", ()), rest.pop("limit", None))
        return cls(connection, [rest], selection)

    def where(self, **conditions: Any) -> LogQuery:
        """Narrows by further conditions; those given before must hold too."""
        return LogQuery(self._connection, [*self._conditions, conditions], self._selection)

    def columns(self, *columns: str | AttributeColumn) -> LogQuery:
        """Returns these columns only; replaces an earlier choice."""
        selection = Selection(columns, self._selection.order_by, self._selection.limit)
        return LogQuery(self._connection, self._conditions, selection)

    def order_by(self, *columns: str) -> LogQuery:
        """Sorts by these columns, the first first; a minus before one means largest first."""
        selection = Selection(self._selection.columns, columns, self._selection.limit)
        return LogQuery(self._connection, self._conditions, selection)

    def limit(self, limit: int) -> LogQuery:
        """Returns at most so many rows, a whole number from 1."""
        selection = make_selection(self._selection.columns, self._selection.order_by, limit)
        return LogQuery(self._connection, self._conditions, selection)

    def tail(self, *, existing: bool = False, position: str = "") -> Tail:
        """Follows what matches from now on, or after the ``position`` of an earlier tail.

        With ``existing``, which has no meaning with a position, it begins with what matches already.

        Errors: INVALID_FIELD for a query with an order or a limit.
        """
        selection = self._selection
        check_followed(selection)

        def request(after: str) -> pb.TailLogsRequest:
            return pb.TailLogsRequest(
                filter=self._filter,
                columns=selection.names,
                attribute_columns=selection.attributes,
                include_existing=existing,
                position=after or position,
            )

        return Tail(self._connection, "TailLogs", pb.TailLogsResponse, request)

    def to_request(self) -> pb.QueryLogsRequest:
        """The request this query sends."""
        selection = self._selection
        return pb.QueryLogsRequest(
            filter=self._filter,
            columns=selection.names,
            attribute_columns=selection.attributes,
            order_by=selection.order,
            limit=selection.most_rows,
        )
