package runner

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/vectors"
)

// raised is what a task's code returns, as the vectors describe it.
type raised struct {
	Kind         string
	Message      any
	RetryAfterMs int64
	Cause        *raised
}

type rangeError struct {
	message string
	cause   error
}

func (e *rangeError) Error() string { return e.message }
func (e *rangeError) Unwrap() error { return e.cause }

func (r *raised) err(t *testing.T) error {
	t.Helper()
	made := &rangeError{message: vectors.Untagged(t, r.Message).(string)}
	if r.Cause != nil {
		made.cause = r.Cause.err(t)
	}
	switch r.Kind {
	case "terminal":
		return spanloom.Terminal(errors.New(made.message))
	case "retryable":
		return spanloom.RetryAfter(errors.New(made.message), time.Duration(r.RetryAfterMs)*time.Millisecond)
	default:
		return made
	}
}

// wanted is the failure of a vector; a message may be described, and be followed by an ellipsis.
func wanted(t *testing.T, described map[string]any) *spanloomv1.TaskFailure {
	t.Helper()
	if long, ok := described["message"].(map[string]any); ok {
		then, _ := long["then"].(string)
		delete(long, "then")
		described["message"] = vectors.Untagged(t, long).(string) + then
	}
	data, err := json.Marshal(described)
	if err != nil {
		t.Fatal(err)
	}
	made := &spanloomv1.TaskFailure{Type: "rangeError"}
	if described["type"] != nil {
		made.Type = ""
	}
	named := made.GetType()
	if err := protojson.Unmarshal(data, made); err != nil {
		t.Fatal(err)
	}
	if named != "" {
		made.Type = named
	}
	return made
}

func TestReportsFailuresAsEveryRunnerDoes(t *testing.T) {
	known := vectors.Read[struct {
		Failures []struct {
			Name     string
			Error    raised
			Failure  map[string]any
			StackHas string
			Others   map[string]map[string]any
		}
	}](t, "failures.json")
	for _, each := range known.Failures {
		t.Run(each.Name, func(t *testing.T) {
			described := each.Failure
			if own, ok := each.Others["go"]; ok {
				described = own
			}
			want, got := wanted(t, described), describe(each.Error.err(t))
			if stack := got.GetStack(); !strings.Contains(stack, each.StackHas) {
				t.Errorf("the stack is %q", stack)
			}
			got.Stack = ""
			if !proto.Equal(got, want) {
				t.Errorf("%.300v; want %.300v", got, want)
			}
		})
	}
}
