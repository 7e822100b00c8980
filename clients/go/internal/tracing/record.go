package tracing

import (
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
)

// Records are encoded once, when they end; what they share, resource and scope, once for all of them. A request is those
// bytes put together: resource, scope and record fields have the same numbers in traces and logs.
//
// Source: proto/opentelemetry/proto/collector, ExportTraceServiceRequest and ExportLogsServiceRequest.

// Origin is where records come from: the encoded fields of resource and scope, without the records.
type Origin struct {
	resource string
	scope    string
}

// Record is one encoded Span or LogRecord.
type Record struct {
	origin Origin
	data   []byte
}

// Entries are records that travel together.
type Entries struct {
	Spans []Record
	Logs  []Record
	// Bytes of all the records.
	Size int
}

// Len gives the number of records.
func (e *Entries) Len() int { return len(e.Spans) + len(e.Logs) }

// Add takes over the records of another.
func (e *Entries) Add(other Entries) {
	e.Spans = append(e.Spans, other.Spans...)
	e.Logs = append(e.Logs, other.Logs...)
	e.Size += other.Size
}

// Halves splits entries of at least two records: spans from logs, else in the middle.
func (e *Entries) Halves() (first, second Entries) {
	if len(e.Spans) > 0 && len(e.Logs) > 0 {
		return entriesOf(e.Spans, nil), entriesOf(nil, e.Logs)
	}
	spans, logs := len(e.Spans)/2, len(e.Logs)/2
	return entriesOf(e.Spans[:spans], e.Logs[:logs]), entriesOf(e.Spans[spans:], e.Logs[logs:])
}

func entriesOf(spans, logs []Record) Entries {
	// Capped, so that what is added to one half never writes into the other.
	entries := Entries{Spans: spans[:len(spans):len(spans)], Logs: logs[:len(logs):len(logs)]}
	for _, each := range spans {
		entries.Size += len(each.data)
	}
	for _, each := range logs {
		entries.Size += len(each.data)
	}
	return entries
}

// EncodeRequest gives a request with these records, grouped by resource and scope in the order they came.
func EncodeRequest(records []Record) []byte {
	type group struct {
		origin Origin
		data   []byte
	}
	var groups []*group
	byOrigin := map[Origin]*group{}
	for _, each := range records {
		found := byOrigin[each.origin]
		if found == nil {
			found = &group{origin: each.origin}
			byOrigin[each.origin] = found
			groups = append(groups, found)
		}
		found.data = appendField(found.data, 2, each.data)
	}
	scopes := map[string][]byte{}
	var resources []string
	for _, each := range groups {
		if _, known := scopes[each.origin.resource]; !known {
			resources = append(resources, each.origin.resource)
		}
		data := append([]byte(each.origin.scope), each.data...)
		scopes[each.origin.resource] = appendField(scopes[each.origin.resource], 2, data)
	}
	var request []byte
	for _, each := range resources {
		request = appendField(request, 1, append([]byte(each), scopes[each]...))
	}
	return request
}

// encodeResource gives the fields of ResourceSpans but for its scopes.
func encodeResource(from *resource.Resource) string {
	message, err := proto.Marshal(&resourcev1.Resource{Attributes: attributesOf(from.Attributes(), nil)})
	if err != nil {
		return ""
	}
	return string(appendSchema(appendField(nil, 1, message), from.SchemaURL()))
}

// encodeScope gives the fields of ScopeSpans but for its spans.
func encodeScope(scope instrumentation.Scope) string {
	message, err := proto.Marshal(&commonv1.InstrumentationScope{
		Name:       validText(scope.Name),
		Version:    validText(scope.Version),
		Attributes: attributesOf(scope.Attributes.ToSlice(), nil),
	})
	if err != nil {
		return ""
	}
	return string(appendSchema(appendField(nil, 1, message), scope.SchemaURL))
}

func appendSchema(data []byte, url string) []byte {
	if url == "" {
		return data
	}
	return appendField(data, 3, []byte(validText(url)))
}

func appendField(data []byte, number protowire.Number, value []byte) []byte {
	data = protowire.AppendTag(data, number, protowire.BytesType)
	return protowire.AppendBytes(data, value)
}

// maxEncoded bounds what an encodingCache remembers: programs have some tens of scopes.
const maxEncoded = 1024

// encodingCache remembers encodings of values that many records share.
type encodingCache[K comparable] struct {
	mu      sync.RWMutex
	encoded map[K]string
}

func (c *encodingCache[K]) of(key K, encode func() string) string {
	c.mu.RLock()
	found, ok := c.encoded[key]
	c.mu.RUnlock()
	if ok {
		return found
	}
	made := encode()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.encoded == nil || len(c.encoded) >= maxEncoded {
		c.encoded = map[K]string{}
	}
	c.encoded[key] = made
	return made
}
