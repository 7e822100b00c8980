import { context, trace } from "@opentelemetry/api";
import type { LogAttributes, LogEntry, LogSeverity, TaskLog } from "@spanloom/sdk";
import { type AttemptTracing, attemptOfContext } from "./tracing/attempt-tracing.ts";

/** Writes log records of one attempt; each carries the attempt's identity and the span that is active. */
export class AttemptLog implements TaskLog {
  readonly #tracing: AttemptTracing;

  constructor(tracing: AttemptTracing) {
    this.#tracing = tracing;
  }

  trace(message: string, attributes?: LogAttributes | Error): void {
    this.#write("TRACE", message, attributes);
  }

  debug(message: string, attributes?: LogAttributes | Error): void {
    this.#write("DEBUG", message, attributes);
  }

  info(message: string, attributes?: LogAttributes | Error): void {
    this.#write("INFO", message, attributes);
  }

  warn(message: string, attributes?: LogAttributes | Error): void {
    this.#write("WARN", message, attributes);
  }

  error(message: string, attributes?: LogAttributes | Error): void {
    this.#write("ERROR", message, attributes);
  }

  fatal(message: string, attributes?: LogAttributes | Error): void {
    this.#write("FATAL", message, attributes);
  }

  write({ severity = "INFO", body, attributes, eventName }: LogEntry): void {
    this.#write(severity, body, attributes, eventName);
  }

  #write(
    severity: LogSeverity,
    body: unknown,
    attributes: LogAttributes | Error | undefined,
    eventName?: string,
  ): void {
    const tracing = this.#tracing;
    if (!tracing.host.enabled) return;
    tracing.addLog({ severity, body, attributes, eventName, span: activeSpanOf(tracing) });
  }
}

/** The active span of an attempt; outside of its context, e.g. in a callback of an older event, the attempt's own. */
export function activeSpanOf(tracing: AttemptTracing): { traceId: string; spanId: string; traceFlags: number } {
  const active = context.active();
  return (attemptOfContext(active) === tracing && trace.getSpanContext(active)) || tracing.spanContext;
}
