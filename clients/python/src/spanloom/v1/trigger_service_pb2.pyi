from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from spanloom.v1 import event_service_pb2 as _event_service_pb2
from spanloom.v1 import firing_pb2 as _firing_pb2
from spanloom.v1 import job_service_pb2 as _job_service_pb2
from spanloom.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OverlapPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERLAP_POLICY_UNSPECIFIED: _ClassVar[OverlapPolicy]
    OVERLAP_POLICY_SKIP: _ClassVar[OverlapPolicy]
    OVERLAP_POLICY_QUEUE_ONE: _ClassVar[OverlapPolicy]
    OVERLAP_POLICY_ALLOW: _ClassVar[OverlapPolicy]
    OVERLAP_POLICY_CANCEL_RUNNING: _ClassVar[OverlapPolicy]
OVERLAP_POLICY_UNSPECIFIED: OverlapPolicy
OVERLAP_POLICY_SKIP: OverlapPolicy
OVERLAP_POLICY_QUEUE_ONE: OverlapPolicy
OVERLAP_POLICY_ALLOW: OverlapPolicy
OVERLAP_POLICY_CANCEL_RUNNING: OverlapPolicy

class ScheduleSpec(_message.Message):
    __slots__ = ("cron", "interval", "once", "jitter")
    CRON_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    ONCE_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    cron: CronTimes
    interval: IntervalTimes
    once: _timestamp_pb2.Timestamp
    jitter: _duration_pb2.Duration
    def __init__(self, cron: _Optional[_Union[CronTimes, _Mapping]] = ..., interval: _Optional[_Union[IntervalTimes, _Mapping]] = ..., once: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., jitter: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CronTimes(_message.Message):
    __slots__ = ("expression", "time_zone")
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    expression: str
    time_zone: str
    def __init__(self, expression: _Optional[str] = ..., time_zone: _Optional[str] = ...) -> None: ...

class IntervalTimes(_message.Message):
    __slots__ = ("every", "anchor")
    EVERY_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    every: _duration_pb2.Duration
    anchor: _timestamp_pb2.Timestamp
    def __init__(self, every: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., anchor: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("id", "name", "description", "spec", "job", "overlap", "catch_up", "keep_firings", "paused", "pause_reason", "created_at", "updated_at", "next_times", "last_firing", "last_error", "last_error_at", "revision")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    CATCH_UP_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIRINGS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PAUSE_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_TIMES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIRING_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_AT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    description: str
    spec: ScheduleSpec
    job: _job_service_pb2.SubmitJobRequest
    overlap: OverlapPolicy
    catch_up: _duration_pb2.Duration
    keep_firings: int
    paused: bool
    pause_reason: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    next_times: _containers.RepeatedCompositeFieldContainer[_timestamp_pb2.Timestamp]
    last_firing: _firing_pb2.Firing
    last_error: str
    last_error_at: _timestamp_pb2.Timestamp
    revision: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., spec: _Optional[_Union[ScheduleSpec, _Mapping]] = ..., job: _Optional[_Union[_job_service_pb2.SubmitJobRequest, _Mapping]] = ..., overlap: _Optional[_Union[OverlapPolicy, str]] = ..., catch_up: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., keep_firings: _Optional[int] = ..., paused: bool = ..., pause_reason: _Optional[str] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., next_times: _Optional[_Iterable[_Union[_timestamp_pb2.Timestamp, _Mapping]]] = ..., last_firing: _Optional[_Union[_firing_pb2.Firing, _Mapping]] = ..., last_error: _Optional[str] = ..., last_error_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class PutScheduleRequest(_message.Message):
    __slots__ = ("name", "description", "spec", "job", "overlap", "catch_up", "keep_firings", "paused")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    CATCH_UP_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIRINGS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    spec: ScheduleSpec
    job: _job_service_pb2.SubmitJobRequest
    overlap: OverlapPolicy
    catch_up: _duration_pb2.Duration
    keep_firings: int
    paused: bool
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., spec: _Optional[_Union[ScheduleSpec, _Mapping]] = ..., job: _Optional[_Union[_job_service_pb2.SubmitJobRequest, _Mapping]] = ..., overlap: _Optional[_Union[OverlapPolicy, str]] = ..., catch_up: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., keep_firings: _Optional[int] = ..., paused: bool = ...) -> None: ...

class PutScheduleResponse(_message.Message):
    __slots__ = ("schedule", "created", "changed")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    schedule: Schedule
    created: bool
    changed: bool
    def __init__(self, schedule: _Optional[_Union[Schedule, _Mapping]] = ..., created: bool = ..., changed: bool = ...) -> None: ...

class GetScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetScheduleResponse(_message.Message):
    __slots__ = ("schedule",)
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    schedule: Schedule
    def __init__(self, schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class ListSchedulesRequest(_message.Message):
    __slots__ = ("name_prefix", "paused", "page_size", "page_token")
    NAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name_prefix: str
    paused: bool
    page_size: int
    page_token: str
    def __init__(self, name_prefix: _Optional[str] = ..., paused: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSchedulesResponse(_message.Message):
    __slots__ = ("schedules", "next_page_token")
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    schedules: _containers.RepeatedCompositeFieldContainer[Schedule]
    next_page_token: str
    def __init__(self, schedules: _Optional[_Iterable[_Union[Schedule, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteScheduleResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: bool = ...) -> None: ...

class PauseScheduleRequest(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseScheduleResponse(_message.Message):
    __slots__ = ("schedule",)
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    schedule: Schedule
    def __init__(self, schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class ResumeScheduleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeScheduleResponse(_message.Message):
    __slots__ = ("schedule",)
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    schedule: Schedule
    def __init__(self, schedule: _Optional[_Union[Schedule, _Mapping]] = ...) -> None: ...

class PreviewScheduleRequest(_message.Message):
    __slots__ = ("spec", "after", "count")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    spec: ScheduleSpec
    after: _timestamp_pb2.Timestamp
    count: int
    def __init__(self, spec: _Optional[_Union[ScheduleSpec, _Mapping]] = ..., after: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., count: _Optional[int] = ...) -> None: ...

class PreviewScheduleResponse(_message.Message):
    __slots__ = ("times",)
    TIMES_FIELD_NUMBER: _ClassVar[int]
    times: _containers.RepeatedCompositeFieldContainer[_timestamp_pb2.Timestamp]
    def __init__(self, times: _Optional[_Iterable[_Union[_timestamp_pb2.Timestamp, _Mapping]]] = ...) -> None: ...

class BackfillScheduleRequest(_message.Message):
    __slots__ = ("name", "until", "max_firings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    MAX_FIRINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    until: _timestamp_pb2.Timestamp
    max_firings: int
    def __init__(self, name: _Optional[str] = ..., until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., max_firings: _Optional[int] = ..., **kwargs) -> None: ...

class BackfillScheduleResponse(_message.Message):
    __slots__ = ("firings", "fired")
    FIRINGS_FIELD_NUMBER: _ClassVar[int]
    FIRED_FIELD_NUMBER: _ClassVar[int]
    firings: _containers.RepeatedCompositeFieldContainer[_firing_pb2.Firing]
    fired: int
    def __init__(self, firings: _Optional[_Iterable[_Union[_firing_pb2.Firing, _Mapping]]] = ..., fired: _Optional[int] = ...) -> None: ...

class FireScheduleRequest(_message.Message):
    __slots__ = ("name", "idempotency_key", "trace")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    idempotency_key: str
    trace: _task_pb2.TraceContext
    def __init__(self, name: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., trace: _Optional[_Union[_task_pb2.TraceContext, _Mapping]] = ...) -> None: ...

class FireScheduleResponse(_message.Message):
    __slots__ = ("firing",)
    FIRING_FIELD_NUMBER: _ClassVar[int]
    firing: _firing_pb2.Firing
    def __init__(self, firing: _Optional[_Union[_firing_pb2.Firing, _Mapping]] = ...) -> None: ...

class Trigger(_message.Message):
    __slots__ = ("id", "name", "description", "key_pattern", "filter", "job", "input", "input_task", "trace_mode", "keep_firings", "paused", "pause_reason", "created_at", "updated_at", "last_firing", "last_error", "last_error_at", "revision")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    KEY_PATTERN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_TASK_FIELD_NUMBER: _ClassVar[int]
    TRACE_MODE_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIRINGS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PAUSE_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIRING_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_AT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    description: str
    key_pattern: str
    filter: str
    job: _job_service_pb2.SubmitJobRequest
    input: str
    input_task: str
    trace_mode: _job_service_pb2.TraceMode
    keep_firings: int
    paused: bool
    pause_reason: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    last_firing: _firing_pb2.Firing
    last_error: str
    last_error_at: _timestamp_pb2.Timestamp
    revision: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., key_pattern: _Optional[str] = ..., filter: _Optional[str] = ..., job: _Optional[_Union[_job_service_pb2.SubmitJobRequest, _Mapping]] = ..., input: _Optional[str] = ..., input_task: _Optional[str] = ..., trace_mode: _Optional[_Union[_job_service_pb2.TraceMode, str]] = ..., keep_firings: _Optional[int] = ..., paused: bool = ..., pause_reason: _Optional[str] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., last_firing: _Optional[_Union[_firing_pb2.Firing, _Mapping]] = ..., last_error: _Optional[str] = ..., last_error_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class PutTriggerRequest(_message.Message):
    __slots__ = ("name", "description", "key_pattern", "filter", "job", "input", "input_task", "trace_mode", "keep_firings", "paused")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    KEY_PATTERN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INPUT_TASK_FIELD_NUMBER: _ClassVar[int]
    TRACE_MODE_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIRINGS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    key_pattern: str
    filter: str
    job: _job_service_pb2.SubmitJobRequest
    input: str
    input_task: str
    trace_mode: _job_service_pb2.TraceMode
    keep_firings: int
    paused: bool
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., key_pattern: _Optional[str] = ..., filter: _Optional[str] = ..., job: _Optional[_Union[_job_service_pb2.SubmitJobRequest, _Mapping]] = ..., input: _Optional[str] = ..., input_task: _Optional[str] = ..., trace_mode: _Optional[_Union[_job_service_pb2.TraceMode, str]] = ..., keep_firings: _Optional[int] = ..., paused: bool = ...) -> None: ...

class PutTriggerResponse(_message.Message):
    __slots__ = ("trigger", "created", "changed")
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    trigger: Trigger
    created: bool
    changed: bool
    def __init__(self, trigger: _Optional[_Union[Trigger, _Mapping]] = ..., created: bool = ..., changed: bool = ...) -> None: ...

class GetTriggerRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetTriggerResponse(_message.Message):
    __slots__ = ("trigger",)
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    trigger: Trigger
    def __init__(self, trigger: _Optional[_Union[Trigger, _Mapping]] = ...) -> None: ...

class ListTriggersRequest(_message.Message):
    __slots__ = ("name_prefix", "paused", "page_size", "page_token")
    NAME_PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name_prefix: str
    paused: bool
    page_size: int
    page_token: str
    def __init__(self, name_prefix: _Optional[str] = ..., paused: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTriggersResponse(_message.Message):
    __slots__ = ("triggers", "next_page_token")
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    triggers: _containers.RepeatedCompositeFieldContainer[Trigger]
    next_page_token: str
    def __init__(self, triggers: _Optional[_Iterable[_Union[Trigger, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteTriggerRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteTriggerResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: bool = ...) -> None: ...

class PauseTriggerRequest(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseTriggerResponse(_message.Message):
    __slots__ = ("trigger",)
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    trigger: Trigger
    def __init__(self, trigger: _Optional[_Union[Trigger, _Mapping]] = ...) -> None: ...

class ResumeTriggerRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeTriggerResponse(_message.Message):
    __slots__ = ("trigger",)
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    trigger: Trigger
    def __init__(self, trigger: _Optional[_Union[Trigger, _Mapping]] = ...) -> None: ...

class TestTriggerRequest(_message.Message):
    __slots__ = ("trigger", "event")
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    trigger: PutTriggerRequest
    event: _event_service_pb2.NewEvent
    def __init__(self, trigger: _Optional[_Union[PutTriggerRequest, _Mapping]] = ..., event: _Optional[_Union[_event_service_pb2.NewEvent, _Mapping]] = ...) -> None: ...

class TestTriggerResponse(_message.Message):
    __slots__ = ("matches", "job", "error")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    matches: bool
    job: _job_service_pb2.SubmitJobRequest
    error: str
    def __init__(self, matches: bool = ..., job: _Optional[_Union[_job_service_pb2.SubmitJobRequest, _Mapping]] = ..., error: _Optional[str] = ...) -> None: ...

class ListFiringsRequest(_message.Message):
    __slots__ = ("schedule", "trigger", "event_id", "outcomes", "page_size", "page_token")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    schedule: str
    trigger: str
    event_id: str
    outcomes: _containers.RepeatedScalarFieldContainer[_firing_pb2.FiringOutcome]
    page_size: int
    page_token: str
    def __init__(self, schedule: _Optional[str] = ..., trigger: _Optional[str] = ..., event_id: _Optional[str] = ..., outcomes: _Optional[_Iterable[_Union[_firing_pb2.FiringOutcome, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFiringsResponse(_message.Message):
    __slots__ = ("firings", "next_page_token")
    FIRINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    firings: _containers.RepeatedCompositeFieldContainer[_firing_pb2.Firing]
    next_page_token: str
    def __init__(self, firings: _Optional[_Iterable[_Union[_firing_pb2.Firing, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
