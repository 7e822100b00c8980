package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	logsv1 "go.opentelemetry.io/proto/otlp/logs/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

const (
	jobID  = "01930000-0000-7000-8000-000000000001"
	taskID = "01930000-0000-7000-8000-000000000002"
)

// bench is a host with the attempts of a test.
type bench struct {
	host   *Host
	budget *Budget
	late   Entries
}

func newBench(t *testing.T, maxBytes int) *bench {
	t.Helper()
	made := &bench{budget: NewBudget(maxBytes)}
	made.host = NewHost(HostOptions{
		RunnerID: "runner", Resource: RunnerResource("runner", "service", "1"), Enabled: true, Budget: made.budget,
		Late: func(entries Entries) { made.late.Add(entries) },
	})
	return made
}

func (b *bench) start(flags string) (context.Context, *Attempt) {
	return NewAttempt(context.Background(), b.host, &spanloomv1.LeasedTask{
		JobId: jobID, JobName: "job", TaskId: taskID, Attempt: 1, SpanId: "00f067aa0ba902b8", Queue: "queue",
		Identifier: &spanloomv1.TaskIdentifier{Name: "task", Version: "1.0"},
		Trace: &spanloomv1.TraceContext{
			Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-" + flags,
			Tracestate:  "vendor=1,spanloom=old", Baggage: "user=ada",
		},
	}, time.Now())
}

func spansOf(t *testing.T, entries Entries) []*tracev1.Span {
	t.Helper()
	var request tracev1.TracesData
	if err := proto.Unmarshal(EncodeRequest(entries.Spans), &request); err != nil {
		t.Fatal(err)
	}
	var spans []*tracev1.Span
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			spans = append(spans, scope.GetSpans()...)
		}
	}
	return spans
}

func logsOf(t *testing.T, entries Entries) []*logsv1.LogRecord {
	t.Helper()
	var request logsv1.LogsData
	if err := proto.Unmarshal(EncodeRequest(entries.Logs), &request); err != nil {
		t.Fatal(err)
	}
	var records []*logsv1.LogRecord
	for _, resource := range request.GetResourceLogs() {
		for _, scope := range resource.GetScopeLogs() {
			records = append(records, scope.GetLogRecords()...)
		}
	}
	return records
}

func textsOf(attributes []*commonv1.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, each := range attributes {
		texts[each.GetKey()] = strings.Join(strings.Fields(each.GetValue().String()), " ")
	}
	return texts
}

func TestNamesTheAttemptInItsTraceState(t *testing.T) {
	ctx, attempt := newBench(t, 1<<20).start("01")
	defer attempt.Finish(time.Now())
	carrier := CarrierOf(ctx)
	want := Carrier{
		Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01",
		Tracestate:  "spanloom=" + jobID + "_" + taskID + "_1,vendor=1",
		Baggage:     "user=ada",
	}
	if carrier != want {
		t.Errorf("got %+v, want %+v", carrier, want)
	}
}

func TestKeepsTheAttemptWhenOthersWroteNonsenseIntoTheTraceState(t *testing.T) {
	member := "spanloom=" + jobID + "_" + taskID + "_1"
	for _, each := range []struct{ given, want string }{
		{"", member},
		{"a=1, ,b=2", member + ",a=1,b=2"},
		{"a=" + strings.Repeat("x", 600), member},
	} {
		if got := withOrigin(each.given, jobID+"_"+taskID+"_1"); got != each.want {
			t.Errorf("of %q got %q", each.given, got)
		}
	}
	bench := newBench(t, 1<<20)
	ctx, attempt := NewAttempt(context.Background(), bench.host, &spanloomv1.LeasedTask{
		JobId: jobID, TaskId: taskID, Attempt: 2, SpanId: "00f067aa0ba902b8",
		Trace: &spanloomv1.TraceContext{
			Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Tracestate: "ÄÖÜ=1",
		},
	}, time.Now())
	defer attempt.Finish(time.Now())
	if got := CarrierOf(ctx).Tracestate; got != "spanloom="+jobID+"_"+taskID+"_2" {
		t.Errorf("got %q", got)
	}
}

func TestLeavesOutASpanAndBaggageOfWhoeverStartedTheRunner(t *testing.T) {
	member, err := baggage.NewMember("of", "runner")
	if err != nil {
		t.Fatal(err)
	}
	outer, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	got := Carrier{Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}.
		Context(baggage.ContextWithBaggage(context.Background(), outer))
	if baggage.FromContext(got).Len() != 0 {
		t.Error("the runner's baggage is there")
	}
}

func TestGivesSpansOfAnyTracerWhatAllSpansOfAnAttemptHave(t *testing.T) {
	ctx, attempt := newBench(t, 1<<20).start("01")
	_, span := ownProvider().Tracer("library", trace.WithInstrumentationVersion("2")).Start(ctx, "work",
		trace.WithAttributes(attribute.Int("n", 7), attribute.String("spanloom.job.id", "forged")))
	span.End()
	_, entries, dropped := attempt.Finish(time.Now())
	spans := spansOf(t, entries)
	if len(spans) != 1 || dropped != 0 {
		t.Fatalf("got %d spans, %d dropped", len(spans), dropped)
	}
	got := textsOf(spans[0].GetAttributes())
	for key, value := range map[string]string{
		"n": "int_value:7", "spanloom.job.id": `string_value:"` + jobID + `"`, "spanloom.task.attempt": "int_value:1",
		"spanloom.span.type": `string_value:"user"`, "spanloom.runner.id": `string_value:"runner"`,
	} {
		if got[key] != value {
			t.Errorf("%s is %s, want %s", key, got[key], value)
		}
	}
	if len(spans[0].GetAttributes()) != 10 {
		t.Errorf("got %d attributes: %v", len(spans[0].GetAttributes()), got)
	}
	if fmt.Sprintf("%x", spans[0].GetParentSpanId()) != "00f067aa0ba902b8" {
		t.Errorf("its parent is %x", spans[0].GetParentSpanId())
	}
}

func TestRecordsNothingOfAJobThatIsNotSampled(t *testing.T) {
	ctx, attempt := newBench(t, 1<<20).start("00")
	_, span := ownProvider().Tracer("library").Start(ctx, "work")
	span.End()
	trace.SpanFromContext(ctx).SetAttributes(attribute.Bool("own", true))
	own, entries, _ := attempt.Finish(time.Now())
	if own != nil || entries.Len() != 0 {
		t.Errorf("got %v and %d records", own, entries.Len())
	}
	if !strings.HasSuffix(CarrierOf(ctx).Traceparent, "00f067aa0ba902b8-00") {
		t.Errorf("the attempt is %q", CarrierOf(ctx).Traceparent)
	}
}

func TestGivesTheAttemptsOwnSpanWhenCodePutAnythingOnIt(t *testing.T) {
	_, untouched := newBench(t, 1<<20).start("01")
	if own, _, _ := untouched.Finish(time.Now()); own != nil {
		t.Errorf("got %v", own)
	}
	ctx, attempt := newBench(t, 1<<20).start("01")
	trace.SpanFromContext(ctx).AddEvent("half way")
	own, _, _ := attempt.Finish(time.Now())
	if own.GetEvents()[0].GetName() != "half way" || own.GetKind() != tracev1.Span_SPAN_KIND_CONSUMER {
		t.Errorf("got %v", own)
	}
}

func TestFindsTheAttemptOfASpanWhoseParentIsKnownByItsTraceContextAlone(t *testing.T) {
	ctx, attempt := newBench(t, 1<<20).start("01")
	elsewhere := CarrierOf(ctx).Context(context.Background())
	_, span := ownProvider().Tracer("library").Start(elsewhere, "over a wire")
	span.End()
	if _, entries, _ := attempt.Finish(time.Now()); len(entries.Spans) != 1 {
		t.Errorf("got %d spans", len(entries.Spans))
	}
}

func TestHandsOnWhatEndsAfterItsAttempt(t *testing.T) {
	bench := newBench(t, 1<<20)
	ctx, attempt := bench.start("01")
	_, span := ownProvider().Tracer("library").Start(ctx, "left behind")
	attempt.Finish(time.Now())
	span.End()
	if got := spansOf(t, bench.late); len(got) != 1 || got[0].GetName() != "left behind" {
		t.Errorf("got %v", got)
	}
}

func TestShowsASpanThatIsOpenOnceAndForgetsItWhenItEnds(t *testing.T) {
	bench := newBench(t, 1<<20)
	ctx, attempt := bench.start("01")
	_, span := ownProvider().Tracer("library").Start(ctx, "open")
	ShowOpenSpans(time.Now().Add(-time.Hour))
	if bench.late.Len() != 0 {
		t.Error("a young span was shown")
	}
	ShowOpenSpans(time.Now().Add(time.Second))
	ShowOpenSpans(time.Now().Add(time.Second))
	shown := spansOf(t, bench.late)
	if len(shown) != 1 || shown[0].GetEndTimeUnixNano() != 0 {
		t.Fatalf("got %v", shown)
	}
	span.End()
	_, entries, _ := attempt.Finish(time.Now())
	if ended := spansOf(t, entries); len(ended) != 1 || ended[0].GetEndTimeUnixNano() == 0 {
		t.Errorf("got %v", ended)
	}
	if len(live.byKey) != 0 || live.ordered.Len() != 0 || live.unshown != nil {
		t.Errorf("%d spans are remembered", len(live.byKey))
	}
}

func TestForgetsSpansThatNobodyEndsOnceTheirAttemptIsLongGone(t *testing.T) {
	bench := newBench(t, 1<<20)
	ctx, attempt := bench.start("01")
	_, _ = ownProvider().Tracer("library").Start(ctx, "never ended")
	attempt.Finish(time.Now())
	live.forgetLeftBehind(time.Now().Add(-time.Minute))
	if len(live.byKey) != 1 {
		t.Fatalf("%d spans are remembered", len(live.byKey))
	}
	live.forgetLeftBehind(time.Now().Add(time.Minute))
	if len(live.byKey) != 0 || live.unshown != nil {
		t.Errorf("%d spans are remembered", len(live.byKey))
	}
}

func TestRemembersNoMoreLiveSpansThanItMay(t *testing.T) {
	bench := newBench(t, 64<<20)
	ctx, attempt := bench.start("01")
	spans := make([]trace.Span, maxLive+1)
	for i := range spans {
		_, spans[i] = ownProvider().Tracer("library").Start(ctx, "one of many")
	}
	if len(live.byKey) != maxLive {
		t.Errorf("%d are remembered", len(live.byKey))
	}
	for _, each := range spans {
		each.End()
	}
	// The one that was forgotten is found by its trace state.
	if _, entries, _ := attempt.Finish(time.Now()); len(entries.Spans) != maxLive+1 {
		t.Errorf("got %d spans", len(entries.Spans))
	}
	if len(live.byKey) != 0 {
		t.Errorf("%d are remembered", len(live.byKey))
	}
}

func TestDropsTheOldestSpansFirstAndCountsThem(t *testing.T) {
	bench := newBench(t, 3_000)
	ctx, attempt := bench.start("01")
	for i := range 20 {
		_, span := ownProvider().Tracer("library").Start(ctx, fmt.Sprintf("span %02d", i))
		span.End()
	}
	_, entries, dropped := attempt.Finish(time.Now())
	spans := spansOf(t, entries)
	if len(spans)+dropped != 20 || dropped == 0 || bench.budget.Dropped() != dropped || bench.budget.Used() != entries.Size {
		t.Fatalf("%d kept, %d dropped, budget %+v", len(spans), dropped, bench.budget)
	}
	if last := spans[len(spans)-1].GetName(); last != "span 19" {
		t.Errorf("the last is %s", last)
	}
}

func TestCutsTheTextsOfARecordThatIsTooLarge(t *testing.T) {
	ctx, attempt := newBench(t, 64<<20).start("01")
	_, span := ownProvider().Tracer("library").Start(ctx, "large",
		trace.WithAttributes(attribute.String("text", strings.Repeat("ä", 2<<20)), attribute.String("small", "kept")))
	span.End()
	_, entries, dropped := attempt.Finish(time.Now())
	spans := spansOf(t, entries)
	if len(spans) != 1 || dropped != 0 || entries.Size > maxRecordBytes {
		t.Fatalf("got %d spans of %d bytes, %d dropped", len(spans), entries.Size, dropped)
	}
	text := spans[0].GetAttributes()[0].GetValue().GetStringValue()
	if !strings.HasSuffix(text, "… (cut, 2097152 characters)") || len(text) > 1<<20+64 {
		t.Errorf("the text ends in %q", text[len(text)-60:])
	}
}

type hostile struct{}

func (hostile) LogValue() slog.Value { panic("no") }

type unreadable struct{}

func (*unreadable) String() string { panic("no") }

func TestKeepsTypesOfLogAttributesWhateverTheyAre(t *testing.T) {
	circle := map[string]any{}
	circle["self"] = circle
	var deep any = "bottom"
	for range 50 {
		deep = []any{deep}
	}
	for _, each := range []struct {
		name  string
		value any
		want  string
	}{
		{"text", "ä", `string_value:"ä"`},
		{"not UTF-8", "a\xff", `string_value:"a�"`},
		{"int", 7, "int_value:7"},
		{"large", uint64(1) << 63, `string_value:"9223372036854775808"`},
		{"float", 0.5, "double_value:0.5"},
		{"bool", true, "bool_value:true"},
		{"nil", nil, ""},
		{"duration", 1500 * time.Millisecond, `string_value:"1.5s"`},
		{"error", errors.New("bad"), `string_value:"bad"`},
		{"bytes", []byte("x"), `bytes_value:"x"`},
		{"list", []int{1, 2}, "array_value:{values:{int_value:1} values:{int_value:2}}"},
		{"map", map[string]int{"a": 1}, `kvlist_value:{values:{key:"a" value:{int_value:1}}}`},
		{"struct", struct{ A int }{1}, `string_value:"{A:1}"`},
		{"pointer", &[]string{"x"}[0], `string_value:"x"`},
		{"resolving panics", hostile{}, "~LogValue panicked"},
		{"reading panics", &unreadable{}, `string_value:"[unreadable]"`},
		{"circle", circle, "~[circular]"},
		{"deep", deep, "~[nested too deep]"},
	} {
		got := strings.Join(strings.Fields(slogValue(slog.AnyValue(each.value), 0).String()), " ")
		part, within := strings.CutPrefix(each.want, "~")
		if got != each.want && !(within && strings.Contains(got, part)) {
			t.Errorf("%s is %s, want %s", each.name, got, each.want)
		}
	}
}

func TestWritesLogRecordsOfTheAttemptWithTheActiveSpan(t *testing.T) {
	ctx, attempt := newBench(t, 1<<20).start("01")
	var printed strings.Builder
	logger := slog.New(NewLogHandler(slog.NewTextHandler(&printed, &slog.HandlerOptions{Level: slog.LevelWarn})))
	within, span := ownProvider().Tracer("library").Start(ctx, "work")
	logger.With("a", 1).WithGroup("g").With("b", 2).WarnContext(within, "careful", "c", 3, slog.Group("", "d", 4))
	logger.DebugContext(ctx, "quiet")
	logger.WithGroup("empty").ErrorContext(context.Background(), "elsewhere")
	span.End()
	_, entries, _ := attempt.Finish(time.Now())
	records := logsOf(t, entries)
	if len(records) != 2 {
		t.Fatalf("got %v", records)
	}
	spanID := span.SpanContext().SpanID()
	if string(records[0].GetSpanId()) != string(spanID[:]) || records[0].GetSeverityNumber() != 13 || records[0].GetSeverityText() != "WARN" {
		t.Errorf("got %v", records[0])
	}
	got := textsOf(records[0].GetAttributes())
	if got["a"] != "int_value:1" || got["spanloom.task.id"] == "" || got["spanloom.span.type"] != "" || got["code.function.name"] == "" {
		t.Errorf("got %v", got)
	}
	for _, key := range []string{`key:"b"`, `key:"c"`, `key:"d"`} {
		if !strings.Contains(got["g"], key) {
			t.Errorf("the group is %s", got["g"])
		}
	}
	if fmt.Sprintf("%x", records[1].GetSpanId()) != "00f067aa0ba902b8" || records[1].GetSeverityText() != "DEBUG" {
		t.Errorf("got %v", records[1])
	}
	if lines := strings.Count(printed.String(), "\n"); lines != 2 || strings.Contains(printed.String(), "quiet") {
		t.Errorf("printed %s", printed.String())
	}
	if records[0].GetTimeUnixNano() >= records[1].GetTimeUnixNano() {
		t.Error("the records are not in the order they were written in")
	}
}

func TestBindsALoggerToTheAttempt(t *testing.T) {
	ctx, attempt := newBench(t, 1<<20).start("01")
	slog.New(NewLogHandler(nil).Bind(ctx)).Info("no context")
	if _, entries, _ := attempt.Finish(time.Now()); len(entries.Logs) != 1 {
		t.Errorf("got %d records", len(entries.Logs))
	}
}

func TestCapturesTheDefaultLoggerAsLongAsARunnerWantsIt(t *testing.T) {
	before := slog.Default()
	first, second := CaptureLogging(), CaptureLogging()
	ctx, attempt := newBench(t, 1<<20).start("01")
	slog.InfoContext(ctx, "once")
	first()
	first()
	slog.InfoContext(ctx, "twice")
	second()
	slog.InfoContext(ctx, "not")
	if _, entries, _ := attempt.Finish(time.Now()); len(entries.Logs) != 2 {
		t.Errorf("got %d records", len(entries.Logs))
	}
	if slog.Default() != before {
		t.Error("the default logger was not put back")
	}
}

func TestAnnotatesSpansOfAnApplicationsProvider(t *testing.T) {
	recorder := &recorder{}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(&SpanProcessor{Annotate: true}), sdktrace.WithSpanProcessor(recorder))
	if !hasProcessor(provider) || hasProcessor(sdktrace.NewTracerProvider()) {
		t.Error("a provider's processor is not found")
	}
	ctx, attempt := newBench(t, 1<<20).start("01")
	_, span := provider.Tracer("app").Start(ctx, "work")
	span.End()
	_, outside := provider.Tracer("app").Start(context.Background(), "outside")
	outside.End()
	_, entries, _ := attempt.Finish(time.Now())
	if len(entries.Spans) != 1 || len(recorder.ended) != 2 {
		t.Fatalf("got %d and %d spans", len(entries.Spans), len(recorder.ended))
	}
	if len(recorder.ended[0].Attributes()) != 9 || len(recorder.ended[1].Attributes()) != 0 {
		t.Errorf("the application's exporters see %v and %v", recorder.ended[0].Attributes(), recorder.ended[1].Attributes())
	}
	if got := spansOf(t, entries)[0].GetAttributes(); len(got) != 9 {
		t.Errorf("got %v", got)
	}
}

func TestStandsInForAProviderUntilTheApplicationRegistersOne(t *testing.T) {
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	early := otel.Tracer("early")
	Register()
	if ApplicationProvider() != nil {
		t.Error("the stand-in counts as the application's")
	}
	later := otel.Tracer("later")
	ctx, attempt := newBench(t, 1<<20).start("01")
	for _, tracer := range []trace.Tracer{early, later} {
		_, span := tracer.Start(ctx, "by the stand-in")
		span.End()
	}
	recorder := &recorder{}
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	if ApplicationProvider() == nil {
		t.Error("the application's provider is not found")
	}
	for _, tracer := range []trace.Tracer{early, later} {
		_, span := tracer.Start(ctx, "by the application's")
		span.End()
	}
	_, entries, _ := attempt.Finish(time.Now())
	if len(entries.Spans) != 2 || len(recorder.ended) != 2 {
		t.Errorf("got %d and %d spans", len(entries.Spans), len(recorder.ended))
	}
}

type recorder struct{ ended []sdktrace.ReadOnlySpan }

func (r *recorder) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (r *recorder) OnEnd(span sdktrace.ReadOnlySpan)                { r.ended = append(r.ended, span) }
func (r *recorder) Shutdown(context.Context) error                  { return nil }
func (r *recorder) ForceFlush(context.Context) error                { return nil }
