import { hrTimeToNanoseconds } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";

/** Sends spans as OTLP/HTTP in JSON, as a process would that knows nothing of Spanloom. */
export class JsonSpanExporter implements SpanExporter {
  readonly #url: string;
  readonly #serviceName: string;
  readonly #sent: Promise<void>[] = [];

  constructor(url: string, serviceName: string) {
    this.#url = url;
    this.#serviceName = serviceName;
  }

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    const resource = { attributes: [{ key: "service.name", value: { stringValue: this.#serviceName } }] };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: spans.map(toJson) }] }] });
    const headers = { "content-type": "application/json" };
    this.#sent.push(fetch(this.#url, { method: "POST", headers, body }).then((answer) => check(answer)));
    done({ code: 0 });
  }

  /** Resolves when the server has all. */
  async forceFlush(): Promise<void> {
    await Promise.all(this.#sent);
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }
}

function toJson(span: ReadableSpan) {
  const { traceId, spanId, traceState } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? "",
    traceState: traceState?.serialize() ?? "",
    name: span.name,
    kind: span.kind + 1,
    startTimeUnixNano: String(hrTimeToNanoseconds(span.startTime)),
    endTimeUnixNano: String(hrTimeToNanoseconds(span.endTime)),
  };
}

async function check(answer: Response): Promise<void> {
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
}
