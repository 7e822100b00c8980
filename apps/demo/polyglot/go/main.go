// Audit-runner is the part of the dependency audit that runs in Go: it merges what was found into a report.
//
// Names and versions of its tasks, and the JSON of their inputs and outputs, are those of apps/demo/src/tasks: whoever
// submits them need not know which language runs them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/runner"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:7171", "server to work for")
	name := flag.String("service-name", "dependency-audit", "OpenTelemetry's service.name")
	flag.Parse()
	if err := serve(*url, *name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs tasks until a signal.
func serve(url, name string) error {
	made, err := runner.New(runner.Options{
		URL:   url,
		Token: os.Getenv("SPANLOOM_TOKEN"),
		Name:  name,
		Tasks: []spanloom.AnyTask{mergeReport},
		Log:   func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	return made.RunUntilSignal(context.Background())
}
