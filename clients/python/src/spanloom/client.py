"""A client of a Spanloom server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .durations import Duration, check_seconds
from .errors import SpanloomError
from .jobs import Jobs
from .rpc.connection import Connection
from .triggers import Events, Schedules, Triggers

if TYPE_CHECKING:
    from .query.arrow_query import ArrowQuery
    from .query.log_query import LogQuery
    from .query.span_query import SpanQuery


@contextmanager
def _arrow_needed() -> Iterator[None]:
    """Says what to do where pyarrow is missing. Errors: INVALID_STATE."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pyarrow":
            raise
        hint = "pip install 'spanloom[arrow]', or [pandas], or [polars]"
        raise SpanloomError("INVALID_STATE", f"cannot query: pyarrow is not installed; {hint}") from error


class Client:
    """Submits jobs, and asks for their spans and logs.

    Makes no connection before the first call, and needs no closing; ``with Client() as client`` closes idle sockets.

    Units: ``timeout`` of one call in seconds, or a timedelta.
    Errors: INVALID_FIELD for a URL that is none.
    Concurrency: safe from any thread. From async code, call it through ``asyncio.to_thread``.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, timeout: Duration = 30.0, tracing: bool = True
    ) -> None:
        seconds = check_seconds(timeout, "cannot make a client", "timeout", 0.001)
        self._connection = Connection(url, token, seconds)
        self.jobs = Jobs(self._connection, tracing=tracing)
        self.events = Events(self._connection, tracing=tracing)
        self.schedules = Schedules(self._connection, tracing=tracing)
        self.triggers = Triggers(self._connection)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return self._connection.url

    def close(self) -> None:
        """Closes idle sockets. Safe to call twice."""
        self._connection.close()

    def query_spans(self, **conditions: Any) -> SpanQuery:
        """Describes a query for spans; nothing is sent before one of its methods runs it.

        ``conditions`` are those of :class:`spanloom.query.SpanConditions`, and ``columns``, ``order_by``, ``limit``.

        Errors: INVALID_FIELD for a condition that is not known or a value outside its domain.
        """
        with _arrow_needed():
            from .query.span_query import SpanQuery  # noqa: PLC0415 - pyarrow is an extra, and slow to load

        return SpanQuery.of(self._connection, conditions)

    def query_logs(self, **conditions: Any) -> LogQuery:
        """Describes a query for log records; as :meth:`query_spans`."""
        with _arrow_needed():
            from .query.log_query import LogQuery  # noqa: PLC0415 - pyarrow is an extra, and slow to load

        return LogQuery.of(self._connection, conditions)

    def critical_path(self, job_id: str, *, user_spans: bool = False) -> ArrowQuery:
        """Describes a query for what decided how long a job took, or has taken so far."""
        with _arrow_needed():
            from .query.job_queries import critical_path  # noqa: PLC0415 - pyarrow is an extra, and slow to load

        return critical_path(self._connection, job_id, user_spans=user_spans)

    def compare(self, base_job_id: str, other_job_id: str) -> ArrowQuery:
        """Describes a comparison of two jobs by span name."""
        with _arrow_needed():
            from .query.job_queries import compare  # noqa: PLC0415 - pyarrow is an extra, and slow to load

        return compare(self._connection, base_job_id, other_job_id)
