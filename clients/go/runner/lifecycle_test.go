package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/gen/spanloom/v1/spanloomv1connect"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/runner"
)

func TestStopsGracefully(t *testing.T) {
	b := newBench(t)
	begun, goOn := newSignal(), newSignal()
	finishing := spanloom.NewTask("finishing", func(ctx context.Context, _ spanloom.None) (string, error) {
		begun.give()
		<-goOn.done
		return "done", ctx.Err()
	})
	r := b.start(runner.Options{}, finishing)
	handle := submit(b, finishing, spanloom.None{})
	begun.await(t, "the attempt to begin")
	stopped := make(chan struct{})
	go func() {
		r.stop()
		close(stopped)
	}()
	late := submit(b, finishing, spanloom.None{})
	goOn.give()
	<-stopped
	job, err := b.client.Jobs.Get(b.ctx, handle.ID())
	if err != nil || job.GetState() != spanloomv1.JobState_JOB_STATE_SUCCEEDED {
		t.Errorf("got %v, %v", job, err)
	}
	if !r.lines.has("has stopped") {
		t.Errorf("it said %s", r.lines)
	}
	_, err = late.Cancel(b.ctx, "")
	if err != nil {
		t.Error(err)
	}
}

func TestGivesBackWhatDoesNotEndInTime(t *testing.T) {
	b := newBench(t)
	begun := newSignal()
	lasting := spanloom.NewTask("lasting", func(ctx context.Context, _ spanloom.None) (string, error) {
		begun.give()
		info, err := spanloom.TaskInfo(ctx)
		if info.Attempt == 1 {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return fmt.Sprintf("attempt %d", info.Attempt), err
	})
	r := b.start(runner.Options{Grace: 100 * time.Millisecond}, lasting)
	handle := submit(b, lasting, spanloom.None{})
	begun.await(t, "the attempt to begin")
	r.stop()
	b.start(runner.Options{}, lasting)
	job := waited(b, handle)
	if outputOf(job) != `"attempt 2"` || b.outcomes(job.GetId()) != "RELEASED SUCCESS" {
		t.Errorf("got %s after %s", outputOf(job), b.outcomes(job.GetId()))
	}
}

func TestRunsNoMoreAttemptsAtOnceThanItMay(t *testing.T) {
	b := newBench(t)
	var now, most atomic.Int32
	counted := spanloom.NewTask("counted", func(context.Context, int) (int, error) {
		for count := now.Add(1); ; {
			before := most.Load()
			if count <= before || most.CompareAndSwap(before, count) {
				break
			}
		}
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
		return 0, nil
	})
	b.start(runner.Options{Concurrency: 3}, counted)
	handles, err := spanloom.SubmitJobs(b.ctx, b.client, counted, make([]int, 30), spanloom.WithQueue(b.queue))
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range handles {
		waited(b, each)
	}
	if now.Load() != 0 || most.Load() != 3 {
		t.Errorf("%d run, at most %d did", now.Load(), most.Load())
	}
}

func TestFinishesWhatItHasWhenTheServerAsksItToDrain(t *testing.T) {
	b := newBench(t)
	begun, goOn := newSignal(), newSignal()
	defer goOn.give()
	finishing := spanloom.NewTask("finishing", func(ctx context.Context, _ spanloom.None) (string, error) {
		begun.give()
		<-goOn.done
		return "done", ctx.Err()
	})
	// However long it takes: no grace bounds a drain.
	r := b.start(runner.Options{Grace: runner.None}, finishing)
	handle := submit(b, finishing, spanloom.None{})
	begun.await(t, "the attempt to begin")
	service := spanloomv1connect.NewRunnerServiceClient(b.client.Connect())
	if _, err := service.DrainRunner(b.ctx, connect.NewRequest(&spanloomv1.DrainRunnerRequest{RunnerId: r.ID()})); err != nil {
		t.Fatal(err)
	}
	testserver.Until(t, "the runner to hear of it", func() bool { return r.lines.has("was asked to drain") })
	left := submit(b, finishing, spanloom.None{})
	goOn.give()
	testserver.Until(t, "the runner to stop", func() bool { return r.lines.has("has stopped") })
	if job := waited(b, handle); outputOf(job) != `"done"` || b.outcomes(job.GetId()) != "SUCCESS" {
		t.Errorf("got %s after %s", outputOf(job), b.outcomes(job.GetId()))
	}
	job, err := b.client.Jobs.Get(b.ctx, left.ID())
	if err != nil || job.GetState() != spanloomv1.JobState_JOB_STATE_QUEUED {
		t.Errorf("got %s, %v", job.GetState(), err)
	}
}

func TestOffersNoCodeThatIsTooOld(t *testing.T) {
	b := newBench(t)
	versioned := spanloom.NewTask("versioned", func(context.Context, spanloom.None) (string, error) { return "1.2", nil },
		spanloom.WithVersion("1.2"))
	b.start(runner.Options{}, versioned)
	newer := submit(b, spanloom.Declare[spanloom.None, string]("versioned", "1.3"), spanloom.None{})
	if got := result(b, spanloom.Declare[spanloom.None, string]("versioned", "1.1"), spanloom.None{}); got != "1.2" {
		t.Errorf("got %s", got)
	}
	if job, err := b.client.Jobs.Get(b.ctx, newer.ID()); err != nil || job.GetState() != spanloomv1.JobState_JOB_STATE_QUEUED {
		t.Errorf("got %s, %v", job.GetState(), err)
	}
}

func TestRegistersAsWhatItIs(t *testing.T) {
	b := newBench(t)
	r := b.start(runner.Options{Concurrency: 7, Name: "squares", Version: "3"}, square)
	find := func(state spanloomv1.RunnerState) *spanloomv1.Runner {
		service := spanloomv1connect.NewRunnerServiceClient(b.client.Connect())
		request := &spanloomv1.ListRunnersRequest{Queue: b.queue, States: []spanloomv1.RunnerState{state}}
		answer, err := service.ListRunners(b.ctx, connect.NewRequest(request))
		if err != nil || len(answer.Msg.GetRunners()) != 1 {
			t.Fatalf("got %v, %v", answer, err)
		}
		return answer.Msg.GetRunners()[0]
	}
	found := find(spanloomv1.RunnerState_RUNNER_STATE_ACTIVE)
	if found.GetId() != r.ID() || found.GetSdkName() != "spanloom-go" || found.GetCapacity() != 7 || int(found.GetPid()) != os.Getpid() {
		t.Errorf("got %v", found)
	}
	if found.GetServiceName() != "squares" || found.GetServiceVersion() != "3" {
		t.Errorf("got %v", found)
	}
	r.stop()
	if found := find(spanloomv1.RunnerState_RUNNER_STATE_STOPPED); found.GetId() != r.ID() {
		t.Errorf("got %v", found)
	}
}

type valueKey struct{}

func TestHandsValuesOfItsContextToAttempts(t *testing.T) {
	b := newBench(t)
	valued := spanloom.NewTask("valued", func(ctx context.Context, _ spanloom.None) (string, error) {
		text, _ := ctx.Value(valueKey{}).(string)
		return text, ctx.Err()
	})
	r, err := runner.New(runner.Options{URL: b.server.URL, Tasks: []spanloom.AnyTask{valued}, Queues: []string{b.queue}, Log: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), valueKey{}, "given"))
	var ending sync.WaitGroup
	ending.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer ending.Wait()
	defer cancel()
	if got := result(b, valued, spanloom.None{}); got != "given" {
		t.Errorf("got %q", got)
	}
}

func TestRefusesToRunTwice(t *testing.T) {
	b := newBench(t)
	r := b.start(runner.Options{}, square)
	if err := r.Run(b.ctx); !errors.Is(err, spanloom.InvalidState) {
		t.Errorf("got %v", err)
	}
}

func TestRefusesOptionsThatAreOutOfRange(t *testing.T) {
	tasks := []spanloom.AnyTask{square}
	for _, each := range []struct {
		options runner.Options
		want    string
	}{
		{runner.Options{}, "cannot make a runner: it has no tasks"},
		{runner.Options{Tasks: []spanloom.AnyTask{square, square}}, `cannot make a runner: two tasks are "square" of version 1`},
		{runner.Options{Tasks: []spanloom.AnyTask{spanloom.Declare[int, int]("x", "1.0")}}, `cannot make a runner: the code of task "x" is not here`},
		{runner.Options{Tasks: tasks, Concurrency: 20_000}, "cannot make a runner: concurrency is 20000, must be in 1..10000"},
		{runner.Options{Tasks: tasks, Concurrency: runner.None}, "cannot make a runner: concurrency is 0, must be in 1..10000"},
		{runner.Options{Tasks: tasks, Grace: -time.Second}, "cannot make a runner: grace is -1s, must be in 0s..8760h0m0s"},
		{runner.Options{Tasks: tasks, Queues: []string{""}}, `cannot make a runner: queues is [""], must have no empty name`},
	} {
		if _, err := runner.New(each.options); err == nil || err.Error() != each.want {
			t.Errorf("got %v, want %s", err, each.want)
		}
	}
	all := runner.Options{Tasks: tasks, Prefetch: runner.None, Grace: runner.None, AbandonAfter: runner.None}
	if _, err := runner.New(all); err != nil || !slices.Equal(all.Queues, nil) {
		t.Errorf("got %v", err)
	}
}
