"""Arrow off the wire, into memory that Arrow reads in place.

The bytes of a chunk are received into one aligned buffer, and batches are views of it: no row is copied, and none is
ever a Python object. Source: proto/spanloom/v1/query_service.proto ArrowChunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from google.protobuf.message import DecodeError

from ..errors import SpanloomError
from ..rpc.connection import Readable, read_exactly
from ..v1 import query_service_pb2

if TYPE_CHECKING:
    from pyarrow import Buffer, RecordBatch, Schema

# Tags of field 1, which is the chunk in every answer of QueryService, and the IPC bytes in a chunk.
_BYTES_FIELD_1 = 0x0A
# Both tags and both lengths.
_MAX_HEAD = 2 * (1 + 5)


def read_chunk(source: Readable, size: int) -> Buffer | None:
    """Receives one message of so many bytes; gives its Arrow bytes, or None when it has none."""
    head = read_exactly(source, min(size, _MAX_HEAD))
    at, length = _ipc_place(head)
    if at == 0 or at + length > size:
        return _parse(head + read_exactly(source, size - len(head)))
    buffer = pa.allocate_buffer(length)
    view = memoryview(buffer).cast("B")
    begun = min(len(head) - at, length)
    view[:begun] = head[at : at + begun]
    _fill(source, view[begun:])
    # What follows is the number of rows.
    read_exactly(source, size - max(at + length, len(head)))
    return buffer


def batches_of(buffer: Buffer) -> Iterator[tuple[Schema, RecordBatch | None]]:
    """Batches of the whole Arrow streams in a buffer; for a stream without rows its schema alone."""
    source = pa.BufferReader(buffer)
    while source.tell() < source.size():
        try:
            reader = pa.ipc.open_stream(source)
            empty = True
            for batch in reader:
                empty = False
                yield reader.schema, batch
        except (pa.ArrowInvalid, OSError) as error:
            raise SpanloomError("INTERNAL", f"cannot read the answer: its Arrow bytes are broken: {error}") from error
        if empty:
            yield reader.schema, None


def _ipc_place(head: bytes) -> tuple[int, int]:
    """Where the Arrow bytes begin in a message and how many they are; 0 when it is not laid out as usual."""
    if not head or head[0] != _BYTES_FIELD_1:
        return 0, 0
    _, at = _varint(head, 1)
    if at == 0 or at >= len(head) or head[at] != _BYTES_FIELD_1:
        return 0, 0
    length, at = _varint(head, at + 1)
    return at, length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 35:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7
    return 0, 0


def _parse(data: bytes) -> Buffer | None:
    try:
        ipc = query_service_pb2.QuerySpansResponse.FromString(data).chunk.ipc
    except DecodeError as error:
        raise SpanloomError("INTERNAL", f"cannot read the answer: {error}") from error
    return pa.py_buffer(ipc) if ipc else None


def _fill(source: Readable, view: memoryview[Any]) -> None:
    while len(view) > 0:
        count = source.readinto(view)
        if not count:
            raise ConnectionResetError("the answer broke off within a message")
        view = view[count:]
