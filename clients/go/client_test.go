package spanloom_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/testserver"
)

func TestSubmitsAndFindsAJob(t *testing.T) {
	client, queue := connected(t)
	before := time.Now().Add(-time.Minute)
	handle, err := spanloom.SubmitJob(t.Context(), client, echo, any(1),
		spanloom.WithName("named"), spanloom.WithQueue(queue), spanloom.WithPriority(7), spanloom.WithDisplay("one"),
		spanloom.WithTags(map[string]string{"team": queue}), spanloom.WithStartAt(before), spanloom.WithDeadline(time.Hour),
		spanloom.WithRetry(spanloom.Retry{MaxAttempts: 4}))
	if err != nil {
		t.Fatal(err)
	}
	job, err := client.Jobs.Get(t.Context(), handle.ID())
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(job.GetName(), job.GetQueue(), job.GetPriority(), job.GetTags(), spanloom.StateName(job.GetState()))
	if want := fmt.Sprint("named", queue, 7, map[string]string{"team": queue}, "QUEUED"); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if job.GetCreatedAt().AsTime().Before(before) || handle.Name() != "named" || len(handle.TraceID()) != 32 {
		t.Errorf("%v", job)
	}
	filter := &spanloomv1.JobFilter{Tags: map[string]string{"team": queue}, CreatedAfter: timestamppb.New(before)}
	if found := listed(t, client, filter, 5); len(found) != 1 || found[0].GetId() != handle.ID() {
		t.Errorf("%v", found)
	}
	counts, err := client.Jobs.Count(t.Context(), &spanloomv1.JobFilter{Queue: queue})
	if err != nil || !reflect.DeepEqual(counts, map[spanloomv1.JobState]uint64{spanloomv1.JobState_JOB_STATE_QUEUED: 1}) {
		t.Error(counts, err)
	}
	queues, err := client.Jobs.Queues(t.Context(), queue)
	if err != nil || queues[queue].GetQueued() != 1 {
		t.Error(queues, err)
	}
	for task, err := range client.Jobs.Tasks(t.Context(), handle.ID(), spanloom.TasksOptions{Payloads: true}) {
		if err != nil || string(task.GetInput()) != "1" || task.GetDisplay() != "one" || task.GetMaxAttempts() != 4 {
			t.Error(task, err)
		}
		again, err := client.Jobs.Task(t.Context(), task.GetId())
		if err != nil || spanloom.SpanIDOf(again.GetId()) != again.GetSpan().GetSpanId() {
			t.Error(again, err)
		}
	}
}

func listed(t *testing.T, client *spanloom.Client, filter *spanloomv1.JobFilter, limit int) []*spanloomv1.Job {
	t.Helper()
	var jobs []*spanloomv1.Job
	for job, err := range client.Jobs.List(t.Context(), filter, limit) {
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job)
	}
	return jobs
}

func TestListsPageByPage(t *testing.T) {
	client, queue := connected(t)
	inputs := make([]any, 1_205)
	handles, err := spanloom.SubmitJobs(t.Context(), client, echo, inputs, spanloom.WithQueue(queue))
	if err != nil {
		t.Fatal(err)
	}
	different := map[string]bool{}
	for _, handle := range handles {
		different[handle.ID()] = true
	}
	filter := &spanloomv1.JobFilter{Queue: queue}
	if all, some := len(listed(t, client, filter, 0)), len(listed(t, client, filter, 1_001)); len(different) != 1_205 || all != 1_205 || some != 1_001 {
		t.Errorf("%d submitted, %d listed, %d with a limit", len(different), all, some)
	}
	for _, err := range client.Jobs.List(t.Context(), nil, -1) {
		if spanloom.ReasonOf(err) != spanloom.InvalidField {
			t.Error(err)
		}
	}
	for range client.Jobs.List(t.Context(), filter, 0) {
		break
	}
}

func TestReturnsTheJobOfAnIdempotencyKey(t *testing.T) {
	client, queue := connected(t)
	key := spanloom.WithIdempotencyKey(queue)
	first, err := spanloom.SubmitJob(t.Context(), client, echo, any(1), key)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := spanloom.SubmitJob(t.Context(), client, echo, any(1), key); err != nil || second.ID() != first.ID() {
		t.Error(second, err)
	}
	_, err = spanloom.SubmitJob(t.Context(), client, echo, any(2), key)
	var problem *spanloom.Error
	if !errors.As(err, &problem) || !errors.Is(err, spanloom.IdempotencyConflict) || problem.Metadata["job_id"] != first.ID() {
		t.Errorf("%v", err)
	}
	keys := spanloom.WithIdempotencyKey(queue, queue+"-2")
	several, err := spanloom.SubmitJobs(t.Context(), client, echo, []any{1, 2}, keys)
	if err != nil || several[0].ID() != first.ID() {
		t.Error(err)
	}
	for _, err := range []error{
		failureOf(spanloom.SubmitJobs(t.Context(), client, echo, []any{1, 2, 3}, keys)),
		failureOf(spanloom.SubmitJob(t.Context(), client, echo, any(1), keys)),
	} {
		if spanloom.ReasonOf(err) != spanloom.InvalidField {
			t.Error(err)
		}
	}
}

func TestComposesAJobOfSeveralRoots(t *testing.T) {
	client, queue := connected(t)
	serve(t, client, queue, echo)
	handle, err := client.Jobs.Compose(t.Context(), "composed", func(ctx context.Context) error {
		first, err := spanloom.SubmitMany(ctx, echo, []any{"a", "b"})
		if err != nil {
			return err
		}
		_, err = spanloom.Submit(ctx, echo, any("c"), spanloom.DependsOn(first))
		return err
	}, spanloom.WithQueue(queue))
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := handle.Result(t.Context())
	if err != nil || fmt.Sprintf("%s", outputs) != `["a" "b" "c"]` || handle.Name() != "composed" {
		t.Errorf("%s, %v", outputs, err)
	}
	_, err = client.Jobs.Compose(t.Context(), "empty", func(context.Context) error { return nil })
	if err == nil || err.Error() != `cannot submit job "empty": it has no tasks` {
		t.Error(err)
	}
	wrong := errors.New("not today")
	if _, err = client.Jobs.Compose(t.Context(), "wrong", func(context.Context) error { return wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
}

func TestReadsOutputsThatNoAnswerHasRoomFor(t *testing.T) {
	client, queue := connected(t)
	large := spanloom.NewTask("large", func(_ context.Context, n int) (string, error) {
		return fmt.Sprintf("%d%s", n, strings.Repeat("x", 250_000)), nil
	})
	serve(t, client, queue, large)
	const roots = 80
	handle, err := client.Jobs.Compose(t.Context(), "large", func(ctx context.Context) error {
		inputs := make([]int, roots)
		for n := range inputs {
			inputs[n] = n
		}
		return failureOf(spanloom.SubmitMany(ctx, large, inputs))
	}, spanloom.WithQueue(queue))
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := handle.Result(t.Context())
	if err != nil || len(outputs) != roots || !strings.HasPrefix(string(outputs[roots-1]), `"79xx`) {
		t.Errorf("%d outputs, %v", len(outputs), err)
	}
	if job, err := client.Jobs.Get(t.Context(), handle.ID()); err != nil || len(job.GetOutputs()) != roots {
		t.Errorf("%d outputs, %v", len(job.GetOutputs()), err)
	}
}

func TestWatchesAJobToItsEnd(t *testing.T) {
	client, queue := connected(t)
	handle := submitted(t, client, 1, spanloom.WithQueue(queue))
	var states []string
	for job, err := range handle.Watch(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, spanloom.StateName(job.GetState()))
		if len(states) == 1 {
			serve(t, client, queue, echo)
		}
	}
	if states[0] != "QUEUED" || states[len(states)-1] != "SUCCEEDED" {
		t.Error(states)
	}
	for _, err := range client.Jobs.Watch(t.Context(), unknownID) {
		if !errors.Is(err, spanloom.JobNotFound) {
			t.Error(err)
		}
	}
}

func submitted(t *testing.T, client *spanloom.Client, input any, options ...spanloom.JobOption) *spanloom.JobHandle[any] {
	t.Helper()
	handle, err := spanloom.SubmitJob(t.Context(), client, echo, input, options...)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

func TestCancelsRetriesAndClones(t *testing.T) {
	client, queue := connected(t)
	handle := submitted(t, client, 5, spanloom.WithQueue(queue), spanloom.WithTags(map[string]string{"a": "1"}))
	cancelled, err := handle.Cancel(t.Context(), "no need")
	if err != nil || spanloom.StateName(cancelled.GetState()) != "CANCELLED" || cancelled.GetCancelReason() != "no need" {
		t.Error(cancelled, err)
	}
	if retried, err := handle.Retry(t.Context()); err != nil || spanloom.StateName(retried.GetState()) != "QUEUED" {
		t.Error(retried, err)
	}
	clone := cloned(t, client, handle.ID(), spanloom.CloneOptions{Name: "again", Tags: map[string]string{"b": "2"}})
	if trigger := clone.Submitted.GetTrigger(); trigger.GetClonedJobId() != handle.ID() || clone.Name() != "again" {
		t.Error(clone.Submitted)
	}
	if !reflect.DeepEqual(clone.Submitted.GetTags(), map[string]string{"a": "1", "b": "2"}) {
		t.Error(clone.Submitted.GetTags())
	}
	edited := cloned(t, client, handle.ID(), spanloom.CloneOptions{Inputs: map[uint32]any{0: map[string]bool{"edited": true}}})
	rebuilt := cloned(t, client, handle.ID(), spanloom.CloneOptions{Build: func(ctx context.Context) error {
		return failureOf(spanloom.Submit(ctx, echo, any("rebuilt")))
	}})
	serve(t, client, queue, echo)
	for _, each := range []struct {
		of   *spanloom.JobHandle[json.RawMessage]
		want string
	}{{clone, "5"}, {edited, `{"edited":true}`}, {rebuilt, `"rebuilt"`}} {
		if output, err := each.of.Result(t.Context()); err != nil || string(output) != each.want {
			t.Errorf("%s, %v; want %s", output, err, each.want)
		}
	}
	if output, err := handle.Result(t.Context()); err != nil || output != 5.0 {
		t.Error(output, err)
	}
}

func cloned(t *testing.T, client *spanloom.Client, id string, options spanloom.CloneOptions) *spanloom.JobHandle[json.RawMessage] {
	t.Helper()
	handle, err := client.Jobs.Clone(t.Context(), id, options)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

func TestStopsWaitingInTime(t *testing.T) {
	client, queue := connected(t)
	handle := submitted(t, client, 1, spanloom.WithQueue(queue))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := handle.Wait(ctx)
	want := fmt.Sprintf("cannot wait for job %q: it has not ended in time: context deadline exceeded", handle.ID())
	if !errors.Is(err, spanloom.DeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	stop(enough)
	if _, err := handle.Wait(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, enough) {
		t.Error(err)
	}
}

func TestTellsOfAJobThatIsNotThere(t *testing.T) {
	client, _ := connected(t)
	ctx, jobs := t.Context(), client.Jobs
	for name, err := range map[string]error{
		"get":    failureOf(jobs.Get(ctx, unknownID)),
		"wait":   failureOf(jobs.Wait(ctx, unknownID)),
		"cancel": failureOf(jobs.Cancel(ctx, unknownID, "")),
		"retry":  failureOf(jobs.Retry(ctx, unknownID)),
		"clone":  failureOf(jobs.Clone(ctx, unknownID, spanloom.CloneOptions{})),
	} {
		if !errors.Is(err, spanloom.JobNotFound) || !strings.Contains(err.Error(), unknownID) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := jobs.Task(ctx, unknownID); !errors.Is(err, spanloom.TaskNotFound) {
		t.Error(err)
	}
	for _, err := range jobs.Tasks(ctx, unknownID, spanloom.TasksOptions{}) {
		if !errors.Is(err, spanloom.JobNotFound) {
			t.Error(err)
		}
	}
	if _, err := jobs.Get(ctx, "what"); !errors.Is(err, spanloom.InvalidField) {
		t.Error(err)
	}
}

func TestRefusesOneJobOfManyAndSubmitsTheOthers(t *testing.T) {
	client, queue := connected(t)
	limited := spanloom.WithConcurrency(spanloom.Concurrency{
		Key: queue, Limit: 1, Policy: spanloom.ConcurrencyRejectNew,
	})
	_, err := spanloom.SubmitJobs(t.Context(), client, echo, []any{1, 2, 3}, spanloom.WithQueue(queue), limited)
	if !errors.Is(err, spanloom.ConcurrencyRejected) {
		t.Error(err)
	}
	if jobs := listed(t, client, &spanloomv1.JobFilter{Queue: queue}, 0); len(jobs) != 1 {
		t.Error(jobs)
	}
}

func TestRefusesWhatCannotBeSubmitted(t *testing.T) {
	client, _ := connected(t)
	broken := spanloom.Declare[any, any]("broken", "one")
	for _, each := range []struct {
		err  error
		want string
	}{
		{failureOf(spanloom.SubmitJob(t.Context(), client, echo, any(func() {}))), "value is a func(), which is no data"},
		{failureOf(spanloom.SubmitJobs(t.Context(), client, echo, []any{1, math.NaN()})), `cannot submit task "echo", input 1: `},
		{failureOf(spanloom.SubmitJob(t.Context(), client, echo, any(strings.Repeat("x", 300_000)))), "its input has 300002 bytes, limit is 262144"},
		{failureOf(spanloom.SubmitJob(t.Context(), client, broken, nil)), `cannot define task "broken": version is "one"`},
		{failureOf(spanloom.SubmitJob(t.Context(), client, echo, nil, spanloom.WithDeadline(-1))), `cannot submit job "echo": deadline is -1ns`},
		{failureOf(spanloom.SubmitJob(t.Context(), client, echo, nil, spanloom.WithName(strings.Repeat("x", 300)))), "300"},
	} {
		if each.err == nil || !strings.Contains(each.err.Error(), each.want) || spanloom.ReasonOf(each.err) == "" {
			t.Errorf("%v; want %s", each.err, each.want)
		}
	}
}

func TestBringsDataBackAsItWas(t *testing.T) {
	client, queue := connected(t)
	serve(t, client, queue, echo)
	for _, value := range []any{nil, 0.0, "", []any{}, map[string]any{}, false, "ünï ✓ \x00 \U0001f600", []any{[]any{1.0, nil}}} {
		output, err := submitted(t, client, value, spanloom.WithQueue(queue)).Result(t.Context())
		if err != nil || !reflect.DeepEqual(output, value) {
			t.Errorf("%#v came back as %#v, %v", value, output, err)
		}
	}
}

func TestTellsWhyAJobFailed(t *testing.T) {
	client, queue := connected(t)
	fails := spanloom.NewTask("fails", func(context.Context, spanloom.None) (int, error) { return 0, errors.New("no disk") })
	serve(t, client, queue, fails)
	handle, err := spanloom.SubmitJob(t.Context(), client, fails, spanloom.None{}, spanloom.WithQueue(queue))
	if err != nil {
		t.Fatal(err)
	}
	_, err = handle.Result(t.Context())
	var failed *spanloom.JobFailedError
	if !errors.As(err, &failed) || failed.Job.GetFailure().GetMessage() != "no disk" || !strings.HasSuffix(err.Error(), "it ended FAILED: Error: no disk") {
		t.Error(err)
	}
}

func TestSubmitsTasksWhoseCodeIsElsewhere(t *testing.T) {
	client, queue := connected(t)
	elsewhere := spanloom.Declare[map[string]string, None]("resize", "2.1", spanloom.WithQueue(queue))
	handle, err := spanloom.SubmitJob(t.Context(), client, elsewhere, map[string]string{"path": "a.png"})
	if err != nil {
		t.Fatal(err)
	}
	for task, err := range client.Jobs.Tasks(t.Context(), handle.ID(), spanloom.TasksOptions{Payloads: true}) {
		got := fmt.Sprint(task.GetIdentifier().GetName(), task.GetIdentifier().GetVersion(), task.GetQueue(), string(task.GetInput()))
		if want := fmt.Sprint("resize", "2.1", queue, `{"path":"a.png"}`); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

type None = spanloom.None

func TestServesManyGoroutines(t *testing.T) {
	client, queue := connected(t)
	serve(t, client, queue, echo)
	var all sync.WaitGroup
	results := make([]float64, 20)
	for n := range results {
		all.Go(func() {
			handle, err := spanloom.SubmitJob(t.Context(), client, echo, any(n), spanloom.WithQueue(queue))
			if err != nil {
				t.Error(err)
				return
			}
			output, err := handle.Result(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			results[n], _ = output.(float64)
		})
	}
	all.Wait()
	if !sort.Float64sAreSorted(results) || results[19] != 19 {
		t.Error(results)
	}
}

func TestWaitsForManyJobsInTheOrderAskedFor(t *testing.T) {
	client, queue := connected(t)
	handles, err := spanloom.SubmitJobs(t.Context(), client, echo, []any{1, 2, 3}, spanloom.WithQueue(queue))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, client, queue, echo)
	asked := []string{handles[2].ID(), handles[0].ID(), handles[2].ID()}
	jobs, err := client.Jobs.WaitAll(t.Context(), asked)
	if err != nil || len(jobs) != 3 {
		t.Fatal(jobs, err)
	}
	for index, job := range jobs {
		if job.GetId() != asked[index] || !spanloom.Ended(job) {
			t.Error(job)
		}
	}
	if jobs, err := client.Jobs.WaitAll(t.Context(), nil); err != nil || len(jobs) != 0 {
		t.Error(jobs, err)
	}
}

func TestAServerThatIsAwayLosesNoWait(t *testing.T) {
	server := testserver.New(t)
	client := clientOf(t, spanloom.ClientOptions{URL: server.URL})
	handle := submitted(t, client, "late")
	results := make(chan error, 1)
	waiting := make(chan struct{})
	go func() {
		close(waiting)
		output, err := handle.Result(context.Background())
		if err == nil && output != "late" {
			err = fmt.Errorf("%v came back", output)
		}
		results <- err
	}()
	<-waiting
	server.Kill()
	_, err := client.Jobs.Get(t.Context(), handle.ID())
	if want := "cannot reach the server at " + server.URL; !errors.Is(err, spanloom.StoreUnavailable) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v; want %s", err, want)
	}
	server.Start(t)
	serve(t, client, "default", echo)
	if err := <-results; err != nil {
		t.Error(err)
	}
}
