package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// What W3C asks others to hand on at least, and what the SDKs take.
const (
	maxTracestate = 512
	maxMembers    = 32
)

// originMember is the member of a tracestate that names an attempt.
const originMember = "spanloom"

// Carrier is trace context as plain text, to be carried in message metadata, HTTP headers or environment variables.
type Carrier struct {
	Traceparent string
	Tracestate  string
	Baggage     string
}

// CarrierOf gives the trace context of the active span; it is empty when there is no span.
func CarrierOf(ctx context.Context) Carrier {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return Carrier{}
	}
	fields := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, fields)
	propagation.Baggage{}.Inject(ctx, fields)
	return Carrier{Traceparent: fields["traceparent"], Tracestate: fields["tracestate"], Baggage: fields["baggage"]}
}

// Message gives it as it travels.
func (c Carrier) Message() *spanloomv1.TraceContext {
	return &spanloomv1.TraceContext{Traceparent: c.Traceparent, Tracestate: c.Tracestate, Baggage: c.Baggage}
}

// Context gives ctx with the span and the baggage that the carrier describes in place of its own.
//
// A traceparent that W3C calls malformed leaves ctx as it is. A tracestate that cannot be read as a whole is left out.
func (c Carrier) Context(ctx context.Context) context.Context {
	remote := c.spanContext()
	if !remote.IsValid() {
		return ctx
	}
	ctx = baggage.ContextWithoutBaggage(trace.ContextWithRemoteSpanContext(ctx, remote))
	if c.Baggage == "" {
		return ctx
	}
	return propagation.Baggage{}.Extract(ctx, propagation.MapCarrier{"baggage": c.Baggage})
}

func (c Carrier) spanContext() trace.SpanContext {
	fields := propagation.MapCarrier{"traceparent": strings.TrimSpace(c.Traceparent), "tracestate": c.Tracestate}
	ctx := propagation.TraceContext{}.Extract(context.Background(), fields)
	return trace.SpanContextFromContext(ctx)
}

// withOrigin puts the attempt in front of a tracestate, which every OpenTelemetry SDK hands on and exports with each
// span.
func withOrigin(tracestate, origin string) string {
	members := []string{originMember + "=" + origin}
	length := len(members[0])
	for member := range strings.SplitSeq(tracestate, ",") {
		member = strings.TrimSpace(member)
		if member == "" || strings.HasPrefix(member, originMember+"=") {
			continue
		}
		if len(members) < maxMembers && length+1+len(member) <= maxTracestate {
			members = append(members, member)
			length += 1 + len(member)
		}
	}
	return strings.Join(members, ",")
}

// originOf gives the value of the member that names an attempt; it is empty when there is none.
func originOf(span trace.SpanContext) string {
	return span.TraceState().Get(originMember)
}
