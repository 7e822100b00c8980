from google.protobuf import duration_pb2 as _duration_pb2
from spanloom.v1 import error_pb2 as _error_pb2
from spanloom.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClosedSpanPurpose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOSED_SPAN_PURPOSE_UNSPECIFIED: _ClassVar[ClosedSpanPurpose]
    CLOSED_SPAN_PURPOSE_EXPORT: _ClassVar[ClosedSpanPurpose]
    CLOSED_SPAN_PURPOSE_NOTIFY: _ClassVar[ClosedSpanPurpose]

class ResultStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESULT_STATUS_UNSPECIFIED: _ClassVar[ResultStatus]
    RESULT_STATUS_OK: _ClassVar[ResultStatus]
    RESULT_STATUS_STALE_LEASE: _ClassVar[ResultStatus]
    RESULT_STATUS_INVALID: _ClassVar[ResultStatus]

class CancellationReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CANCELLATION_REASON_UNSPECIFIED: _ClassVar[CancellationReason]
    CANCELLATION_REASON_JOB_CANCELLED: _ClassVar[CancellationReason]
    CANCELLATION_REASON_JOB_FAILED: _ClassVar[CancellationReason]
    CANCELLATION_REASON_TIMEOUT: _ClassVar[CancellationReason]
    CANCELLATION_REASON_CONCURRENCY: _ClassVar[CancellationReason]
CLOSED_SPAN_PURPOSE_UNSPECIFIED: ClosedSpanPurpose
CLOSED_SPAN_PURPOSE_EXPORT: ClosedSpanPurpose
CLOSED_SPAN_PURPOSE_NOTIFY: ClosedSpanPurpose
RESULT_STATUS_UNSPECIFIED: ResultStatus
RESULT_STATUS_OK: ResultStatus
RESULT_STATUS_STALE_LEASE: ResultStatus
RESULT_STATUS_INVALID: ResultStatus
CANCELLATION_REASON_UNSPECIFIED: CancellationReason
CANCELLATION_REASON_JOB_CANCELLED: CancellationReason
CANCELLATION_REASON_JOB_FAILED: CancellationReason
CANCELLATION_REASON_TIMEOUT: CancellationReason
CANCELLATION_REASON_CONCURRENCY: CancellationReason

class LeaseTasksRequest(_message.Message):
    __slots__ = ("runner_id", "queues", "identifiers", "max_tasks", "wait", "results", "telemetry", "lease_duration", "clock_offset_nanos", "closed_spans")
    RUNNER_ID_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    MAX_TASKS_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_NANOS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_SPANS_FIELD_NUMBER: _ClassVar[int]
    runner_id: str
    queues: _containers.RepeatedScalarFieldContainer[str]
    identifiers: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskIdentifier]
    max_tasks: int
    wait: _duration_pb2.Duration
    results: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskResult]
    telemetry: Telemetry
    lease_duration: _duration_pb2.Duration
    clock_offset_nanos: int
    closed_spans: ClosedSpanRequest
    def __init__(self, runner_id: _Optional[str] = ..., queues: _Optional[_Iterable[str]] = ..., identifiers: _Optional[_Iterable[_Union[_task_pb2.TaskIdentifier, _Mapping]]] = ..., max_tasks: _Optional[int] = ..., wait: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., results: _Optional[_Iterable[_Union[_task_pb2.TaskResult, _Mapping]]] = ..., telemetry: _Optional[_Union[Telemetry, _Mapping]] = ..., lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., clock_offset_nanos: _Optional[int] = ..., closed_spans: _Optional[_Union[ClosedSpanRequest, _Mapping]] = ...) -> None: ...

class ClosedSpanRequest(_message.Message):
    __slots__ = ("purposes", "received", "tasks")
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    purposes: _containers.RepeatedScalarFieldContainer[ClosedSpanPurpose]
    received: _containers.RepeatedScalarFieldContainer[int]
    tasks: bool
    def __init__(self, purposes: _Optional[_Iterable[_Union[ClosedSpanPurpose, str]]] = ..., received: _Optional[_Iterable[int]] = ..., tasks: bool = ...) -> None: ...

class ClosedSpans(_message.Message):
    __slots__ = ("id", "purpose", "traces", "tasks")
    ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    id: int
    purpose: ClosedSpanPurpose
    traces: bytes
    tasks: _containers.RepeatedCompositeFieldContainer[ClosedSpanTask]
    def __init__(self, id: _Optional[int] = ..., purpose: _Optional[_Union[ClosedSpanPurpose, str]] = ..., traces: _Optional[bytes] = ..., tasks: _Optional[_Iterable[_Union[ClosedSpanTask, _Mapping]]] = ...) -> None: ...

class ClosedSpanTask(_message.Message):
    __slots__ = ("trace_id", "span_id", "parent_span_id", "last_attempt", "dependency_span_ids")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCY_SPAN_IDS_FIELD_NUMBER: _ClassVar[int]
    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    last_attempt: int
    dependency_span_ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, trace_id: _Optional[bytes] = ..., span_id: _Optional[bytes] = ..., parent_span_id: _Optional[bytes] = ..., last_attempt: _Optional[int] = ..., dependency_span_ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Telemetry(_message.Message):
    __slots__ = ("traces", "logs")
    TRACES_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    traces: _containers.RepeatedScalarFieldContainer[bytes]
    logs: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, traces: _Optional[_Iterable[bytes]] = ..., logs: _Optional[_Iterable[bytes]] = ...) -> None: ...

class LeaseTasksResponse(_message.Message):
    __slots__ = ("tasks", "result_acks", "cancellations", "drain", "telemetry_rejection", "closed_spans")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    RESULT_ACKS_FIELD_NUMBER: _ClassVar[int]
    CANCELLATIONS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_REJECTION_FIELD_NUMBER: _ClassVar[int]
    CLOSED_SPANS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.LeasedTask]
    result_acks: _containers.RepeatedCompositeFieldContainer[ResultAck]
    cancellations: _containers.RepeatedCompositeFieldContainer[Cancellation]
    drain: bool
    telemetry_rejection: TelemetryRejection
    closed_spans: _containers.RepeatedCompositeFieldContainer[ClosedSpans]
    def __init__(self, tasks: _Optional[_Iterable[_Union[_task_pb2.LeasedTask, _Mapping]]] = ..., result_acks: _Optional[_Iterable[_Union[ResultAck, _Mapping]]] = ..., cancellations: _Optional[_Iterable[_Union[Cancellation, _Mapping]]] = ..., drain: bool = ..., telemetry_rejection: _Optional[_Union[TelemetryRejection, _Mapping]] = ..., closed_spans: _Optional[_Iterable[_Union[ClosedSpans, _Mapping]]] = ...) -> None: ...

class TelemetryRejection(_message.Message):
    __slots__ = ("rejected_spans", "rejected_logs", "message", "retryable")
    REJECTED_SPANS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_LOGS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    rejected_spans: int
    rejected_logs: int
    message: str
    retryable: bool
    def __init__(self, rejected_spans: _Optional[int] = ..., rejected_logs: _Optional[int] = ..., message: _Optional[str] = ..., retryable: bool = ...) -> None: ...

class ResultAck(_message.Message):
    __slots__ = ("task_id", "attempt", "status", "error", "message")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    attempt: int
    status: ResultStatus
    error: _error_pb2.ErrorDetail
    message: str
    def __init__(self, task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., status: _Optional[_Union[ResultStatus, str]] = ..., error: _Optional[_Union[_error_pb2.ErrorDetail, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class Cancellation(_message.Message):
    __slots__ = ("task_id", "attempt", "reason")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    attempt: int
    reason: CancellationReason
    def __init__(self, task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., reason: _Optional[_Union[CancellationReason, str]] = ...) -> None: ...

class RunningAttempt(_message.Message):
    __slots__ = ("task_id", "attempt", "lease_token", "progress")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    attempt: int
    lease_token: bytes
    progress: _containers.RepeatedCompositeFieldContainer[_task_pb2.Progress]
    def __init__(self, task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., lease_token: _Optional[bytes] = ..., progress: _Optional[_Iterable[_Union[_task_pb2.Progress, _Mapping]]] = ...) -> None: ...

class HeartbeatRequest(_message.Message):
    __slots__ = ("runner_id", "running", "lease_duration", "sent_at_unix_nano", "telemetry", "closed_spans")
    RUNNER_ID_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    CLOSED_SPANS_FIELD_NUMBER: _ClassVar[int]
    runner_id: str
    running: _containers.RepeatedCompositeFieldContainer[RunningAttempt]
    lease_duration: _duration_pb2.Duration
    sent_at_unix_nano: int
    telemetry: Telemetry
    closed_spans: ClosedSpanRequest
    def __init__(self, runner_id: _Optional[str] = ..., running: _Optional[_Iterable[_Union[RunningAttempt, _Mapping]]] = ..., lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., sent_at_unix_nano: _Optional[int] = ..., telemetry: _Optional[_Union[Telemetry, _Mapping]] = ..., closed_spans: _Optional[_Union[ClosedSpanRequest, _Mapping]] = ...) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("extended", "lost", "cancelled", "drain", "server_time_unix_nano", "received_at_unix_nano", "closed_spans")
    EXTENDED_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    CLOSED_SPANS_FIELD_NUMBER: _ClassVar[int]
    extended: _containers.RepeatedCompositeFieldContainer[AttemptReference]
    lost: _containers.RepeatedCompositeFieldContainer[AttemptReference]
    cancelled: _containers.RepeatedCompositeFieldContainer[Cancellation]
    drain: bool
    server_time_unix_nano: int
    received_at_unix_nano: int
    closed_spans: _containers.RepeatedCompositeFieldContainer[ClosedSpans]
    def __init__(self, extended: _Optional[_Iterable[_Union[AttemptReference, _Mapping]]] = ..., lost: _Optional[_Iterable[_Union[AttemptReference, _Mapping]]] = ..., cancelled: _Optional[_Iterable[_Union[Cancellation, _Mapping]]] = ..., drain: bool = ..., server_time_unix_nano: _Optional[int] = ..., received_at_unix_nano: _Optional[int] = ..., closed_spans: _Optional[_Iterable[_Union[ClosedSpans, _Mapping]]] = ...) -> None: ...

class AttemptReference(_message.Message):
    __slots__ = ("task_id", "attempt")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    attempt: int
    def __init__(self, task_id: _Optional[str] = ..., attempt: _Optional[int] = ...) -> None: ...

class ListDependencyOutputsRequest(_message.Message):
    __slots__ = ("task_id", "attempt", "lease_token", "page_size", "page_token")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    attempt: int
    lease_token: bytes
    page_size: int
    page_token: str
    def __init__(self, task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., lease_token: _Optional[bytes] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDependencyOutputsResponse(_message.Message):
    __slots__ = ("dependencies", "next_page_token")
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    dependencies: _containers.RepeatedCompositeFieldContainer[_task_pb2.DependencyOutput]
    next_page_token: str
    def __init__(self, dependencies: _Optional[_Iterable[_Union[_task_pb2.DependencyOutput, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
