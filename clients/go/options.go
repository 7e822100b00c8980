package spanloom

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// Retry says when and how often a failed attempt is tried again; a task without one has a single attempt. Fields that are
// zero are left to the server.
//
// Units: MaxAttempts 1..1000, the first included; Factor 1..100; Jitter 0..1, the share of a delay that is random.
// Source: proto/spanloom/v1/task.proto RetryPolicy.
type Retry struct {
	MaxAttempts  uint32
	InitialDelay time.Duration
	Factor       float64
	MaxDelay     time.Duration
	Jitter       float64
	// Types of errors, as reported with a failure, that are never tried again.
	NonRetryableTypes []string
}

// Concurrency bounds how many holders share a key: running attempts for a task's key, jobs for a job's.
type Concurrency struct {
	Key    string
	Limit  uint32
	Policy spanloomv1.ConcurrencyPolicy
	// Most newcomers that may wait for a place; of jobs alone. Zero means any number.
	MaxWaiting uint32
}

// What happens to a newcomer whose concurrency key is full: it waits for a place; the longest-running holder is stopped
// for it; or it is refused.
const (
	ConcurrencyWait          = spanloomv1.ConcurrencyPolicy_CONCURRENCY_POLICY_WAIT
	ConcurrencyCancelRunning = spanloomv1.ConcurrencyPolicy_CONCURRENCY_POLICY_CANCEL_RUNNING
	ConcurrencyRejectNew     = spanloomv1.ConcurrencyPolicy_CONCURRENCY_POLICY_REJECT_NEW
)

// RateLimit bounds how many attempts that share a key start in each window.
type RateLimit struct {
	Key    string
	Limit  uint32
	Window time.Duration
}

// TaskOption is an option of a task's definition: of [NewTask] and [Declare].
type TaskOption interface{ setTask(*settings) }

// SubmitOption is an option of tasks submitted by [Submit] and [SubmitMany]; it beats the definition's.
type SubmitOption interface{ setSubmit(*settings) }

// SpecOption is an option of a definition, and of a submission, which beats it.
type SpecOption interface {
	TaskOption
	SubmitOption
}

// Option is an option of a definition, a submission, or a whole job.
type Option interface {
	SpecOption
	JobOption
}

// settings is what options set; nil and empty leave it to whoever comes next, at last the server.
type settings struct {
	version      string
	queue        string
	retry        *Retry
	timeout      *time.Duration
	queueTimeout *time.Duration
	optional     *bool
	priority     *int32
	concurrency  *Concurrency
	rateLimit    *RateLimit
	startDelay   *time.Duration
	dependsOn    []Ref
	displays     []string
	displayed    bool
	job          jobSettings
}

type (
	taskOption   func(*settings)
	submitOption func(*settings)
	specOption   func(*settings)
	anyOption    func(*settings)
)

func (o taskOption) setTask(s *settings)     { o(s) }
func (o submitOption) setSubmit(s *settings) { o(s) }
func (o specOption) setTask(s *settings)     { o(s) }
func (o specOption) setSubmit(s *settings)   { o(s) }
func (o anyOption) setTask(s *settings)      { o(s) }
func (o anyOption) setSubmit(s *settings)    { o(s) }
func (o anyOption) setJob(s *settings)       { o(s) }

// WithVersion gives the task's version, "major.minor"; without it, "1.0". A runner takes tasks of the same major version
// and at most its own minor one.
func WithVersion(version string) TaskOption {
	return taskOption(func(s *settings) { s.version = version })
}

// WithQueue names the queue that tasks wait in, or the queue of a job's tasks that name none.
func WithQueue(name string) Option { return anyOption(func(s *settings) { s.queue = name }) }

// WithPriority says which tasks run first: those with a higher one. Of a job, that of its tasks that have none.
func WithPriority(priority int32) Option {
	return anyOption(func(s *settings) { s.priority = &priority })
}

// WithRetry says when a failed attempt is tried again; given with a job, that of its root.
func WithRetry(retry Retry) Option { return anyOption(func(s *settings) { s.retry = &retry }) }

// WithConcurrency bounds how many attempts of tasks with the key run at once, or how many jobs with it.
func WithConcurrency(concurrency Concurrency) Option {
	return anyOption(func(s *settings) { s.concurrency = &concurrency })
}

// WithTimeout bounds how long an attempt may run.
func WithTimeout(timeout time.Duration) SpecOption {
	return specOption(func(s *settings) { s.timeout = &timeout })
}

// WithQueueTimeout bounds how long a task may wait in its queue; one that waits longer fails.
func WithQueueTimeout(timeout time.Duration) SpecOption {
	return specOption(func(s *settings) { s.queueTimeout = &timeout })
}

// WithOptional bounds a failure to the task's subtree: the job goes on, and what depends on the task still runs.
func WithOptional(optional bool) SpecOption {
	return specOption(func(s *settings) { s.optional = &optional })
}

// WithRateLimit bounds how many attempts start in each window.
func WithRateLimit(limit RateLimit) SpecOption {
	return specOption(func(s *settings) { s.rateLimit = &limit })
}

// WithStartDelay starts tasks no earlier than that long after their dependencies are done.
func WithStartDelay(delay time.Duration) SubmitOption {
	return submitOption(func(s *settings) { s.startDelay = &delay })
}

// DependsOn lets tasks wait for all tasks of the references, which are of the same submission, subtrees included.
func DependsOn(tasks ...Ref) SubmitOption {
	return submitOption(func(s *settings) { s.dependsOn = append(s.dependsOn, tasks...) })
}

// WithDisplay gives text for people, one for each task that is submitted; with a job, that of its root.
func WithDisplay(texts ...string) interface {
	SubmitOption
	JobOption
} {
	return displayOption(texts)
}

type displayOption []string

func (o displayOption) setSubmit(s *settings) { s.displays, s.displayed = o, true }
func (o displayOption) setJob(s *settings)    { s.displays, s.displayed = o, true }

// over gives s with everything set in it that is set in other.
func (s settings) over(other settings) settings {
	if other.queue != "" {
		s.queue = other.queue
	}
	s.retry = either(other.retry, s.retry)
	s.timeout = either(other.timeout, s.timeout)
	s.queueTimeout = either(other.queueTimeout, s.queueTimeout)
	s.optional = either(other.optional, s.optional)
	s.priority = either(other.priority, s.priority)
	s.concurrency = either(other.concurrency, s.concurrency)
	s.rateLimit = either(other.rateLimit, s.rateLimit)
	s.startDelay = either(other.startDelay, s.startDelay)
	return s
}

func either[T any](first, second *T) *T {
	if first != nil {
		return first
	}
	return second
}

// check refuses the first value out of range; owner starts the message.
func (s settings) check(owner string) error {
	for _, each := range []struct {
		field string
		value *time.Duration
		least time.Duration
	}{{"timeout", s.timeout, time.Millisecond}, {"queue_timeout", s.queueTimeout, time.Millisecond}, {"start_delay", s.startDelay, 0}} {
		if each.value != nil && *each.value < each.least {
			return invalid(each.field, "%s: %s is %s, must be at least %s", owner, each.field, *each.value, each.least)
		}
	}
	if s.retry != nil {
		return s.retry.check(owner)
	}
	return nil
}

func (r *Retry) check(owner string) error {
	switch {
	case r.MaxAttempts > 1000:
		return invalid("max_attempts", "%s: max_attempts is %d, must be a whole number in 1..1000", owner, r.MaxAttempts)
	case r.InitialDelay < 0:
		return invalid("initial_delay", "%s: initial_delay is %s, must be at least 0s", owner, r.InitialDelay)
	case r.MaxDelay < 0:
		return invalid("max_delay", "%s: max_delay is %s, must be at least 0s", owner, r.MaxDelay)
	case r.Factor != 0 && !within(r.Factor, 1, 100):
		return invalid("factor", "%s: factor is %v, must be a number in 1..100", owner, r.Factor)
	case !within(r.Jitter, 0, 1):
		return invalid("jitter", "%s: jitter is %v, must be a number in 0..1", owner, r.Jitter)
	default:
		return nil
	}
}

func within(value, least, most float64) bool {
	return !math.IsNaN(value) && value >= least && value <= most
}

// spec is what tasks of a kind have in common, as it travels.
func (s settings) spec(name, version string) (*spanloomv1.TaskSpec, error) {
	if err := s.check(fmt.Sprintf("cannot submit task %q", name)); err != nil {
		return nil, err
	}
	spec := &spanloomv1.TaskSpec{
		Identifier:     &spanloomv1.TaskIdentifier{Name: name, Version: version},
		Queue:          s.queue,
		Optional:       s.optional != nil && *s.optional,
		AttemptTimeout: toDuration(s.timeout),
		QueueTimeout:   toDuration(s.queueTimeout),
		StartDelay:     toDuration(s.startDelay),
		Priority:       s.priority,
		Retry:          s.retry.message(),
		Concurrency:    s.concurrency.message(),
	}
	if s.rateLimit != nil {
		spec.RateLimit = &spanloomv1.RateLimit{
			Key: s.rateLimit.Key, Limit: s.rateLimit.Limit, Window: durationpb.New(s.rateLimit.Window),
		}
	}
	return spec, nil
}

func (r *Retry) message() *spanloomv1.RetryPolicy {
	if r == nil {
		return nil
	}
	policy := &spanloomv1.RetryPolicy{
		MaxAttempts: r.MaxAttempts, Factor: r.Factor, Jitter: r.Jitter, NonRetryableTypes: r.NonRetryableTypes,
	}
	if r.InitialDelay != 0 {
		policy.InitialDelay = durationpb.New(r.InitialDelay)
	}
	if r.MaxDelay != 0 {
		policy.MaxDelay = durationpb.New(r.MaxDelay)
	}
	return policy
}

func (c *Concurrency) message() *spanloomv1.Concurrency {
	if c == nil {
		return nil
	}
	message := &spanloomv1.Concurrency{Key: c.Key, Limit: c.Limit, Policy: c.Policy}
	if c.MaxWaiting != 0 {
		message.MaxWaiting = &c.MaxWaiting
	}
	return message
}

func toDuration(value *time.Duration) *durationpb.Duration {
	if value == nil {
		return nil
	}
	return durationpb.New(*value)
}
