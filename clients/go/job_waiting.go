package spanloom

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/rpc"
)

const (
	// How long the server is asked to wait, and how much longer its answer may take.
	longPoll     = 20 * time.Second
	longPollMore = 15 * time.Second
	// Tries in a row to open a stream that breaks.
	maxWatchFailures = 5
)

// Wait waits until a job has ended, well or badly, and gives it with the outputs of its roots.
//
// A server that is away delays the answer and loses none: only the context bounds the wait.
//
// Errors: JobNotFound; DeadlineExceeded once the context's deadline has passed, and the job goes on.
func (j *Jobs) Wait(ctx context.Context, jobID string) (*spanloomv1.Job, error) {
	jobs, err := j.WaitAll(ctx, []string{jobID})
	if err != nil {
		return nil, err
	}
	return jobs[0], nil
}

// WaitAll waits as [Jobs.Wait] until each of several jobs has ended, and gives them in the order asked for.
func (j *Jobs) WaitAll(ctx context.Context, jobIDs []string) ([]*spanloomv1.Job, error) {
	ended := make(map[string]*spanloomv1.Job, len(jobIDs))
	missing := make([]string, 0, len(jobIDs))
	for _, id := range jobIDs {
		if _, known := ended[id]; !known {
			ended[id] = nil
			missing = append(missing, id)
		}
	}
	for len(missing) > 0 {
		jobs, err := j.waitOnce(ctx, missing[:min(len(missing), maxJobsPerRequest)])
		if err != nil {
			return nil, err
		}
		for _, job := range jobs {
			if job, err = j.withOutputs(ctx, job); err != nil {
				return nil, err
			}
			ended[job.GetId()] = job
		}
		missing = slices.DeleteFunc(missing, func(id string) bool { return ended[id] != nil })
	}
	all := make([]*spanloomv1.Job, len(jobIDs))
	for index, id := range jobIDs {
		all[index] = ended[id]
	}
	return all, nil
}

// waitOnce asks for those of the jobs that have ended, until there is an answer.
func (j *Jobs) waitOnce(ctx context.Context, jobIDs []string) ([]*spanloomv1.Job, error) {
	request := &spanloomv1.WaitJobsRequest{JobIds: jobIDs, Wait: durationpb.New(longPoll), IncludeOutputs: true}
	for failures := 1; ; failures++ {
		answer, err := j.calls.WaitJobs(rpc.WithTimeout(ctx, longPoll+longPollMore), connect.NewRequest(request))
		if err == nil {
			if unknown := answer.Msg.GetUnknownJobIds(); len(unknown) > 0 {
				message := fmt.Sprintf("cannot wait for job %q: no job has this id", unknown[0])
				return nil, &Error{Reason: JobNotFound, Message: message}
			}
			return answer.Msg.GetJobs(), nil
		}
		if ctx.Err() != nil {
			return nil, notEnded(ctx, jobIDs[0], err)
		}
		var problem *Error
		if !errors.As(err, &problem) || !problem.Retryable() {
			return nil, err
		}
		if rpc.Pause(ctx, rpc.Delay(failures, problem.RetryAfter)) != nil {
			return nil, notEnded(ctx, jobIDs[0], err)
		}
	}
}

// notEnded is the error of waiting with a context that is done.
func notEnded(ctx context.Context, jobID string, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message := fmt.Sprintf("cannot wait for job %q: it has not ended in time: %s", jobID, context.Cause(ctx))
		return &Error{Reason: DeadlineExceeded, Message: message, cause: errors.Join(ctx.Err(), err)}
	}
	return fmt.Errorf("cannot wait for job %q: %w", jobID, errors.Join(ctx.Err(), context.Cause(ctx)))
}

// Watch gives a job as it changes, starting with how it stands, and ends after the state that ended it, or with an error.
//
// A broken stream is opened again, so a state may come twice; five failures in a row are an error. Leaving the loop ends
// the stream. Errors: JobNotFound.
func (j *Jobs) Watch(ctx context.Context, jobID string) iter.Seq2[*spanloomv1.Job, error] {
	return func(yield func(*spanloomv1.Job, error) bool) {
		failures := 0
		for {
			done, err := j.watchOnce(ctx, jobID, func(job *spanloomv1.Job) bool {
				failures = 0
				return yield(job, nil)
			})
			if done {
				return
			}
			failures++
			if !errors.Is(err, context.Canceled) && failures < maxWatchFailures && j.pauseAfter(ctx, failures, err) {
				continue
			}
			yield(nil, err)
			return
		}
	}
}

// watchOnce reads one stream; done when the job has ended, or give wants no more.
func (j *Jobs) watchOnce(ctx context.Context, jobID string, give func(*spanloomv1.Job) bool) (done bool, err error) {
	within, cancel := context.WithCancel(ctx)
	stream, err := j.calls.WatchJob(within, connect.NewRequest(&spanloomv1.WatchJobRequest{JobId: jobID}))
	if err != nil {
		cancel()
		return false, err
	}
	defer func() {
		cancel()
		// Of a stream that nobody reads any more there is nothing to be told.
		stream.Close() //nolint:errcheck
	}()
	for stream.Receive() {
		job := stream.Msg().GetJob()
		if !give(job) || Ended(job) {
			return true, nil
		}
	}
	if err := stream.Err(); err != nil {
		return false, err
	}
	return false, &Error{Reason: StoreUnavailable, Message: "cannot watch job: the stream ended before the job did"}
}

// pauseAfter waits after a failure; false when there is no use in going on.
func (j *Jobs) pauseAfter(ctx context.Context, failures int, err error) bool {
	var problem *Error
	if !errors.As(err, &problem) || !problem.Retryable() || ctx.Err() != nil {
		return false
	}
	return rpc.Pause(ctx, rpc.Delay(failures, problem.RetryAfter)) == nil
}
