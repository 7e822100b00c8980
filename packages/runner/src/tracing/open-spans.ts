import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { AttemptTracing } from "./attempt-tracing.ts";
import type { TelemetryEntries } from "./record-block.ts";

/** Spans of a runner that have begun, have not ended, and were not shown yet; in the order of their start. */
export class OpenSpans {
  readonly #attempts = new Map<ReadableSpan, AttemptTracing>();
  /** What was added to the starts of those that were shown. */
  readonly #shown = new WeakMap<ReadableSpan, number>();

  /** Takes note of a span that has begun. */
  add(span: ReadableSpan, attempt: AttemptTracing): void {
    // Code that forgets to end its spans must not be kept from forgetting them.
    if (this.#attempts.size < MAX_OPEN_SPANS) this.#attempts.set(span, attempt);
  }

  /** A span has ended; gives what was added to its start if it was shown, so that it starts there again. */
  delete(span: ReadableSpan): number | undefined {
    return this.#attempts.delete(span) ? undefined : this.#shown.get(span);
  }

  /** Spans that began before `beforeUs`, each given once; undefined when there are none. */
  take(beforeUs: number): TelemetryEntries | undefined {
    const entries: TelemetryEntries = { spans: [], logs: [], bytes: 0 };
    for (const [span, attempt] of this.#attempts) {
      if (span.startTime[0] * 1e6 + span.startTime[1] / 1e3 >= beforeUs) continue;
      this.#attempts.delete(span);
      this.#shown.set(span, attempt.addTo(entries, span));
    }
    return entries.bytes > 0 ? entries : undefined;
  }
}

/** Open spans that are kept for being shown; what is beyond is seen when it ends. */
const MAX_OPEN_SPANS = 10_000;
