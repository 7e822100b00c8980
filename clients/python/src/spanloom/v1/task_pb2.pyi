from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from opentelemetry.proto.trace.v1 import trace_pb2 as _trace_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_STATE_UNSPECIFIED: _ClassVar[TaskState]
    TASK_STATE_BLOCKED: _ClassVar[TaskState]
    TASK_STATE_SCHEDULED: _ClassVar[TaskState]
    TASK_STATE_QUEUED: _ClassVar[TaskState]
    TASK_STATE_RUNNING: _ClassVar[TaskState]
    TASK_STATE_WAITING: _ClassVar[TaskState]
    TASK_STATE_SUCCEEDED: _ClassVar[TaskState]
    TASK_STATE_FAILED: _ClassVar[TaskState]
    TASK_STATE_CANCELLED: _ClassVar[TaskState]
    TASK_STATE_SKIPPED: _ClassVar[TaskState]

class AttemptOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTEMPT_OUTCOME_UNSPECIFIED: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_SUCCESS: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_FAILURE: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_TIMEOUT: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_CANCELLED: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_LOST: _ClassVar[AttemptOutcome]
    ATTEMPT_OUTCOME_RELEASED: _ClassVar[AttemptOutcome]

class ConcurrencyPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONCURRENCY_POLICY_UNSPECIFIED: _ClassVar[ConcurrencyPolicy]
    CONCURRENCY_POLICY_WAIT: _ClassVar[ConcurrencyPolicy]
    CONCURRENCY_POLICY_CANCEL_RUNNING: _ClassVar[ConcurrencyPolicy]
    CONCURRENCY_POLICY_REJECT_NEW: _ClassVar[ConcurrencyPolicy]

class ReleaseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELEASE_REASON_UNSPECIFIED: _ClassVar[ReleaseReason]
    RELEASE_REASON_SHUTDOWN: _ClassVar[ReleaseReason]
    RELEASE_REASON_UNKNOWN_IDENTIFIER: _ClassVar[ReleaseReason]
    RELEASE_REASON_OVERLOADED: _ClassVar[ReleaseReason]
TASK_STATE_UNSPECIFIED: TaskState
TASK_STATE_BLOCKED: TaskState
TASK_STATE_SCHEDULED: TaskState
TASK_STATE_QUEUED: TaskState
TASK_STATE_RUNNING: TaskState
TASK_STATE_WAITING: TaskState
TASK_STATE_SUCCEEDED: TaskState
TASK_STATE_FAILED: TaskState
TASK_STATE_CANCELLED: TaskState
TASK_STATE_SKIPPED: TaskState
ATTEMPT_OUTCOME_UNSPECIFIED: AttemptOutcome
ATTEMPT_OUTCOME_SUCCESS: AttemptOutcome
ATTEMPT_OUTCOME_FAILURE: AttemptOutcome
ATTEMPT_OUTCOME_TIMEOUT: AttemptOutcome
ATTEMPT_OUTCOME_CANCELLED: AttemptOutcome
ATTEMPT_OUTCOME_LOST: AttemptOutcome
ATTEMPT_OUTCOME_RELEASED: AttemptOutcome
CONCURRENCY_POLICY_UNSPECIFIED: ConcurrencyPolicy
CONCURRENCY_POLICY_WAIT: ConcurrencyPolicy
CONCURRENCY_POLICY_CANCEL_RUNNING: ConcurrencyPolicy
CONCURRENCY_POLICY_REJECT_NEW: ConcurrencyPolicy
RELEASE_REASON_UNSPECIFIED: ReleaseReason
RELEASE_REASON_SHUTDOWN: ReleaseReason
RELEASE_REASON_UNKNOWN_IDENTIFIER: ReleaseReason
RELEASE_REASON_OVERLOADED: ReleaseReason

class TaskIdentifier(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("max_attempts", "initial_delay", "factor", "max_delay", "jitter", "non_retryable_types")
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_DELAY_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    MAX_DELAY_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    NON_RETRYABLE_TYPES_FIELD_NUMBER: _ClassVar[int]
    max_attempts: int
    initial_delay: _duration_pb2.Duration
    factor: float
    max_delay: _duration_pb2.Duration
    jitter: float
    non_retryable_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, max_attempts: _Optional[int] = ..., initial_delay: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., factor: _Optional[float] = ..., max_delay: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., jitter: _Optional[float] = ..., non_retryable_types: _Optional[_Iterable[str]] = ...) -> None: ...

class Concurrency(_message.Message):
    __slots__ = ("key", "limit", "policy", "max_waiting")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_WAITING_FIELD_NUMBER: _ClassVar[int]
    key: str
    limit: int
    policy: ConcurrencyPolicy
    max_waiting: int
    def __init__(self, key: _Optional[str] = ..., limit: _Optional[int] = ..., policy: _Optional[_Union[ConcurrencyPolicy, str]] = ..., max_waiting: _Optional[int] = ...) -> None: ...

class RateLimit(_message.Message):
    __slots__ = ("key", "limit", "window")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    key: str
    limit: int
    window: _duration_pb2.Duration
    def __init__(self, key: _Optional[str] = ..., limit: _Optional[int] = ..., window: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class TaskSpec(_message.Message):
    __slots__ = ("identifier", "queue", "retry", "attempt_timeout", "queue_timeout", "start_delay", "optional", "concurrency", "rate_limit", "priority")
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    START_DELAY_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    identifier: TaskIdentifier
    queue: str
    retry: RetryPolicy
    attempt_timeout: _duration_pb2.Duration
    queue_timeout: _duration_pb2.Duration
    start_delay: _duration_pb2.Duration
    optional: bool
    concurrency: Concurrency
    rate_limit: RateLimit
    priority: int
    def __init__(self, identifier: _Optional[_Union[TaskIdentifier, _Mapping]] = ..., queue: _Optional[str] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ..., attempt_timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., queue_timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., start_delay: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., optional: bool = ..., concurrency: _Optional[_Union[Concurrency, _Mapping]] = ..., rate_limit: _Optional[_Union[RateLimit, _Mapping]] = ..., priority: _Optional[int] = ...) -> None: ...

class TaskGroup(_message.Message):
    __slots__ = ("inputs", "specs", "depends_on", "displays")
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FIELD_NUMBER: _ClassVar[int]
    DISPLAYS_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.RepeatedScalarFieldContainer[bytes]
    specs: _containers.RepeatedScalarFieldContainer[int]
    depends_on: _containers.RepeatedScalarFieldContainer[int]
    displays: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, inputs: _Optional[_Iterable[bytes]] = ..., specs: _Optional[_Iterable[int]] = ..., depends_on: _Optional[_Iterable[int]] = ..., displays: _Optional[_Iterable[str]] = ...) -> None: ...

class TaskSet(_message.Message):
    __slots__ = ("specs", "groups")
    SPECS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    specs: _containers.RepeatedCompositeFieldContainer[TaskSpec]
    groups: _containers.RepeatedCompositeFieldContainer[TaskGroup]
    def __init__(self, specs: _Optional[_Iterable[_Union[TaskSpec, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[TaskGroup, _Mapping]]] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("id", "job_id", "parent_id", "identifier", "queue", "state", "depth", "priority", "optional", "display", "depends_on", "dependency_count", "attempts", "attempt_count", "max_attempts", "failure", "progress", "input", "output", "created_at", "queued_at", "started_at", "ended_at", "span", "scheduled_at", "child_count")
    ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCY_COUNT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    QUEUED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_AT_FIELD_NUMBER: _ClassVar[int]
    CHILD_COUNT_FIELD_NUMBER: _ClassVar[int]
    id: str
    job_id: str
    parent_id: str
    identifier: TaskIdentifier
    queue: str
    state: TaskState
    depth: int
    priority: int
    optional: bool
    display: str
    depends_on: _containers.RepeatedScalarFieldContainer[str]
    dependency_count: int
    attempts: _containers.RepeatedCompositeFieldContainer[Attempt]
    attempt_count: int
    max_attempts: int
    failure: TaskFailure
    progress: _containers.RepeatedCompositeFieldContainer[Progress]
    input: bytes
    output: bytes
    created_at: _timestamp_pb2.Timestamp
    queued_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    span: SpanReference
    scheduled_at: _timestamp_pb2.Timestamp
    child_count: int
    def __init__(self, id: _Optional[str] = ..., job_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., identifier: _Optional[_Union[TaskIdentifier, _Mapping]] = ..., queue: _Optional[str] = ..., state: _Optional[_Union[TaskState, str]] = ..., depth: _Optional[int] = ..., priority: _Optional[int] = ..., optional: bool = ..., display: _Optional[str] = ..., depends_on: _Optional[_Iterable[str]] = ..., dependency_count: _Optional[int] = ..., attempts: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ..., attempt_count: _Optional[int] = ..., max_attempts: _Optional[int] = ..., failure: _Optional[_Union[TaskFailure, _Mapping]] = ..., progress: _Optional[_Iterable[_Union[Progress, _Mapping]]] = ..., input: _Optional[bytes] = ..., output: _Optional[bytes] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., queued_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., span: _Optional[_Union[SpanReference, _Mapping]] = ..., scheduled_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., child_count: _Optional[int] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("number", "runner_id", "outcome", "started_at", "ended_at", "failure", "span")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RUNNER_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    number: int
    runner_id: str
    outcome: AttemptOutcome
    started_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    failure: TaskFailure
    span: SpanReference
    def __init__(self, number: _Optional[int] = ..., runner_id: _Optional[str] = ..., outcome: _Optional[_Union[AttemptOutcome, str]] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., failure: _Optional[_Union[TaskFailure, _Mapping]] = ..., span: _Optional[_Union[SpanReference, _Mapping]] = ...) -> None: ...

class SpanReference(_message.Message):
    __slots__ = ("trace_id", "span_id")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    trace_id: str
    span_id: str
    def __init__(self, trace_id: _Optional[str] = ..., span_id: _Optional[str] = ...) -> None: ...

class TaskFailure(_message.Message):
    __slots__ = ("type", "message", "stack", "retryable", "retry_after")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    type: str
    message: str
    stack: str
    retryable: bool
    retry_after: _duration_pb2.Duration
    def __init__(self, type: _Optional[str] = ..., message: _Optional[str] = ..., stack: _Optional[str] = ..., retryable: bool = ..., retry_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("label", "done", "total")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    label: str
    done: int
    total: int
    def __init__(self, label: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class TraceContext(_message.Message):
    __slots__ = ("traceparent", "tracestate", "baggage")
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TRACESTATE_FIELD_NUMBER: _ClassVar[int]
    BAGGAGE_FIELD_NUMBER: _ClassVar[int]
    traceparent: str
    tracestate: str
    baggage: str
    def __init__(self, traceparent: _Optional[str] = ..., tracestate: _Optional[str] = ..., baggage: _Optional[str] = ...) -> None: ...

class LeasedTask(_message.Message):
    __slots__ = ("task_id", "job_id", "job_name", "parent_id", "identifier", "queue", "input", "attempt", "attempts_left", "lease_token", "lease_expires_at", "deadline", "dependencies", "dependencies_paged", "trace", "span_id", "display", "lease_duration")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_LEFT_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_PAGED_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    job_id: str
    job_name: str
    parent_id: str
    identifier: TaskIdentifier
    queue: str
    input: bytes
    attempt: int
    attempts_left: int
    lease_token: bytes
    lease_expires_at: _timestamp_pb2.Timestamp
    deadline: _timestamp_pb2.Timestamp
    dependencies: _containers.RepeatedCompositeFieldContainer[DependencyOutput]
    dependencies_paged: bool
    trace: TraceContext
    span_id: str
    display: str
    lease_duration: _duration_pb2.Duration
    def __init__(self, task_id: _Optional[str] = ..., job_id: _Optional[str] = ..., job_name: _Optional[str] = ..., parent_id: _Optional[str] = ..., identifier: _Optional[_Union[TaskIdentifier, _Mapping]] = ..., queue: _Optional[str] = ..., input: _Optional[bytes] = ..., attempt: _Optional[int] = ..., attempts_left: _Optional[int] = ..., lease_token: _Optional[bytes] = ..., lease_expires_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., deadline: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., dependencies: _Optional[_Iterable[_Union[DependencyOutput, _Mapping]]] = ..., dependencies_paged: bool = ..., trace: _Optional[_Union[TraceContext, _Mapping]] = ..., span_id: _Optional[str] = ..., display: _Optional[str] = ..., lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class DependencyOutput(_message.Message):
    __slots__ = ("task_id", "name", "state", "output", "failure")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    name: str
    state: TaskState
    output: bytes
    failure: TaskFailure
    def __init__(self, task_id: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[_Union[TaskState, str]] = ..., output: _Optional[bytes] = ..., failure: _Optional[_Union[TaskFailure, _Mapping]] = ...) -> None: ...

class TaskResult(_message.Message):
    __slots__ = ("task_id", "attempt", "lease_token", "success", "failure", "released", "progress", "attempt_span", "dropped_telemetry", "started_at", "ended_at")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_SPAN_FIELD_NUMBER: _ClassVar[int]
    DROPPED_TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    attempt: int
    lease_token: bytes
    success: TaskSuccess
    failure: TaskFailureResult
    released: TaskRelease
    progress: _containers.RepeatedCompositeFieldContainer[Progress]
    attempt_span: _trace_pb2.Span
    dropped_telemetry: int
    started_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    def __init__(self, task_id: _Optional[str] = ..., attempt: _Optional[int] = ..., lease_token: _Optional[bytes] = ..., success: _Optional[_Union[TaskSuccess, _Mapping]] = ..., failure: _Optional[_Union[TaskFailureResult, _Mapping]] = ..., released: _Optional[_Union[TaskRelease, _Mapping]] = ..., progress: _Optional[_Iterable[_Union[Progress, _Mapping]]] = ..., attempt_span: _Optional[_Union[_trace_pb2.Span, _Mapping]] = ..., dropped_telemetry: _Optional[int] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TaskSuccess(_message.Message):
    __slots__ = ("output", "children", "display")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_FIELD_NUMBER: _ClassVar[int]
    output: bytes
    children: TaskSet
    display: str
    def __init__(self, output: _Optional[bytes] = ..., children: _Optional[_Union[TaskSet, _Mapping]] = ..., display: _Optional[str] = ...) -> None: ...

class TaskFailureResult(_message.Message):
    __slots__ = ("failure", "outcome")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    failure: TaskFailure
    outcome: AttemptOutcome
    def __init__(self, failure: _Optional[_Union[TaskFailure, _Mapping]] = ..., outcome: _Optional[_Union[AttemptOutcome, str]] = ...) -> None: ...

class TaskRelease(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: ReleaseReason
    def __init__(self, reason: _Optional[_Union[ReleaseReason, str]] = ...) -> None: ...
