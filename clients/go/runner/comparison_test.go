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
	"testing"

	"go.opentelemetry.io/otel/attribute"
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
