package spanloom

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

func TestReasonsAreThoseOfTheProtocol(t *testing.T) {
	for number, name := range spanloomv1.ErrorReason_name {
		reason := Reason(strings.TrimPrefix(name, "ERROR_REASON_"))
		if _, known := codeByReason[reason]; known != (number != 0) {
			t.Errorf("%s: known is %v", reason, known)
		}
	}
	if want := len(spanloomv1.ErrorReason_name) - 1; len(codeByReason) != want {
		t.Errorf("%d reasons, the protocol has %d", len(codeByReason), want)
	}
}

func TestReasonsHaveTheCodesOfTheCatalogue(t *testing.T) {
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Skip("this is no checkout of the repository: there is no docs/errors.md")
	}
	rows := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| `?([a-z_]+)`? \\| (yes|no)").FindAllStringSubmatch(string(text), -1)
	if len(rows) != len(codeByReason) {
		t.Fatalf("docs/errors.md has %d reasons, here are %d", len(rows), len(codeByReason))
	}
	for _, row := range rows {
		reason := Reason(row[1])
		if reason.Code().String() != row[2] || reason.Retryable() != (row[3] == "yes") {
			t.Errorf("%s: %s, retryable %v; the catalogue says %s, %s", reason, reason.Code(), reason.Retryable(), row[2], row[3])
		}
	}
}

func TestErrorsAreFoundByTheirReason(t *testing.T) {
	err := fmt.Errorf("while tidying: %w", &Error{Reason: JobNotFound, Message: "cannot get job", cause: os.ErrNotExist})
	if !errors.Is(err, JobNotFound) || errors.Is(err, TaskNotFound) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is not what it should be", err)
	}
	if ReasonOf(err) != JobNotFound || ReasonOf(os.ErrNotExist) != "" || ReasonOf(nil) != "" {
		t.Error("the reason is not found")
	}
	var known *Error
	if !errors.As(err, &known) || known.Code() != connect.CodeNotFound || known.Retryable() {
		t.Errorf("%+v", known)
	}
	if code := Reason("OF_THE_FUTURE").Code(); code != connect.CodeInternal {
		t.Errorf("an unknown reason has code %s", code)
	}
}

func TestErrorsOfTasksKeepWhatTheyWrap(t *testing.T) {
	terminal, retryable := Terminal(os.ErrExist), RetryAfter(os.ErrExist, time.Minute)
	if !errors.Is(terminal, os.ErrExist) || !errors.Is(retryable, os.ErrExist) || terminal.Error() != os.ErrExist.Error() {
		t.Errorf("%v, %v", terminal, retryable)
	}
	var later *RetryableError
	if !errors.As(fmt.Errorf("x: %w", retryable), &later) || later.After != time.Minute {
		t.Errorf("%+v", later)
	}
	if Terminal(nil).Error() == "" || RetryAfter(nil, 0).Error() == "" {
		t.Error("an error without a message")
	}
}

func TestJobFailedErrorSaysHowTheJobEnded(t *testing.T) {
	job := &spanloomv1.Job{
		Id: "id", Name: "nightly", State: spanloomv1.JobState_JOB_STATE_FAILED,
		Failure: &spanloomv1.TaskFailure{Type: "IOError", Message: "no disk"},
	}
	want := `cannot return the result of job "nightly" (id): it ended FAILED: IOError: no disk`
	if got := (&JobFailedError{Job: job}).Error(); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}
