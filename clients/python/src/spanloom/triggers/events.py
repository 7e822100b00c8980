"""Publishes events, and shows what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ..durations import to_timestamp
from ..errors import ErrorFacts, SpanloomError, invalid
from ..ids import new_id
from ..payload import decode_payload, encode_payload
from ..rpc.connection import Connection
from ..rpc.pages import pages
from ..rpc.services import Calls
from ..snapshots import time_of
from ..tracing.client_spans import ClientSpans
from ..tracing.trace_context import TraceCarrier, active_carrier
from ..v1 import event_service_pb2 as pb
from .firing import Firing, to_firing

MAX_PAYLOAD_BYTES = 1024 * 1024
# A quarter of what a server reads.
MAX_REQUEST_BYTES = 4 * 1024 * 1024
MAX_EVENTS = 100_000

EventSource = Literal["PUBLISHED", "WEBHOOK", "JOB", "REPLAY"]


@dataclass(frozen=True)
class NewEvent:
    """An event to publish.

    ``key`` is what happened, as segments parted by dots, e.g. ``order.paid``; ``payload`` what there is to say of it,
    at most 1 MiB as JSON; ``metadata`` facts beside it. One whose ``id`` is there already is not published again.
    """

    key: str
    payload: object = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True)
class Event:
    """An event as it is kept; ``firings``, of :meth:`Events.get` alone, is what it fired."""

    id: str
    key: str
    payload: Any
    metadata: Mapping[str, str]
    source: str
    webhook: str | None
    replay_of: str | None
    received_at: datetime | None
    matched: bool
    depth: int
    firings: tuple[Firing, ...] = ()


class Events:
    """Events of one server. Made by a Client.

    Every call is repeated on transient errors; ids keep that from publishing anything twice.

    Errors: SpanloomError; STORE_UNAVAILABLE after five tries.
    Concurrency: safe from any thread.
    """

    def __init__(self, connection: Connection, *, tracing: bool = True) -> None:
        self._call = Calls(connection, "EventService")
        self._spans = ClientSpans(connection.url, tracing)

    def publish(
        self,
        key: str,
        payload: object = None,
        *,
        metadata: Mapping[str, str] | None = None,
        id: str | None = None,
        trace: TraceCarrier | Literal[False] | None = None,
    ) -> str:
        """Publishes one event; returns its id once the server has made it durable.

        Its publisher is ``trace``, by default the span of the call or the active one; False sends none.

        Errors: INVALID_FIELD, LIMIT_EXCEEDED (caller).
        """
        return self.publish_many([NewEvent(key, payload, metadata or {}, id)], trace=trace)[0]

    def publish_many(
        self, events: Iterable[NewEvent], *, trace: TraceCarrier | Literal[False] | None = None
    ) -> list[str]:
        """Publishes events in order, in as few requests as can be; returns their ids when all are durable.

        A request is stored as a whole or not at all, and one that fails ends the call: those before it are there. To be
        able to repeat the call without publishing these twice, give the events ids.
        """
        made = [_to_message(each) for each in events]
        if not made:
            return []
        count = None if len(made) == 1 else len(made)
        with self._spans.trace("publish", made[0].key if count is None else "", carrier=trace, count=count) as span:
            carrier = span.carrier or (active_carrier() if trace is None else trace)
            for batch in _batches(made):
                request = pb.PublishEventsRequest(events=batch)
                if carrier:
                    request.trace.CopyFrom(carrier.to_message())
                self._call("PublishEvents", request, pb.PublishEventsResponse)
        return [each.id for each in made]

    def get(self, event_id: str) -> Event:
        """An event with what it fired. Errors: EVENT_NOT_FOUND, also of one that is kept no longer."""
        answer = self._call("GetEvent", pb.GetEventRequest(event_id=event_id), pb.GetEventResponse)
        return to_event(answer.event)

    def list(
        self,
        *,
        key: str = "",
        received_after: datetime | None = None,
        received_before: datetime | None = None,
        sources: Iterable[EventSource] = (),
        webhook: str = "",
        limit: int | None = None,
    ) -> Iterator[Event]:
        """Events, newest first, page by page as they are read; ``key`` is a pattern, as a trigger's."""
        wanted = pb.EventFilter(key_pattern=key, webhook=webhook, sources=[_source(each) for each in sources])
        if received_after is not None:
            wanted.received_after.CopyFrom(to_timestamp(received_after, "cannot list events", "received_after"))
        if received_before is not None:
            wanted.received_before.CopyFrom(to_timestamp(received_before, "cannot list events", "received_before"))

        def page(size: int, token: str) -> tuple[list[Event], str]:
            request = pb.ListEventsRequest(filter=wanted, page_size=size, page_token=token)
            answer = self._call("ListEvents", request, pb.ListEventsResponse)
            return [to_event(each) for each in answer.events], answer.next_page_token

        return pages(page, limit)


def to_event(event: pb.Event) -> Event:
    """An event of the protocol as plain data."""
    value = pb.EventSource.DESCRIPTOR.values_by_number.get(event.source)
    return Event(
        id=event.id,
        key=event.key,
        payload=decode_payload(event.payload, f'cannot read event "{event.id}"'),
        metadata=dict(event.metadata),
        source=str(value.name).removeprefix("EVENT_SOURCE_") if value else str(event.source),
        webhook=event.webhook or None,
        replay_of=event.replay_of or None,
        received_at=time_of(event, "received_at"),
        matched=event.matched,
        depth=event.depth,
        firings=tuple(to_firing(each) for each in event.firings),
    )


def _to_message(event: NewEvent) -> pb.NewEvent:
    owner = f'cannot publish event "{event.key}"'
    if not isinstance(event.key, str) or not event.key:
        raise invalid("key", f"{owner}: its key must be a text that is not empty")
    for name, value in event.metadata.items():
        if not isinstance(value, str):
            raise invalid(f"metadata.{name}", f"{owner}: metadata.{name} is a {type(value).__name__}, must be a text")
    data = encode_payload(event.payload, owner)
    if len(data) > MAX_PAYLOAD_BYTES:
        message = f"{owner}: its payload has {len(data)} bytes, limit is {MAX_PAYLOAD_BYTES}"
        facts = ErrorFacts(field="payload", limit=MAX_PAYLOAD_BYTES, actual=len(data))
        raise SpanloomError("LIMIT_EXCEEDED", message, facts)
    return pb.NewEvent(id=event.id or new_id(), key=event.key, payload=data, metadata=event.metadata)


def _batches(events: list[pb.NewEvent]) -> Iterator[list[pb.NewEvent]]:
    batch: list[pb.NewEvent] = []
    size = 0
    for event in events:
        more = event.ByteSize() + 8
        if batch and (len(batch) == MAX_EVENTS or size + more > MAX_REQUEST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += more
    yield batch


def _source(name: str) -> str:
    known = [each.removeprefix("EVENT_SOURCE_") for each in pb.EventSource.keys()[1:]]
    if name not in known:
        raise invalid("sources", f'cannot list events: source is "{name}", must be one of {", ".join(known)}')
    return f"EVENT_SOURCE_{name}"
