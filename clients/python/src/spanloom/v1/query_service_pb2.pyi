from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from spanloom.v1 import trigger_pb2 as _trigger_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SpanType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPAN_TYPE_UNSPECIFIED: _ClassVar[SpanType]
    SPAN_TYPE_JOB: _ClassVar[SpanType]
    SPAN_TYPE_TASK: _ClassVar[SpanType]
    SPAN_TYPE_ATTEMPT: _ClassVar[SpanType]
    SPAN_TYPE_USER: _ClassVar[SpanType]

class SpanStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPAN_STATUS_UNSPECIFIED: _ClassVar[SpanStatus]
    SPAN_STATUS_UNSET: _ClassVar[SpanStatus]
    SPAN_STATUS_OK: _ClassVar[SpanStatus]
    SPAN_STATUS_ERROR: _ClassVar[SpanStatus]

class Comparison(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPARISON_UNSPECIFIED: _ClassVar[Comparison]
    COMPARISON_EQUAL: _ClassVar[Comparison]
    COMPARISON_NOT_EQUAL: _ClassVar[Comparison]
    COMPARISON_LESS: _ClassVar[Comparison]
    COMPARISON_LESS_OR_EQUAL: _ClassVar[Comparison]
    COMPARISON_GREATER: _ClassVar[Comparison]
    COMPARISON_GREATER_OR_EQUAL: _ClassVar[Comparison]
    COMPARISON_EXISTS: _ClassVar[Comparison]
    COMPARISON_CONTAINS: _ClassVar[Comparison]

class ColumnType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_TYPE_UNSPECIFIED: _ClassVar[ColumnType]
    COLUMN_TYPE_STRING: _ClassVar[ColumnType]
    COLUMN_TYPE_INT64: _ClassVar[ColumnType]
    COLUMN_TYPE_FLOAT64: _ClassVar[ColumnType]
    COLUMN_TYPE_BOOL: _ClassVar[ColumnType]

class Measure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEASURE_UNSPECIFIED: _ClassVar[Measure]
    MEASURE_COUNT: _ClassVar[Measure]
    MEASURE_ERRORS: _ClassVar[Measure]
    MEASURE_SUM: _ClassVar[Measure]
    MEASURE_MEAN: _ClassVar[Measure]
    MEASURE_MIN: _ClassVar[Measure]
    MEASURE_MAX: _ClassVar[Measure]
    MEASURE_P50: _ClassVar[Measure]
    MEASURE_P90: _ClassVar[Measure]
    MEASURE_P95: _ClassVar[Measure]
    MEASURE_P99: _ClassVar[Measure]
SPAN_TYPE_UNSPECIFIED: SpanType
SPAN_TYPE_JOB: SpanType
SPAN_TYPE_TASK: SpanType
SPAN_TYPE_ATTEMPT: SpanType
SPAN_TYPE_USER: SpanType
SPAN_STATUS_UNSPECIFIED: SpanStatus
SPAN_STATUS_UNSET: SpanStatus
SPAN_STATUS_OK: SpanStatus
SPAN_STATUS_ERROR: SpanStatus
COMPARISON_UNSPECIFIED: Comparison
COMPARISON_EQUAL: Comparison
COMPARISON_NOT_EQUAL: Comparison
COMPARISON_LESS: Comparison
COMPARISON_LESS_OR_EQUAL: Comparison
COMPARISON_GREATER: Comparison
COMPARISON_GREATER_OR_EQUAL: Comparison
COMPARISON_EXISTS: Comparison
COMPARISON_CONTAINS: Comparison
COLUMN_TYPE_UNSPECIFIED: ColumnType
COLUMN_TYPE_STRING: ColumnType
COLUMN_TYPE_INT64: ColumnType
COLUMN_TYPE_FLOAT64: ColumnType
COLUMN_TYPE_BOOL: ColumnType
MEASURE_UNSPECIFIED: Measure
MEASURE_COUNT: Measure
MEASURE_ERRORS: Measure
MEASURE_SUM: Measure
MEASURE_MEAN: Measure
MEASURE_MIN: Measure
MEASURE_MAX: Measure
MEASURE_P50: Measure
MEASURE_P90: Measure
MEASURE_P95: Measure
MEASURE_P99: Measure

class ArrowChunk(_message.Message):
    __slots__ = ("ipc", "rows")
    IPC_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    ipc: bytes
    rows: int
    def __init__(self, ipc: _Optional[bytes] = ..., rows: _Optional[int] = ...) -> None: ...

class TextMatch(_message.Message):
    __slots__ = ("exact", "prefix", "contains", "regex")
    EXACT_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CONTAINS_FIELD_NUMBER: _ClassVar[int]
    REGEX_FIELD_NUMBER: _ClassVar[int]
    exact: str
    prefix: str
    contains: str
    regex: str
    def __init__(self, exact: _Optional[str] = ..., prefix: _Optional[str] = ..., contains: _Optional[str] = ..., regex: _Optional[str] = ...) -> None: ...

class TimeRange(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    def __init__(self, start: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DurationRange(_message.Message):
    __slots__ = ("min", "max")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    min: _duration_pb2.Duration
    max: _duration_pb2.Duration
    def __init__(self, min: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AttributeFilter(_message.Message):
    __slots__ = ("key", "comparison", "string_value", "int_value", "double_value", "bool_value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    comparison: Comparison
    string_value: str
    int_value: int
    double_value: float
    bool_value: bool
    def __init__(self, key: _Optional[str] = ..., comparison: _Optional[_Union[Comparison, str]] = ..., string_value: _Optional[str] = ..., int_value: _Optional[int] = ..., double_value: _Optional[float] = ..., bool_value: bool = ...) -> None: ...

class TriggerFilter(_message.Message):
    __slots__ = ("types", "schedules", "triggers")
    TYPES_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    types: _containers.RepeatedScalarFieldContainer[_trigger_pb2.TriggerType]
    schedules: _containers.RepeatedScalarFieldContainer[str]
    triggers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, types: _Optional[_Iterable[_Union[_trigger_pb2.TriggerType, str]]] = ..., schedules: _Optional[_Iterable[str]] = ..., triggers: _Optional[_Iterable[str]] = ...) -> None: ...

class SpanFilter(_message.Message):
    __slots__ = ("job_ids", "task_ids", "trace_ids", "parent_span_ids", "types", "names", "kinds", "statuses", "outcomes", "queues", "runner_ids", "services", "time", "duration", "attributes", "resource_attributes", "event_name", "exception", "open", "span_ids", "trigger")
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    TASK_IDS_FIELD_NUMBER: _ClassVar[int]
    TRACE_IDS_FIELD_NUMBER: _ClassVar[int]
    PARENT_SPAN_IDS_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    RUNNER_IDS_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    AND_FIELD_NUMBER: _ClassVar[int]
    OR_FIELD_NUMBER: _ClassVar[int]
    NOT_FIELD_NUMBER: _ClassVar[int]
    SPAN_IDS_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    job_ids: _containers.RepeatedScalarFieldContainer[str]
    task_ids: _containers.RepeatedScalarFieldContainer[str]
    trace_ids: _containers.RepeatedScalarFieldContainer[str]
    parent_span_ids: _containers.RepeatedScalarFieldContainer[str]
    types: _containers.RepeatedScalarFieldContainer[SpanType]
    names: _containers.RepeatedCompositeFieldContainer[TextMatch]
    kinds: _containers.RepeatedScalarFieldContainer[int]
    statuses: _containers.RepeatedScalarFieldContainer[SpanStatus]
    outcomes: _containers.RepeatedScalarFieldContainer[str]
    queues: _containers.RepeatedScalarFieldContainer[str]
    runner_ids: _containers.RepeatedScalarFieldContainer[str]
    services: _containers.RepeatedScalarFieldContainer[str]
    time: TimeRange
    duration: DurationRange
    attributes: _containers.RepeatedCompositeFieldContainer[AttributeFilter]
    resource_attributes: _containers.RepeatedCompositeFieldContainer[AttributeFilter]
    event_name: TextMatch
    exception: TextMatch
    open: bool
    span_ids: _containers.RepeatedScalarFieldContainer[str]
    trigger: TriggerFilter
    def __init__(self, job_ids: _Optional[_Iterable[str]] = ..., task_ids: _Optional[_Iterable[str]] = ..., trace_ids: _Optional[_Iterable[str]] = ..., parent_span_ids: _Optional[_Iterable[str]] = ..., types: _Optional[_Iterable[_Union[SpanType, str]]] = ..., names: _Optional[_Iterable[_Union[TextMatch, _Mapping]]] = ..., kinds: _Optional[_Iterable[int]] = ..., statuses: _Optional[_Iterable[_Union[SpanStatus, str]]] = ..., outcomes: _Optional[_Iterable[str]] = ..., queues: _Optional[_Iterable[str]] = ..., runner_ids: _Optional[_Iterable[str]] = ..., services: _Optional[_Iterable[str]] = ..., time: _Optional[_Union[TimeRange, _Mapping]] = ..., duration: _Optional[_Union[DurationRange, _Mapping]] = ..., attributes: _Optional[_Iterable[_Union[AttributeFilter, _Mapping]]] = ..., resource_attributes: _Optional[_Iterable[_Union[AttributeFilter, _Mapping]]] = ..., event_name: _Optional[_Union[TextMatch, _Mapping]] = ..., exception: _Optional[_Union[TextMatch, _Mapping]] = ..., open: bool = ..., span_ids: _Optional[_Iterable[str]] = ..., trigger: _Optional[_Union[TriggerFilter, _Mapping]] = ..., **kwargs) -> None: ...

class AttributeColumn(_message.Message):
    __slots__ = ("key", "type", "resource")
    KEY_FIELD_NUMBER: _ClassVar[int]
    AS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    key: str
    type: ColumnType
    resource: bool
    def __init__(self, key: _Optional[str] = ..., type: _Optional[_Union[ColumnType, str]] = ..., resource: bool = ..., **kwargs) -> None: ...

class Order(_message.Message):
    __slots__ = ("column", "descending")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    DESCENDING_FIELD_NUMBER: _ClassVar[int]
    column: str
    descending: bool
    def __init__(self, column: _Optional[str] = ..., descending: bool = ...) -> None: ...

class QuerySpansRequest(_message.Message):
    __slots__ = ("filter", "columns", "attribute_columns", "order_by", "limit")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    filter: SpanFilter
    columns: _containers.RepeatedScalarFieldContainer[str]
    attribute_columns: _containers.RepeatedCompositeFieldContainer[AttributeColumn]
    order_by: _containers.RepeatedCompositeFieldContainer[Order]
    limit: int
    def __init__(self, filter: _Optional[_Union[SpanFilter, _Mapping]] = ..., columns: _Optional[_Iterable[str]] = ..., attribute_columns: _Optional[_Iterable[_Union[AttributeColumn, _Mapping]]] = ..., order_by: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., limit: _Optional[int] = ...) -> None: ...

class QuerySpansResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: ArrowChunk
    def __init__(self, chunk: _Optional[_Union[ArrowChunk, _Mapping]] = ...) -> None: ...

class LogFilter(_message.Message):
    __slots__ = ("job_ids", "task_ids", "trace_ids", "span_ids", "min_severity", "body", "time", "services", "runner_ids", "attributes", "resource_attributes", "trigger")
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    TASK_IDS_FIELD_NUMBER: _ClassVar[int]
    TRACE_IDS_FIELD_NUMBER: _ClassVar[int]
    SPAN_IDS_FIELD_NUMBER: _ClassVar[int]
    MIN_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    RUNNER_IDS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    AND_FIELD_NUMBER: _ClassVar[int]
    OR_FIELD_NUMBER: _ClassVar[int]
    NOT_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    job_ids: _containers.RepeatedScalarFieldContainer[str]
    task_ids: _containers.RepeatedScalarFieldContainer[str]
    trace_ids: _containers.RepeatedScalarFieldContainer[str]
    span_ids: _containers.RepeatedScalarFieldContainer[str]
    min_severity: int
    body: TextMatch
    time: TimeRange
    services: _containers.RepeatedScalarFieldContainer[str]
    runner_ids: _containers.RepeatedScalarFieldContainer[str]
    attributes: _containers.RepeatedCompositeFieldContainer[AttributeFilter]
    resource_attributes: _containers.RepeatedCompositeFieldContainer[AttributeFilter]
    trigger: TriggerFilter
    def __init__(self, job_ids: _Optional[_Iterable[str]] = ..., task_ids: _Optional[_Iterable[str]] = ..., trace_ids: _Optional[_Iterable[str]] = ..., span_ids: _Optional[_Iterable[str]] = ..., min_severity: _Optional[int] = ..., body: _Optional[_Union[TextMatch, _Mapping]] = ..., time: _Optional[_Union[TimeRange, _Mapping]] = ..., services: _Optional[_Iterable[str]] = ..., runner_ids: _Optional[_Iterable[str]] = ..., attributes: _Optional[_Iterable[_Union[AttributeFilter, _Mapping]]] = ..., resource_attributes: _Optional[_Iterable[_Union[AttributeFilter, _Mapping]]] = ..., trigger: _Optional[_Union[TriggerFilter, _Mapping]] = ..., **kwargs) -> None: ...

class QueryLogsRequest(_message.Message):
    __slots__ = ("filter", "columns", "attribute_columns", "order_by", "limit")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    filter: LogFilter
    columns: _containers.RepeatedScalarFieldContainer[str]
    attribute_columns: _containers.RepeatedCompositeFieldContainer[AttributeColumn]
    order_by: _containers.RepeatedCompositeFieldContainer[Order]
    limit: int
    def __init__(self, filter: _Optional[_Union[LogFilter, _Mapping]] = ..., columns: _Optional[_Iterable[str]] = ..., attribute_columns: _Optional[_Iterable[_Union[AttributeColumn, _Mapping]]] = ..., order_by: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., limit: _Optional[int] = ...) -> None: ...

class QueryLogsResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: ArrowChunk
    def __init__(self, chunk: _Optional[_Union[ArrowChunk, _Mapping]] = ...) -> None: ...

class TailSpansRequest(_message.Message):
    __slots__ = ("filter", "columns", "include_existing", "attribute_columns", "position")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_EXISTING_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    filter: SpanFilter
    columns: _containers.RepeatedScalarFieldContainer[str]
    include_existing: bool
    attribute_columns: _containers.RepeatedCompositeFieldContainer[AttributeColumn]
    position: str
    def __init__(self, filter: _Optional[_Union[SpanFilter, _Mapping]] = ..., columns: _Optional[_Iterable[str]] = ..., include_existing: bool = ..., attribute_columns: _Optional[_Iterable[_Union[AttributeColumn, _Mapping]]] = ..., position: _Optional[str] = ...) -> None: ...

class TailSpansResponse(_message.Message):
    __slots__ = ("chunk", "position")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    chunk: ArrowChunk
    position: str
    def __init__(self, chunk: _Optional[_Union[ArrowChunk, _Mapping]] = ..., position: _Optional[str] = ...) -> None: ...

class TailLogsRequest(_message.Message):
    __slots__ = ("filter", "columns", "attribute_columns", "include_existing", "position")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_EXISTING_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    filter: LogFilter
    columns: _containers.RepeatedScalarFieldContainer[str]
    attribute_columns: _containers.RepeatedCompositeFieldContainer[AttributeColumn]
    include_existing: bool
    position: str
    def __init__(self, filter: _Optional[_Union[LogFilter, _Mapping]] = ..., columns: _Optional[_Iterable[str]] = ..., attribute_columns: _Optional[_Iterable[_Union[AttributeColumn, _Mapping]]] = ..., include_existing: bool = ..., position: _Optional[str] = ...) -> None: ...

class TailLogsResponse(_message.Message):
    __slots__ = ("chunk", "position")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    chunk: ArrowChunk
    position: str
    def __init__(self, chunk: _Optional[_Union[ArrowChunk, _Mapping]] = ..., position: _Optional[str] = ...) -> None: ...

class GroupKey(_message.Message):
    __slots__ = ("column", "attribute")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    column: str
    attribute: AttributeColumn
    def __init__(self, column: _Optional[str] = ..., attribute: _Optional[_Union[AttributeColumn, _Mapping]] = ...) -> None: ...

class AggregateSpansRequest(_message.Message):
    __slots__ = ("filter", "group_by", "measures", "time_bucket", "order_by", "limit")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    TIME_BUCKET_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    filter: SpanFilter
    group_by: _containers.RepeatedCompositeFieldContainer[GroupKey]
    measures: _containers.RepeatedScalarFieldContainer[Measure]
    time_bucket: _duration_pb2.Duration
    order_by: _containers.RepeatedCompositeFieldContainer[Order]
    limit: int
    def __init__(self, filter: _Optional[_Union[SpanFilter, _Mapping]] = ..., group_by: _Optional[_Iterable[_Union[GroupKey, _Mapping]]] = ..., measures: _Optional[_Iterable[_Union[Measure, str]]] = ..., time_bucket: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., order_by: _Optional[_Iterable[_Union[Order, _Mapping]]] = ..., limit: _Optional[int] = ...) -> None: ...

class AggregateSpansResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: ArrowChunk
    def __init__(self, chunk: _Optional[_Union[ArrowChunk, _Mapping]] = ...) -> None: ...

class GetCriticalPathRequest(_message.Message):
    __slots__ = ("job_id", "include_user_spans")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_USER_SPANS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    include_user_spans: bool
    def __init__(self, job_id: _Optional[str] = ..., include_user_spans: bool = ...) -> None: ...

class GetCriticalPathResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: ArrowChunk
    def __init__(self, chunk: _Optional[_Union[ArrowChunk, _Mapping]] = ...) -> None: ...

class CompareJobsRequest(_message.Message):
    __slots__ = ("base_job_id", "other_job_id")
    BASE_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    OTHER_JOB_ID_FIELD_NUMBER: _ClassVar[int]
    base_job_id: str
    other_job_id: str
    def __init__(self, base_job_id: _Optional[str] = ..., other_job_id: _Optional[str] = ...) -> None: ...

class CompareJobsResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: ArrowChunk
    def __init__(self, chunk: _Optional[_Union[ArrowChunk, _Mapping]] = ...) -> None: ...
