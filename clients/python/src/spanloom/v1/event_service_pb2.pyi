from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from spanloom.v1 import firing_pb2 as _firing_pb2
from spanloom.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_SOURCE_UNSPECIFIED: _ClassVar[EventSource]
    EVENT_SOURCE_PUBLISHED: _ClassVar[EventSource]
    EVENT_SOURCE_WEBHOOK: _ClassVar[EventSource]
    EVENT_SOURCE_JOB: _ClassVar[EventSource]
    EVENT_SOURCE_REPLAY: _ClassVar[EventSource]

class WebhookScheme(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_SCHEME_UNSPECIFIED: _ClassVar[WebhookScheme]
    WEBHOOK_SCHEME_NONE: _ClassVar[WebhookScheme]
    WEBHOOK_SCHEME_HMAC: _ClassVar[WebhookScheme]
    WEBHOOK_SCHEME_GITHUB: _ClassVar[WebhookScheme]
    WEBHOOK_SCHEME_STRIPE: _ClassVar[WebhookScheme]

class WebhookHash(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_HASH_UNSPECIFIED: _ClassVar[WebhookHash]
    WEBHOOK_HASH_SHA256: _ClassVar[WebhookHash]
    WEBHOOK_HASH_SHA384: _ClassVar[WebhookHash]
    WEBHOOK_HASH_SHA512: _ClassVar[WebhookHash]

class WebhookEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_ENCODING_UNSPECIFIED: _ClassVar[WebhookEncoding]
    WEBHOOK_ENCODING_HEX: _ClassVar[WebhookEncoding]
    WEBHOOK_ENCODING_BASE64: _ClassVar[WebhookEncoding]

class WebhookSecretEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_SECRET_ENCODING_UNSPECIFIED: _ClassVar[WebhookSecretEncoding]
    WEBHOOK_SECRET_ENCODING_TEXT: _ClassVar[WebhookSecretEncoding]
    WEBHOOK_SECRET_ENCODING_HEX: _ClassVar[WebhookSecretEncoding]
    WEBHOOK_SECRET_ENCODING_BASE64: _ClassVar[WebhookSecretEncoding]
EVENT_SOURCE_UNSPECIFIED: EventSource
EVENT_SOURCE_PUBLISHED: EventSource
EVENT_SOURCE_WEBHOOK: EventSource
EVENT_SOURCE_JOB: EventSource
EVENT_SOURCE_REPLAY: EventSource
WEBHOOK_SCHEME_UNSPECIFIED: WebhookScheme
WEBHOOK_SCHEME_NONE: WebhookScheme
WEBHOOK_SCHEME_HMAC: WebhookScheme
WEBHOOK_SCHEME_GITHUB: WebhookScheme
WEBHOOK_SCHEME_STRIPE: WebhookScheme
WEBHOOK_HASH_UNSPECIFIED: WebhookHash
WEBHOOK_HASH_SHA256: WebhookHash
WEBHOOK_HASH_SHA384: WebhookHash
WEBHOOK_HASH_SHA512: WebhookHash
WEBHOOK_ENCODING_UNSPECIFIED: WebhookEncoding
WEBHOOK_ENCODING_HEX: WebhookEncoding
WEBHOOK_ENCODING_BASE64: WebhookEncoding
WEBHOOK_SECRET_ENCODING_UNSPECIFIED: WebhookSecretEncoding
WEBHOOK_SECRET_ENCODING_TEXT: WebhookSecretEncoding
WEBHOOK_SECRET_ENCODING_HEX: WebhookSecretEncoding
WEBHOOK_SECRET_ENCODING_BASE64: WebhookSecretEncoding

class NewEvent(_message.Message):
    __slots__ = ("id", "key", "payload", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    id: str
    key: str
    payload: bytes
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, id: _Optional[str] = ..., key: _Optional[str] = ..., payload: _Optional[bytes] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("id", "key", "payload", "metadata", "source", "webhook", "replay_of", "received_at", "matched", "depth", "firings")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    REPLAY_OF_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    FIRINGS_FIELD_NUMBER: _ClassVar[int]
    id: str
    key: str
    payload: bytes
    metadata: _containers.ScalarMap[str, str]
    source: EventSource
    webhook: str
    replay_of: str
    received_at: _timestamp_pb2.Timestamp
    matched: bool
    depth: int
    firings: _containers.RepeatedCompositeFieldContainer[_firing_pb2.Firing]
    def __init__(self, id: _Optional[str] = ..., key: _Optional[str] = ..., payload: _Optional[bytes] = ..., metadata: _Optional[_Mapping[str, str]] = ..., source: _Optional[_Union[EventSource, str]] = ..., webhook: _Optional[str] = ..., replay_of: _Optional[str] = ..., received_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., matched: bool = ..., depth: _Optional[int] = ..., firings: _Optional[_Iterable[_Union[_firing_pb2.Firing, _Mapping]]] = ...) -> None: ...

class PublishEventsRequest(_message.Message):
    __slots__ = ("events", "trace")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[NewEvent]
    trace: _task_pb2.TraceContext
    def __init__(self, events: _Optional[_Iterable[_Union[NewEvent, _Mapping]]] = ..., trace: _Optional[_Union[_task_pb2.TraceContext, _Mapping]] = ...) -> None: ...

class PublishEventsResponse(_message.Message):
    __slots__ = ("event_ids", "existed")
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    EXISTED_FIELD_NUMBER: _ClassVar[int]
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    existed: int
    def __init__(self, event_ids: _Optional[_Iterable[str]] = ..., existed: _Optional[int] = ...) -> None: ...

class GetEventRequest(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class GetEventResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: Event
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ...) -> None: ...

class EventFilter(_message.Message):
    __slots__ = ("key_pattern", "received_after", "received_before", "sources", "webhook")
    KEY_PATTERN_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AFTER_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    key_pattern: str
    received_after: _timestamp_pb2.Timestamp
    received_before: _timestamp_pb2.Timestamp
    sources: _containers.RepeatedScalarFieldContainer[EventSource]
    webhook: str
    def __init__(self, key_pattern: _Optional[str] = ..., received_after: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., received_before: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., sources: _Optional[_Iterable[_Union[EventSource, str]]] = ..., webhook: _Optional[str] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("filter", "page_size", "page_token")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: EventFilter
    page_size: int
    page_token: str
    def __init__(self, filter: _Optional[_Union[EventFilter, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReplayEventsRequest(_message.Message):
    __slots__ = ("event_ids", "filter", "trigger", "max_events", "idempotency_key")
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    MAX_EVENTS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: EventFilter
    trigger: str
    max_events: int
    idempotency_key: str
    def __init__(self, event_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[_Union[EventFilter, _Mapping]] = ..., trigger: _Optional[str] = ..., max_events: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ReplayEventsResponse(_message.Message):
    __slots__ = ("event_ids",)
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, event_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class WebhookHmac(_message.Message):
    __slots__ = ("signature_header", "prefix", "hash", "encoding", "timestamp_header", "id_header", "signed", "secret_encoding")
    SIGNATURE_HEADER_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_HEADER_FIELD_NUMBER: _ClassVar[int]
    ID_HEADER_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    SECRET_ENCODING_FIELD_NUMBER: _ClassVar[int]
    signature_header: str
    prefix: str
    hash: WebhookHash
    encoding: WebhookEncoding
    timestamp_header: str
    id_header: str
    signed: str
    secret_encoding: WebhookSecretEncoding
    def __init__(self, signature_header: _Optional[str] = ..., prefix: _Optional[str] = ..., hash: _Optional[_Union[WebhookHash, str]] = ..., encoding: _Optional[_Union[WebhookEncoding, str]] = ..., timestamp_header: _Optional[str] = ..., id_header: _Optional[str] = ..., signed: _Optional[str] = ..., secret_encoding: _Optional[_Union[WebhookSecretEncoding, str]] = ...) -> None: ...

class WebhookSecret(_message.Message):
    __slots__ = ("value", "env")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    value: str
    env: str
    def __init__(self, value: _Optional[str] = ..., env: _Optional[str] = ...) -> None: ...

class Webhook(_message.Message):
    __slots__ = ("id", "name", "description", "scheme", "hmac", "secret_env", "stored_secrets", "key", "headers", "max_body_bytes", "tolerance", "path", "created_at", "updated_at", "revision", "accept_text", "paused")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    HMAC_FIELD_NUMBER: _ClassVar[int]
    SECRET_ENV_FIELD_NUMBER: _ClassVar[int]
    STORED_SECRETS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    MAX_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_TEXT_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    description: str
    scheme: WebhookScheme
    hmac: WebhookHmac
    secret_env: _containers.RepeatedScalarFieldContainer[str]
    stored_secrets: int
    key: str
    headers: _containers.RepeatedScalarFieldContainer[str]
    max_body_bytes: int
    tolerance: _duration_pb2.Duration
    path: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    revision: int
    accept_text: bool
    paused: bool
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., scheme: _Optional[_Union[WebhookScheme, str]] = ..., hmac: _Optional[_Union[WebhookHmac, _Mapping]] = ..., secret_env: _Optional[_Iterable[str]] = ..., stored_secrets: _Optional[int] = ..., key: _Optional[str] = ..., headers: _Optional[_Iterable[str]] = ..., max_body_bytes: _Optional[int] = ..., tolerance: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., path: _Optional[str] = ..., created_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ..., accept_text: bool = ..., paused: bool = ...) -> None: ...

class PutWebhookRequest(_message.Message):
    __slots__ = ("name", "description", "scheme", "hmac", "secrets", "key", "headers", "max_body_bytes", "tolerance", "accept_text", "paused")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    HMAC_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    MAX_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_TEXT_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    scheme: WebhookScheme
    hmac: WebhookHmac
    secrets: _containers.RepeatedCompositeFieldContainer[WebhookSecret]
    key: str
    headers: _containers.RepeatedScalarFieldContainer[str]
    max_body_bytes: int
    tolerance: _duration_pb2.Duration
    accept_text: bool
    paused: bool
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., scheme: _Optional[_Union[WebhookScheme, str]] = ..., hmac: _Optional[_Union[WebhookHmac, _Mapping]] = ..., secrets: _Optional[_Iterable[_Union[WebhookSecret, _Mapping]]] = ..., key: _Optional[str] = ..., headers: _Optional[_Iterable[str]] = ..., max_body_bytes: _Optional[int] = ..., tolerance: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., accept_text: bool = ..., paused: bool = ...) -> None: ...

class PutWebhookResponse(_message.Message):
    __slots__ = ("webhook", "created", "changed")
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    webhook: Webhook
    created: bool
    changed: bool
    def __init__(self, webhook: _Optional[_Union[Webhook, _Mapping]] = ..., created: bool = ..., changed: bool = ...) -> None: ...

class GetWebhookRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetWebhookResponse(_message.Message):
    __slots__ = ("webhook",)
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    webhook: Webhook
    def __init__(self, webhook: _Optional[_Union[Webhook, _Mapping]] = ...) -> None: ...

class ListWebhooksRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWebhooksResponse(_message.Message):
    __slots__ = ("webhooks", "next_page_token")
    WEBHOOKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    webhooks: _containers.RepeatedCompositeFieldContainer[Webhook]
    next_page_token: str
    def __init__(self, webhooks: _Optional[_Iterable[_Union[Webhook, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteWebhookRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteWebhookResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: bool = ...) -> None: ...
