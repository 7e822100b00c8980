package spanloom

import (
	"context"
	"fmt"
	"iter"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// JobHandle is a submitted job, whose result is an Out. It holds nothing open: letting it go costs nothing, and [Jobs]
// does the same by id.
type JobHandle[Out any] struct {
	// Submitted is the job as the server answered.
	Submitted *spanloomv1.Job

	jobs     *Jobs
	outputOf func(*spanloomv1.Job) (Out, error)
}

func newHandle[Out any](jobs *Jobs, job *spanloomv1.Job, outputOf func(*spanloomv1.Job) (Out, error)) *JobHandle[Out] {
	return &JobHandle[Out]{Submitted: job, jobs: jobs, outputOf: outputOf}
}

// outputOf is the output of a job's first root.
func outputOf[Out any](job *spanloomv1.Job) (Out, error) {
	var output []byte
	if outputs := job.GetOutputs(); len(outputs) > 0 {
		output = outputs[0]
	}
	return decodePayload[Out](output, fmt.Sprintf("cannot read the output of job %q", job.GetName()))
}

// ID of the job, a UUIDv7.
func (h *JobHandle[Out]) ID() string { return h.Submitted.GetId() }

// Name of the job.
func (h *JobHandle[Out]) Name() string { return h.Submitted.GetName() }

// TraceID is the trace that the job's spans are in, 32 hex digits.
func (h *JobHandle[Out]) TraceID() string { return h.Submitted.GetSpan().GetTraceId() }

// Wait waits until the job has ended, well or badly; see [Jobs.Wait].
func (h *JobHandle[Out]) Wait(ctx context.Context) (*spanloomv1.Job, error) {
	return h.jobs.Wait(ctx, h.ID())
}

// Result waits for the job and gives its output. Errors: a [*JobFailedError] when it did not succeed; those of Wait.
func (h *JobHandle[Out]) Result(ctx context.Context) (Out, error) {
	var none Out
	job, err := h.Wait(ctx)
	if err != nil {
		return none, err
	}
	if job.GetState() != spanloomv1.JobState_JOB_STATE_SUCCEEDED {
		return none, &JobFailedError{Job: job}
	}
	return h.outputOf(job)
}

// Watch gives the job as it changes; see [Jobs.Watch].
func (h *JobHandle[Out]) Watch(ctx context.Context) iter.Seq2[*spanloomv1.Job, error] {
	return h.jobs.Watch(ctx, h.ID())
}

// Cancel cancels the job; see [Jobs.Cancel].
func (h *JobHandle[Out]) Cancel(ctx context.Context, reason string) (*spanloomv1.Job, error) {
	return h.jobs.Cancel(ctx, h.ID(), reason)
}

// Retry runs failed, cancelled and skipped tasks of the ended job again; see [Jobs.Retry].
func (h *JobHandle[Out]) Retry(ctx context.Context, taskIDs ...string) (*spanloomv1.Job, error) {
	return h.jobs.Retry(ctx, h.ID(), taskIDs...)
}
