// Conformance is the runner under test of `spanloom-conformance runner`.
//
// Source: conformance/runner-tasks.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/runner"
)

var (
	echo = spanloom.NewTask("conformance.echo", func(_ context.Context, value json.RawMessage) (json.RawMessage, error) {
		return value, nil
	}, spanloom.WithVersion("1.2"))

	versionOne = spanloom.NewTask("conformance.version", func(context.Context, spanloom.None) (string, error) {
		return "1.4", nil
	}, spanloom.WithVersion("1.4"))

	versionTwo = spanloom.NewTask("conformance.version", func(context.Context, spanloom.None) (string, error) {
		return "2.1", nil
	}, spanloom.WithVersion("2.1"))

	steps = spanloom.NewTask("conformance.steps", func(ctx context.Context, input stepsInput) ([]any, error) {
		done := &doing{gave: []any{}}
		err := done.all(ctx, input.Steps)
		return done.gave, err
	})
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	options := runner.Options{
		URL:     os.Getenv("SPANLOOM_URL"),
		Tasks:   []spanloom.AnyTask{echo, versionOne, versionTwo, steps},
		Name:    os.Getenv("CONFORMANCE_SERVICE_NAME"),
		Version: os.Getenv("CONFORMANCE_SERVICE_VERSION"),
		Log:     func(line string) { fmt.Fprintln(os.Stderr, line) },
	}
	if queues := os.Getenv("CONFORMANCE_QUEUES"); queues != "" {
		options.Queues = strings.Split(queues, ",")
	}
	concurrency, err := number("CONFORMANCE_CONCURRENCY")
	if err != nil {
		return err
	}
	options.Concurrency = concurrency
	if options.Grace, err = milliseconds("CONFORMANCE_GRACE_MS"); err != nil {
		return err
	}
	if options.AbandonAfter, err = milliseconds("CONFORMANCE_ABANDON_MS"); err != nil {
		return err
	}
	made, err := runner.New(options)
	if err != nil {
		return err
	}
	return made.RunUntilSignal(context.Background())
}

// milliseconds reads a duration; none at all where it is 0, the runner's default where it is absent.
func milliseconds(variable string) (time.Duration, error) {
	value, err := number(variable)
	if err == nil && value == 0 && os.Getenv(variable) != "" {
		return runner.None, nil
	}
	return time.Duration(value) * time.Millisecond, err
}

func number(variable string) (int, error) {
	text := os.Getenv(variable)
	if text == "" {
		return 0, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("cannot read %s: %q is no whole number", variable, text)
	}
	return value, nil
}
