package spanloom_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	spanloom "spanloom.dev/go"
	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
	"spanloom.dev/go/internal/testserver"
)

const (
	remoteParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	remoteTrace  = "0af7651916cd43dd8448eb211c80319c"
)

// traced gives a client whose provider keeps its spans, and a tracer of that provider.
func traced(t *testing.T, noTracing bool) (*spanloom.Client, *tracetest.SpanRecorder, trace.Tracer) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	options := spanloom.ClientOptions{URL: testserver.Shared(t).URL, TracerProvider: provider, NoTracing: noTracing}
	return clientOf(t, options), recorder, provider.Tracer("app")
}

func attributesOf(span sdktrace.ReadOnlySpan) map[string]any {
	found := map[string]any{}
	for _, each := range span.Attributes() {
		found[string(each.Key)] = each.Value.AsInterface()
	}
	return found
}

func TestMakesASpanForEachCallThatAsksForWork(t *testing.T) {
	client, recorder, tracer := traced(t, false)
	queue := testserver.Queue(t)
	ctx, request := tracer.Start(t.Context(), "request")
	handle, err := spanloom.SubmitJob(ctx, client, echo, any(1), spanloom.WithQueue(queue))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spanloom.SubmitJobs(ctx, client, echo, []any{1, 2}, spanloom.WithQueue(queue)); err != nil {
		t.Fatal(err)
	}
	if _, err := handle.Cancel(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Jobs.Cancel(ctx, unknownID, ""); err == nil {
		t.Fatal("a job that is not there was cancelled")
	}
	spans := recorder.Ended()
	var names []string
	for _, span := range spans {
		names = append(names, span.Name())
		if span.Parent().SpanID() != request.SpanContext().SpanID() || span.SpanKind() != trace.SpanKindProducer {
			t.Errorf("%s is a %s below %s", span.Name(), span.SpanKind(), span.Parent().SpanID())
		}
	}
	if want := "submit " + queue + ",submit " + queue + ",cancel " + queue + ",cancel"; strings.Join(names, ",") != want {
		t.Fatalf("%v; want %s", names, want)
	}
	single, batch, failed := attributesOf(spans[0]), attributesOf(spans[1]), attributesOf(spans[3])
	for key, want := range map[string]any{
		"messaging.system": "spanloom", "messaging.operation.name": "submit", "messaging.operation.type": "send",
		"messaging.destination.name": queue, "messaging.message.id": handle.ID(), "spanloom.job.id": handle.ID(),
		"spanloom.job.name": "echo", "spanloom.queue": queue, "server.address": "127.0.0.1",
	} {
		if single[key] != want {
			t.Errorf("%s is %v, want %v", key, single[key], want)
		}
	}
	if batch["messaging.batch.message_count"] != int64(2) || batch["messaging.message.id"] != nil {
		t.Errorf("%v", batch)
	}
	if failed["error.type"] != "JOB_NOT_FOUND" || spans[3].Status().Code != codes.Error || failed["messaging.operation.type"] != nil {
		t.Errorf("%v", failed)
	}
	if got := handle.TraceID(); got != request.SpanContext().TraceID().String() {
		t.Errorf("the job is in trace %s", got)
	}
}

func TestTheJobHangsBelowTheSpanOfItsSubmission(t *testing.T) {
	client, recorder, tracer := traced(t, false)
	ctx, _ := tracer.Start(t.Context(), "request")
	handle, err := spanloom.SubmitJob(ctx, client, echo, any(1), spanloom.WithQueue(testserver.Queue(t)))
	if err != nil {
		t.Fatal(err)
	}
	clone, err := client.Jobs.Clone(ctx, handle.ID(), spanloom.CloneOptions{TraceMode: spanloom.TraceLink})
	if err != nil {
		t.Fatal(err)
	}
	if spans := recorder.Ended(); handle.TraceID() != spans[0].SpanContext().TraceID().String() {
		t.Errorf("the job is in trace %s", handle.TraceID())
	}
	if clone.TraceID() != spanloom.TraceIDOfJob(clone.ID()) {
		t.Errorf("a clone that links is in trace %s", clone.TraceID())
	}
}

func TestTheApplicationsProviderMakesTheSpans(t *testing.T) {
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	recorder := tracetest.NewSpanRecorder()
	client := clientOf(t, spanloom.ClientOptions{URL: testserver.Shared(t).URL})
	queue := spanloom.WithQueue(testserver.Queue(t))
	submittedIn(t.Context(), t, client, queue)
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	handle := submittedIn(t.Context(), t, client, queue)
	if spans := recorder.Ended(); len(spans) != 1 || spans[0].SpanContext().TraceID().String() != handle.TraceID() {
		t.Errorf("%v", spans)
	}
}

func TestPassesTheTraceContextOnWithoutSpans(t *testing.T) {
	client, recorder, tracer := traced(t, true)
	queue := spanloom.WithQueue(testserver.Queue(t))
	ctx, request := tracer.Start(t.Context(), "request")
	below := submittedIn(ctx, t, client, queue)
	if below.TraceID() != request.SpanContext().TraceID().String() || len(recorder.Ended()) != 0 {
		t.Errorf("the job is in trace %s, %d spans", below.TraceID(), len(recorder.Ended()))
	}
	for name, options := range map[string][]spanloom.JobOption{
		"told to":   {queue, spanloom.WithoutTrace()},
		"linked":    {queue, spanloom.WithTraceMode(spanloom.TraceLink)},
		"both":      {queue, spanloom.WithoutTrace(), spanloom.WithTags(map[string]string{"traceparent": remoteParent})},
		"malformed": {queue, spanloom.WithTags(map[string]string{"traceparent": "00-0-0-0"}), spanloom.WithoutTrace()},
	} {
		if own := submittedIn(ctx, t, client, options...); own.TraceID() != spanloom.TraceIDOfJob(own.ID()) {
			t.Errorf("%s: the job is in trace %s", name, own.TraceID())
		}
	}
}

func TestATraceContextAmongTheTagsIsNoTag(t *testing.T) {
	client, recorder, tracer := traced(t, false)
	ctx, _ := tracer.Start(t.Context(), "request")
	tags := spanloom.WithTags(map[string]string{"Traceparent": remoteParent, "baggage": "a=1", "team": "web"})
	handle := submittedIn(ctx, t, client, tags, spanloom.WithQueue(testserver.Queue(t)))
	if got := handle.Submitted.GetTags(); len(got) != 1 || got["team"] != "web" || handle.TraceID() != remoteTrace {
		t.Errorf("%v in trace %s", got, handle.TraceID())
	}
	if parent := recorder.Ended()[0].Parent(); parent.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("the span is below %s", parent.SpanID())
	}
	malformed := spanloom.WithTags(map[string]string{"traceparent": "not one"})
	if handle := submittedIn(ctx, t, client, malformed); handle.Submitted.GetTags()["traceparent"] != "not one" {
		t.Errorf("%v", handle.Submitted.GetTags())
	}
}

func TestBaggageAndTracestateGoAlong(t *testing.T) {
	bodies := make(chan *spanloomv1.TraceContext, 1)
	url := decoding(t, func(request *spanloomv1.SubmitJobRequest) { bodies <- request.GetTrace() })
	client := clientOf(t, spanloom.ClientOptions{URL: url})
	member, err := baggage.NewMember("user", "ada")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	state, err := trace.ParseTraceState("vendor=1")
	if err != nil {
		t.Fatal(err)
	}
	config := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: 1, TraceState: state}
	ctx := trace.ContextWithSpanContext(baggage.ContextWithBaggage(t.Context(), bag), trace.NewSpanContext(config))
	submittedIn(ctx, t, client)
	if sent := <-bodies; !strings.HasPrefix(sent.GetTraceparent(), "00-01") || sent.GetTracestate() != "vendor=1" || sent.GetBaggage() != "user=ada" {
		t.Errorf("%v", sent)
	}
	submittedIn(t.Context(), t, client)
	if sent := <-bodies; sent != nil {
		t.Errorf("%v was sent without a span", sent)
	}
}

func TestASpanWithinAnAttemptBelongsToItsJob(t *testing.T) {
	client, recorder, _ := traced(t, false)
	state, err := trace.ParseTraceState("spanloom=" + unknownID + "_" + unknownID + "_1")
	if err != nil {
		t.Fatal(err)
	}
	config := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: 1, TraceState: state}
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(config))
	handle := submittedIn(ctx, t, client, spanloom.WithQueue(testserver.Queue(t)))
	found := attributesOf(recorder.Ended()[0])
	if found["messaging.message.id"] != handle.ID() || found["spanloom.job.id"] != nil {
		t.Errorf("%v", found)
	}
}

func TestOpenTelemetrySwitchedOffMakesNoSpans(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", " TRUE ")
	client, recorder, _ := traced(t, false)
	submittedIn(t.Context(), t, client, spanloom.WithQueue(testserver.Queue(t)))
	if len(recorder.Ended()) != 0 {
		t.Errorf("%d spans", len(recorder.Ended()))
	}
}

func TestACallThatIsCancelledSaysSo(t *testing.T) {
	client, recorder, _ := traced(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Jobs.Cancel(ctx, unknownID, ""); err == nil {
		t.Fatal("it was made")
	}
	if found := attributesOf(recorder.Ended()[0]); found["error.type"] != "context.Canceled" {
		t.Errorf("%v", found)
	}
}

func submittedIn(
	ctx context.Context, t *testing.T, client *spanloom.Client, options ...spanloom.JobOption,
) *spanloom.JobHandle[any] {
	t.Helper()
	handle, err := spanloom.SubmitJob(ctx, client, echo, any(1), options...)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}
