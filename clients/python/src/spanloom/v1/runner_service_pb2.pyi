from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from spanloom.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunnerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUNNER_STATE_UNSPECIFIED: _ClassVar[RunnerState]
    RUNNER_STATE_ACTIVE: _ClassVar[RunnerState]
    RUNNER_STATE_DRAINING: _ClassVar[RunnerState]
    RUNNER_STATE_STOPPED: _ClassVar[RunnerState]
    RUNNER_STATE_LOST: _ClassVar[RunnerState]
RUNNER_STATE_UNSPECIFIED: RunnerState
RUNNER_STATE_ACTIVE: RunnerState
RUNNER_STATE_DRAINING: RunnerState
RUNNER_STATE_STOPPED: RunnerState
RUNNER_STATE_LOST: RunnerState

class Runner(_message.Message):
    __slots__ = ("id", "host", "pid", "sdk_name", "sdk_version", "service_name", "service_version", "queues", "identifiers", "capacity", "running", "state", "registered_at", "last_seen_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SDK_NAME_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    SERVICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    host: str
    pid: int
    sdk_name: str
    sdk_version: str
    service_name: str
    service_version: str
    queues: _containers.RepeatedScalarFieldContainer[str]
    identifiers: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskIdentifier]
    capacity: int
    running: int
    state: RunnerState
    registered_at: _timestamp_pb2.Timestamp
    last_seen_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., host: _Optional[str] = ..., pid: _Optional[int] = ..., sdk_name: _Optional[str] = ..., sdk_version: _Optional[str] = ..., service_name: _Optional[str] = ..., service_version: _Optional[str] = ..., queues: _Optional[_Iterable[str]] = ..., identifiers: _Optional[_Iterable[_Union[_task_pb2.TaskIdentifier, _Mapping]]] = ..., capacity: _Optional[int] = ..., running: _Optional[int] = ..., state: _Optional[_Union[RunnerState, str]] = ..., registered_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RegisterRunnerRequest(_message.Message):
    __slots__ = ("runner",)
    RUNNER_FIELD_NUMBER: _ClassVar[int]
    runner: Runner
    def __init__(self, runner: _Optional[_Union[Runner, _Mapping]] = ...) -> None: ...

class RegisterRunnerResponse(_message.Message):
    __slots__ = ("lease_duration", "heartbeat_interval", "max_request_bytes", "max_output_bytes", "received_at_unix_nano", "server_time_unix_nano", "closed_spans")
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    CLOSED_SPANS_FIELD_NUMBER: _ClassVar[int]
    lease_duration: _duration_pb2.Duration
    heartbeat_interval: _duration_pb2.Duration
    max_request_bytes: int
    max_output_bytes: int
    received_at_unix_nano: int
    server_time_unix_nano: int
    closed_spans: bool
    def __init__(self, lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., heartbeat_interval: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max_request_bytes: _Optional[int] = ..., max_output_bytes: _Optional[int] = ..., received_at_unix_nano: _Optional[int] = ..., server_time_unix_nano: _Optional[int] = ..., closed_spans: bool = ...) -> None: ...

class UnregisterRunnerRequest(_message.Message):
    __slots__ = ("runner_id",)
    RUNNER_ID_FIELD_NUMBER: _ClassVar[int]
    runner_id: str
    def __init__(self, runner_id: _Optional[str] = ...) -> None: ...

class UnregisterRunnerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRunnersRequest(_message.Message):
    __slots__ = ("states", "queue", "page_size", "page_token")
    STATES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedScalarFieldContainer[RunnerState]
    queue: str
    page_size: int
    page_token: str
    def __init__(self, states: _Optional[_Iterable[_Union[RunnerState, str]]] = ..., queue: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRunnersResponse(_message.Message):
    __slots__ = ("runners", "next_page_token")
    RUNNERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runners: _containers.RepeatedCompositeFieldContainer[Runner]
    next_page_token: str
    def __init__(self, runners: _Optional[_Iterable[_Union[Runner, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DrainRunnerRequest(_message.Message):
    __slots__ = ("runner_id",)
    RUNNER_ID_FIELD_NUMBER: _ClassVar[int]
    runner_id: str
    def __init__(self, runner_id: _Optional[str] = ...) -> None: ...

class DrainRunnerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
