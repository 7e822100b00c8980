package tracing

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"

	spanloomv1 "spanloom.dev/go/gen/spanloom/v1"
)

// ownMark tells the resource of the process's own provider, whose spans are given the resource of their runner: the SDK
// merges every resource with the environment's.
const ownMark = attribute.Key("spanloom.own")

var ownResource = resource.NewSchemaless(ownMark.Bool(true))

// ownProvider makes the provider whose spans go to attempts: one in a process, however many runners it has, as spans find
// their runner through their context.
var ownProvider = sync.OnceValue(func() *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(ownResource),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithSpanProcessor(&SpanProcessor{}),
	)
})

// attemptTracer makes the spans of attempts: of a provider of its own, so that no exporter ever sees an attempt's span,
// which is the server's to write.
var attemptTracer = sync.OnceValue(func() trace.Tracer {
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(ownResource),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithIDGenerator(mintedIDs{}),
	)
	return provider.Tracer(Scope)
})

type mintedKey struct{}

// mintedIDs gives spans the id that their context brings.
type mintedIDs struct{}

func (mintedIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	minted, _ := ctx.Value(mintedKey{}).(trace.SpanID)
	return trace.TraceID{}, minted
}

func (mintedIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	minted, _ := ctx.Value(mintedKey{}).(trace.SpanID)
	return minted
}

// startAttemptSpan begins the span of an attempt below the remote span of its task, with the id the server minted. It
// records nothing when tracing is off or the job is not sampled.
func startAttemptSpan(ctx context.Context, enabled bool, task *spanloomv1.LeasedTask, startedAt time.Time) (context.Context, trace.Span) {
	var minted trace.SpanID
	if data, err := hex.DecodeString(task.GetSpanId()); err == nil {
		copy(minted[:], data)
	}
	parent := trace.SpanContextFromContext(ctx)
	if !enabled || !parent.IsSampled() {
		ctx = trace.ContextWithSpanContext(ctx, parent.WithSpanID(minted).WithRemote(false))
		return ctx, trace.SpanFromContext(ctx)
	}
	_, span := attemptTracer().Start(context.WithValue(ctx, mintedKey{}, minted), task.GetIdentifier().GetName(),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(startedAt))
	return trace.ContextWithSpan(ctx, span), span
}

func originMemberOf(task *spanloomv1.LeasedTask) string {
	return task.GetJobId() + "_" + task.GetTaskId() + "_" + strconv.FormatUint(uint64(task.GetAttempt()), 10)
}

// RunnerResource gives OpenTelemetry's defaults, then what OTEL_SERVICE_NAME and the like say, then the runner's options.
func RunnerResource(runnerID, serviceName, serviceVersion string) *resource.Resource {
	given := resource.Default()
	own := []attribute.KeyValue{
		attribute.Int("process.pid", os.Getpid()),
		attribute.String("spanloom.runner.id", runnerID),
	}
	values := given.Set()
	if _, known := values.Value("host.name"); !known {
		if host, err := os.Hostname(); err == nil {
			own = append(own, attribute.String("host.name", host))
		}
	}
	if name, _ := values.Value("service.name"); strings.HasPrefix(name.AsString(), "unknown_service") && serviceName == "" {
		serviceName = "spanloom-runner"
	}
	if serviceName != "" {
		own = append(own, attribute.String("service.name", serviceName))
	}
	if serviceVersion != "" {
		own = append(own, attribute.String("service.version", serviceVersion))
	}
	merged, err := resource.Merge(given, resource.NewSchemaless(own...))
	if err != nil {
		return resource.NewSchemaless(own...)
	}
	return merged
}

// Disabled says whether OTEL_SDK_DISABLED switches OpenTelemetry off for the whole process.
func Disabled() bool {
	return strings.EqualFold(strings.TrimSpace(os.Getenv("OTEL_SDK_DISABLED")), "true")
}

// standIn is the process's provider as long as the application has registered none. Tracers that were taken from it, and
// from OpenTelemetry's global provider before it, become those of the application's once that is registered.
type standIn struct {
	embedded.TracerProvider
}

type standInTracer struct {
	embedded.Tracer
	own     trace.Tracer
	name    string
	options []trace.TracerOption
}

func (s *standIn) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return &standInTracer{own: ownProvider().Tracer(name, options...), name: name, options: options}
}

func (t *standInTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if current := otel.GetTracerProvider(); current != trace.TracerProvider(theStandIn) {
		return current.Tracer(t.name, t.options...).Start(ctx, name, options...)
	}
	return t.own.Start(ctx, name, options...)
}

var theStandIn = &standIn{}

// Register makes the own provider the process's, unless the application has registered one; and W3C's propagation that
// of the process, unless there is one.
func Register() {
	if !isUnset(otel.GetTracerProvider()) {
		return
	}
	otel.SetTracerProvider(theStandIn)
	if len(otel.GetTextMapPropagator().Fields()) == 0 {
		otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	}
}

// isUnset says whether a provider is the one that OpenTelemetry has before any was registered, whose type it does not
// export.
func isUnset(provider trace.TracerProvider) bool {
	return fmt.Sprintf("%T", provider) == "*global.tracerProvider"
}

// ApplicationProvider gives the provider that the application has registered; nil when it has none, or when
// OTEL_SDK_DISABLED is true.
func ApplicationProvider() trace.TracerProvider {
	provider := otel.GetTracerProvider()
	if Disabled() || isUnset(provider) || provider == trace.TracerProvider(theStandIn) {
		return nil
	}
	return provider
}

type probeKey struct{}

// probeTimeout is how long a provider may take to tell of its processors.
const probeTimeout = 2 * time.Second

// TaskTracer gives the tracer for what tasks trace by the client's own functions: of the application's provider when that
// has the SpanProcessor, else of the own one, so that such spans reach the server in any case.
func TaskTracer(enabled bool) trace.Tracer {
	if !enabled {
		return noop.NewTracerProvider().Tracer(Scope)
	}
	if provider := ApplicationProvider(); provider != nil && hasProcessor(provider) {
		return provider.Tracer(Scope)
	}
	return ownProvider().Tracer(Scope)
}

// hasProcessor asks a provider for its processors in the one way there is: a flush comes by all of them.
func hasProcessor(provider trace.TracerProvider) bool {
	flusher, ok := provider.(interface{ ForceFlush(context.Context) error })
	if !ok {
		return false
	}
	found := false
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), probeKey{}, &found), probeTimeout)
	defer cancel()
	// What could not be flushed is for the provider's own exporters to tell.
	_ = flusher.ForceFlush(ctx)
	return found
}
