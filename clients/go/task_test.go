package spanloom

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

func TestTasksOutOfRangeSayWhatIsWrong(t *testing.T) {
	for _, each := range []struct {
		task AnyTask
		want string
	}{
		{Declare[int, int]("a", "1"), `cannot define task "a": version is "1", must be "major.minor", e.g. "1.0"`},
		{Declare[int, int](strings.Repeat("ü", 129), "1.0"), `name has 258 bytes, must have 1..256`},
		{Declare[int, int]("a", "1.0", WithTimeout(1)), `cannot define task "a": timeout is 1ns, must be at least 1ms`},
		{Declare[int, int]("a", "1.0", WithRetry(Retry{MaxAttempts: 1001})), `max_attempts is 1001, must be a whole number in 1..1000`},
		{Declare[int, int]("a", "1.0", WithRetry(Retry{Factor: math.NaN()})), `factor is NaN, must be a number in 1..100`},
		{Declare[int, int]("a", "1.0", WithRetry(Retry{MaxDelay: -1})), `max_delay is -1ns, must be at least 0s`},
		{NewTask[int, int]("a", nil), `cannot define task "a": its function is nil`},
	} {
		if err := each.task.Err(); ReasonOf(err) != InvalidField || !strings.Contains(err.Error(), each.want) {
			t.Errorf("%v; want %s", err, each.want)
		}
	}
	if echo.Err() != nil || echo.Version() != "1.0" || echo.Declared() || !other.Declared() || other.Version() != "2.1" {
		t.Error("a good definition is taken for a bad one")
	}
	if versioned := NewTask("a", echo.code, WithVersion("3.4")); versioned.Version() != "3.4" {
		t.Errorf("version %s", versioned.Version())
	}
}

func TestAnAttemptReadsItsInputAndLeavesOutputAndChildren(t *testing.T) {
	crawl := NewTask("crawl", func(ctx context.Context, input page) (int, error) {
		_, err := SubmitMany(ctx, echo, []any{1, 2})
		return len(input.URL), err
	})
	outcome, err := crawl.Run(t.Context(), []byte(`{"url":"abc"}`))
	if err != nil || string(outcome.Output) != "3" || outcome.ChildCount != 2 || outcome.ChildBytes != 2 {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if groups := outcome.Children.GetGroups(); len(groups) != 1 {
		t.Errorf("%v", groups)
	}
	quiet := NewTask("quiet", func(context.Context, None) (None, error) { return None{}, nil })
	if outcome, err := quiet.Run(t.Context(), nil); err != nil || len(outcome.Output) != 0 || outcome.Children != nil {
		t.Errorf("%+v, %v", outcome, err)
	}
}

func TestWhatTheCodeReturnsIsTold(t *testing.T) {
	fails := NewTask("fails", func(context.Context, None) (None, error) { return None{}, os.ErrDeadlineExceeded })
	if _, err := fails.Run(t.Context(), nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if _, err := other.Run(t.Context(), []byte("1")); ReasonOf(err) != InvalidState {
		t.Error(err)
	}
	if got, err := echo.Call(t.Context(), 1); err != nil || got != 1 {
		t.Error(got, err)
	}
}

func TestNoRetryHelpsAnInputOrOutputThatDoesNotFit(t *testing.T) {
	large := NewTask("large", func(context.Context, int) (string, error) { return strings.Repeat("x", 300_000), nil })
	odd := NewTask("odd", func(context.Context, int) (any, error) { return func() {}, nil })
	for _, each := range []struct {
		task  AnyTask
		input string
		want  string
	}{
		{large, `"a"`, `cannot run task "large": input is a string, must be int`},
		{large, `1`, `cannot return the output of task "large": 300002 bytes, limit is 262144`},
		{odd, `1`, `cannot return the output of task "odd": its payload cannot be written as JSON: value is a func()`},
	} {
		_, err := each.task.Run(t.Context(), []byte(each.input))
		var terminal *TerminalError
		if !errors.As(err, &terminal) || terminal.ErrorType() != "SpanloomError" || !strings.HasPrefix(err.Error(), each.want) {
			t.Errorf("%v; want %s", err, each.want)
		}
	}
}

func TestNothingIsSubmittedAfterTheAttempt(t *testing.T) {
	var late context.Context
	keeps := NewTask("keeps", func(ctx context.Context, _ None) (None, error) { late = ctx; return None{}, nil })
	if _, err := keeps.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := submitted(late, echo, any(1)); ReasonOf(err) != InvalidState {
		t.Error(err)
	}
}
