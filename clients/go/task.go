package spanloom

import (
	"context"
	"fmt"
	"regexp"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

const maxNameBytes = 256

var versionPattern = regexp.MustCompile(`^\d{1,9}\.\d{1,9}$`)

// Task is a task as both sides know it: a client or a parent submits it, a runner runs it. Made by [NewTask] or [Declare].
type Task[In, Out any] struct {
	name     string
	version  string
	settings settings
	code     func(context.Context, In) (Out, error)
	err      error
}

// AnyTask is a [Task] whatever its types, as a runner takes them.
type AnyTask interface {
	// Name of the task, which a submission names.
	Name() string
	// Version of the task, "major.minor".
	Version() string
	// Err is what is wrong with the definition; nil when nothing is.
	Err() error
	// Declared tells whether its code is elsewhere.
	Declared() bool
	// Run runs the code as an attempt, given its input and giving its output as they travel. It is for runners.
	//
	// Errors: what the code returned; a TerminalError that wraps an Error for an input or output that is not what it must be.
	Run(ctx context.Context, input []byte) (Outcome, error)
}

// Outcome is what an attempt that succeeded left behind.
type Outcome struct {
	// Output as it travels.
	Output []byte
	// Children it submitted; nil when it submitted none.
	Children *spanloomv1.TaskSet
	// ChildCount and ChildBytes are how many children there are, and how large their inputs are together.
	ChildCount, ChildBytes int
}

// NewTask makes a task of a function.
//
// The function's context carries what this package's functions for tasks need, such as [Submit], and is done when the
// attempt must stop. Input and output travel as JSON; [None] stands for no input or no output.
//
// Errors: a name, version or option out of range is told by Err, by what submits the task, and by a runner that is given it.
func NewTask[In, Out any](
	name string, code func(ctx context.Context, input In) (Out, error), options ...TaskOption,
) *Task[In, Out] {
	task := define[In, Out](name, "1.0", options)
	task.code = code
	if code == nil && task.err == nil {
		task.err = invalid("code", "cannot define task %q: its function is nil", name)
	}
	return task
}

// Declare makes a task whose code is elsewhere, such as in another language: it can be submitted, and not run here.
func Declare[In, Out any](name, version string, options ...TaskOption) *Task[In, Out] {
	return define[In, Out](name, version, options)
}

func define[In, Out any](name, version string, options []TaskOption) *Task[In, Out] {
	made := settings{version: version}
	for _, option := range options {
		option.setTask(&made)
	}
	return &Task[In, Out]{name: name, version: made.version, settings: made, err: checkDefinition(name, made)}
}

func checkDefinition(name string, made settings) error {
	owner := fmt.Sprintf("cannot define task %q", name)
	if size := len(name); size < 1 || size > maxNameBytes {
		return invalid("name", "%s: name has %d bytes, must have 1..%d", owner, size, maxNameBytes)
	}
	if !versionPattern.MatchString(made.version) {
		return invalid("version", `%s: version is %q, must be "major.minor", e.g. "1.0"`, owner, made.version)
	}
	return made.check(owner)
}

// Name of the task.
func (t *Task[In, Out]) Name() string { return t.name }

// Version of the task, "major.minor".
func (t *Task[In, Out]) Version() string { return t.version }

// Err is what is wrong with the definition; nil when nothing is.
func (t *Task[In, Out]) Err() error { return t.err }

// Declared tells whether its code is elsewhere.
func (t *Task[In, Out]) Declared() bool { return t.code == nil }

// Call calls the function itself, as tests like to. Errors: InvalidState when the code is elsewhere.
func (t *Task[In, Out]) Call(ctx context.Context, input In) (Out, error) {
	if t.code == nil {
		var none Out
		return none, &Error{Reason: InvalidState, Message: fmt.Sprintf("cannot call task %q: its code is not here", t.name)}
	}
	return t.code(ctx, input)
}

// Run runs the code as an attempt; see [AnyTask].
func (t *Task[In, Out]) Run(ctx context.Context, input []byte) (Outcome, error) {
	value, err := decodePayload[In](input, fmt.Sprintf("cannot run task %q", t.name))
	if err != nil {
		return Outcome{}, Terminal(err)
	}
	children := newSubmission()
	// What a goroutine that outlives the attempt submits would be lost, so it is told.
	defer children.close()
	output, err := t.Call(withSubmission(ctx, children), value)
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := t.outcome(output, children)
	if err != nil {
		return Outcome{}, Terminal(err)
	}
	return outcome, nil
}

func (t *Task[In, Out]) outcome(output Out, children *submission) (Outcome, error) {
	owner := fmt.Sprintf("cannot return the output of task %q", t.name)
	data, err := encodePayload(output, owner)
	if err != nil {
		return Outcome{}, err
	}
	if len(data) > MaxOutputBytes {
		return Outcome{}, exceeded("output", MaxOutputBytes, len(data), fmt.Sprintf("%s: %d bytes", owner, len(data)))
	}
	outcome := Outcome{Output: data}
	outcome.ChildCount, outcome.ChildBytes = children.size()
	if outcome.ChildCount > 0 {
		outcome.Children, err = children.build()
	}
	return outcome, err
}
