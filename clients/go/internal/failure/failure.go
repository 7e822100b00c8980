// Package failure describes what a task's code returned or panicked with, as it travels.
package failure

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// Limits of the protocol, in bytes.
const (
	maxTypeBytes    = 256
	maxMessageBytes = 16 * 1024
	maxStackBytes   = 64 * 1024
)

// maxErrors is how many errors are told of at most: hundreds may have failed together.
const maxErrors = 16

// Describe gives type, message and stack of an error, causes included, cut to the protocol's limits. It never panics.
//
// Errors have no stack in Go: what stands in its place is the chain of causes, each with its type, and what an error says
// of itself when it is formatted by "%+v". The stack of a [Panic] is where it panicked.
func Describe(err error) *spanloomv1.TaskFailure {
	made := &spanloomv1.TaskFailure{
		Type:    cut(TypeName(err), maxTypeBytes),
		Message: cut(messageOf(err), maxMessageBytes),
	}
	made.Stack = cut(stackOf(err, made.GetType(), made.GetMessage()), maxStackBytes)
	return made
}

// TypeName gives the name of an error's type without its package, so that a retry policy names it alike in all languages.
//
// What fmt.Errorf and errors.Join wrap around an error is passed over; an error that is nothing but text is an "error".
// An error may name its type itself, by a method ErrorType() string.
func TypeName(err error) string {
	for err != nil {
		if named, ok := err.(interface{ ErrorType() string }); ok {
			return textOf(named.ErrorType)
		}
		kind := reflect.TypeOf(err)
		for kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if !anonymous[kind.PkgPath()+"."+kind.Name()] {
			return nameOf(kind)
		}
		err = firstOf(causesOf(err))
	}
	return "error"
}

// anonymous are the types of errors that say nothing but their text.
var anonymous = map[string]bool{
	"errors.errorString": true, "errors.joinError": true,
	"fmt.wrapError": true, "fmt.wrapErrors": true,
}

func nameOf(kind reflect.Type) string {
	if kind.Name() == "" {
		return kind.String()
	}
	// A generic type's parameters come with their packages, which say nothing here.
	name, _, _ := strings.Cut(kind.Name(), "[")
	return name
}

// Panic is what a task's code panicked with.
type Panic struct {
	// What was given to panic.
	Value any
	// Where, as runtime/debug tells.
	Stack string
}

// Recovered makes the error of a panic, to be called while it is recovered from.
func Recovered(value any) *Panic {
	return &Panic{Value: value, Stack: ownFrames(string(debug.Stack()))}
}

// Error gives what the code panicked with.
func (p *Panic) Error() string { return fmt.Sprint(p.Value) }

// ErrorType names the type.
func (p *Panic) ErrorType() string { return "panic" }

// Unwrap gives the error that the code panicked with; nil when it was none.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// ownFrames gives a stack from where the code panicked to where the runner called it.
func ownFrames(stack string) string {
	lines := strings.Split(stack, "\n")
	from, to := 0, len(lines)
	for i, line := range lines {
		if strings.HasPrefix(line, "panic(") && from == 0 && i+2 <= len(lines) {
			from = i + 2
		}
		if from > 0 && (strings.HasPrefix(line, "spanloom.dev/go.(*Task[") || strings.HasPrefix(line, "spanloom.dev/go/runner.call(")) {
			to = i
			break
		}
	}
	return strings.TrimRight(strings.Join(lines[from:to], "\n"), "\n")
}

func messageOf(err error) string { return textOf(err.Error) }

// textOf reads a text of an error, which may be anybody's code.
func textOf(read func() string) (text string) {
	defer func() {
		if recover() != nil {
			text = "[unreadable]"
		}
	}()
	return read()
}

func stackOf(err error, name, message string) string {
	parts := []string{describeOne(err, name, message)}
	seen := 1
	var add func(err error)
	add = func(err error) {
		causes := causesOf(err)
		for i, cause := range causes {
			if seen >= maxErrors {
				return
			}
			seen++
			label := "Caused by: "
			if len(causes) > 1 {
				label = fmt.Sprintf("%d of %d: ", i+1, len(causes))
			}
			parts = append(parts, label+describeOne(cause, TypeName(cause), messageOf(cause)))
			add(cause)
		}
	}
	add(err)
	return strings.Join(parts, "\n")
}

func describeOne(err error, name, message string) string {
	text := name + ": " + message
	if _, formats := err.(fmt.Formatter); formats {
		// Packages of errors with stacks write them so.
		if long := textOf(func() string { return fmt.Sprintf("%+v", err) }); long != message {
			return name + ": " + long
		}
	}
	var panicked *Panic
	if errors.As(err, &panicked) && error(panicked) == err {
		return text + "\n" + panicked.Stack
	}
	return text
}

func causesOf(err error) []error {
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		if cause := err.Unwrap(); cause != nil {
			return []error{cause}
		}
	case interface{ Unwrap() []error }:
		return err.Unwrap()
	}
	return nil
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// cut gives text of at most so many bytes, in UTF-8 that everybody reads.
func cut(text string, maxBytes int) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= maxBytes {
		return text
	}
	end := maxBytes - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
