package query

import (
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// Condition is a condition on spans, log records or both. Of several, all must hold; one with a list holds when any of
// the list does, and an empty list matches nothing.
//
// Errors: InvalidField, told by the query that is run with it, for a value outside its domain, or a condition on what is
// not asked for.
type Condition struct {
	name string
	span func(*spanloomv1.SpanFilter) error
	log  func(*spanloomv1.LogFilter) error
}

// What produced a span.
const (
	JobSpan     = spanloomv1.SpanType_SPAN_TYPE_JOB
	TaskSpan    = spanloomv1.SpanType_SPAN_TYPE_TASK
	AttemptSpan = spanloomv1.SpanType_SPAN_TYPE_ATTEMPT
	UserSpan    = spanloomv1.SpanType_SPAN_TYPE_USER
)

// Status of a span.
const (
	StatusUnset = spanloomv1.SpanStatus_SPAN_STATUS_UNSET
	StatusOK    = spanloomv1.SpanStatus_SPAN_STATUS_OK
	StatusError = spanloomv1.SpanStatus_SPAN_STATUS_ERROR
)

// Severity of log records, numbered as in OpenTelemetry: 1..24.
const (
	SeverityTrace = 1
	SeverityDebug = 5
	SeverityInfo  = 9
	SeverityWarn  = 13
	SeverityError = 17
	SeverityFatal = 21
)

// Job holds for what names one of the jobs, and what names none in a trace that one of them owns.
func Job(ids ...string) Condition {
	return names("job", ids, func(f *spanloomv1.SpanFilter) *[]string { return &f.JobIds },
		func(f *spanloomv1.LogFilter) *[]string { return &f.JobIds })
}

// Task holds for what names one of the tasks.
func Task(ids ...string) Condition {
	return names("task", ids, func(f *spanloomv1.SpanFilter) *[]string { return &f.TaskIds },
		func(f *spanloomv1.LogFilter) *[]string { return &f.TaskIds })
}

// Trace holds for what is in one of the traces, 32 hex digits each.
func Trace(ids ...string) Condition {
	return hexes("trace", 32, ids, func(f *spanloomv1.SpanFilter) *[]string { return &f.TraceIds },
		func(f *spanloomv1.LogFilter) *[]string { return &f.TraceIds })
}

// Span holds for these spans, and log records of them; 16 hex digits each.
func Span(ids ...string) Condition {
	return hexes("span", 16, ids, func(f *spanloomv1.SpanFilter) *[]string { return &f.SpanIds },
		func(f *spanloomv1.LogFilter) *[]string { return &f.SpanIds })
}

// Runner holds for what one of the runners made.
func Runner(ids ...string) Condition {
	return names("runner", ids, func(f *spanloomv1.SpanFilter) *[]string { return &f.RunnerIds },
		func(f *spanloomv1.LogFilter) *[]string { return &f.RunnerIds })
}

// Service holds for what one of the services made.
func Service(serviceNames ...string) Condition {
	return names("service", serviceNames, func(f *spanloomv1.SpanFilter) *[]string { return &f.Services },
		func(f *spanloomv1.LogFilter) *[]string { return &f.Services })
}

// Parent holds for direct children of one of the spans, 16 hex digits each.
func Parent(ids ...string) Condition {
	return hexes("parent", 16, ids, func(f *spanloomv1.SpanFilter) *[]string { return &f.ParentSpanIds }, nil)
}

// Outcome holds for spans with one of these values of spanloom.outcome.
func Outcome(outcomes ...string) Condition {
	return names("outcome", outcomes, func(f *spanloomv1.SpanFilter) *[]string { return &f.Outcomes }, nil)
}

// Queue holds for spans of one of the queues; an empty one stands for none.
func Queue(queues ...string) Condition {
	return names("queue", queues, func(f *spanloomv1.SpanFilter) *[]string { return &f.Queues }, nil)
}

// Trigger holds for what belongs to jobs that this set going.
func Trigger(filter *spanloomv1.TriggerFilter) Condition {
	return Condition{
		name: "trigger",
		span: func(f *spanloomv1.SpanFilter) error { f.Trigger = filter; return nil },
		log:  func(f *spanloomv1.LogFilter) error { f.Trigger = filter; return nil },
	}
}

// Type holds for spans of one of the types.
func Type(types ...spanloomv1.SpanType) Condition {
	return ofSpans("type", len(types), func(f *spanloomv1.SpanFilter) { f.Types = types })
}

// Kind holds for spans of one of OpenTelemetry's kinds.
func Kind(kinds ...trace.SpanKind) Condition {
	return ofSpans("kind", len(kinds), func(f *spanloomv1.SpanFilter) {
		for _, kind := range kinds {
			f.Kinds = append(f.Kinds, uint32(kind))
		}
	})
}

// Status holds for spans with one of the statuses.
func Status(statuses ...spanloomv1.SpanStatus) Condition {
	return ofSpans("status", len(statuses), func(f *spanloomv1.SpanFilter) { f.Statuses = statuses })
}

// Name holds for spans whose name one of the texts matches: [Exact], [Prefix], [Containing] or [Regex].
func Name(texts ...*spanloomv1.TextMatch) Condition {
	return ofSpans("name", len(texts), func(f *spanloomv1.SpanFilter) { f.Names = texts })
}

// Duration holds for ended spans that lasted at least min and, unless that is 0, at most max.
func Duration(min, max time.Duration) Condition {
	return Condition{name: "duration", span: func(f *spanloomv1.SpanFilter) error {
		if min < 0 || max < 0 {
			return invalid("duration", "cannot query: duration is %s to %s, must be at least 0s", min, max)
		}
		f.Duration = &spanloomv1.DurationRange{Min: durationpb.New(min)}
		if max > 0 {
			f.Duration.Max = durationpb.New(max)
		}
		return nil
	}}
}

// Open holds for spans without an end, or for those with one.
func Open(open bool) Condition {
	return ofSpans("open", 1, func(f *spanloomv1.SpanFilter) { f.Open = &open })
}

// Event holds for spans with an event whose name matches.
func Event(text *spanloomv1.TextMatch) Condition {
	return ofSpans("event", 1, func(f *spanloomv1.SpanFilter) { f.EventName = text })
}

// Exception holds for spans with an exception whose type or message matches.
func Exception(text *spanloomv1.TextMatch) Condition {
	return ofSpans("exception", 1, func(f *spanloomv1.SpanFilter) { f.Exception = text })
}

// MinSeverity holds for log records that are at least this severe, 1..24; see [SeverityWarn] and its like.
func MinSeverity(severity int) Condition {
	return Condition{name: "min_severity", log: func(f *spanloomv1.LogFilter) error {
		if severity < 1 || severity > 24 {
			return invalid("min_severity", "cannot query: min_severity is %d, must be a whole number in 1..24", severity)
		}
		f.MinSeverity = uint32(severity)
		return nil
	}}
}

// Body holds for log records whose body matches.
func Body(text *spanloomv1.TextMatch) Condition {
	return Condition{name: "body", log: func(f *spanloomv1.LogFilter) error { f.Body = text; return nil }}
}

// Within holds for what started, or was emitted, at or after start and before end; either may be the zero time.
func Within(start, end time.Time) Condition {
	period := &spanloomv1.TimeRange{}
	if !start.IsZero() {
		period.Start = timestamppb.New(start)
	}
	if !end.IsZero() {
		period.End = timestamppb.New(end)
	}
	return Condition{
		name: "time",
		span: func(f *spanloomv1.SpanFilter) error { f.Time = period; return nil },
		log:  func(f *spanloomv1.LogFilter) error { f.Time = period; return nil },
	}
}

// Exact matches text that is equal.
func Exact(text string) *spanloomv1.TextMatch {
	return &spanloomv1.TextMatch{Match: &spanloomv1.TextMatch_Exact{Exact: text}}
}

// Prefix matches text that begins so.
func Prefix(text string) *spanloomv1.TextMatch {
	return &spanloomv1.TextMatch{Match: &spanloomv1.TextMatch_Prefix{Prefix: text}}
}

// Containing matches text that contains this.
func Containing(text string) *spanloomv1.TextMatch {
	return &spanloomv1.TextMatch{Match: &spanloomv1.TextMatch_Contains{Contains: text}}
}

// Regex matches text in which an expression of RE2 is found, anywhere.
func Regex(expression string) *spanloomv1.TextMatch {
	return &spanloomv1.TextMatch{Match: &spanloomv1.TextMatch_Regex{Regex: expression}}
}
