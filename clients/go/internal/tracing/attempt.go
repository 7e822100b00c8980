package tracing

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	logsv1 "go.opentelemetry.io/proto/otlp/logs/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// HostOptions is what a Host takes.
type HostOptions struct {
	RunnerID string
	Resource *resource.Resource
	// Whether anything is recorded; otherwise trace context is passed on and no more.
	Enabled bool
	Budget  *Budget
	// Takes what came after its attempt had ended, and what is shown before.
	Late func(Entries)
}

// Host is what the attempts of one runner share.
//
// Concurrency: safe from any goroutine.
type Host struct {
	options   HostOptions
	encoded   string
	resources encodingCache[attribute.Distinct]
	scopes    encodingCache[scopeKey]
	logScope  string
	mu        sync.Mutex
	lastLog   time.Time
}

// scopeKey is what tells scopes apart: a scope itself has attributes that are no key of a map.
type scopeKey struct {
	name, version, schema string
	attributes            attribute.Distinct
}

// NewHost makes a host.
func NewHost(options HostOptions) *Host {
	return &Host{
		options:  options,
		encoded:  encodeResource(options.Resource),
		logScope: encodeScope(instrumentation.Scope{Name: Scope}),
	}
}

// origin says where a span comes from. Spans of the process's own provider are given the resource of their runner.
func (h *Host) origin(span sdktrace.ReadOnlySpan) Origin {
	made := Origin{resource: h.encoded}
	if from := span.Resource(); from != nil && !from.Set().HasValue(ownMark) {
		made.resource = h.resources.of(from.Equivalent(), func() string { return encodeResource(from) })
	}
	scope := span.InstrumentationScope()
	key := scopeKey{scope.Name, scope.Version, scope.SchemaURL, scope.Attributes.Equivalent()}
	made.scope = h.scopes.of(key, func() string { return encodeScope(scope) })
	return made
}

// logTime gives now, later than all that was told before: who sorts by time finds the order in which records were
// written.
func (h *Host) logTime() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if !now.After(h.lastLog) {
		now = h.lastLog.Add(1)
	}
	h.lastLog = now
	return unixNano(now)
}

// Attempt is the tracing of one attempt.
//
// I1. The attempt's span has the ids the server minted, so what code does with it belongs to the span the server shows.
// I2. Its tracestate names the attempt, so spans of other processes find their way too.
// I3. Nothing here panics into a task's code; what cannot be kept is counted.
//
// Concurrency: safe from any goroutine.
type Attempt struct {
	host   *Host
	origin string
	buffer buffer
	span   trace.Span
	// Attributes that all spans of the attempt have, made when the first is to be encoded.
	attributes  []attribute.KeyValue
	encodeOnce  sync.Once
	spanSuffix  []byte
	logSuffix   []byte
	mu          sync.Mutex
	endedAt     time.Time
	spanContext trace.SpanContext
}

// sharedNames are the names of the attributes that all spans of an attempt have.
var sharedNames = map[string]bool{
	"spanloom.job.id": true, "spanloom.job.name": true, "spanloom.task.id": true, "spanloom.task.name": true,
	"spanloom.task.version": true, "spanloom.task.attempt": true, "spanloom.queue": true, "spanloom.runner.id": true,
	spanType: true,
}

const spanType = "spanloom.span.type"

// NewAttempt makes the tracing of a leased task, and gives the context that its code runs in.
func NewAttempt(ctx context.Context, host *Host, task *spanloomv1.LeasedTask, startedAt time.Time) (context.Context, *Attempt) {
	a := &Attempt{
		host:       host,
		origin:     originMemberOf(task),
		attributes: attributesOfTask(task, host.options.RunnerID),
	}
	a.buffer = buffer{budget: host.options.Budget, late: host.options.Late}
	ctx = a.parentContext(ctx, task.GetTrace())
	ctx, a.span = startAttemptSpan(ctx, host.options.Enabled, task, startedAt)
	a.spanContext = a.span.SpanContext()
	ctx = context.WithValue(ctx, attemptKey{}, a)
	running.add(a)
	return ctx, a
}

func (a *Attempt) parentContext(ctx context.Context, carrier *spanloomv1.TraceContext) context.Context {
	parent := Carrier{
		Traceparent: carrier.GetTraceparent(),
		Tracestate:  withOrigin(carrier.GetTracestate(), a.origin),
		Baggage:     carrier.GetBaggage(),
	}
	remote := parent.spanContext()
	// One member that cannot be read makes the whole tracestate unreadable; the attempt's own must not go with it (I2).
	if originOf(remote) == "" {
		parent.Tracestate = withOrigin("", a.origin)
		remote = parent.spanContext()
	}
	return parent.contextBelow(ctx, remote)
}

// Finish ends the attempt's span, gives it when the code put anything on it, and takes what was collected.
func (a *Attempt) Finish(endedAt time.Time) (own *tracev1.Span, entries Entries, dropped int) {
	running.remove(a)
	a.mu.Lock()
	a.endedAt = endedAt
	a.mu.Unlock()
	if a.span.IsRecording() {
		a.span.End(trace.WithTimestamp(endedAt))
	}
	if span, ok := a.span.(sdktrace.ReadOnlySpan); ok {
		if len(span.Attributes()) > 0 || len(span.Events()) > 0 || len(span.Links()) > 0 {
			own = toSpan(span, nil)
		}
	}
	entries = a.buffer.seal()
	return own, entries, a.buffer.droppedSoFar()
}

// DrainTo hands on what was collected so far.
func (a *Attempt) DrainTo(send func(Entries)) { a.buffer.drainTo(send) }

// Attributes gives what all spans of the attempt have.
func (a *Attempt) Attributes() []attribute.KeyValue { return a.attributes }

// endedBefore says whether the attempt ended before a time.
func (a *Attempt) endedBefore(at time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.endedAt.IsZero() && a.endedAt.Before(at)
}

// addSpan collects a span that has ended (I3).
func (a *Attempt) addSpan(span sdktrace.ReadOnlySpan) {
	if record, ok := a.encodeSpan(span); ok {
		a.buffer.addSpan(record)
	} else {
		a.buffer.countDropped()
	}
}

// showSpan hands on a span as it is now, if the budget allows.
func (a *Attempt) showSpan(span sdktrace.ReadOnlySpan) {
	record, ok := a.encodeSpan(span)
	if ok && a.host.options.Budget.take(len(record.data)) {
		a.host.options.Late(entriesOf([]Record{record}, nil))
	}
}

// encodeSpan gives a span with what all spans of the attempt share; false when it cannot be encoded.
func (a *Attempt) encodeSpan(span sdktrace.ReadOnlySpan) (record Record, ok bool) {
	defer func() {
		// An attribute value of another make: the code that ended the span must not fail for being watched.
		if recover() != nil {
			ok = false
		}
	}()
	a.encodeShared()
	data := marshalBounded(toSpan(span, sharedNames), a.spanSuffix)
	return Record{origin: a.host.origin(span), data: data}, data != nil
}

// addLog collects a log record of now (I3).
func (a *Attempt) addLog(ctx context.Context, record *logsv1.LogRecord) {
	if !a.host.options.Enabled {
		return
	}
	active := trace.SpanContextFromContext(ctx)
	if !active.IsValid() {
		active = a.spanContext
	}
	traceID, spanID := active.TraceID(), active.SpanID()
	record.TimeUnixNano = a.host.logTime()
	record.ObservedTimeUnixNano = record.TimeUnixNano
	record.TraceId, record.SpanId = traceID[:], spanID[:]
	record.Flags = uint32(active.TraceFlags())
	a.encodeShared()
	if data := marshalBounded(record, a.logSuffix); data != nil {
		a.buffer.addLog(Record{origin: Origin{resource: a.host.encoded, scope: a.host.logScope}, data: data})
	} else {
		a.buffer.countDropped()
	}
}

// encodeShared encodes once what all spans and log records share: their attributes, a repeated field of each.
func (a *Attempt) encodeShared() {
	a.encodeOnce.Do(func() {
		for _, each := range attributesOf(a.attributes, nil) {
			data, err := proto.Marshal(each)
			if err != nil {
				continue
			}
			a.spanSuffix = appendField(a.spanSuffix, 9, data)
			// A log record of an attempt has no span type.
			if each.GetKey() != spanType {
				a.logSuffix = appendField(a.logSuffix, 6, data)
			}
		}
	})
}

func attributesOfTask(task *spanloomv1.LeasedTask, runnerID string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("spanloom.job.id", task.GetJobId()),
		attribute.String("spanloom.job.name", task.GetJobName()),
		attribute.String("spanloom.task.id", task.GetTaskId()),
		attribute.String("spanloom.task.name", task.GetIdentifier().GetName()),
		attribute.String("spanloom.task.version", task.GetIdentifier().GetVersion()),
		attribute.Int64("spanloom.task.attempt", int64(task.GetAttempt())),
		attribute.String("spanloom.queue", task.GetQueue()),
		attribute.String("spanloom.runner.id", runnerID),
		attribute.String(spanType, "user"),
	}
}

// withoutShared gives log attributes without those that all records of an attempt have.
func withoutShared(attributes []*commonv1.KeyValue) []*commonv1.KeyValue {
	kept := attributes[:0]
	for _, each := range attributes {
		if !sharedNames[each.GetKey()] {
			kept = append(kept, each)
		}
	}
	return kept
}
