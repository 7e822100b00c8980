package spanloom

import (
	"maps"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/tracing"
)

const (
	maxJobsPerRequest = 1_000
	// A quarter of what a server reads, as for results of a runner.
	maxRequestBytes = 4 * 1024 * 1024
)

// JobOption is an option of a job: of [SubmitJob], [SubmitJobs] and [Jobs.Compose].
type JobOption interface{ setJob(*settings) }

type jobSettings struct {
	name      string
	tags      map[string]string
	keys      []string
	startAt   time.Time
	deadline  *time.Duration
	traceMode spanloomv1.TraceMode
	noTrace   bool
}

type jobOption func(*jobSettings)

func (o jobOption) setJob(s *settings) { o(&s.job) }

// WithName names the job; without it, it has the name of its task.
func WithName(name string) JobOption { return jobOption(func(s *jobSettings) { s.name = name }) }

// WithTags adds tags.
//
// A valid traceparent among them, with tracestate and baggage, is no tag but the trace context that the job is submitted
// in: the metadata of the message it is made from, say.
func WithTags(tags map[string]string) JobOption {
	return jobOption(func(s *jobSettings) {
		if s.tags == nil {
			s.tags = map[string]string{}
		}
		maps.Copy(s.tags, tags)
	})
}

// WithIdempotencyKey gives the key of a submission, or of [SubmitJobs] one for each: the same key with the same request
// finds the job that is there already. Without it, the client makes one for each call, so that repeating it is safe.
func WithIdempotencyKey(keys ...string) JobOption {
	return jobOption(func(s *jobSettings) { s.keys = keys })
}

// WithStartAt starts the job no earlier than that.
func WithStartAt(at time.Time) JobOption { return jobOption(func(s *jobSettings) { s.startAt = at }) }

// WithDeadline fails the job unless it has ended that long after its submission.
func WithDeadline(after time.Duration) JobOption {
	return jobOption(func(s *jobSettings) { s.deadline = &after })
}

// How a job's trace relates to the span of its submission: the job's span is a child of that in the same trace, or starts
// a trace of its own that links to it.
const (
	TraceChild = spanloomv1.TraceMode_TRACE_MODE_CHILD
	TraceLink  = spanloomv1.TraceMode_TRACE_MODE_LINK
)

// WithTraceMode says how the job's trace relates to the span of its submission, which is that of the context. Without it,
// as [TraceChild].
func WithTraceMode(mode spanloomv1.TraceMode) JobOption {
	return jobOption(func(s *jobSettings) { s.traceMode = mode })
}

// WithoutTrace keeps the trace context to itself: the job starts a trace that links to nothing.
func WithoutTrace() JobOption { return jobOption(func(s *jobSettings) { s.noTrace = true }) }

func jobSettingsOf(options []JobOption) settings {
	var made settings
	for _, option := range options {
		option.setJob(&made)
	}
	return made
}

// ofRoot is what of a job's settings is its root's.
func (s settings) ofRoot() settings {
	return settings{retry: s.retry, displays: s.displays, displayed: s.displayed}
}

// request is the request that submits one job, but for its trace context.
func (s settings) request(roots *submission, name, key string) (*spanloomv1.SubmitJobRequest, error) {
	if s.job.name != "" {
		name = s.job.name
	}
	if s.job.deadline != nil && *s.job.deadline < time.Millisecond {
		const format = "cannot submit job %q: deadline is %s, must be at least 1ms"
		return nil, invalid("deadline", format, name, *s.job.deadline)
	}
	tasks, err := roots.build()
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = NewID()
	}
	request := &spanloomv1.SubmitJobRequest{
		Name:           name,
		Tasks:          tasks,
		IdempotencyKey: key,
		Tags:           s.job.ownTags(),
		Queue:          s.queue,
		Concurrency:    s.concurrency.message(),
		Deadline:       toDuration(s.job.deadline),
		TraceMode:      s.job.traceMode,
	}
	if s.priority != nil {
		request.Priority = *s.priority
	}
	if !s.job.startAt.IsZero() {
		request.StartAt = timestamppb.New(s.job.startAt)
	}
	return request, nil
}

// ownTags are the tags without the trace context, where there is one among them.
func (s jobSettings) ownTags() map[string]string {
	if !s.carrier().Valid() {
		return s.tags
	}
	own := maps.Clone(s.tags)
	maps.DeleteFunc(own, func(name, _ string) bool { return isTraceHeader(name) })
	return own
}

// carrier is the trace context among the tags, if there is one.
func (s jobSettings) carrier() tracing.Carrier {
	found := map[string]string{}
	for name, value := range s.tags {
		found[strings.ToLower(name)] = value
	}
	return tracing.Carrier{Traceparent: found["traceparent"], Tracestate: found["tracestate"], Baggage: found["baggage"]}
}

func isTraceHeader(name string) bool {
	switch strings.ToLower(name) {
	case "traceparent", "tracestate", "baggage":
		return true
	default:
		return false
	}
}
