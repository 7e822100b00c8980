import type { Exporter, ExportResult, TelemetryBatch } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";

/** Sends spans on while its gate is open, and lets them wait while it is closed. */
export class GatedExporter implements Exporter {
  readonly name = "gated";
  readonly #inner: OtlpExporter;
  #opened = Promise.withResolvers<void>();
  /** Spans that were taken. */
  spans = 0;

  constructor(endpoint: string) {
    this.#inner = new OtlpExporter({ endpoint });
  }

  open(): void {
    this.#opened.resolve();
  }

  close(): void {
    this.#opened = Promise.withResolvers();
  }

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    await this.#opened.promise;
    const result = await this.#inner.export(batch);
    if (result.outcome === "exported") this.spans += spansIn(batch);
    return result;
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}

function spansIn({ traces }: TelemetryBatch): number {
  let spans = 0;
  for (const { scopeSpans } of traces?.resourceSpans ?? []) for (const each of scopeSpans) spans += each.spans.length;
  return spans;
}
