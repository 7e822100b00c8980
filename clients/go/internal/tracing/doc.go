// Package tracing is OpenTelemetry underneath: trace context of jobs, spans and logs of attempts.
package tracing

// Scope is the name of the scope of what the client itself traces.
const Scope = "spanloom.dev/go"
