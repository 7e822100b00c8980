package tracing

import (
	"context"
	"log/slog"
	"runtime"
	"slices"

	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	logsv1 "go.opentelemetry.io/proto/otlp/logs/v1"
)

// LogHandler sends records that are logged within an attempt to it, and hands all on to the next handler.
//
// Records reach their attempt by the context that they are logged with.
type LogHandler struct {
	next slog.Handler
	// The attempt of a logger that is bound to one; nil for one that goes by the context of each call.
	bound context.Context
	// Groups that are open, the outermost first; the first element stands for what is outside of all groups.
	groups []logGroup
}

type logGroup struct {
	name       string
	attributes []slog.Attr
}

// NewLogHandler makes a handler before another, which may be nil.
func NewLogHandler(next slog.Handler) *LogHandler {
	return &LogHandler{next: next, groups: []logGroup{{}}}
}

// Bind gives a handler whose records belong to the attempt and the active span of ctx, whatever context they are logged
// with.
func (h *LogHandler) Bind(ctx context.Context) *LogHandler {
	made := *h
	made.bound = ctx
	return &made
}

// Enabled says that attempts take records of any level.
func (h *LogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if attempt := h.attemptOf(ctx); attempt != nil && attempt.host.options.Enabled {
		return true
	}
	return h.next != nil && h.next.Enabled(ctx, level)
}

// Handle collects a record and hands it on.
func (h *LogHandler) Handle(ctx context.Context, record slog.Record) error {
	if attempt := h.attemptOf(ctx); attempt != nil && attempt.host.options.Enabled {
		attempt.addLog(h.activeOf(ctx), h.toLogRecord(record))
	}
	if h.next == nil || !h.next.Enabled(ctx, record.Level) {
		return nil
	}
	return h.next.Handle(ctx, record)
}

// WithAttrs adds attributes to all records.
func (h *LogHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	made := *h
	if h.next != nil {
		made.next = h.next.WithAttrs(attributes)
	}
	made.groups = slices.Clone(h.groups)
	last := &made.groups[len(made.groups)-1]
	last.attributes = append(slices.Clip(last.attributes), attributes...)
	return &made
}

// WithGroup opens a group for what follows.
func (h *LogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	made := *h
	if h.next != nil {
		made.next = h.next.WithGroup(name)
	}
	made.groups = append(slices.Clip(h.groups), logGroup{name: name})
	return &made
}

func (h *LogHandler) attemptOf(ctx context.Context) *Attempt {
	if h.bound != nil {
		ctx = h.bound
	}
	if ctx == nil {
		return nil
	}
	return attemptOf(ctx)
}

// activeOf gives the context whose span is active: that of the call, when it is one of the attempt's.
func (h *LogHandler) activeOf(ctx context.Context) context.Context {
	if h.bound != nil && (ctx == nil || attemptOf(ctx) != attemptOf(h.bound)) {
		return h.bound
	}
	return ctx
}

func (h *LogHandler) toLogRecord(record slog.Record) *logsv1.LogRecord {
	number, text := severityOf(record.Level)
	attributes := make([]slog.Attr, 0, record.NumAttrs())
	record.Attrs(func(each slog.Attr) bool {
		attributes = append(attributes, each)
		return true
	})
	for i := len(h.groups) - 1; i > 0; i-- {
		group := h.groups[i]
		attributes = append(slices.Clip(group.attributes), attributes...)
		// As the handlers of log/slog do, a group with nothing in it is left out.
		if len(attributes) > 0 {
			attributes = []slog.Attr{{Key: group.name, Value: slog.GroupValue(attributes...)}}
		}
	}
	attributes = append(slices.Clip(h.groups[0].attributes), attributes...)
	return &logsv1.LogRecord{
		SeverityNumber: number,
		SeverityText:   text,
		Body:           textValue(record.Message),
		Attributes:     append(withoutShared(slogAttributes(attributes, 0)), sourceOf(record.PC)...),
	}
}

// severityOf gives a level as OpenTelemetry numbers and names them: slog's levels are its numbers less nine.
func severityOf(level slog.Level) (logsv1.SeverityNumber, string) {
	number := min(max(int(level)+9, 1), 24)
	names := []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	return logsv1.SeverityNumber(number), names[(number-1)/4]
}

func sourceOf(pc uintptr) []*commonv1.KeyValue {
	if pc == 0 {
		return nil
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return []*commonv1.KeyValue{
		keyValue("code.file.path", textValue(frame.File)),
		keyValue("code.function.name", textValue(frame.Function)),
		keyValue("code.line.number", intValue(int64(frame.Line))),
	}
}
