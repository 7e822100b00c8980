"""What every language does alike, by the vectors in conformance/vectors."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from spanloom import (
    Concurrency,
    RateLimit,
    Retry,
    RetryableError,
    SpanloomError,
    SubmissionBuilder,
    Task,
    TerminalError,
    declare,
    task,
)
from spanloom.conversion import from_plain
from spanloom.errors import ErrorFacts
from spanloom.ids import attempt_span_id, is_id, span_id_of, trace_id_of_job
from spanloom.payload import decode_payload, encode_payload
from spanloom.query.arrow_stream import batches_of, read_chunk
from spanloom.query.attribute_filters import attribute_filters
from spanloom.rpc.call_errors import error_of_answer
from spanloom.rpc.retry import retry_delay
from spanloom.runner.failure import to_failure
from spanloom.submission import TaskHandles
from spanloom.tracing.encode_span import to_span
from spanloom.tracing.trace_context import (
    AttemptOrigin,
    TraceCarrier,
    active_carrier,
    context_of_carrier,
    format_traceparent,
    origin_of,
    parse_traceparent,
    with_origin,
)
from spanloom.v1 import query_service_pb2

from .conftest import ROOT
from .vectors import name_of, untagged, vectors


def refused(vector: Any) -> bool:
    return "reason" in vector and "python" in vector.get("refusedBy", ["python"])


def each(name: str, part: str, *, is_refused: bool | None = None) -> pytest.MarkDecorator:
    """Runs a test for each vector of a part, or only for those that are refused or are not."""
    chosen = [vector for vector in vectors(name, part) if is_refused is None or refused(vector) == is_refused]
    return pytest.mark.parametrize("vector", chosen, ids=name_of)


def bytes_of(vector: Any) -> bytes:
    given = vector["bytes"]
    return given.encode() if isinstance(given, str) else base64.b64decode(given["base64"])


def expected(vector: Any, key: str) -> Any:
    return vector.get("others", {}).get("python", vector[key])


@each("payloads", "encode", is_refused=False)
def test_writes_payloads(vector: Any) -> None:
    data = encode_payload(untagged(vector["value"]), "cannot test")
    assert data.decode() == expected(vector, "bytes")
    assert encode_payload(decode_payload(data, "cannot test"), "cannot test") == data


@each("payloads", "encode", is_refused=True)
def test_refuses_to_write_payloads(vector: Any) -> None:
    with pytest.raises(SpanloomError) as caught:
        encode_payload(untagged(vector["value"]), "cannot test")
    assert caught.value.reason == vector["reason"]
    where = f"{vector['place']} " if "place" in vector else "value"
    assert f"cannot test: its payload cannot be written as JSON: {where}" in str(caught.value)


@each("payloads", "decode", is_refused=False)
def test_reads_payloads(vector: Any) -> None:
    value = decode_payload(bytes_of(vector), "cannot test")
    wanted = untagged(expected(vector, "value"))
    assert value == wanted
    if isinstance(wanted, float):
        assert math.copysign(1, float(str(value))) == math.copysign(1, wanted)


@each("payloads", "decode", is_refused=True)
def test_refuses_to_read_payloads(vector: Any) -> None:
    with pytest.raises(SpanloomError, match=r"^cannot test: its payload is not JSON in UTF-8: ") as caught:
        decode_payload(bytes_of(vector), "cannot test")
    assert caught.value.reason == vector["reason"]


@dataclass
class Line:
    sku: str
    count: int
    price: float | None = None


@dataclass
class Order:
    id: str
    placed_at: datetime
    lines: list[Line] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    photo: bytes = b""
    note: str | None = None


@each("payloads", "orders", is_refused=False)
def test_reads_dataclasses(vector: Any) -> None:
    order = from_plain(decode_payload(bytes_of(vector), "cannot test"), Order, "cannot test")
    wanted = untagged(vector["value"])
    assert order == Order(**{**wanted, "lines": [Line(**line) for line in wanted["lines"]]})
    assert order.placed_at.utcoffset() is not None
    again = from_plain(decode_payload(encode_payload(order, "cannot test"), "cannot test"), Order, "cannot test")
    assert again == order


@each("payloads", "orders", is_refused=True)
def test_refuses_what_does_not_fit_dataclasses(vector: Any) -> None:
    with pytest.raises(SpanloomError) as caught:
        from_plain(decode_payload(bytes_of(vector), "cannot test"), Order, "cannot test")
    assert caught.value.reason == vector["reason"]
    where = f"input.{vector['place']} " if "place" in vector else "input "
    assert str(caught.value).startswith(f"cannot test: {where}")


@each("errors", "answers")
def test_reads_errors(vector: Any) -> None:
    body = vector["body"] if isinstance(vector["body"], str) else json.dumps(vector["body"])
    error = error_of_answer(vector["status"], body.encode(), "http://server")
    wanted = dict(vector["error"])
    assert (error.reason, error.code, error.retryable) == tuple(
        wanted.pop(key) for key in ("reason", "code", "retryable")
    )
    assert str(error) == wanted.pop("message", str(error))
    after = wanted.pop("retryAfterMs", None)
    assert error.facts == ErrorFacts(**wanted, retry_after=None if after is None else after / 1000)


@each("retries", "waits")
def test_waits_before_calling_again(vector: Any) -> None:
    after = vector["retryAfterMs"] / 1000 if "retryAfterMs" in vector else None
    error = SpanloomError("OVERLOADED", "full", ErrorFacts(retry_after=after))
    assert retry_delay(vector["attempt"], error, lambda: float(vector["draw"])) == pytest.approx(
        vector["delayMs"] / 1000
    )


@each("ids", "derived")
def test_derives_ids(vector: Any) -> None:
    id = vector["id"]
    attempts = {attempt: attempt_span_id(id, int(attempt)) for attempt in vector["attemptSpanIds"]}
    assert (trace_id_of_job(id), span_id_of(id), attempts) == (
        vector["traceId"],
        vector["spanId"],
        vector["attemptSpanIds"],
    )


def test_knows_ids() -> None:
    assert [text for text in vectors("ids", "uuids.valid") if not is_id(text)] == []
    assert [text for text in vectors("ids", "uuids.invalid") if is_id(text)] == []
    with pytest.raises(SpanloomError, match="'0190163d' is no UUID in lower case"):
        span_id_of("0190163d")


@each("trace-context", "traceparents.valid")
def test_reads_traceparents(vector: Any) -> None:
    span = parse_traceparent(vector["text"])
    assert span is not None
    flags = "01" if vector["sampled"] else "00"
    assert format_traceparent(span) == f"00-{vector['traceId']}-{vector['spanId']}-{flags}"
    assert span.trace_flags.sampled == vector["sampled"]


@each("trace-context", "traceparents.invalid")
def test_refuses_traceparents(vector: Any) -> None:
    assert parse_traceparent(vector["text"]) is None


def origin(value: Mapping[str, Any]) -> AttemptOrigin:
    return AttemptOrigin(value["jobId"], value["taskId"], value["attempt"])


@each("trace-context", "withOrigin")
def test_names_the_attempt_in_a_tracestate(vector: Any) -> None:
    assert with_origin(vector["tracestate"], origin(vector["origin"])) == vector["result"]


@each("trace-context", "originOf")
def test_finds_the_attempt_in_a_tracestate(vector: Any) -> None:
    assert origin_of(vector["tracestate"]) == origin(vector["origin"])


@each("trace-context", "withoutOrigin")
def test_finds_no_attempt_in_a_tracestate(vector: Any) -> None:
    assert origin_of(vector) is None


@each("trace-context", "carriers")
def test_hands_trace_context_on(vector: Any) -> None:
    made = context_of_carrier(TraceCarrier(**vector["carrier"]))
    token = context.attach(made)
    try:
        assert active_carrier() == TraceCarrier(**vector.get("written", vector["carrier"]))
    finally:
        context.detach(token)
    for key, value in vector.get("baggage", {}).items():
        assert baggage.get_baggage(key, made) == value


@each("attribute-conditions", "conditions")
def test_writes_conditions_on_attributes(vector: Any) -> None:
    groups = attribute_filters("attributes", untagged(vector["conditions"]))
    assert [[MessageToDict(each) for each in group] for group in groups] == vector["filters"]


@each("attribute-conditions", "refused")
def test_refuses_conditions_on_attributes(vector: Any) -> None:
    with pytest.raises(SpanloomError) as caught:
        list(attribute_filters("attributes", untagged(vector["conditions"])))
    assert caught.value.reason == vector["reason"]


SECONDS = {
    "timeoutMs": "timeout",
    "queueTimeoutMs": "queue_timeout",
    "initialDelayMs": "initial_delay",
    "maxDelayMs": "max_delay",
    "windowMs": "window",
}
NAMES = {"maxAttempts": "max_attempts", "nonRetryableTypes": "non_retryable_types", "rateLimit": "rate_limit"}
CLASSES = {"retry": Retry, "concurrency": Concurrency, "rate_limit": RateLimit}


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as Python names them: milliseconds become seconds, objects dataclasses."""
    made: dict[str, Any] = {}
    for key, value in given.items():
        name = SECONDS.get(key) or NAMES.get(key, key)
        if key in SECONDS:
            made[name] = value / 1000
        elif name in CLASSES:
            made[name] = CLASSES[name](**options_of(value))
        else:
            made[name] = "reject_new" if value == "rejectNew" else value
    return made


def build(steps: list[Any]) -> Any:
    def task_of(given: Any) -> Task[Any, Any]:
        return task(name=given["name"], version=given["version"], **options_of(given.get("options", {})))(
            lambda x: None
        )

    builder = SubmissionBuilder()
    handles: dict[str, TaskHandles] = {"elsewhere": SubmissionBuilder().submit(declare("foreign"), 1)}
    for step in steps:
        more: dict[str, Any] = options_of(step.get("options", {}))
        if "dependsOn" in step:
            more["depends_on"] = [handles[name] for name in step["dependsOn"]]
        if "startDelayMs" in step:
            more["start_delay"] = step["startDelayMs"] / 1000
        more.update({key: step[key] for key in ("display", "displays") if key in step})
        if "inputs" in step:
            handle = builder.submit_many(task_of(step["task"]), untagged(step["inputs"]), **more)
        else:
            handle = builder.submit(task_of(step["task"]), untagged(step.get("input")), **more)
        handles[step.get("as", "")] = handle
    return builder.build()


@each("submissions", "submissions")
def test_writes_submissions(vector: Any) -> None:
    assert MessageToDict(build(vector["steps"])) == vector["taskSet"]


@each("submissions", "refused")
def test_refuses_submissions(vector: Any) -> None:
    with pytest.raises(SpanloomError) as caught:
        build(vector["steps"])
    facts = {key: getattr(caught.value.facts, key) for key in ("field", "limit", "actual") if key in vector}
    assert (caught.value.reason, facts) == (vector["reason"], {key: vector[key] for key in facts})


def raised(error: Any) -> Exception:
    """What a task's code raises, with a traceback and what led to it."""
    message = untagged(error["message"])
    made: Exception = ValueError(message)
    if error["kind"] == "terminal":
        made = TerminalError(message)
    if error["kind"] == "retryable":
        after = error.get("retryAfterMs")
        made = RetryableError(message, retry_after=None if after is None else timedelta(milliseconds=after))
    try:
        raise made from (raised(error["cause"]) if "cause" in error else None)
    except Exception as caught:
        return caught


@each("failures", "failures")
def test_describes_what_is_raised(vector: Any) -> None:
    failure = to_failure(raised(vector["error"]))
    assert vector.get("stackHas", "ValueError" if vector["error"]["kind"] == "plain" else "") in failure.stack
    told = MessageToDict(failure)
    told.pop("stack")
    wanted = {"type": "ValueError", **vector["failure"]}
    message = wanted.pop("message")
    text = untagged({"$repeat": message["$repeat"]}) + message["then"] if "then" in message else untagged(message)
    assert told == {**wanted, **({"message": text} if text else {})}


def type_name(kind: pa.DataType) -> str:
    """A type of Arrow's as the vectors name it."""
    if pa.types.is_dictionary(kind):
        return "dict"
    if pa.types.is_timestamp(kind):
        return f"timestamp[{kind.unit}, {kind.tz}]"
    if pa.types.is_map(kind):
        return f"map<{type_name(kind.key_type)}, {type_name(kind.item_type)}>"
    if pa.types.is_list(kind):
        return f"list<{type_name(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{each.name}: {type_name(each.type)}' for each in kind)}>"
    return "utf8" if pa.types.is_string(kind) else str(kind)


def plain(value: pa.Scalar) -> Any:
    """A value as the vectors write it."""
    kind = value.type
    if not value.is_valid:
        return None
    if pa.types.is_timestamp(kind) or pa.types.is_int64(kind):
        return str(value.cast(pa.int64()).as_py())
    if pa.types.is_map(kind):
        return dict(value.as_py())
    if pa.types.is_list(kind):
        return [plain(each) for each in value]
    if pa.types.is_struct(kind):
        return {name: plain(value[name]) for name in value}
    return value.as_py()


@pytest.mark.parametrize("name", ["spans", "logs"])
def test_reads_answers_of_queries(name: str) -> None:
    data = (ROOT / "conformance" / "vectors" / f"{name}.arrows").read_bytes()
    message = query_service_pb2.QuerySpansResponse(chunk={"ipc": data}).SerializeToString()
    buffer = read_chunk(io.BytesIO(message), len(message))
    assert buffer is not None
    table = pa.Table.from_batches([batch for _, batch in batches_of(buffer) if batch is not None])
    columns = [{"name": each.name, "type": type_name(each.type)} for each in table.schema]
    assert columns == vectors("arrow", f"{name}.columns")
    rows = [{each: plain(table[each][row]) for each in table.column_names} for row in range(table.num_rows)]
    assert rows == vectors("arrow", f"{name}.rows")


def span_context(given: Mapping[str, Any], remote: bool = False) -> SpanContext:
    state = given.get("traceState")
    return SpanContext(
        int(given["traceId"], 16),
        int(given["spanId"], 16),
        remote,
        TraceFlags(TraceFlags.SAMPLED if given.get("sampled", True) else TraceFlags.DEFAULT),
        TraceState.from_header([state]) if state else None,
    )


def readable(given: Mapping[str, Any]) -> ReadableSpan:
    """The span as the SDK would hold it."""
    parent = given.get("parent")
    status = given.get("status", {"code": "UNSET"})
    return ReadableSpan(
        given["name"],
        span_context(given),
        span_context({**parent, "traceId": given["traceId"]}, parent["remote"]) if parent else None,
        attributes=given.get("attributes"),
        events=[Event(each["name"], each.get("attributes"), int(each["timeNs"])) for each in given.get("events", [])],
        links=[Link(span_context(each, each["remote"]), each.get("attributes")) for each in given.get("links", [])],
        kind=SpanKind[given["kind"]],
        status=Status(StatusCode[status["code"]], status.get("message")),
        start_time=int(given["startNs"]),
        end_time=None if given["endNs"] is None else int(given["endNs"]),
    )


@each("otlp", "spans")
def test_sends_spans(vector: Any) -> None:
    assert MessageToDict(to_span(readable(untagged(vector["span"])))) == vector["otlp"]
