from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TriggerType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIGGER_TYPE_UNSPECIFIED: _ClassVar[TriggerType]
    TRIGGER_TYPE_MANUAL: _ClassVar[TriggerType]
    TRIGGER_TYPE_SCHEDULE: _ClassVar[TriggerType]
    TRIGGER_TYPE_EVENT: _ClassVar[TriggerType]
    TRIGGER_TYPE_WEBHOOK: _ClassVar[TriggerType]
    TRIGGER_TYPE_RETRY: _ClassVar[TriggerType]
    TRIGGER_TYPE_CLONE: _ClassVar[TriggerType]
TRIGGER_TYPE_UNSPECIFIED: TriggerType
TRIGGER_TYPE_MANUAL: TriggerType
TRIGGER_TYPE_SCHEDULE: TriggerType
TRIGGER_TYPE_EVENT: TriggerType
TRIGGER_TYPE_WEBHOOK: TriggerType
TRIGGER_TYPE_RETRY: TriggerType
TRIGGER_TYPE_CLONE: TriggerType

class TriggerInfo(_message.Message):
    __slots__ = ("type", "schedule", "schedule_id", "trigger", "trigger_id", "event_id", "scheduled_at", "backfill", "cloned_job_id", "depth")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_AT_FIELD_NUMBER: _ClassVar[int]
    BACKFILL_FIELD_NUMBER: _ClassVar[int]
    CLONED_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    type: TriggerType
    schedule: str
    schedule_id: str
    trigger: str
    trigger_id: str
    event_id: str
    scheduled_at: _timestamp_pb2.Timestamp
    backfill: bool
    cloned_job_id: str
    depth: int
    def __init__(self, type: _Optional[_Union[TriggerType, str]] = ..., schedule: _Optional[str] = ..., schedule_id: _Optional[str] = ..., trigger: _Optional[str] = ..., trigger_id: _Optional[str] = ..., event_id: _Optional[str] = ..., scheduled_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., backfill: bool = ..., cloned_job_id: _Optional[str] = ..., depth: _Optional[int] = ...) -> None: ...
