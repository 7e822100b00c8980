package runner_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	spanloom "spanloom.dev/go"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/runner"
)

func TestSaysWhereRecordsWereWritten(t *testing.T) {
	b := newBench(t)
	logging := spanloom.NewTask("logging", func(ctx context.Context, _ spanloom.None) (int, error) {
		ctx, span := spanloom.Span(ctx, "work")
		defer span.End()
		slog.ErrorContext(ctx, "disk at 91 %", "disk", "sda", "at", 91, "cause", errors.New("full"))
		return 0, nil
	})
	before := slog.Default()
	first, second := b.start(runner.Options{Name: "disks"}, logging), b.start(runner.Options{}, logging)
	job := ended(b, logging, spanloom.None{})
	// Once, however many runners there are.
	rows := b.logs(job.GetId())
	work := named(b.spans(job.GetId()), "work")
	if len(rows) != 1 || len(work) != 1 || rows[0].text("span_id") != work[0].text("span_id") || rows[0].text("body") != "disk at 91 %" {
		t.Fatalf("got %v of %v", rows, work)
	}
	attributes := rows[0].attributes()
	if attributes["disk"] != "sda" || fmt.Sprint(attributes["at"]) != "91" || attributes["cause"] != "full" {
		t.Errorf("got %v", attributes)
	}
	if path, _ := attributes["code.file.path"].(string); !strings.HasSuffix(path, "telemetry_test.go") {
		t.Errorf("got %v", attributes)
	}
	first.stop()
	second.stop()
	if slog.Default() != before {
		t.Error("slog's default is not what it was")
	}
}

func TestCollectsSpansOfAnyTracerAndOfGoroutines(t *testing.T) {
	b := newBench(t)
	tracer := otel.Tracer("library")
	gathering := spanloom.NewTask("gathering", func(ctx context.Context, _ spanloom.None) (int, error) {
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				_, span := tracer.Start(ctx, fmt.Sprintf("part %d", i))
				span.End()
			})
		}
		all.Wait()
		return 0, nil
	})
	b.start(runner.Options{}, gathering)
	job := ended(b, gathering, spanloom.None{})
	rows := b.spans(job.GetId())
	var attemptID string
	for _, each := range rows {
		if each.text("type") == "attempt" {
			attemptID = each.text("span_id")
		}
	}
	found := 0
	for _, each := range rows {
		if each.text("type") == "user" && each.text("parent_span_id") == attemptID && each.text("scope_name") == "library" {
			found++
		}
	}
	if found != 5 {
		t.Errorf("got %v", rows)
	}
}

func TestContinuesTheTraceOfWhoeverSubmits(t *testing.T) {
	b := newBench(t)
	telling := spanloom.NewTask("telling", func(ctx context.Context, _ spanloom.None) ([]string, error) {
		headers := map[string][]string{}
		spanloom.InjectHeaders(ctx, headers)
		return []string{headers["Traceparent"][0], headers["Tracestate"][0], headers["Baggage"][0]}, nil
	})
	for _, options := range []runner.Options{{}, {NoTracing: true}} {
		r := b.start(options, telling, child)
		for _, flags := range []string{"01", "00"} {
			tags := map[string]string{
				"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-" + flags, "tracestate": "vendor=1", "baggage": "user=ada",
			}
			handle := submit(b, telling, spanloom.None{}, spanloom.WithTags(tags))
			got, err := handle.Result(b.ctx)
			task := b.tasks(handle.ID())[0]
			want := []string{
				"00-4bf92f3577b34da6a3ce929d0e0e4736-" + spanloom.AttemptSpanID(task.GetId(), 1) + "-" + flags,
				fmt.Sprintf("spanloom=%s_%s_1,vendor=1", handle.ID(), task.GetId()), "user=ada",
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
			// Spans of user code are there when the job is sampled, and tracing is on.
			job := ended(b, child, 2, spanloom.WithTags(tags))
			wanted := 0
			if flags == "01" && !options.NoTracing {
				wanted = 1
			}
			if found := named(b.spans(job.GetId()), "inner"); len(found) != wanted {
				t.Errorf("got %v with %s", found, flags)
			}
		}
		r.stop()
	}
}

func TestWorksBesideATracerProviderOfTheApplications(t *testing.T) {
	both := spanloom.NewTask("both", func(ctx context.Context, _ spanloom.None) (int, error) {
		ctx, outer := spanloom.Span(ctx, "by spanloom")
		defer outer.End()
		_, inner := otel.Tracer("library").Start(ctx, "by a library")
		inner.End()
		return 0, nil
	})
	for _, each := range []struct {
		name             string
		processors       []sdktrace.TracerProviderOption
		theirs, spanloom []string
	}{
		{
			"with the processor", []sdktrace.TracerProviderOption{sdktrace.WithSpanProcessor(spanloom.NewSpanProcessor())},
			[]string{"by a library", "by spanloom"}, []string{"by a library", "by spanloom"},
		},
		{"without", nil, []string{"by a library"}, []string{"by spanloom"}},
	} {
		t.Run(each.name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			before := otel.GetTracerProvider()
			otel.SetTracerProvider(sdktrace.NewTracerProvider(append(each.processors, sdktrace.WithSpanProcessor(recorder))...))
			defer otel.SetTracerProvider(before)
			b := newBench(t)
			b.start(runner.Options{}, both)
			job := ended(b, both, spanloom.None{})
			var theirs, ours []string
			for _, span := range recorder.Ended() {
				// What the client made for the submission is no part of the task.
				if span.SpanKind() == trace.SpanKindInternal {
					theirs = append(theirs, span.Name())
				}
			}
			for _, span := range b.spans(job.GetId()) {
				if span.text("type") == "user" {
					ours = append(ours, span.text("name"))
				}
			}
			slices.Sort(theirs)
			slices.Sort(ours)
			if !slices.Equal(theirs, each.theirs) || !slices.Equal(ours, each.spanloom) {
				t.Errorf("the application got %q, the server %q", theirs, ours)
			}
		})
	}
}

func TestRecordsNothingWhereOpenTelemetryIsSwitchedOff(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	b := newBench(t)
	b.start(runner.Options{}, child)
	job := ended(b, child, 2)
	if rows := b.spans(job.GetId()); len(rows) != 3 {
		t.Errorf("got %v", rows)
	}
}

func TestKeepsWhatEndsAfterItsAttempt(t *testing.T) {
	b := newBench(t)
	goOn, left := newSignal(), newSignal()
	leaving := spanloom.NewTask("leaving", func(ctx context.Context, _ spanloom.None) (int, error) {
		ctx, span := spanloom.Span(ctx, "left behind")
		go func() {
			<-goOn.done
			slog.InfoContext(ctx, "late")
			span.End()
			left.give()
		}()
		return 0, nil
	})
	r := b.start(runner.Options{}, leaving)
	job := ended(b, leaving, spanloom.None{})
	goOn.give()
	left.await(t, "the span to end")
	r.stop()
	rows := named(b.spans(job.GetId()), "left behind")
	if len(rows) != 1 || rows[0].text("task_name") != "leaving" || rows[0].text("end_time") == "" {
		t.Errorf("got %v", rows)
	}
	if records := b.logs(job.GetId()); len(records) != 1 {
		t.Errorf("got %v", records)
	}
}

func TestShowsSpansThatAreOpenForLong(t *testing.T) {
	b := newBench(t)
	goOn := newSignal()
	defer goOn.give()
	lasting := spanloom.NewTask("lasting", func(ctx context.Context, _ spanloom.None) (int, error) {
		ctx, span := spanloom.Span(ctx, "open")
		defer span.End()
		slog.InfoContext(ctx, "early")
		<-goOn.done
		return 0, nil
	})
	b.start(runner.Options{}, lasting)
	handle := submit(b, lasting, spanloom.None{})
	var shown []row
	testserver.Until(t, "the span to be shown", func() bool {
		shown = named(b.spans(handle.ID()), "open")
		return len(shown) > 0
	})
	if len(shown) != 1 || shown[0]["end_time"] != nil {
		t.Errorf("got %v", shown)
	}
	// What a long attempt logs does not wait for its end either.
	if records := b.logs(handle.ID()); len(records) != 1 {
		t.Errorf("got %v", records)
	}
	goOn.give()
	waited(b, handle)
	if rows := named(b.spans(handle.ID()), "open"); len(rows) != 1 || rows[0].text("end_time") == "" {
		t.Errorf("got %v", rows)
	}
}

func TestCountsWhatItHadToDrop(t *testing.T) {
	b := newBench(t)
	wordy := spanloom.NewTask("wordy", func(ctx context.Context, _ spanloom.None) (int, error) {
		for range 40 {
			_, span := spanloom.Span(ctx, "wordy", attribute.String("text", strings.Repeat("x", 50_000)))
			span.End()
		}
		return 0, nil
	})
	b.start(runner.Options{MaxTelemetryBytes: 1 << 20}, wordy)
	job := ended(b, wordy, spanloom.None{})
	var dropped any
	kept := 0
	for _, each := range b.spans(job.GetId()) {
		switch each.text("type") {
		case "attempt":
			dropped = each.attributes()["spanloom.dropped_telemetry"]
		case "user":
			kept++
		}
	}
	if kept == 40 || fmt.Sprint(dropped) != fmt.Sprint(40-kept) {
		t.Errorf("%d were kept, %v dropped", kept, dropped)
	}
}
