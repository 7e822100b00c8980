import { ExportResultCode } from "@opentelemetry/core";
import { BasicTracerProvider, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import { expect, it } from "vitest";
import { BoundedProcessor } from "./bounded-processor.ts";

/** An exporter that answers when it is told to. */
class HeldExporter implements SpanExporter {
  readonly batches: ReadableSpan[][] = [];
  answer: ((ok: boolean) => void) | undefined;
  holds = true;
  fails = false;

  export(spans: ReadableSpan[], done: Parameters<SpanExporter["export"]>[1]): void {
    this.batches.push(spans);
    const say = (ok: boolean) =>
      done(ok ? { code: ExportResultCode.SUCCESS } : { code: ExportResultCode.FAILED, error: new Error("refused") });
    if (this.holds) this.answer = say;
    else say(!this.fails);
  }

  async shutdown(): Promise<void> {}
}

function setUp() {
  const exporter = new HeldExporter();
  const lines: string[] = [];
  const processor = new BoundedProcessor(exporter, (line) => lines.push(line));
  const tracer = new BasicTracerProvider({ spanProcessors: [processor] }).getTracer("test");
  const endSpans = (count: number) => {
    for (let i = 0; i < count; i++) tracer.startSpan("span").end();
  };
  return { exporter, lines, processor, endSpans };
}

it("keeps so many spans and drops more, counted, while the peer does not answer (I1)", async () => {
  const { exporter, processor, endSpans } = setUp();
  endSpans(512 + 4_096 + 10);
  expect(exporter.batches.map(({ length }) => length)).toEqual([512]);
  expect(processor.stats).toEqual({ exported: 0, dropped: 10, failed: 0 });
  exporter.holds = false;
  exporter.answer?.(true);
  await processor.shutdown();
  expect(processor.stats).toEqual({ exported: 512 + 4_096, dropped: 10, failed: 0 });
});

it("gives a failed batch up, counts it, and tells of trouble once until it is over (I2)", async () => {
  const { exporter, lines, processor, endSpans } = setUp();
  exporter.holds = false;
  exporter.fails = true;
  for (let i = 0; i < 3; i++) {
    endSpans(2);
    await processor.forceFlush();
  }
  expect(processor.stats).toEqual({ exported: 0, dropped: 0, failed: 6 });
  exporter.fails = false;
  endSpans(1);
  await processor.forceFlush();
  expect(processor.stats.exported).toBe(1);
  expect(lines).toEqual([
    "self-tracing: cannot export, spans are lost meanwhile: refused",
    "self-tracing goes on; 6 spans were lost since the start",
  ]);
});
