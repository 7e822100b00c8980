package spanloom

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/tracing"
)

const scopeName = "spanloom.dev/go"

// clientSpans makes spans of what a client asks of the server, in the caller's trace.
//
// I1. Without a provider, or told not to, by OTEL_SDK_DISABLED or otherwise, nothing is made: the caller's own trace
// context is passed on as it is.
//
// I2. A span within an attempt belongs to that attempt's job; it names the job it asks for as a message only.
//
// Source: docs/telemetry.md, "Who submits".
type clientSpans struct {
	provider trace.TracerProvider
	enabled  bool
	server   []attribute.KeyValue
}

// clientCall is what a client asks for.
type clientCall struct {
	operation   string
	destination string
	jobID       string
	// Jobs sent within the span; 0 when it is for a single one.
	count int
	trace jobSettings
}

// clientSpan is the span of a call under way, which may be one that records nothing.
type clientSpan struct {
	span   trace.Span
	call   clientCall
	sent   *spanloomv1.TraceContext
	within bool
}

func newClientSpans(options ClientOptions, base string) *clientSpans {
	made := &clientSpans{provider: options.TracerProvider, enabled: !options.NoTracing && !tracing.Disabled()}
	parsed, err := url.Parse(base)
	if err != nil {
		return made
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		port = map[string]int{"http": 80, "https": 443}[parsed.Scheme]
	}
	made.server = []attribute.KeyValue{
		attribute.String("server.address", parsed.Hostname()), attribute.Int("server.port", port),
	}
	return made
}

// start begins the span of a call, and gives a context that it is active in.
func (c *clientSpans) start(ctx context.Context, call clientCall) (context.Context, *clientSpan) {
	if !call.trace.noTrace {
		ctx = call.trace.carrier().Context(ctx)
	}
	made := &clientSpan{span: trace.SpanFromContext(context.Background()), call: call}
	made.within = isOfAttempt(trace.SpanContextFromContext(ctx))
	if provider := c.applicationProvider(); provider != nil && !call.trace.noTrace {
		parent := trace.SpanContextFromContext(ctx)
		within, span := provider.Tracer(scopeName).Start(ctx, call.name(call.destination),
			trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(c.attributes(call)...))
		// Of a provider that makes none, or was told to suppress, it is the parent by another name, or has no ids.
		if span.SpanContext().IsValid() && span.SpanContext().SpanID() != parent.SpanID() {
			ctx, made.span = within, span
		}
	}
	if carrier := tracing.CarrierOf(ctx); carrier.Traceparent != "" && !call.trace.noTrace {
		made.sent = carrier.Message()
	}
	return ctx, made
}

func (c *clientSpans) applicationProvider() trace.TracerProvider {
	switch {
	case !c.enabled:
		return nil
	case c.provider != nil:
		return c.provider
	default:
		return tracing.ApplicationProvider()
	}
}

func (c *clientSpans) attributes(call clientCall) []attribute.KeyValue {
	made := append([]attribute.KeyValue{
		attribute.String("messaging.system", "spanloom"),
		attribute.String("messaging.operation.name", call.operation),
	}, c.server...)
	if call.operation != "cancel" {
		made = append(made, attribute.String("messaging.operation.type", "send"))
	}
	if call.destination != "" {
		made = append(made, attribute.String("messaging.destination.name", call.destination))
	}
	if call.jobID != "" {
		made = append(made, messageAttributes(call.jobID)...)
	}
	if call.count > 0 {
		made = append(made, attribute.Int("messaging.batch.message_count", call.count))
	}
	return made
}

func messageAttributes(jobID string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.message.id", jobID),
		attribute.String("messaging.message.conversation_id", jobID),
	}
}

func (c clientCall) name(destination string) string {
	return strings.TrimSpace(c.operation + " " + destination)
}

// found notes the job that the server answered with.
func (c *clientSpan) found(job *spanloomv1.Job) {
	if !c.span.IsRecording() || c.call.count > 0 {
		return
	}
	c.span.SetName(c.call.name(job.GetQueue()))
	c.span.SetAttributes(messageAttributes(job.GetId())...)
	c.span.SetAttributes(attribute.String("messaging.destination.name", job.GetQueue()))
	if !c.within {
		c.span.SetAttributes(
			attribute.String("spanloom.job.id", job.GetId()),
			attribute.String("spanloom.job.name", job.GetName()),
			attribute.String("spanloom.queue", job.GetQueue()),
		)
	}
}

// end ends the span, as failed when err is not nil.
func (c *clientSpan) end(err error) {
	if err != nil {
		kind := string(ReasonOf(err))
		if kind == "" && errors.Is(err, context.Canceled) {
			kind = "context.Canceled"
		}
		c.span.RecordError(err)
		c.span.SetAttributes(attribute.String("error.type", kind))
		c.span.SetStatus(codes.Error, err.Error())
	}
	c.span.End()
}

// isOfAttempt tells whether a span belongs to an attempt, as its tracestate says.
func isOfAttempt(span trace.SpanContext) bool {
	return span.TraceState().Get("spanloom") != ""
}
