package failure

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"
)

type notFound struct{ name string }

func (n *notFound) Error() string { return n.name + " is not there" }

type generic[T any] struct{}

func (generic[T]) Error() string { return "generic" }

type hostile struct{}

func (*hostile) Error() string { panic("no") }

type stacked struct{}

func (stacked) Error() string { return "stacked" }

func (stacked) Format(state fmt.State, verb rune) {
	if state.Flag('+') {
		fmt.Fprint(state, "stacked\nmain.main\n\tmain.go:7")
		return
	}
	fmt.Fprint(state, "stacked")
}

func TestNamesTypesOfErrorsAsARetryPolicyDoes(t *testing.T) {
	for _, each := range []struct {
		err  error
		want string
	}{
		{errors.New("x"), "error"},
		{fmt.Errorf("cannot: %w", &notFound{"a"}), "notFound"},
		{fmt.Errorf("cannot: %w and %w", errors.New("x"), &notFound{"a"}), "error"},
		{errors.Join(nil, &notFound{"a"}), "notFound"},
		{&fs.PathError{Op: "open", Path: "/", Err: fs.ErrNotExist}, "PathError"},
		{generic[int]{}, "generic"},
		{&Panic{Value: 1}, "panic"},
	} {
		if got := TypeName(each.err); got != each.want {
			t.Errorf("%#v is a %s, want %s", each.err, got, each.want)
		}
	}
}

func TestTellsTheCausesOfAnError(t *testing.T) {
	err := fmt.Errorf("cannot start: %w", errors.Join(&notFound{"a"}, fmt.Errorf("b: %w", stacked{})))
	got := Describe(err)
	want := strings.Join([]string{
		"notFound: cannot start: a is not there", "b: stacked",
		"Caused by: notFound: a is not there", "b: stacked",
		"1 of 2: notFound: a is not there",
		"2 of 2: stacked: b: stacked",
		"Caused by: stacked: stacked", "main.main", "\tmain.go:7",
	}, "\n")
	if got.GetStack() != want {
		t.Errorf("got %s", got.GetStack())
	}
}

func TestTellsOfNoMoreCausesThanAnybodyReads(t *testing.T) {
	var err = errors.New("the first")
	for range 100 {
		err = fmt.Errorf("then %w", err)
	}
	if lines := strings.Count(Describe(err).GetStack(), "\n"); lines != maxErrors-1 {
		t.Errorf("got %d lines", lines+1)
	}
}

func TestTellsWhereCodePanicked(t *testing.T) {
	err := func() (err error) {
		defer func() { err = Recovered(recover()) }()
		explode()
		return nil
	}()
	got := Describe(err)
	if got.GetType() != "panic" || got.GetMessage() != "boom" {
		t.Errorf("got %s: %s", got.GetType(), got.GetMessage())
	}
	first := strings.Split(got.GetStack(), "\n")[1]
	if !strings.HasPrefix(first, "spanloom.dev/go/internal/failure.explode(") {
		t.Errorf("the stack begins with %s", first)
	}
}

//go:noinline
func explode() { panic("boom") }

func TestCutsWhatIsTooLongAndSurvivesWhatCannotBeRead(t *testing.T) {
	got := Describe(errors.New(strings.Repeat("ä", 40_000) + "\xff"))
	if len(got.GetMessage()) > maxMessageBytes || !strings.HasSuffix(got.GetMessage(), "ä…") || !utf8.ValidString(got.GetStack()) {
		t.Errorf("got %d bytes that end in %q", len(got.GetMessage()), got.GetMessage()[len(got.GetMessage())-8:])
	}
	if got := Describe(&hostile{}); got.GetMessage() != "[unreadable]" || got.GetType() != "hostile" {
		t.Errorf("got %v", got)
	}
}
