"""Spans and logs as Arrow tables."""

from .arrow_query import ArrowQuery
from .filters import LogConditions, SpanConditions
from .log_query import LogQuery
from .selection import AttributeColumn
from .span_query import SpanQuery
from .tail import Tail

__all__ = ["ArrowQuery", "AttributeColumn", "LogConditions", "LogQuery", "SpanConditions", "SpanQuery", "Tail"]
