package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
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
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/testserver"
	"spanloom.dev/go/runner"
)

// RuntimeError is named as the error of the same program in TypeScript is.
type RuntimeError struct{ message string }

func (e *RuntimeError) Error() string { return e.message }

var (
	child = spanloom.NewTask("child", func(ctx context.Context, n int) (int, error) {
		ctx, span := spanloom.Span(ctx, "inner", attribute.Int("n", n))
		defer span.End()
		spanloom.Logger(ctx).Info("squared", "n", n)
		return n * n, nil
	})

	failing = spanloom.NewTask("failing", func(ctx context.Context, _ spanloom.None) (spanloom.None, error) {
		return spanloom.None{}, spanloom.InSpan(ctx, "breaking", func(context.Context) error { return &RuntimeError{"broken"} })
	}, spanloom.WithOptional(true))

	parent = spanloom.NewTask("parent", func(ctx context.Context, count int) (string, error) {
		within, outer := spanloom.Span(ctx, "outer",
			attribute.String("kind", "test"), attribute.Float64("ratio", 0.5), attribute.BoolSlice("flags", []bool{true, false}))
		outer.AddEvent("half way", trace.WithAttributes(attribute.Int("at", 1)))
		within, nested := spanloom.Tracer(within).Start(within, "nested")
		slog.WarnContext(within, "careful", "where", "nested")
		nested.End()
		outer.End()
		trace.SpanFromContext(ctx).SetAttributes(attribute.String("own", "value"))
		inputs := make([]int, count)
		for i := range inputs {
			inputs[i] = i
		}
		children, err := spanloom.SubmitMany(ctx, child, inputs)
		if err == nil {
			_, err = spanloom.Submit(ctx, failing, spanloom.None{}, spanloom.DependsOn(children))
		}
		return "done", err
	})
)

const typescript = `
import { Client, task } from "@spanloom/sdk";
import { Runner } from "@spanloom/runner";
import { trace } from "@opentelemetry/api";
const child = task({ name: "child", async run(n, ctx) {
  ctx.span("inner", () => ctx.log.info("squared", { n }), { attributes: { n } });
  return n * n;
} });
const failing = task({ name: "failing", optional: true, run(_, ctx) {
  ctx.span("breaking", () => { const error = new Error("broken"); error.name = "RuntimeError"; throw error; });
} });
const parent = task({ name: "parent", async run(count, ctx) {
  await ctx.span("outer", async (span) => {
    span.addEvent("half way", { at: 1 });
    ctx.span("nested", () => ctx.log.warn("careful", { where: "nested" }));
  }, { attributes: { kind: "test", ratio: 0.5, flags: [true, false] } });
  trace.getActiveSpan().setAttribute("own", "value");
  const children = ctx.submitMany(child, Array.from({ length: count }, (_, i) => i));
  ctx.submit(failing, undefined, { dependsOn: children });
  return "done";
} });
const [url, queue, ...names] = process.argv.slice(2);
const tasks = [child, failing, parent].filter(({ name }) => names.includes(name));
const runner = new Runner({ url, queues: [queue], tasks });
await runner.start();
const client = new Client({ url });
const handle = await client.jobs.submit(parent, 3, { queue, name: "compared" });
await handle.wait();
await runner.stop();
console.log(handle.id);
process.exit(0);
`

// runTypeScript runs the same job by a TypeScript runner that has the tasks of these names; gives its id.
func (b *bench) runTypeScript(queue string, names ...string) string {
	b.t.Helper()
	// Beside the packages it imports.
	file, err := os.CreateTemp(filepath.Join(testserver.Root(b.t), "packages", "runner"), ".go-comparison-*.mjs")
	if err != nil {
		b.t.Fatal(err)
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(typescript); err != nil {
		b.t.Fatal(err)
	}
	file.Close()
	arguments := append([]string{file.Name(), b.server.URL, queue}, names...)
	command := exec.CommandContext(b.ctx, testserver.Node(b.t), arguments...)
	output, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		b.t.Fatalf("%s: %s", err, exit.Stderr)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}

// Of an attempt's own making or the machine's: everything else must be the same in both languages.
var (
	times = []string{"spanloom.queued_ms", "spanloom.run_ms", "spanloom.blocked_ms", "spanloom.backoff_ms"}
	ids   = []string{
		"spanloom.job.id", "spanloom.task.id", "spanloom.runner.id", "messaging.message.id",
		"messaging.message.conversation_id", "messaging.destination.name", "spanloom.queue", "exception.stacktrace",
		"spanloom.clock_offset_ms",
	}
)

// tree gives the spans of a job as lines, without what differs from run to run.
func (b *bench) tree(jobID string) []string {
	rows := b.spans(jobID)
	names := map[string]string{}
	for _, each := range rows {
		names[each.text("span_id")] = each.text("name")
	}
	var lines []string
	for _, each := range rows {
		events := []any{}
		for _, event := range listOf(each["events"]) {
			if name := event.text("name"); name == "exception" || name == "half way" {
				events = append(events, name, without(event.attributes(), ids))
			}
		}
		links := []string{}
		for _, link := range listOf(each["links"]) {
			links = append(links, fmt.Sprint(link.attributes()["spanloom.link.type"], " ", names[link.text("span_id")]))
		}
		slices.Sort(links)
		present := []string{}
		for key := range each.attributes() {
			if !slices.Contains(times, key) {
				present = append(present, key)
			}
		}
		slices.Sort(present)
		lines = append(lines, plain(map[string]any{
			"name": each["name"], "type": each["type"], "kind": each["kind"], "parent": names[each.text("parent_span_id")],
			"status": each["status"], "types": without(typesOf(each), times), "message": each["status_message"], "events": events, "links": links, "present": present,
			"attributes": without(each.attributes(), append(times, ids...)),
		}))
	}
	slices.Sort(lines)
	return lines
}

// logLines gives the log records of a job as lines, without what differs from run to run.
func (b *bench) logLines(jobID string) []string {
	names := map[string]string{}
	for _, each := range b.spans(jobID) {
		names[each.text("span_id")] = each.text("name")
	}
	var lines []string
	for _, each := range b.logs(jobID) {
		source := []string{"code.file.path", "code.line.number", "code.function.name"}
		lines = append(lines, plain(map[string]any{
			"body": each["body"], "severity": each["severity"], "number": each["severity_number"],
			"span": names[each.text("span_id")], "attributes": without(each.attributes(), append(source, ids...)),
		}))
	}
	slices.Sort(lines)
	return lines
}

func typesOf(each row) map[string]any {
	types, _ := each["attribute_types"].(map[string]any)
	return types
}

func listOf(value any) []row {
	list, _ := value.([]any)
	rows := make([]row, len(list))
	for i, each := range list {
		rows[i], _ = each.(map[string]any)
	}
	return rows
}

func without(attributes map[string]any, names []string) map[string]any {
	left := map[string]any{}
	for key, value := range attributes {
		if !slices.Contains(names, key) {
			left[key] = value
		}
	}
	return left
}

func plain(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(want) == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMakesTheSameTreeAsTypeScript(t *testing.T) {
	b := newBench(t)
	theirs := b.runTypeScript(b.queue+"-ts", "parent", "child", "failing")
	b.start(runner.Options{}, parent, child, failing)
	ours := ended(b, parent, 3, spanloom.WithName("compared"))
	if ours.GetState() != spanloomv1.JobState_JOB_STATE_SUCCEEDED {
		t.Fatalf("got %v", ours)
	}
	compare(t, "spans", b.tree(ours.GetId()), b.tree(theirs))
	compare(t, "logs", b.logLines(ours.GetId()), b.logLines(theirs))
}

func TestRunsAJobWhoseTasksAreWrittenInBothLanguages(t *testing.T) {
	for _, theirs := range [][]string{{"parent"}, {"child", "failing"}} {
		t.Run(strings.Join(theirs, "-"), func(t *testing.T) {
			b := newBench(t)
			var ours []spanloom.AnyTask
			for _, each := range []spanloom.AnyTask{parent, child, failing} {
				if !slices.Contains(theirs, each.Name()) {
					ours = append(ours, each)
				}
			}
			b.start(runner.Options{}, ours...)
			mixed := b.runTypeScript(b.queue, theirs...)
			alone := b.runTypeScript(b.queue+"-ts", "parent", "child", "failing")
			compare(t, "spans", b.tree(mixed), b.tree(alone))
			languages := map[any]bool{}
			for _, each := range b.spans(mixed) {
				if resource, _ := each["resource_attributes"].(map[string]any); each.text("type") == "user" {
					languages[resource["telemetry.sdk.language"]] = true
				}
			}
			if !reflect.DeepEqual(languages, map[any]bool{"go": true, "nodejs": true}) {
				t.Errorf("its spans are of %v", languages)
			}
		})
	}
}

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
