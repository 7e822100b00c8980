import { type Attributes, context, trace } from "@opentelemetry/api";
import type { TaskLog } from "@spanloom/sdk";
import type { NowUs } from "./clock.ts";
import type { AttemptTracing } from "./tracing/attempt-tracing.ts";
import { type Severity, writeLog } from "./tracing/encode-log.ts";
import { ProtoWriter } from "./tracing/proto-writer.ts";

const writer = new ProtoWriter(4096);
const SCOPE = { name: "@spanloom/runner" };

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

  #write(severity: Severity, body: string, attributes: Attributes | undefined): void {
    const tracing = this.#tracing;
    const active = trace.getSpanContext(context.active());
    const ids = tracing.spanIds();
    // Outside of the attempt's context, e.g. in a callback of an older event, the attempt is still right.
    const span = active?.traceId === ids.traceId ? active : ids;
    const record = {
      timeUs: this.#nowUs(),
      severity,
      body: String(body),
      attributes,
      extra: tracing.logAttributes(),
      span,
    };
    try {
      writeLog(writer, 2, record);
    } catch {
      // Attributes that are not data, such as a cyclic object, must not fail the work; the record is counted as dropped.
      writer.discard();
      tracing.buffer.countDropped();
      return;
    }
    tracing.buffer.addLog({ origin: tracing.host.origins.own(SCOPE), bytes: writer.take() });
  }
}
