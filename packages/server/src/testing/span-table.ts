import { attributeNames } from "@spanloom/protocol";
import type { ChaosProjection, ChaosSpan } from "@spanloom/testing";
import { tableFromIPC } from "apache-arrow";
import type { Store } from "../store/store.ts";
import type { InsertBatch } from "../telemetry/columnar/span-store.ts";
import { Projector } from "../telemetry/lifecycle/projector.ts";

/**
 * Test fixture: lifecycle spans in memory, as a telemetry store would show them.
 *
 * Projections write to it through the same Arrow batches; of rows with one id the highest version counts.
 */
export class SpanTable {
  readonly #spans = new Map<string, { version: bigint; span: ChaosSpan }>();
  #version = 0n;

  /** The projection of a server that starts now. */
  project(store: Store, nowUs: () => number): ChaosProjection {
    const projector = new Projector({
      store,
      // Nothing is written but when asked for: a run decides when.
      clock: { nowUs, schedule: () => () => undefined },
      log: () => undefined,
      insert: async (batch) => this.#insert(batch),
    });
    projector.startVersionsAfter(this.#version);
    return projector;
  }

  /** All spans, the latest version of each. */
  spans(): ChaosSpan[] {
    return [...this.#spans.values()].map(({ span }) => span);
  }

  #insert({ ipc }: InsertBatch): void {
    const table = tableFromIPC(Buffer.concat(ipc));
    for (const row of table) {
      const version = BigInt(row.version as bigint);
      const span = toSpan(row.toJSON() as Record<string, unknown>);
      const known = this.#spans.get(span.spanId);
      if (known === undefined || known.version <= version) this.#spans.set(span.spanId, { version, span });
      if (version > this.#version) this.#version = version;
    }
  }
}

function toSpan(row: Record<string, unknown>): ChaosSpan {
  const startUs = Math.round(Number(row.start_time) * 1000);
  return {
    traceId: hex(row.trace_id),
    spanId: hex(row.span_id),
    parentSpanId: hex(row.parent_span_id),
    type: String(row.type),
    jobId: hex(row.job_id),
    taskId: hex(row.task_id),
    attempt: Number(row.attempt),
    startUs,
    endUs: row.duration_ns === null ? undefined : startUs + Number(row.duration_ns) / 1000,
    outcome: String(row.outcome),
    retries: [...(row.links as Iterable<LinkRow>)].filter(isRetry).map((link) => String(link.span_id)),
  };
}

interface LinkRow {
  span_id: unknown;
  attributes: Iterable<[string, unknown]>;
}

function isRetry({ attributes }: LinkRow): boolean {
  return [...attributes].some(([key, value]) => key === attributeNames.linkType && value === "retry");
}

/** An id's bytes as text; empty for none, which is all zeros. */
function hex(value: unknown): string {
  const text = value === null || value === undefined ? "" : Buffer.from(value as Uint8Array).toString("hex");
  return /^0*$/.test(text) ? "" : text;
}
