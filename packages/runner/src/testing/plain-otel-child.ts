import { context, propagation, SpanKind } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { JsonSpanExporter } from "./json-span-exporter.ts";

// A process that knows nothing of Spanloom: an OpenTelemetry SDK, the environment carrier, and OTLP/HTTP as JSON.

propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const carrier = { traceparent: process.env.TRACEPARENT, tracestate: process.env.TRACESTATE };
const exporter = new JsonSpanExporter(process.argv[2]!, "child");
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const parent = propagation.extract(context.active(), carrier);
provider.getTracer("child").startSpan("in a child process", { kind: SpanKind.CLIENT }, parent).end();
await provider.forceFlush();
