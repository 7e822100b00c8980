package spanloom

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

var (
	echo  = NewTask("echo", func(_ context.Context, input any) (any, error) { return input, nil })
	other = Declare[int, int]("other", "2.1", WithQueue("elsewhere"), WithPriority(3))
)

// composing gives a context whose submissions are gathered, and what gathers them.
func composing(t *testing.T) (context.Context, *submission) {
	t.Helper()
	into := newSubmission()
	return withSubmission(t.Context(), into), into
}

func built(t *testing.T, into *submission) *spanloomv1.TaskSet {
	t.Helper()
	set, err := into.build()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestEqualTasksAreOneGroupWithOneSpec(t *testing.T) {
	ctx, into := composing(t)
	inputs := make([]any, 10_000)
	for index := range inputs {
		inputs[index] = index
	}
	ref, err := SubmitMany(ctx, echo, inputs)
	if err != nil || ref.Count() != 10_000 {
		t.Fatal(ref, err)
	}
	for range 100 {
		if _, err := Submit(ctx, echo, any("more")); err != nil {
			t.Fatal(err)
		}
	}
	set := built(t, into)
	if len(set.GetSpecs()) != 1 || len(set.GetGroups()) != 1 || len(set.GetGroups()[0].GetInputs()) != 10_100 {
		t.Errorf("%d specs, %d groups", len(set.GetSpecs()), len(set.GetGroups()))
	}
	if got := set.GetGroups()[0].GetSpecs(); len(got) != 1 {
		t.Errorf("specs %v", got)
	}
}

func TestTasksOfSeveralKindsShareAGroup(t *testing.T) {
	ctx, into := composing(t)
	submit(t, ctx, echo, any(1))
	submit(t, ctx, other, 2)
	submit(t, ctx, echo, any(3), WithQueue("own"))
	group := built(t, into).GetGroups()[0]
	if fmt.Sprint(group.GetSpecs()) != "[0 1 2]" || fmt.Sprintf("%s", group.GetInputs()) != "[1 2 3]" {
		t.Errorf("specs %v of inputs %s", group.GetSpecs(), group.GetInputs())
	}
}

func TestNoTaskWaitsForMoreThanItAskedFor(t *testing.T) {
	ctx, into := composing(t)
	a, b := submit(t, ctx, echo, any("a")), submit(t, ctx, echo, any("b"))
	submit(t, ctx, echo, any("after a"), DependsOn(a))
	submit(t, ctx, echo, any("after both"), DependsOn(b, a, a))
	submit(t, ctx, echo, any("after both too"), DependsOn(a), DependsOn(b))
	var told []string
	for _, group := range built(t, into).GetGroups() {
		told = append(told, fmt.Sprintf("%s %v", group.GetInputs(), group.GetDependsOn()))
	}
	want := `["a"] [] ["b"] [] ["after a"] [0] ["after both" "after both too"] [0 1]`
	if got := strings.Join(told, " "); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func TestWhatIsWaitedForTogetherStaysTogether(t *testing.T) {
	ctx, into := composing(t)
	pages, err := SubmitMany(ctx, echo, []any{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	none, err := SubmitMany(ctx, echo, nil)
	if err != nil {
		t.Fatal(err)
	}
	submit(t, ctx, echo, any("total"), DependsOn(pages, none))
	groups := built(t, into).GetGroups()
	if len(groups) != 2 || fmt.Sprint(groups[1].GetDependsOn()) != "[0]" {
		t.Errorf("%v", groups)
	}
}

func TestDisplaysStandBesideTheirInputs(t *testing.T) {
	ctx, into := composing(t)
	submit(t, ctx, echo, any(1))
	submit(t, ctx, echo, any(2), WithDisplay("two"))
	submit(t, ctx, echo, any(3))
	if got := built(t, into).GetGroups()[0].GetDisplays(); strings.Join(got, ",") != ",two," {
		t.Errorf("%q", got)
	}
	_, err := SubmitMany(ctx, echo, []any{1, 2}, WithDisplay("one"))
	if err == nil || err.Error() != `cannot submit task "echo": 1 displays for 2 inputs, must be one for each` {
		t.Error(err)
	}
}

func TestOptionsOfASubmissionBeatTheDefinition(t *testing.T) {
	ctx, into := composing(t)
	submit(t, ctx, other, 1, WithPriority(-1), WithTimeout(time.Second), WithQueueTimeout(time.Minute), WithOptional(true),
		WithStartDelay(time.Hour), WithRetry(Retry{MaxAttempts: 3, InitialDelay: time.Second, NonRetryableTypes: []string{"x"}}),
		WithConcurrency(Concurrency{Key: "k", Limit: 2, MaxWaiting: 4}), WithRateLimit(RateLimit{Key: "r", Limit: 5, Window: time.Second}))
	spec := built(t, into).GetSpecs()[0]
	want := `identifier:{name:"other" version:"2.1"} queue:"elsewhere" retry:{max_attempts:3 initial_delay:{seconds:1} ` +
		`non_retryable_types:"x"} attempt_timeout:{seconds:1} queue_timeout:{seconds:60} start_delay:{seconds:3600} ` +
		`optional:true concurrency:{key:"k" limit:2 max_waiting:4} rate_limit:{key:"r" limit:5 window:{seconds:1}} priority:-1`
	if got := strings.Join(strings.Fields(fmt.Sprint(spec)), " "); got != want {
		t.Errorf("%s;\nwant %s", got, want)
	}
}

func TestSubmissionsThatCannotBeAreRefused(t *testing.T) {
	ctx, _ := composing(t)
	foreign, _ := composing(t)
	ref := submit(t, foreign, echo, any(1))
	tooMany := make([]any, maxTasks+1)
	ended, into := composing(t)
	into.close()
	for _, each := range []struct {
		err    error
		reason Reason
		want   string
	}{
		{submitted(ctx, echo, any("x"), DependsOn(ref)), InvalidDependency,
			`cannot submit task "echo": depends_on[0] is of another attempt or job; tasks can only wait for tasks of the same submission`},
		{submitted(ctx, echo, any("x"), DependsOn(Ref{})), InvalidDependency, `cannot submit task "echo": depends_on[0] is of`},
		{failureOf(SubmitMany(ctx, echo, tooMany)), LimitExceeded,
			`cannot submit task "echo": the submission would have 100001 tasks, limit is 100000`},
		{submitted(ctx, echo, any(strings.Repeat("x", 300_000))), LimitExceeded,
			`cannot submit task "echo": its input has 300002 bytes, limit is 262144`},
		{failureOf(SubmitMany(ctx, echo, []any{1, func() {}})), InvalidField,
			`cannot submit task "echo", input 1: its payload cannot be written as JSON: value is a func(), which is no data`},
		{submitted(t.Context(), echo, any(1)), InvalidState, `cannot submit task "echo": its context is that of no attempt`},
		{submitted(ended, echo, any(1)), InvalidState, `cannot submit task "echo": the attempt has ended`},
		{submitted(ctx, echo, any(1), WithTimeout(-time.Second)), InvalidField,
			`cannot submit task "echo": timeout is -1s, must be at least 1ms`},
		{submitted(ctx, echo, any(1), WithStartDelay(-1)), InvalidField, `cannot submit task "echo": start_delay is -1ns`},
		{submitted(ctx, echo, any(1), WithRetry(Retry{Jitter: 2})), InvalidField,
			`cannot submit task "echo": jitter is 2, must be a number in 0..1`},
		{submitted(ctx, echo, any(1), WithQueue("a\xff")), InvalidField, `cannot submit task "echo": `},
		{submitted(ctx, Declare[any, any]("", "1.0"), any(1)), InvalidField, `cannot define task "": name has 0 bytes, must have 1..256`},
	} {
		if ReasonOf(each.err) != each.reason || !strings.HasPrefix(each.err.Error(), each.want) {
			t.Errorf("%s: %v; want %s", ReasonOf(each.err), each.err, each.want)
		}
	}
}

func TestTooManySetsOfDependenciesAreRefused(t *testing.T) {
	ctx, into := composing(t)
	for range maxGroups + 1 {
		ref := submit(t, ctx, echo, any(1))
		submit(t, ctx, echo, any(2), DependsOn(ref))
	}
	_, err := into.build()
	var problem *Error
	if !errors.As(err, &problem) || problem.Reason != LimitExceeded || problem.Limit != maxGroups || problem.Actual != 2*maxGroups+2 {
		t.Error(err)
	}
}

func TestManyGoroutinesSubmitAtOnce(t *testing.T) {
	ctx, into := composing(t)
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			ref := submit(t, ctx, echo, any(n))
			submit(t, ctx, other, n, DependsOn(ref))
		})
	}
	all.Wait()
	count, size := into.size()
	set := built(t, into)
	total := 0
	for _, group := range set.GetGroups() {
		total += len(group.GetInputs())
	}
	if count != 100 || total != 100 || size != 2*(10+40*2) || proto.Size(set) == 0 {
		t.Errorf("%d tasks, %d sent, %d bytes", count, total, size)
	}
}

func submit[In, Out any](t *testing.T, ctx context.Context, task *Task[In, Out], input In, options ...SubmitOption) Ref {
	t.Helper()
	ref, err := Submit(ctx, task, input, options...)
	if err != nil {
		t.Error(err)
	}
	return ref
}

func submitted[In, Out any](ctx context.Context, task *Task[In, Out], input In, options ...SubmitOption) error {
	return failureOf(Submit(ctx, task, input, options...))
}
