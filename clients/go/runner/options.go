package runner

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/internal/tracing"
)

const mib = 1 << 20

// None is for options that are counts or durations, and means none at all, where zero means the default.
const None = -1

// Options is how a runner runs. The zero value of each option is its default.
type Options struct {
	// URL is the server's base URL. Default: SPANLOOM_URL, or http://127.0.0.1:7171.
	URL string
	// Token is for servers that ask for one. Default: SPANLOOM_TOKEN, where URL is left out as well.
	Token string
	// Tasks is the code it has; at least one.
	Tasks []spanloom.AnyTask
	// Queues it serves. Default: the queue "default".
	Queues []string
	// Concurrency is how many attempts run at once, 1..10,000. Default: 10.
	Concurrency int
	// Prefetch is how many tasks are held beyond Concurrency at most, so that the next ones are here when tiny tasks
	// end; up to 1,000. Default: 1,000.
	Prefetch int
	// Name is OpenTelemetry's service.name. Default: OTEL_SERVICE_NAME, or spanloom-runner.
	Name string
	// Version is OpenTelemetry's service.version.
	Version string
	// Grace is how long attempts may go on when the runner stops, before they are told to stop and given back.
	// Default: 10 s.
	Grace time.Duration
	// AbandonAfter is how long an attempt that was told to stop may go on before its slot is taken from it. Default: 5 s.
	AbandonAfter time.Duration
	// NoTracing records no spans and logs of tasks; those of jobs, tasks and attempts are the server's, and remain.
	// OTEL_SDK_DISABLED=true does the same.
	NoTracing bool
	// NoGlobalTracing leaves OpenTelemetry's global tracer provider alone; otherwise the runner's becomes it, unless the
	// application registers one.
	NoGlobalTracing bool
	// NoLogging leaves log/slog's default handler alone; otherwise what tasks log by it, with their context, becomes log
	// records of their attempts too.
	NoLogging bool
	// MaxTelemetryBytes is how much telemetry is held in all; over it the oldest is dropped and counted. Default: 128 MiB.
	MaxTelemetryBytes int
	// MaxResultBytes is how much of finished results is held while the server is away; over it no more tasks are leased.
	// Default: 64 MiB.
	MaxResultBytes int
	// Log receives one line for each noteworthy event. Default: slog.Default(), at level Info.
	Log func(line string)
}

// withDefaults fills in defaults. Errors: InvalidField naming the option and its range.
func (o Options) withDefaults() (Options, error) {
	if len(o.Queues) == 0 {
		o.Queues = []string{"default"}
	}
	if slices.Contains(o.Queues, "") {
		return o, invalid("queues", "queues is %q, must have no empty name", o.Queues)
	}
	for _, each := range []struct {
		field                 string
		value                 *int
		least, most, default_ int
	}{
		{"concurrency", &o.Concurrency, 1, 10_000, 10},
		{"prefetch", &o.Prefetch, 0, 1_000, 1_000},
		{"max_telemetry_bytes", &o.MaxTelemetryBytes, mib, 1 << 40, 128 * mib},
		{"max_result_bytes", &o.MaxResultBytes, mib, 1 << 40, 64 * mib},
	} {
		if err := fill(each.value, each.default_, each.field, each.least, each.most); err != nil {
			return o, err
		}
	}
	if err := fill(&o.Grace, 10*time.Second, "grace", 0, 365*24*time.Hour); err != nil {
		return o, err
	}
	if err := fill(&o.AbandonAfter, 5*time.Second, "abandon_after", 0, 365*24*time.Hour); err != nil {
		return o, err
	}
	if o.Log == nil {
		o.Log = func(line string) { slog.Default().InfoContext(context.Background(), line) }
	}
	return o, nil
}

func fill[T int | time.Duration](value *T, otherwise T, field string, least, most T) error {
	switch *value {
	case 0:
		*value = otherwise
	case None:
		*value = 0
	}
	if *value < least || *value > most {
		return invalid(field, "%s is %v, must be in %v..%v", field, *value, least, most)
	}
	return nil
}

// records says whether spans and logs are recorded.
func (o *Options) records() bool { return !o.NoTracing && !tracing.Disabled() }

func (o *Options) logf(format string, arguments ...any) { o.Log(fmt.Sprintf(format, arguments...)) }

func invalid(field, format string, arguments ...any) error {
	message := "cannot make a runner: " + fmt.Sprintf(format, arguments...)
	return &spanloom.Error{Reason: spanloom.InvalidField, Field: field, Message: message}
}
