package tracing

import (
	"context"
	"regexp"
	"strconv"
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

// Valid says whether it describes a span.
func (c Carrier) Valid() bool { return c.spanContext().IsValid() }

// Context gives ctx with the span and the baggage that the carrier describes in place of its own.
//
// A traceparent that W3C calls malformed leaves ctx as it is. A tracestate that cannot be read as a whole is left out.
func (c Carrier) Context(ctx context.Context) context.Context {
	return c.contextBelow(ctx, c.spanContext())
}

// contextBelow gives ctx with a remote span, and the carrier's baggage, in place of its own.
func (c Carrier) contextBelow(ctx context.Context, remote trace.SpanContext) context.Context {
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
	config, ok := parseTraceparent(strings.TrimSpace(c.Traceparent))
	if !ok {
		return trace.SpanContext{}
	}
	// What cannot be read is no trace state: the error says nothing more.
	config.TraceState, _ = trace.ParseTraceState(c.Tracestate)
	return trace.NewSpanContext(config)
}

// parseTraceparent reads a traceparent as W3C has it: flags that nobody knows are no error, and version 00 ends after
// its flags. OpenTelemetry's own propagator refuses the first, and takes a dash after the second.
//
// Source: W3C Trace Context level 2, section 3.2; conformance/vectors/trace-context.json.
func parseTraceparent(text string) (trace.SpanContextConfig, bool) {
	config := trace.SpanContextConfig{Remote: true}
	match := traceparentPattern.FindStringSubmatch(text)
	if match == nil || match[1] == "ff" || match[1] == "00" && match[5] != "" {
		return config, false
	}
	var err error
	if config.TraceID, err = trace.TraceIDFromHex(match[2]); err != nil {
		return config, false
	}
	if config.SpanID, err = trace.SpanIDFromHex(match[3]); err != nil {
		return config, false
	}
	flags, err := strconv.ParseUint(match[4], 16, 8)
	config.TraceFlags = trace.TraceFlags(flags) & trace.FlagsSampled
	return config, err == nil
}

var traceparentPattern = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

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
