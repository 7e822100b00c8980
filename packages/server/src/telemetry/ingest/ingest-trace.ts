import type { SelfTracer } from "../../self-tracing/self-tracer.ts";
import type { Spool } from "../spool/spool.ts";
import type { IngestOutcome, OtlpPayload } from "../telemetry.ts";
import type { Batch } from "./read-back.ts";

/** Appends payloads to the spool. */
export type Append = () => ReturnType<Spool["append"]>;

/**
 * Traces what the drainer does.
 *
 * I1. Payloads that hold spans of self-tracing make none, nor does their call, nor the insert of a batch of nothing else:
 *     each batch of such spans would make the next.
 */
export class IngestTrace {
  readonly #tracer: SelfTracer;
  /** Number of the latest payload that is not of self-tracing. */
  #foreignSeq: number;

  /** What was spooled before, up to `lastSeq`, is not looked at, and taken for others'. */
  constructor(tracer: SelfTracer, lastSeq: number) {
    this.#tracer = tracer;
    this.#foreignSeq = lastSeq;
  }

  /** Takes payloads by `take`, which appends them through what it is given. */
  async accept(
    payloads: readonly OtlpPayload[],
    take: (through: (append: Append) => ReturnType<Append>) => Promise<IngestOutcome>,
  ): Promise<IngestOutcome> {
    const tracer = this.#tracer;
    const bytes = payloads.reduce((sum, payload) => sum + payload.bytes.length, 0);
    const size = { "spanloom.ingest.payloads": payloads.length, "spanloom.ingest.bytes": bytes };
    const isOwn = tracer.isOwn(payloads);
    if (isOwn) tracer.current()?.discard();
    const span = tracer.part("telemetry.ingest", size);
    if (isOwn) span.discard();
    const through = (append: Append): ReturnType<Append> => {
      // The thread that decodes answers in nobody's name.
      const appended = tracer.run(span, append);
      if (!isOwn) this.#foreignSeq = appended.firstSeq + payloads.length - 1;
      return appended;
    };
    try {
      const outcome = await take(through);
      const { rejectedSpans, rejectedLogs } = outcome;
      span.end({ "spanloom.ingest.rejected_spans": rejectedSpans, "spanloom.ingest.rejected_logs": rejectedLogs });
      return outcome;
    } catch (error) {
      span.fail(error);
      span.end();
      throw error;
    }
  }

  /** Inserts a batch by `insert`. */
  async insert({ from, end, rows }: Batch, insert: () => Promise<void>): Promise<void> {
    if (this.#foreignSeq < from) return insert();
    const span = this.#tracer.own("telemetry.insert", {
      "db.system.name": "clickhouse",
      "spanloom.insert.source": "otlp",
      "spanloom.insert.payloads": end - from,
      "spanloom.insert.rows": rows.inserts.reduce((sum, each) => sum + each.rows, 0),
      "spanloom.insert.bytes": rows.bytes,
    });
    try {
      await this.#tracer.run(span, insert);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }
}

/** Inserts lifecycle rows by `insert`, within a span. */
export async function traceLifecycleInsert(
  tracer: SelfTracer,
  rows: number,
  insert: () => Promise<void>,
): Promise<void> {
  const span = tracer.own("telemetry.insert", {
    "db.system.name": "clickhouse",
    "spanloom.insert.source": "lifecycle",
    "spanloom.insert.rows": rows,
  });
  try {
    await tracer.run(span, insert);
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}
