// Package spanloom submits jobs to a Spanloom server, and defines the tasks they are made of. Every job is a complete
// OpenTelemetry trace.
//
// A task is a function with a name, a type of input and one of output:
//
//	var fetch = spanloom.NewTask("fetch", func(ctx context.Context, page Page) (int, error) {
//		return download(ctx, page.URL)
//	}, spanloom.WithRetry(spanloom.Retry{MaxAttempts: 5}), spanloom.WithTimeout(30*time.Second))
//
// A client submits it as a job, and waits for what came of it:
//
//	client, err := spanloom.NewClient(spanloom.ClientOptions{})
//	...
//	job, err := spanloom.SubmitJob(ctx, client, fetch, Page{URL: "https://a.example"})
//	...
//	size, err := job.Result(ctx)
//
// Package spanloom.dev/go/runner runs tasks; while one runs, [Submit], [OutputsOf], [InSpan], [Logger] and [Progress] find
// by the context which attempt they are of. Package spanloom.dev/go/query asks for spans and log records.
//
// Jobs, tasks and filters are the protocol's own messages, of spanloom.dev/go/gen/spanloom/v1. What fails is an [*Error],
// whose [Reason] is found by errors.Is.
package spanloom
