import { type Attributes, context, trace } from "@opentelemetry/api";
import type { TaskLog } from "@spanloom/sdk";
import type { NowUs } from "./clock.ts";
import type { AttemptTracing } from "./tracing/attempt-tracing.ts";
import type { Severity } from "./tracing/encode-log.ts";

/** Writes log records of one attempt; each carries the attempt's identity and the span that is active. */
export class AttemptLog implements TaskLog {
  readonly #tracing: AttemptTracing;
  readonly #nowUs: NowUs;

  constructor(tracing: AttemptTracing, nowUs: NowUs) {
    this.#tracing = tracing;
    this.#nowUs = nowUs;
  }

  debug(message: string, attributes?: Attributes): void {
    this.#write("DEBUG", message, attributes);
  }

  info(message: string, attributes?: Attributes): void {
    this.#write("INFO", message, attributes);
  }

  warn(message: string, attributes?: Attributes): void {
    this.#write("WARN", message, attributes);
  }

  error(message: string, attributes?: Attributes): void {
    this.#write("ERROR", message, attributes);
  }

  #write(severity: Severity, body: unknown, attributes: Attributes | undefined): void {
    const tracing = this.#tracing;
    const active = trace.getSpanContext(context.active());
    const ids = tracing.spanIds();
    // Outside of the attempt's context, e.g. in a callback of an older event, the attempt is still right.
    const span = active?.traceId === ids.traceId ? active : ids;
    tracing.addLog({ timeUs: this.#nowUs(), severity, body, attributes, span });
  }
}
