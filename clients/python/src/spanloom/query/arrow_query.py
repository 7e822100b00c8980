"""A query that has been described but not run; each method runs it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from google.protobuf.message import Message

from ..durations import Duration, check_seconds
from ..errors import SpanloomError, invalid
from ..rpc.connection import Connection
from ..rpc.retry import call_with_retry
from .arrow_stream import batches_of, read_chunk

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from pyarrow import Buffer, RecordBatch, Schema, Table


class ArrowQuery:
    """Immutable; may be run any number of times, also at the same time.

    Units: ``timeout`` of the whole answer in seconds, or a timedelta; None means none.
    Errors: INVALID_FIELD and UNSUPPORTED_QUERY (caller); TELEMETRY_UNAVAILABLE, STORE_UNAVAILABLE, OVERLOADED and
    DEADLINE_EXCEEDED (transient). A query that failed so before its answer began is run again, up to five times.
    """

    def __init__(self, connection: Connection, method: str, request: Callable[[], Message]) -> None:
        self._connection = connection
        self._method = f"QueryService/{method}"
        self._request = request

    def to_arrow(self, *, timeout: Duration | None = None) -> Table:
        """Runs the query and holds the whole answer as one Arrow table.

        Columns are views of the bytes received; a dictionary column has one dictionary throughout.

        Shape: as many rows as matched; with none, a table of zero rows that still has its schema.
        """
        schema: Schema | None = None
        batches: list[RecordBatch] = []
        for own, batch in self._parts(timeout):
            schema = schema or own
            if batch is not None:
                batches.append(batch)
        if schema is None:
            raise SpanloomError("INTERNAL", f"cannot read the answer of {self._method}: it has no schema")
        return pa.Table.from_batches(batches, schema=schema).unify_dictionaries()

    def batches(self, *, timeout: Duration | None = None) -> Iterator[RecordBatch]:
        """Runs the query and gives its answer batch by batch, holding one piece of it in memory at a time.

        Closing the iterator ends the query. Each batch has dictionaries of its own.
        """
        for _, batch in self._parts(timeout):
            if batch is not None:
                yield batch

    def to_pandas(self, *, timeout: Duration | None = None) -> pd.DataFrame:
        """Runs the query and holds the answer as a pandas DataFrame; dictionaries become categories."""
        frame: pd.DataFrame = self.to_arrow(timeout=timeout).to_pandas()
        return frame

    def to_polars(self, *, timeout: Duration | None = None) -> pl.DataFrame:
        """Runs the query and holds the answer as a Polars DataFrame; dictionaries become categoricals."""
        import polars  # noqa: PLC0415 - an extra, and slow to load

        frame = polars.from_arrow(self.to_arrow(timeout=timeout))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def to_file(self, path: str | Path, *, timeout: Duration | None = None) -> int:
        """Runs the query and writes its answer to a ``.parquet`` or ``.arrow`` file; gives the number of rows.

        The file appears whole or not at all.
        """
        target = Path(path)
        if target.suffix not in (".parquet", ".arrow"):
            raise invalid("path", f'cannot write "{target}": its extension must be .parquet or .arrow')
        table = self.to_arrow(timeout=timeout)
        draft = target.with_name(f"{target.name}.part")
        try:
            if target.suffix == ".parquet":
                import pyarrow.parquet as pq  # noqa: PLC0415 - slow to load

                pq.write_table(table, draft)
            else:
                with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                    writer.write_table(table)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return int(table.num_rows)

    def _parts(self, timeout: Duration | None) -> Iterator[tuple[Schema, RecordBatch | None]]:
        for buffer in self._chunks(timeout):
            yield from batches_of(buffer)

    def _chunks(self, timeout: Duration | None) -> Iterator[Buffer]:
        seconds = None if timeout is None else check_seconds(timeout, "cannot run a query", "timeout", 0.001)
        request = self._request()

        def begin() -> tuple[Buffer | None, Iterator[Buffer | None]]:
            stream = self._connection.stream(self._method, request, read_chunk, timeout=seconds)
            return next(stream, None), stream

        # Nothing was given yet, so the query may begin anew.
        first, rest = call_with_retry(begin)
        try:
            if first is not None:
                yield first
            for each in rest:
                if each is not None:
                    yield each
        finally:
            close: Any = getattr(rest, "close", None)
            if close:
                close()
