package tracing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"spanloom.dev/go/internal/vectors"
)

type traceparentVector struct {
	Name, Text, TraceID, SpanID string
	Sampled                     bool
}

type originVector struct {
	Name, Tracestate, Result string
	Origin                   struct {
		JobID, TaskID string
		Attempt       uint32
	}
}

func (v originVector) origin() string {
	return fmt.Sprintf("%s_%s_%d", v.Origin.JobID, v.Origin.TaskID, v.Origin.Attempt)
}

type traceContextVectors struct {
	Traceparents struct{ Valid, Invalid []traceparentVector }
	WithOrigin   []originVector
	Carriers     []struct {
		Name    string
		Carrier Carrier
		Written *Carrier
		Baggage map[string]string
	}
}

func TestReadsTraceparentsAsEveryLanguageDoes(t *testing.T) {
	known := vectors.Read[traceContextVectors](t, "trace-context.json").Traceparents
	for _, each := range known.Valid {
		got := Carrier{Traceparent: each.Text}.spanContext()
		if got.TraceID().String() != each.TraceID || got.SpanID().String() != each.SpanID || got.IsSampled() != each.Sampled {
			t.Errorf("%s: %q is %v", each.Name, each.Text, got)
		}
	}
	for _, each := range known.Invalid {
		if got := (Carrier{Traceparent: each.Text}).spanContext(); got.IsValid() {
			t.Errorf("%s: %q is taken for one", each.Name, each.Text)
		}
	}
}

func TestPutsTheAttemptInFrontOfATraceStateAsEveryLanguageDoes(t *testing.T) {
	for _, each := range vectors.Read[traceContextVectors](t, "trace-context.json").WithOrigin {
		if got := withOrigin(each.Tracestate, each.origin()); got != each.Result {
			t.Errorf("%s: got %s", each.Name, got)
		}
	}
}

func TestHandsTraceContextOnAsEveryLanguageDoes(t *testing.T) {
	for _, each := range vectors.Read[traceContextVectors](t, "trace-context.json").Carriers {
		ctx := each.Carrier.Context(context.Background())
		want := each.Carrier
		if each.Written != nil {
			want = *each.Written
		}
		// Members of baggage are a map, which Go gives in any order.
		got := CarrierOf(ctx)
		got.Baggage, want.Baggage = sortedMembers(got.Baggage), sortedMembers(want.Baggage)
		if got != want {
			t.Errorf("%s: got %+v", each.Name, got)
		}
		for key, value := range each.Baggage {
			if got := baggage.FromContext(ctx).Member(key).Value(); got != value {
				t.Errorf("%s: %s is %q", each.Name, key, got)
			}
		}
	}
}

func sortedMembers(list string) string {
	return strings.Join(slices.Sorted(strings.SplitSeq(list, ",")), ",")
}

// spanVector is a span as the vectors describe it.
type spanVector struct {
	contextVector
	Name, Kind string
	Parent     *contextVector
	StartNs    string
	EndNs      *string
	Status     struct{ Code, Message string }
	Attributes map[string]any
	Events     []struct {
		Name, TimeNs string
		Attributes   map[string]any
	}
	Links []struct {
		contextVector
		Attributes map[string]any
	}
}

type contextVector struct {
	TraceID, SpanID, TraceState string
	Sampled, Remote             bool
}

func (v contextVector) spanContext(t *testing.T) trace.SpanContext {
	t.Helper()
	config := trace.SpanContextConfig{Remote: v.Remote}
	var problems [3]error
	config.TraceID, problems[0] = trace.TraceIDFromHex(v.TraceID)
	config.SpanID, problems[1] = trace.SpanIDFromHex(v.SpanID)
	config.TraceState, problems[2] = trace.ParseTraceState(v.TraceState)
	for _, err := range problems {
		if err != nil {
			t.Fatal(err)
		}
	}
	if v.Sampled {
		config.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(config)
}

func (v spanVector) readable(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	stub := tracetest.SpanStub{
		Name: v.Name, SpanContext: v.spanContext(t), SpanKind: kinds[v.Kind], StartTime: timeOf(t, v.StartNs),
		Status:     sdktrace.Status{Code: statusCodes[v.Status.Code], Description: v.Status.Message},
		Attributes: attributesFrom(t, v.Attributes),
	}
	if v.EndNs != nil {
		stub.EndTime = timeOf(t, *v.EndNs)
	}
	if v.Parent != nil {
		v.Parent.TraceID = v.TraceID
		stub.Parent = v.Parent.spanContext(t)
	}
	for _, each := range v.Events {
		stub.Events = append(stub.Events, sdktrace.Event{
			Name: each.Name, Time: timeOf(t, each.TimeNs), Attributes: attributesFrom(t, each.Attributes),
		})
	}
	for _, each := range v.Links {
		stub.Links = append(stub.Links, sdktrace.Link{
			SpanContext: each.spanContext(t), Attributes: attributesFrom(t, each.Attributes),
		})
	}
	return stub.Snapshot()
}

var kinds = map[string]trace.SpanKind{
	"INTERNAL": trace.SpanKindInternal, "SERVER": trace.SpanKindServer, "CLIENT": trace.SpanKindClient,
	"PRODUCER": trace.SpanKindProducer, "CONSUMER": trace.SpanKindConsumer,
}

var statusCodes = map[string]codes.Code{"": codes.Unset, "OK": codes.Ok, "ERROR": codes.Error}

func timeOf(t *testing.T, ns string) time.Time {
	t.Helper()
	value, err := strconv.ParseInt(ns, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(0, value)
}

func attributesFrom(t *testing.T, described map[string]any) []attribute.KeyValue {
	t.Helper()
	var made []attribute.KeyValue
	for key, value := range described {
		made = append(made, attribute.KeyValue{Key: attribute.Key(key), Value: attributeFrom(t, vectors.Untagged(t, value))})
	}
	return made
}

func attributeFrom(t *testing.T, value any) attribute.Value {
	t.Helper()
	switch value := value.(type) {
	case string:
		return attribute.StringValue(value)
	case bool:
		return attribute.BoolValue(value)
	case int64:
		return attribute.Int64Value(value)
	case float64:
		return attribute.Float64Value(value)
	case []any:
		return listFrom(value)
	default:
		t.Fatalf("cannot make an attribute of a %T", value)
		return attribute.Value{}
	}
}

func listFrom(items []any) attribute.Value {
	if len(items) == 0 {
		return attribute.StringSliceValue(nil)
	}
	switch items[0].(type) {
	case bool:
		return attribute.BoolSliceValue(all[bool](items))
	case int64:
		return attribute.Int64SliceValue(all[int64](items))
	case float64:
		return attribute.Float64SliceValue(all[float64](items))
	default:
		return attribute.StringSliceValue(all[string](items))
	}
}

func all[T any](items []any) []T {
	made := make([]T, len(items))
	for index, item := range items {
		made[index] = item.(T)
	}
	return made
}

func TestSendsSpansAsEveryRunnerDoes(t *testing.T) {
	known := vectors.Read[struct {
		Spans []struct {
			Name string
			Span spanVector
			OTLP json.RawMessage
		}
	}](t, "otlp.json")
	for _, each := range known.Spans {
		got := toSpan(each.Span.readable(t), nil)
		var want tracev1.Span
		if err := protojson.Unmarshal(each.OTLP, &want); err != nil {
			t.Fatal(err)
		}
		// Attributes of the vector are a map, which Go gives in any order.
		sortAttributes(got)
		sortAttributes(&want)
		if !proto.Equal(got, &want) {
			t.Errorf("%s: got %s\nwant %s", each.Name, protojson.Format(got), protojson.Format(&want))
		}
	}
}

func sortAttributes(span *tracev1.Span) {
	slices.SortFunc(span.GetAttributes(), func(a, b *commonv1.KeyValue) int { return strings.Compare(a.GetKey(), b.GetKey()) })
}
