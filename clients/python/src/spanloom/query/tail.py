"""Rows as they come: a query without an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import SpanloomError, invalid
from ..rpc.connection import Connection, message_reader
from ..rpc.http_pool import CallScope
from ..v1 import query_service_pb2 as pb
from .arrow_stream import batches_of
from .selection import Selection

if TYPE_CHECKING:
    from pyarrow import RecordBatch

# After how long a lost connection is made again, at first and at most.
FIRST_RETRY = 0.2
MAX_RETRY = 5.0

Request = pb.TailSpansRequest | pb.TailLogsRequest
Answer = pb.TailSpansResponse | pb.TailLogsResponse


class Tail:
    """Follows spans or log records, until the jobs that are named have ended, :meth:`close`, or the loop is left.

    A span comes each time it changed, as it is then, within about a second; while open its ``end_time`` and
    ``duration_ns`` are null. It may come more than once unchanged, and is not sent when it no longer matches. A log
    record comes once, rarely twice.

    A connection that is lost is made again, and nothing is missed meanwhile; ``on_interrupted`` is told.

    Errors: as other queries, as long as the server has not answered; then those that are not transient.
    Concurrency: one loop at a time; :meth:`close` is safe from any thread, and ends the loop.
    """

    def __init__(
        self, connection: Connection, method: str, answer: type[Answer], request: Callable[[str], Request]
    ) -> None:
        self._connection = connection
        self._method = f"QueryService/{method}"
        self._answer = answer
        self._request = request
        self._scope = CallScope()
        self.position = request("").position
        """How far the loop has come, whenever it asks for more: a later tail that is given it goes on after it."""
        self.on_interrupted: Callable[[SpanloomError], None] = lambda _: None

    def __iter__(self) -> Iterator[RecordBatch]:
        """Batches of at least one row; each has dictionaries of its own."""
        heard = False
        failures = 0
        while not self._scope.cancelled:
            try:
                for batches in self._follow():
                    heard, failures = True, 0
                    yield from batches
            except SpanloomError as error:
                if self._scope.cancelled:
                    return
                if not (heard and error.retryable):
                    raise
                self.on_interrupted(error)
            else:
                return
            self._scope.wait(min(FIRST_RETRY * 2**failures, MAX_RETRY))
            failures += 1

    def _follow(self) -> Iterator[Iterator[RecordBatch]]:
        request = self._request(self.position)
        read = message_reader(self._answer)
        for message in self._connection.stream(self._method, request, read, scope=self._scope):
            buffer = pa.py_buffer(message.chunk.ipc)
            yield (batch for _, batch in batches_of(buffer) if batch is not None and batch.num_rows > 0)
            if message.position:
                self.position = message.position

    def close(self) -> None:
        """Ends the loop. Safe to call twice."""
        self._scope.cancel()

    def __enter__(self) -> Tail:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def check_followed(selection: Selection) -> None:
    """Errors: INVALID_FIELD for an order or a limit, which what has no end cannot keep."""
    if selection.order_by:
        raise invalid("order_by", f"cannot follow: order_by is {list(selection.order_by)}, which a tail cannot keep")
    if selection.limit is not None:
        raise invalid("limit", f"cannot follow: limit is {selection.limit}, which has no meaning for a tail")
