package tracing

import (
	"container/list"
	"context"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// maxLive is how many spans that have begun and not ended are remembered. Of those beyond it the oldest are forgotten: they are
// not shown before they end, and are found by their tracestate then, if their attempt still runs.
const maxLive = 20_000

// leftBehind is how long a span that its attempt left open is waited for.
const leftBehind = 10 * time.Minute

type attemptKey struct{}

// attemptOf gives the attempt whose code a context belongs to; nil outside of attempts.
func attemptOf(ctx context.Context) *Attempt {
	found, _ := ctx.Value(attemptKey{}).(*Attempt)
	return found
}

// runningAttempts are the attempts that run in this process, by how a tracestate names them: for spans whose parent is
// known by its trace context alone.
//
// Concurrency: safe from any goroutine.
type runningAttempts struct {
	attempts sync.Map
}

// running and live are the process's own, as its tracer provider is: a span says nothing of the runner it belongs to.
var (
	running runningAttempts
	live    = liveSpans{byKey: map[spanKey]*list.Element{}}
)

func (r *runningAttempts) add(attempt *Attempt) { r.attempts.Store(attempt.origin, attempt) }

func (r *runningAttempts) remove(attempt *Attempt) {
	r.attempts.CompareAndDelete(attempt.origin, attempt)
}

func (r *runningAttempts) of(span trace.SpanContext) *Attempt {
	origin := originOf(span)
	if origin == "" {
		return nil
	}
	found, _ := r.attempts.Load(origin)
	attempt, _ := found.(*Attempt)
	return attempt
}

type spanKey struct {
	trace trace.TraceID
	span  trace.SpanID
}

func keyOf(span trace.SpanContext) spanKey { return spanKey{span.TraceID(), span.SpanID()} }

// liveSpan is a span that has begun and not ended.
type liveSpan struct {
	key     spanKey
	attempt *Attempt
	began   time.Time
	// nil once it was shown.
	span sdktrace.ReadOnlySpan
}

// liveSpans remembers spans from their start to their end, in the order of their start.
//
// Concurrency: safe from any goroutine.
type liveSpans struct {
	mu      sync.Mutex
	byKey   map[spanKey]*list.Element
	ordered list.List
	// The first that was not shown; nil when all were.
	unshown *list.Element
}

// began takes note of a span.
func (l *liveSpans) began(span sdktrace.ReadOnlySpan, attempt *Attempt) {
	key := keyOf(span.SpanContext())
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.byKey[key]; known {
		return
	}
	if len(l.byKey) >= maxLive {
		l.forget(l.ordered.Front())
	}
	element := l.ordered.PushBack(&liveSpan{key: key, attempt: attempt, began: time.Now(), span: span})
	l.byKey[key] = element
	if l.unshown == nil {
		l.unshown = element
	}
}

// ended forgets a span and gives its attempt; nil when it is not known, or was forgotten.
func (l *liveSpans) ended(span trace.SpanContext) *Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	element := l.byKey[keyOf(span)]
	if element == nil {
		return nil
	}
	l.forget(element)
	return element.Value.(*liveSpan).attempt
}

// show gives the first span that began before a time and was not shown to a function; false when there is none. A span
// that ends meanwhile waits, so that what is shown of it never comes after its end.
func (l *liveSpans) show(before time.Time, to func(sdktrace.ReadOnlySpan, *Attempt)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unshown == nil {
		return false
	}
	first := l.unshown.Value.(*liveSpan)
	if !first.began.Before(before) {
		return false
	}
	to(first.span, first.attempt)
	first.span = nil
	l.unshown = l.unshown.Next()
	return true
}

// forgetLeftBehind forgets the first spans whose attempts ended before a time.
func (l *liveSpans) forgetLeftBehind(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for first := l.ordered.Front(); first != nil; first = l.ordered.Front() {
		if !first.Value.(*liveSpan).attempt.endedBefore(before) {
			return
		}
		l.forget(first)
	}
}

func (l *liveSpans) forget(element *list.Element) {
	if l.unshown == element {
		l.unshown = element.Next()
	}
	delete(l.byKey, element.Value.(*liveSpan).key)
	l.ordered.Remove(element)
}

// ShowOpenSpans hands spans that began before a time and have not ended to the runners of their attempts, each once.
func ShowOpenSpans(before time.Time) {
	for live.show(before, func(span sdktrace.ReadOnlySpan, attempt *Attempt) { attempt.showSpan(span) }) {
	}
	live.forgetLeftBehind(before.Add(-leftBehind))
}

// SpanProcessor hands spans to the attempts they belong to; spans outside of attempts are none of its business.
type SpanProcessor struct {
	// Whether the attempt's attributes are put on spans when they start, so that other processors see them.
	Annotate bool
}

// OnStart finds the span's attempt: by its context, else by the tracestate of its parent.
func (p *SpanProcessor) OnStart(ctx context.Context, span sdktrace.ReadWriteSpan) {
	attempt := attemptOf(ctx)
	if attempt == nil {
		attempt = running.of(trace.SpanContextFromContext(ctx))
	}
	if attempt == nil || !attempt.host.options.Enabled {
		return
	}
	if p.Annotate {
		span.SetAttributes(attempt.attributes...)
	}
	if span.SpanContext().IsSampled() {
		live.began(span, attempt)
	}
}

// OnEnd collects the span.
func (p *SpanProcessor) OnEnd(span sdktrace.ReadOnlySpan) {
	own := span.SpanContext()
	if !own.IsSampled() {
		return
	}
	attempt := live.ended(own)
	if attempt == nil {
		attempt = running.of(own)
	}
	if attempt != nil && attempt.host.options.Enabled {
		attempt.addSpan(span)
	}
}

// Shutdown changes nothing: the runner sends what it holds as it stops.
func (p *SpanProcessor) Shutdown(context.Context) error { return nil }

// ForceFlush changes nothing: spans are handed on as they end.
func (p *SpanProcessor) ForceFlush(ctx context.Context) error {
	if asked, ok := ctx.Value(probeKey{}).(*bool); ok {
		*asked = true
	}
	return nil
}
