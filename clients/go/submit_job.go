package spanloom

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// SubmitJob submits a job with one root task, and returns once the server has made it durable.
//
// Errors: InvalidField and LimitExceeded (caller); IdempotencyConflict; ConcurrencyRejected.
func SubmitJob[In, Out any](
	ctx context.Context, client *Client, task *Task[In, Out], input In, options ...JobOption,
) (*JobHandle[Out], error) {
	given := jobSettingsOf(options)
	roots := newSubmission()
	if _, err := addTasks(roots, task, []In{input}, unnumbered, given.ofRoot()); err != nil {
		return nil, err
	}
	job, err := client.Jobs.submit(ctx, roots, given, task.name)
	if err != nil {
		return nil, err
	}
	return newHandle(client.Jobs, job, outputOf[Out]), nil
}

// SubmitJobs submits one job for each input, in as few requests as can be.
//
// A job that is refused spoils no other: once all have been answered, the first refusal is the error.
func SubmitJobs[In, Out any](
	ctx context.Context, client *Client, task *Task[In, Out], inputs []In, options ...JobOption,
) ([]*JobHandle[Out], error) {
	given := jobSettingsOf(options)
	keys := given.job.keys
	if keys != nil && len(keys) != len(inputs) {
		const format = "cannot submit jobs: %d idempotency keys for %d inputs, must be one for each"
		return nil, invalid("idempotency_keys", format, len(keys), len(inputs))
	}
	requests := make([]*spanloomv1.SubmitJobRequest, len(inputs))
	for index, input := range inputs {
		roots := newSubmission()
		_, err := addTasks(roots, task, []In{input}, index, given.ofRoot())
		if err != nil {
			return nil, err
		}
		key := ""
		if keys != nil {
			key = keys[index]
		}
		if requests[index], err = given.request(roots, task.name, key); err != nil {
			return nil, err
		}
	}
	jobs, err := client.Jobs.submitAll(ctx, requests, given)
	if err != nil {
		return nil, err
	}
	handles := make([]*JobHandle[Out], len(jobs))
	for index, job := range jobs {
		handles[index] = newHandle(client.Jobs, job, outputOf[Out])
	}
	return handles, nil
}

// Compose submits one job with several roots: build submits them by [Submit] and [SubmitMany] with the context it is
// given, with dependencies among them. The result is the outputs of the roots, in order.
func (j *Jobs) Compose(
	ctx context.Context, name string, build func(ctx context.Context) error, options ...JobOption,
) (*JobHandle[[]json.RawMessage], error) {
	roots, err := compose(ctx, fmt.Sprintf("cannot submit job %q", name), build)
	if err != nil {
		return nil, err
	}
	job, err := j.submit(ctx, roots, jobSettingsOf(options), name)
	if err != nil {
		return nil, err
	}
	return newHandle(j, job, func(job *spanloomv1.Job) ([]json.RawMessage, error) {
		outputs := make([]json.RawMessage, len(job.GetOutputs()))
		for index, output := range job.GetOutputs() {
			outputs[index] = output
		}
		return outputs, nil
	}), nil
}

// compose gathers what build submits.
func compose(ctx context.Context, owner string, build func(context.Context) error) (*submission, error) {
	roots := newSubmission()
	defer roots.close()
	if err := build(withSubmission(ctx, roots)); err != nil {
		return nil, err
	}
	if count, _ := roots.size(); count == 0 {
		return nil, invalid("tasks", "%s: it has no tasks", owner)
	}
	return roots, nil
}

func (j *Jobs) submit(ctx context.Context, roots *submission, given settings, name string) (*spanloomv1.Job, error) {
	key := ""
	if len(given.job.keys) > 1 {
		const format = "cannot submit job %q: it was given %d idempotency keys, must be one"
		return nil, invalid("idempotency_keys", format, name, len(given.job.keys))
	} else if len(given.job.keys) == 1 {
		key = given.job.keys[0]
	}
	request, err := given.request(roots, name, key)
	if err != nil {
		return nil, err
	}
	ctx, span := j.spans.start(ctx, clientCall{operation: "submit", destination: destinationOf(given), trace: given.job})
	request.Trace = span.sent
	answer, err := unary(ctx, j.connection, j.calls.SubmitJob, request)
	if err == nil {
		span.found(answer.GetJob())
	}
	span.end(err)
	return answer.GetJob(), err
}

func destinationOf(given settings) string {
	if given.queue == "" {
		return "default"
	}
	return given.queue
}

func (j *Jobs) submitAll(
	ctx context.Context, requests []*spanloomv1.SubmitJobRequest, given settings,
) ([]*spanloomv1.Job, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	call := clientCall{operation: "submit", destination: destinationOf(given), count: len(requests), trace: given.job}
	ctx, span := j.spans.start(ctx, call)
	for _, request := range requests {
		request.Trace = span.sent
	}
	jobs, err := j.submitBatches(ctx, requests)
	span.end(err)
	return jobs, err
}

func (j *Jobs) submitBatches(ctx context.Context, requests []*spanloomv1.SubmitJobRequest) ([]*spanloomv1.Job, error) {
	var jobs []*spanloomv1.Job
	var refused error
	for len(requests) > 0 {
		count := batchSize(requests)
		answer, err := unary(ctx, j.connection, j.calls.SubmitJobs, &spanloomv1.SubmitJobsRequest{Jobs: requests[:count]})
		if err != nil {
			return nil, err
		}
		requests = requests[count:]
		for _, result := range answer.GetResults() {
			if problem := result.GetError(); problem != nil && refused == nil {
				refused = errorOfDetail(problem.GetDetail(), Internal, problem.GetMessage())
			}
			jobs = append(jobs, result.GetSubmitted().GetJob())
		}
	}
	if refused != nil {
		return nil, refused
	}
	return jobs, nil
}

// batchSize is how many of the requests the server takes at once.
func batchSize(requests []*spanloomv1.SubmitJobRequest) int {
	size := 0
	for index, request := range requests {
		size += proto.Size(request)
		if index > 0 && (index == maxJobsPerRequest || size > maxRequestBytes) {
			return index
		}
	}
	return len(requests)
}
