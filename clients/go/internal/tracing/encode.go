package tracing

import (
	"fmt"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxRecordBytes is the largest record: a request holds a few of them, and the server reads 16 MiB.
const maxRecordBytes = 2 << 20

// textLimits are the longest texts and values tried, in bytes, until a record is small enough.
var textLimits = []int{1 << 20, 16 << 10, 256}

// toSpan gives a span as OTLP, without the attributes whose names are left out; one that is open has no end.
func toSpan(span sdktrace.ReadOnlySpan, without map[string]bool) *tracev1.Span {
	own := span.SpanContext()
	traceID, spanID := own.TraceID(), own.SpanID()
	message := &tracev1.Span{
		TraceId:                traceID[:],
		SpanId:                 spanID[:],
		TraceState:             own.TraceState().String(),
		Name:                   validText(span.Name()),
		Kind:                   tracev1.Span_SpanKind(trace.ValidateSpanKind(span.SpanKind())),
		StartTimeUnixNano:      unixNano(span.StartTime()),
		EndTimeUnixNano:        unixNano(span.EndTime()),
		Attributes:             attributesOf(span.Attributes(), without),
		DroppedAttributesCount: uint32(span.DroppedAttributes()),
		DroppedEventsCount:     uint32(span.DroppedEvents()),
		DroppedLinksCount:      uint32(span.DroppedLinks()),
		Flags:                  uint32(own.TraceFlags()) | remoteness(span.Parent()),
	}
	if parent := span.Parent(); parent.SpanID().IsValid() {
		parentID := parent.SpanID()
		message.ParentSpanId = parentID[:]
	}
	for _, event := range span.Events() {
		message.Events = append(message.Events, &tracev1.Span_Event{
			TimeUnixNano:           unixNano(event.Time),
			Name:                   validText(event.Name),
			Attributes:             attributesOf(event.Attributes, nil),
			DroppedAttributesCount: uint32(event.DroppedAttributeCount),
		})
	}
	for _, link := range span.Links() {
		message.Links = append(message.Links, toLink(link))
	}
	if status := span.Status(); status.Code != codes.Unset {
		message.Status = &tracev1.Status{Code: statusCode(status.Code), Message: validText(status.Description)}
	}
	return message
}

func toLink(link sdktrace.Link) *tracev1.Span_Link {
	traceID, spanID := link.SpanContext.TraceID(), link.SpanContext.SpanID()
	return &tracev1.Span_Link{
		TraceId:                traceID[:],
		SpanId:                 spanID[:],
		TraceState:             link.SpanContext.TraceState().String(),
		Attributes:             attributesOf(link.Attributes, nil),
		DroppedAttributesCount: uint32(link.DroppedAttributeCount),
		Flags:                  uint32(link.SpanContext.TraceFlags()) | remoteness(link.SpanContext),
	}
}

func statusCode(code codes.Code) tracev1.Status_StatusCode {
	if code == codes.Ok {
		return tracev1.Status_STATUS_CODE_OK
	}
	return tracev1.Status_STATUS_CODE_ERROR
}

// remoteness says that it is known whether a span is remote, and whether it is.
func remoteness(span trace.SpanContext) uint32 {
	if span.IsRemote() {
		return uint32(tracev1.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | tracev1.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return uint32(tracev1.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
}

func unixNano(at time.Time) uint64 {
	if at.IsZero() || at.UnixNano() < 0 {
		return 0
	}
	return uint64(at.UnixNano())
}

// marshalBounded encodes one record and appends what it shares with others, with its texts and values cut as far as it
// takes to stay within maxRecordBytes; nil when it cannot be encoded so small.
func marshalBounded(message proto.Message, shared []byte) []byte {
	data, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, 0, 256+len(shared)), message)
	for _, limit := range textLimits {
		if err != nil {
			return nil
		}
		if len(data)+len(shared) <= maxRecordBytes {
			return append(data, shared...)
		}
		cutTexts(message.ProtoReflect(), limit)
		data, err = proto.Marshal(message)
	}
	if err != nil || len(data)+len(shared) > maxRecordBytes {
		return nil
	}
	return append(data, shared...)
}

// cutTexts cuts the texts and values within a message that are longer than so many bytes.
func cutTexts(message protoreflect.Message, limit int) {
	if value, ok := message.Interface().(*commonv1.AnyValue); ok {
		cutValue(value, limit)
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsList() && field.Kind() == protoreflect.MessageKind:
			for i := range value.List().Len() {
				cutTexts(value.List().Get(i).Message(), limit)
			}
		case field.Kind() == protoreflect.MessageKind:
			cutTexts(value.Message(), limit)
		case field.Kind() == protoreflect.StringKind && field.Name() != "trace_state":
			message.Set(field, protoreflect.ValueOfString(cutText(value.String(), limit)))
		}
		return true
	})
}

func cutValue(value *commonv1.AnyValue, limit int) {
	if bytes, ok := value.GetValue().(*commonv1.AnyValue_BytesValue); ok && len(bytes.BytesValue) > limit {
		bytes.BytesValue = bytes.BytesValue[:limit]
	}
}

func cutText(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (cut, %d characters)", text[:end], utf8.RuneCountInString(text))
}
