from google.protobuf import timestamp_pb2 as _timestamp_pb2
from spanloom.v1 import job_service_pb2 as _job_service_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FiringOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIRING_OUTCOME_UNSPECIFIED: _ClassVar[FiringOutcome]
    FIRING_OUTCOME_SUBMITTED: _ClassVar[FiringOutcome]
    FIRING_OUTCOME_SKIPPED: _ClassVar[FiringOutcome]
    FIRING_OUTCOME_MISSED: _ClassVar[FiringOutcome]
    FIRING_OUTCOME_FAILED: _ClassVar[FiringOutcome]
FIRING_OUTCOME_UNSPECIFIED: FiringOutcome
FIRING_OUTCOME_SUBMITTED: FiringOutcome
FIRING_OUTCOME_SKIPPED: FiringOutcome
FIRING_OUTCOME_MISSED: FiringOutcome
FIRING_OUTCOME_FAILED: FiringOutcome

class Firing(_message.Message):
    __slots__ = ("id", "source_id", "outcome", "scheduled_at", "fired_at", "job_id", "event_id", "error", "requested", "count", "job_state")
    ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_AT_FIELD_NUMBER: _ClassVar[int]
    FIRED_AT_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    JOB_STATE_FIELD_NUMBER: _ClassVar[int]
    id: str
    source_id: str
    outcome: FiringOutcome
    scheduled_at: _timestamp_pb2.Timestamp
    fired_at: _timestamp_pb2.Timestamp
    job_id: str
    event_id: str
    error: str
    requested: bool
    count: int
    job_state: _job_service_pb2.JobState
    def __init__(self, id: _Optional[str] = ..., source_id: _Optional[str] = ..., outcome: _Optional[_Union[FiringOutcome, str]] = ..., scheduled_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., fired_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., job_id: _Optional[str] = ..., event_id: _Optional[str] = ..., error: _Optional[str] = ..., requested: bool = ..., count: _Optional[int] = ..., job_state: _Optional[_Union[_job_service_pb2.JobState, str]] = ...) -> None: ...
