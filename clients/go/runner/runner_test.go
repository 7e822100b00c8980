package runner_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/runner"
)

type pair struct {
	A, B int
}

var (
	add = spanloom.NewTask("add", func(_ context.Context, input pair) (int, error) { return input.A + input.B, nil })

	square = spanloom.NewTask("square", func(_ context.Context, n int) (int, error) { return n * n, nil })

	total = spanloom.NewTask("total", func(ctx context.Context, _ spanloom.None) (int, error) {
		squares, err := spanloom.OutputsOf(ctx, square)
		sum := 0
		for _, each := range squares {
			sum += each
		}
		return sum, err
	})

	fanOut = spanloom.NewTask("fan-out", func(ctx context.Context, count int) (spanloom.None, error) {
		inputs := make([]int, count)
		for i := range inputs {
			inputs[i] = i
		}
		squares, err := spanloom.SubmitMany(ctx, square, inputs)
		if err != nil {
			return spanloom.None{}, err
		}
		_, err = spanloom.Submit(ctx, total, spanloom.None{}, spanloom.DependsOn(squares))
		return spanloom.None{}, err
	})
)

func TestRunsAFunction(t *testing.T) {
	b := newBench(t)
	b.start(runner.Options{}, add)
	if got := result(b, add, pair{1, 2}); got != 3 {
		t.Errorf("got %d", got)
	}
}

func TestSubmitsChildrenThatWaitForEachOther(t *testing.T) {
	b := newBench(t)
	b.start(runner.Options{}, square, total, fanOut)
	job := ended(b, fanOut, 10)
	for _, each := range b.tasks(job.GetId()) {
		if each.GetIdentifier().GetName() != "total" {
			continue
		}
		found, err := b.client.Jobs.Task(b.ctx, each.GetId())
		if err != nil || string(found.GetOutput()) != "285" || found.GetDependencyCount() != 10 {
			t.Errorf("got %v, %v", found, err)
		}
		return
	}
	t.Error("there is no task total")
}

func TestRunsTenThousandSmallTasks(t *testing.T) {
	b := newBench(t)
	b.start(runner.Options{}, square, total, fanOut)
	job := ended(b, fanOut, 10_000)
	if job.GetState() != spanloomv1.JobState_JOB_STATE_SUCCEEDED || job.GetCounts().GetSucceeded() != 10_002 {
		t.Errorf("got %s with %v", job.GetState(), job.GetCounts())
	}
}

func TestReadsDependenciesPageByPage(t *testing.T) {
	b := newBench(t)
	large := spanloom.NewTask("large", func(_ context.Context, n int) (string, error) {
		return fmt.Sprint(n, strings.Repeat("x", 200_000)), nil
	})
	count := spanloom.NewTask("count", func(ctx context.Context, _ spanloom.None) ([]int, error) {
		outputs, err := spanloom.OutputsOf(ctx, large)
		sizes := make([]int, len(outputs))
		for i, each := range outputs {
			sizes[i] = int(each[0]-'0')*1_000_000 + len(each)
		}
		return sizes, err
	})
	parent := spanloom.NewTask("parent", func(ctx context.Context, _ spanloom.None) (spanloom.None, error) {
		all, err := spanloom.SubmitMany(ctx, large, []int{0, 1, 2, 3, 4, 5, 6, 7})
		if err == nil {
			_, err = spanloom.Submit(ctx, count, spanloom.None{}, spanloom.DependsOn(all))
		}
		return spanloom.None{}, err
	})
	b.start(runner.Options{}, large, count, parent)
	job := ended(b, parent, spanloom.None{})
	for _, each := range b.tasks(job.GetId()) {
		if each.GetIdentifier().GetName() == "count" {
			found, err := b.client.Jobs.Task(b.ctx, each.GetId())
			want := "[200001,1200001,2200001,3200001,4200001,5200001,6200001,7200001]"
			if err != nil || string(found.GetOutput()) != want {
				t.Errorf("got %s, %v", found.GetOutput(), err)
			}
		}
	}
}

type notYet struct{ attempt int }

func (n *notYet) Error() string { return fmt.Sprintf("attempt %d", n.attempt) }

func TestTriesAgainAsThePolicySays(t *testing.T) {
	b := newBench(t)
	retry := spanloom.WithRetry(spanloom.Retry{MaxAttempts: 3, InitialDelay: 10 * time.Millisecond})
	flaky := spanloom.NewTask("flaky", func(ctx context.Context, _ spanloom.None) (int, error) {
		info, err := spanloom.TaskInfo(ctx)
		if err != nil {
			return 0, err
		}
		if info.Attempt < 3 {
			return 0, fmt.Errorf("cannot: %w", &notYet{info.Attempt})
		}
		return info.Attempt + info.AttemptsLeft, nil
	}, retry)
	b.start(runner.Options{}, flaky)
	job := ended(b, flaky, spanloom.None{})
	if outputOf(job) != "3" || b.outcomes(job.GetId()) != "FAILURE FAILURE SUCCESS" {
		t.Errorf("got %s after %s", outputOf(job), b.outcomes(job.GetId()))
	}
	failure := b.tasks(job.GetId())[0].GetAttempts()[0].GetFailure()
	if failure.GetType() != "notYet" || failure.GetMessage() != "cannot: attempt 1" {
		t.Errorf("got %s: %s", failure.GetType(), failure.GetMessage())
	}
}

func TestNeverTriesATerminalErrorAgain(t *testing.T) {
	b := newBench(t)
	hopeless := spanloom.NewTask("hopeless", func(context.Context, spanloom.None) (int, error) {
		return 0, fmt.Errorf("wrapped: %w", spanloom.Terminal(errors.New("no use")))
	}, spanloom.WithRetry(spanloom.Retry{MaxAttempts: 5, InitialDelay: 10 * time.Millisecond}))
	b.start(runner.Options{}, hopeless)
	job := ended(b, hopeless, spanloom.None{})
	if b.outcomes(job.GetId()) != "FAILURE" || job.GetFailure().GetType() != "TerminalError" || job.GetFailure().GetMessage() != "wrapped: no use" {
		t.Errorf("got %s, %v", b.outcomes(job.GetId()), job.GetFailure())
	}
}

func TestWaitsAsLongAsARetryableErrorAsks(t *testing.T) {
	b := newBench(t)
	limited := spanloom.NewTask("limited", func(ctx context.Context, _ spanloom.None) (int, error) {
		info, err := spanloom.TaskInfo(ctx)
		if info.Attempt == 1 {
			return 0, spanloom.RetryAfter(errors.New("not so fast"), 500*time.Millisecond)
		}
		return info.Attempt, err
	}, spanloom.WithRetry(spanloom.Retry{MaxAttempts: 2, InitialDelay: time.Millisecond}))
	b.start(runner.Options{}, limited)
	job := ended(b, limited, spanloom.None{})
	attempts := b.tasks(job.GetId())[0].GetAttempts()
	if waited := attempts[1].GetStartedAt().AsTime().Sub(attempts[0].GetEndedAt().AsTime()); waited < 500*time.Millisecond {
		t.Errorf("waited %s", waited)
	}
}

func TestFailsAnAttemptThatPanicsOrEndsItsGoroutine(t *testing.T) {
	b := newBench(t)
	panicking := spanloom.NewTask("panicking", func(_ context.Context, index int) (int, error) {
		return []int{}[index], nil
	})
	exiting := spanloom.NewTask("exiting", func(context.Context, spanloom.None) (int, error) {
		runtime.Goexit()
		return 0, nil
	})
	b.start(runner.Options{Concurrency: 1}, panicking, exiting, square)
	failure := ended(b, panicking, 3).GetFailure()
	if failure.GetType() != "panic" || failure.GetMessage() != "runtime error: index out of range [3] with length 0" {
		t.Errorf("got %s: %s", failure.GetType(), failure.GetMessage())
	}
	// The stack begins where the task's code panicked, and tells nothing of who called it.
	if !strings.Contains(failure.GetStack(), "runner_test.go") || strings.Contains(failure.GetStack(), "go/runner.") {
		t.Errorf("got %s", failure.GetStack())
	}
	if failure := ended(b, exiting, spanloom.None{}).GetFailure(); !strings.Contains(failure.GetMessage(), "runtime.Goexit") {
		t.Errorf("got %v", failure)
	}
	if got := result(b, square, 3); got != 9 {
		t.Errorf("got %d", got)
	}
}

func TestFailsForGoodWhatCannotBeReadOrSent(t *testing.T) {
	b := newBench(t)
	retry := spanloom.WithRetry(spanloom.Retry{MaxAttempts: 5})
	large := spanloom.NewTask("large", func(context.Context, spanloom.None) (string, error) {
		return strings.Repeat("x", 300_000), nil
	}, retry)
	function := spanloom.NewTask("function", func(context.Context, spanloom.None) (any, error) {
		return func() {}, nil
	}, retry)
	b.start(runner.Options{}, add, large, function)
	wrong := spanloom.Declare[any, int]("add", "1.0", retry)
	for _, each := range []struct {
		job  *spanloomv1.Job
		want string
	}{
		{ended(b, wrong, any(map[string]any{"A": "one"})), `cannot run task "add": input.A is a string, must be int`},
		{ended(b, large, spanloom.None{}), `cannot return the output of task "large": 300002 bytes, limit is 262144`},
		{ended(b, function, spanloom.None{}), `cannot return the output of task "function": its payload cannot be written as JSON`},
	} {
		if !strings.HasPrefix(each.job.GetFailure().GetMessage(), each.want) || b.outcomes(each.job.GetId()) != "FAILURE" {
			t.Errorf("got %s after %s", each.job.GetFailure().GetMessage(), b.outcomes(each.job.GetId()))
		}
	}
}

func TestStopsAnAttemptAtItsTimeout(t *testing.T) {
	b := newBench(t)
	causes := make(chan error, 1)
	slow := spanloom.NewTask("slow", func(ctx context.Context, _ spanloom.None) (int, error) {
		if _, limited := ctx.Deadline(); !limited {
			return 0, errors.New("the context has no deadline")
		}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return 0, ctx.Err()
	}, spanloom.WithTimeout(200*time.Millisecond))
	b.start(runner.Options{}, slow)
	job := ended(b, slow, spanloom.None{})
	if b.outcomes(job.GetId()) != "TIMEOUT" {
		t.Errorf("got %s", b.outcomes(job.GetId()))
	}
	var told *spanloom.AttemptAborted
	if cause := <-causes; !errors.As(cause, &told) || told.Kind != spanloom.AbortTimeout {
		t.Errorf("the cause is %v", cause)
	}
	if failure := job.GetFailure(); failure.GetType() != "AttemptAborted" {
		t.Errorf("got %v", failure)
	}
}

func TestStopsAttemptsOfAJobThatIsCancelled(t *testing.T) {
	b := newBench(t)
	begun, stopped := newSignal(), make(chan error, 1)
	endless := spanloom.NewTask("endless", func(ctx context.Context, _ spanloom.None) (int, error) {
		begun.give()
		<-ctx.Done()
		stopped <- context.Cause(ctx)
		return 0, context.Cause(ctx)
	})
	b.start(runner.Options{}, endless)
	handle := submit(b, endless, spanloom.None{})
	begun.await(t, "the attempt to begin")
	if _, err := handle.Cancel(b.ctx, "enough"); err != nil {
		t.Fatal(err)
	}
	var told *spanloom.AttemptAborted
	if cause := <-stopped; !errors.As(cause, &told) || told.Kind != spanloom.AbortCancelled || !errors.Is(cause, context.Canceled) {
		t.Errorf("the cause is %v", cause)
	}
	if job := waited(b, handle); job.GetState() != spanloomv1.JobState_JOB_STATE_CANCELLED {
		t.Errorf("got %s", job.GetState())
	}
}

func TestTakesTheSlotFromAnAttemptThatDoesNotStop(t *testing.T) {
	b := newBench(t)
	goOn := newSignal()
	defer goOn.give()
	stubborn := spanloom.NewTask("stubborn", func(ctx context.Context, _ spanloom.None) (int, error) {
		<-goOn.done
		// It has ended long ago.
		return 0, spanloom.Progress(ctx, "", 1, 1)
	}, spanloom.WithTimeout(50*time.Millisecond))
	b.start(runner.Options{Concurrency: 1, AbandonAfter: 50 * time.Millisecond}, stubborn, square)
	job := ended(b, stubborn, spanloom.None{})
	if b.outcomes(job.GetId()) != "TIMEOUT" {
		t.Errorf("got %s", b.outcomes(job.GetId()))
	}
	if got := result(b, square, 3); got != 9 {
		t.Errorf("got %d", got)
	}
}

func TestTellsProgressAndDisplay(t *testing.T) {
	b := newBench(t)
	counted := spanloom.NewTask("counted", func(ctx context.Context, _ spanloom.None) (int, error) {
		return 0, errors.Join(
			spanloom.Progress(ctx, "files", 1, 4), spanloom.Progress(ctx, "files", 2, 4), spanloom.Display(ctx, "two of four"))
	})
	b.start(runner.Options{}, counted)
	job := ended(b, counted, spanloom.None{})
	found := b.tasks(job.GetId())[0]
	if len(found.GetProgress()) != 1 || found.GetProgress()[0].GetDone() != 2 || found.GetDisplay() != "two of four" {
		t.Errorf("got %v, %q", found.GetProgress(), found.GetDisplay())
	}
}

func TestRefusesOutsideOfAttemptsWhatBelongsToOne(t *testing.T) {
	ctx := context.Background()
	_, infoErr := spanloom.TaskInfo(ctx)
	_, outputsErr := spanloom.OutputsOf(ctx, square)
	_, submitErr := spanloom.Submit(ctx, square, 1)
	for _, err := range []error{infoErr, outputsErr, submitErr, spanloom.Progress(ctx, "", 1, 1), spanloom.Display(ctx, "x")} {
		if !errors.Is(err, spanloom.InvalidState) {
			t.Errorf("got %v", err)
		}
	}
	if spanloom.Logger(ctx) == nil || spanloom.Tracer(ctx) == nil {
		t.Error("there is no logger or tracer")
	}
}

func TestRefusesWhatIsSubmittedAfterItsAttemptHasEnded(t *testing.T) {
	b := newBench(t)
	contexts := make(chan context.Context, 1)
	leaking := spanloom.NewTask("leaking", func(ctx context.Context, _ spanloom.None) (int, error) {
		contexts <- ctx
		return 0, nil
	})
	b.start(runner.Options{}, leaking)
	ended(b, leaking, spanloom.None{})
	ctx := <-contexts
	_, submitErr := spanloom.Submit(ctx, square, 1)
	for _, err := range []error{submitErr, spanloom.Progress(ctx, "", 1, 1), spanloom.Display(ctx, "late")} {
		if !errors.Is(err, spanloom.InvalidState) || !strings.Contains(err.Error(), "the attempt has ended") {
			t.Errorf("got %v", err)
		}
	}
	if ctx.Err() == nil {
		t.Error("its context goes on")
	}
}

func TestRefusesMoreLabelsOfProgressThanThereMayBe(t *testing.T) {
	b := newBench(t)
	labelled := spanloom.NewTask("labelled", func(ctx context.Context, _ spanloom.None) (string, error) {
		for i := range 100 {
			if err := spanloom.Progress(ctx, fmt.Sprint(i), 1, 1); err != nil {
				return "", err
			}
		}
		return spanloom.Progress(ctx, "one more", 1, 1).Error(), spanloom.Progress(ctx, "7", 2, 2)
	})
	b.start(runner.Options{}, labelled)
	want := `cannot set progress "one more": an attempt has at most 100 labels`
	if got := result(b, labelled, spanloom.None{}); got != want {
		t.Errorf("got %s", got)
	}
}
