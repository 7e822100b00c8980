import { context, propagation, SpanKind } from "@opentelemetry/api";
import { hrTimeToNanoseconds, W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

// A process that knows nothing of Spanloom: an OpenTelemetry SDK, the environment carrier, and OTLP/HTTP as JSON.

const sent: Promise<unknown>[] = [];
const exporter = {
  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: spans.map(toJson) }] }] });
    const headers = { "content-type": "application/json" };
    sent.push(fetch(process.argv[2]!, { method: "POST", headers, body }).then((answer) => check(answer)));
    done({ code: 0 });
  },
  shutdown: async () => undefined,
};

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

propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const carrier = { traceparent: process.env.TRACEPARENT, tracestate: process.env.TRACESTATE };
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const parent = propagation.extract(context.active(), carrier);
provider.getTracer("child").startSpan("in a child process", { kind: SpanKind.CLIENT }, parent).end();
await Promise.all(sent);
