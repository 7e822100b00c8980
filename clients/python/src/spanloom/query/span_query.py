"""Queries for spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from ..durations import Duration, check_seconds, to_duration
from ..errors import invalid
from ..rpc.connection import Connection
from ..v1 import query_service_pb2 as pb
from .arrow_query import ArrowQuery
from .filters import to_span_filter
from .selection import AttributeColumn, Selection, make_selection, to_order
from .tail import Tail, check_followed

MeasureName = Literal["count", "errors", "sum", "mean", "min", "max", "p50", "p90", "p95", "p99"]


class SpanQuery(ArrowQuery):
    """A query for spans: immutable; every method that narrows it gives a new one."""

    def __init__(
        self, connection: Connection, conditions: Sequence[Mapping[str, Any]] = (), selection: Selection | None = None
    ) -> None:
        self._conditions = tuple(conditions)
        self._selection = selection or Selection()
        # Made now, so that a wrong condition fails where it was written.
        self._filter = _filter_of(self._conditions)
        super().__init__(connection, "QuerySpans", self.to_request)

    @classmethod
    def of(cls, connection: Connection, conditions: Mapping[str, Any]) -> SpanQuery:
        """A query from keyword arguments: conditions, and ``columns``, ``order_by``, ``limit``."""
        rest = dict(conditions)
        selection = make_selection(rest.pop("columns", ()), rest.pop("order_by", ()), rest.pop("limit", None))
        return cls(connection, [rest], selection)

    def where(self, **conditions: Any) -> SpanQuery:
        """Narrows by further conditions; those given before must hold too."""
        return SpanQuery(self._connection, [*self._conditions, conditions], self._selection)

    def columns(self, *columns: str | AttributeColumn) -> SpanQuery:
        """Returns these columns only; replaces an earlier choice."""
        selection = Selection(columns, self._selection.order_by, self._selection.limit)
        return SpanQuery(self._connection, self._conditions, selection)

    def order_by(self, *columns: str) -> SpanQuery:
        """Sorts by these columns, the first first; ``"-duration_ns"`` means largest first."""
        selection = Selection(self._selection.columns, columns, self._selection.limit)
        return SpanQuery(self._connection, self._conditions, selection)

    def limit(self, limit: int) -> SpanQuery:
        """Returns at most so many rows, a whole number from 1."""
        selection = make_selection(self._selection.columns, self._selection.order_by, limit)
        return SpanQuery(self._connection, self._conditions, selection)

    def aggregate(
        self,
        *,
        group_by: str | AttributeColumn | Sequence[str | AttributeColumn] = (),
        measures: MeasureName | Sequence[MeasureName] = (),
        time_bucket: Duration | None = None,
        order_by: str | Sequence[str] = (),
        limit: int | None = None,
    ) -> ArrowQuery:
        """Groups the spans that match by at most 8 keys, and measures each group; without ``measures``, all of them.

        Units: ``time_bucket`` in seconds, or a timedelta; durations in the answer are nanoseconds.
        Errors: INVALID_FIELD for an unknown measure, or for a query with columns, order or limit of its own.
        """
        if self._selection != Selection():
            raise invalid("aggregate", "cannot query: aggregate follows columns, order_by or limit of spans")
        selection = make_selection((), order_by, limit)
        request = pb.AggregateSpansRequest(
            filter=self._filter,
            group_by=[_group_key(key) for key in _several(group_by)],
            measures=[_measure(name) for name in _several(measures)],
            order_by=to_order(selection.order_by),
            limit=selection.most_rows,
        )
        if time_bucket is not None:
            seconds = check_seconds(time_bucket, "cannot query", "time_bucket", 1e-9)
            request.time_bucket.CopyFrom(to_duration(seconds))
        return ArrowQuery(self._connection, "AggregateSpans", lambda: request)

    def tail(self, *, existing: bool = False, position: str = "") -> Tail:
        """Follows what matches from now on, or after the ``position`` of an earlier tail.

        With ``existing``, which has no meaning with a position, it begins with what matches already.

        Errors: INVALID_FIELD for a query with an order or a limit.
        """
        selection = self._selection
        check_followed(selection)

        def request(after: str) -> pb.TailSpansRequest:
            return pb.TailSpansRequest(
                filter=self._filter,
                columns=selection.names,
                attribute_columns=selection.attributes,
                include_existing=existing,
                position=after or position,
            )

        return Tail(self._connection, "TailSpans", pb.TailSpansResponse, request)

    def to_request(self) -> pb.QuerySpansRequest:
        """The request this query sends."""
        selection = self._selection
        return pb.QuerySpansRequest(
            filter=self._filter,
            columns=selection.names,
            attribute_columns=selection.attributes,
            order_by=selection.order,
            limit=selection.most_rows,
        )


def _filter_of(conditions: Sequence[Mapping[str, Any]]) -> pb.SpanFilter:
    return to_span_filter(conditions[0] if len(conditions) == 1 else {"and_": list(conditions)})


def _several(value: Any) -> list[Any]:
    return [value] if isinstance(value, (str, AttributeColumn)) else list(value)


def _group_key(key: str | AttributeColumn) -> pb.GroupKey:
    return pb.GroupKey(column=key) if isinstance(key, str) else pb.GroupKey(attribute=key.to_message())


def _measure(name: str) -> pb.Measure:
    full = f"MEASURE_{name.upper()}"
    known = [each for each in pb.Measure.keys() if each != "MEASURE_UNSPECIFIED"]  # noqa: SIM118 - no mapping
    if full not in known:
        names = ", ".join(each.removeprefix("MEASURE_").lower() for each in known)
        raise invalid("measures", f'cannot query: measure is "{name}", must be one of {names}')
    return cast("pb.Measure", pb.Measure.Value(full))
