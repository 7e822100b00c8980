package spanloom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
)

const maxPageSize = 1_000

// Jobs of one server. Jobs and tasks are the protocol's own messages, as they stood when the server answered.
//
// Every call is made again on transient errors; idempotency keys keep that from doing anything twice.
//
// Errors: an [*Error]; its reason is StoreUnavailable when five tries reached no server. A context that is cancelled ends
// calls with an error that wraps context.Canceled, one whose deadline passes with DeadlineExceeded.
// Concurrency: safe from any goroutine.
type Jobs struct {
	connection *connection
	calls      spanloomv1connect.JobServiceClient
	spans      *clientSpans
}

// Get gives a job, outputs of its roots included, which [Decode] reads. Errors: JobNotFound.
func (j *Jobs) Get(ctx context.Context, jobID string) (*spanloomv1.Job, error) {
	request := &spanloomv1.GetJobRequest{JobId: jobID, IncludeOutputs: true}
	answer, err := unary(ctx, j.connection, j.calls.GetJob, request)
	if errors.Is(err, LimitExceeded) {
		// The outputs are too large for one answer.
		answer, err = unary(ctx, j.connection, j.calls.GetJob, &spanloomv1.GetJobRequest{JobId: jobID})
	}
	if err != nil {
		return nil, err
	}
	return j.withOutputs(ctx, answer.GetJob())
}

// List gives jobs that match, newest first, page by page as they are read; at most limit, unless that is 0. A nil filter
// matches all.
func (j *Jobs) List(ctx context.Context, filter *spanloomv1.JobFilter, limit int) iter.Seq2[*spanloomv1.Job, error] {
	return pages(limit, func(size uint32, token string) ([]*spanloomv1.Job, string, error) {
		request := &spanloomv1.ListJobsRequest{Filter: filter, PageSize: size, PageToken: token}
		answer, err := unary(ctx, j.connection, j.calls.ListJobs, request)
		return answer.GetJobs(), answer.GetNextPageToken(), err
	})
}

// TasksOptions says which of a job's tasks to give; fields left out mean all.
type TasksOptions struct {
	// ParentID is the task whose direct children are wanted.
	ParentID string
	// States that are wanted.
	States []spanloomv1.TaskState
	// Payloads includes inputs and outputs, which [Decode] reads.
	Payloads bool
	// Limit is the most tasks that are wanted.
	Limit int
}

// Tasks gives a job's tasks in the order they were created, page by page as they are read. Errors: JobNotFound.
func (j *Jobs) Tasks(ctx context.Context, jobID string, options TasksOptions) iter.Seq2[*spanloomv1.Task, error] {
	return pages(options.Limit, func(size uint32, token string) ([]*spanloomv1.Task, string, error) {
		request := &spanloomv1.ListTasksRequest{
			JobId: jobID, ParentId: options.ParentID, States: options.States, IncludePayloads: options.Payloads,
			PageSize: size, PageToken: token,
		}
		answer, err := unary(ctx, j.connection, j.calls.ListTasks, request)
		return answer.GetTasks(), answer.GetNextPageToken(), err
	})
}

// Task gives a task with its attempts, input and output. Errors: TaskNotFound.
func (j *Jobs) Task(ctx context.Context, taskID string) (*spanloomv1.Task, error) {
	answer, err := unary(ctx, j.connection, j.calls.GetTask, &spanloomv1.GetTaskRequest{TaskId: taskID})
	return answer.GetTask(), err
}

// Count counts the jobs that match by state; states without jobs are left out. A nil filter matches all.
func (j *Jobs) Count(ctx context.Context, filter *spanloomv1.JobFilter) (map[spanloomv1.JobState]uint64, error) {
	answer, err := unary(ctx, j.connection, j.calls.CountJobs, &spanloomv1.CountJobsRequest{Filter: filter})
	if err != nil {
		return nil, err
	}
	counts := map[spanloomv1.JobState]uint64{}
	for _, each := range answer.GetCounts() {
		counts[each.GetState()] = each.GetCount()
	}
	return counts, nil
}

// Queues gives the backlog of the queues named, or of all that have had tasks, by name.
func (j *Jobs) Queues(ctx context.Context, names ...string) (map[string]*spanloomv1.QueueStats, error) {
	answer, err := unary(ctx, j.connection, j.calls.GetQueueStats, &spanloomv1.GetQueueStatsRequest{Queues: names})
	if err != nil {
		return nil, err
	}
	stats := map[string]*spanloomv1.QueueStats{}
	for _, each := range answer.GetQueues() {
		stats[each.GetQueue()] = each
	}
	return stats, nil
}

// Cancel cancels a job, and gives it as it then stands. One that has ended is left as it is. Errors: JobNotFound.
func (j *Jobs) Cancel(ctx context.Context, jobID, reason string) (*spanloomv1.Job, error) {
	ctx, span := j.spans.start(ctx, clientCall{operation: "cancel", jobID: jobID})
	request := &spanloomv1.CancelJobRequest{JobId: jobID, Reason: reason}
	answer, err := unary(ctx, j.connection, j.calls.CancelJob, request)
	if err == nil {
		span.found(answer.GetJob())
	}
	span.end(err)
	return answer.GetJob(), err
}

// Retry runs failed, cancelled and skipped tasks of an ended job again: all, or those named.
//
// Errors: JobNotFound, TaskNotFound; InvalidState when the job has not ended or there is nothing to run.
func (j *Jobs) Retry(ctx context.Context, jobID string, taskIDs ...string) (*spanloomv1.Job, error) {
	ctx, span := j.spans.start(ctx, clientCall{operation: "retry", jobID: jobID})
	request := &spanloomv1.RetryJobRequest{JobId: jobID, TaskIds: taskIDs, IdempotencyKey: NewID()}
	answer, err := unary(ctx, j.connection, j.calls.RetryJob, request)
	if err == nil {
		span.found(answer.GetJob())
	}
	span.end(err)
	return answer.GetJob(), err
}

// CloneOptions says what a clone has of its own; fields left out are as they were.
type CloneOptions struct {
	Name string
	// Tags that replace or add to the old.
	Tags map[string]string
	// Inputs that replace those of roots, by their place among them from 0.
	Inputs map[uint32]any
	// Build submits other roots altogether, as of [Jobs.Compose].
	Build func(ctx context.Context) error
	// IdempotencyKey of the new submission; the client makes one where there is none.
	IdempotencyKey string
	// TraceMode says how the clone's trace relates to the context's span.
	TraceMode spanloomv1.TraceMode
}

// Clone submits a new job from another's roots, with edits; its result is the output of its first root.
//
// Errors: JobNotFound; those of [SubmitJob].
func (j *Jobs) Clone(ctx context.Context, jobID string, options CloneOptions) (*JobHandle[json.RawMessage], error) {
	request, err := cloneRequest(ctx, jobID, options)
	if err != nil {
		return nil, err
	}
	ctx, span := j.spans.start(ctx, clientCall{operation: "clone", jobID: jobID})
	request.Trace = span.sent
	answer, err := unary(ctx, j.connection, j.calls.CloneJob, request)
	if err == nil {
		span.found(answer.GetJob())
	}
	span.end(err)
	if err != nil {
		return nil, err
	}
	return newHandle(j, answer.GetJob(), outputOf[json.RawMessage]), nil
}

func cloneRequest(ctx context.Context, jobID string, options CloneOptions) (*spanloomv1.CloneJobRequest, error) {
	owner := fmt.Sprintf("cannot clone job %q", jobID)
	request := &spanloomv1.CloneJobRequest{
		JobId: jobID, Name: options.Name, Tags: maps.Clone(options.Tags), IdempotencyKey: options.IdempotencyKey,
		TraceMode: options.TraceMode,
	}
	if request.GetIdempotencyKey() == "" {
		request.IdempotencyKey = NewID()
	}
	for place, input := range options.Inputs {
		data, err := encodeInput(input, fmt.Sprintf("%s, input %d", owner, place))
		if err != nil {
			return nil, err
		}
		if request.Inputs == nil {
			request.Inputs = map[uint32][]byte{}
		}
		request.Inputs[place] = data
	}
	if options.Build == nil {
		return request, nil
	}
	roots, err := compose(ctx, owner, options.Build)
	if err != nil {
		return nil, err
	}
	request.Tasks, err = roots.build()
	return request, err
}

// withOutputs gives a succeeded job with its outputs, which a server leaves out of an answer that they would make too
// large.
func (j *Jobs) withOutputs(ctx context.Context, job *spanloomv1.Job) (*spanloomv1.Job, error) {
	if job.GetState() != spanloomv1.JobState_JOB_STATE_SUCCEEDED || len(job.GetOutputs()) > 0 {
		return job, nil
	}
	for task, err := range j.Tasks(ctx, job.GetId(), TasksOptions{Payloads: true}) {
		if err != nil {
			return nil, err
		}
		// Roots come first.
		if task.GetParentId() != "" {
			break
		}
		job.Outputs = append(job.Outputs, task.GetOutput())
	}
	return job, nil
}

// pages gives the entries of a listing, reading the next page when the one before is used up.
func pages[Entry any](limit int, read func(size uint32, token string) ([]Entry, string, error)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var none Entry
		if limit < 0 {
			yield(none, invalid("limit", "cannot list: limit is %d, must be 0 or more", limit))
			return
		}
		token := ""
		for left := limit; limit == 0 || left > 0; {
			size := maxPageSize
			if limit > 0 {
				size = min(left, maxPageSize)
			}
			entries, next, err := read(uint32(size), token)
			if err != nil {
				yield(none, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
			left -= len(entries)
			if token = next; token == "" {
				return
			}
		}
	}
}
