import { type Exporter, exported, type ShapeOptions, shapeTelemetry, type TelemetryBatch } from "@spanloom/exporter";
import { tracesToJson } from "@spanloom/exporter/otlp";
import { type PlainSpan, plainSpans } from "@spanloom/testing";

/** A backend that keeps what it is sent. */
export class RecordingExporter implements Exporter {
  readonly name = "recording";
  readonly shape: Exporter["shape"];
  readonly #requests: unknown[] = [];

  constructor(shape: ShapeOptions = {}) {
    this.shape = shapeTelemetry(shape);
  }

  async export({ traces }: TelemetryBatch): Promise<typeof exported> {
    if (traces) this.#requests.push(tracesToJson(traces));
    return exported;
  }

  async shutdown(): Promise<void> {}

  /** All it was sent, by span id; of a span that was sent twice both. */
  get spans(): Map<string, PlainSpan[]> {
    return plainSpans(this.#requests);
  }
}
