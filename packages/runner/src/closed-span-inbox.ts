import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { TaskLookup } from "@spanloom/exporter";
import { ClosedSpanPurpose, type ClosedSpanRequestSchema, type ClosedSpans } from "@spanloom/protocol";
import { type ExportTraceServiceRequest, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { closedSpanTasks } from "./closed-span-tasks.ts";
import type { RunnerStats } from "./metrics/runner-stats.ts";

/** Who is given the spans of jobs, tasks and attempts that ended. Each must be quick; what it throws is logged. */
export interface ClosedSpanReceivers {
  /** For exporters. Absent without any. */
  export?: ((spans: ExportTraceServiceRequest, tasks?: TaskLookup) => void) | undefined;
  /** Whether an exporter needs to be told of tasks whose span is in another batch. */
  wantsTasks?: boolean;
  /** For whoever is told of what ended. Absent without any. */
  notify?: ((spans: ExportTraceServiceRequest) => void) | undefined;
  stats: Pick<RunnerStats, "lostClosedSpans">;
  log(line: string): void;
}

/** Batches remembered, so that one that comes again is not given on again: an answer may have been lost. */
const MAX_KNOWN = 4_096;

/**
 * Asks the server for the spans of jobs, tasks and attempts that ended, and gives them on.
 *
 * I1. A batch is given on once, however often it comes.
 * I2. That it came is said with every call until the server has answered one.
 */
export class ClosedSpanInbox {
  readonly #receivers: ReadonlyMap<ClosedSpanPurpose, NonNullable<ClosedSpanReceivers["export"]>>;
  readonly #wantsTasks: boolean;
  readonly #log: (line: string) => void;
  readonly #stats: ClosedSpanReceivers["stats"];
  readonly #known = new Set<bigint>();
  readonly #unsaid = new Set<bigint>();

  constructor({ export: exported, notify, wantsTasks = false, stats, log }: ClosedSpanReceivers) {
    const all = [
      [ClosedSpanPurpose.EXPORT, exported],
      [ClosedSpanPurpose.NOTIFY, notify],
    ] as const;
    this.#receivers = new Map(all.flatMap(([purpose, receive]) => (receive ? [[purpose, receive]] : [])));
    this.#wantsTasks = wantsTasks;
    this.#log = log;
    this.#stats = stats;
  }

  /** Whether anybody is to be given spans. */
  get active(): boolean {
    return this.#receivers.size > 0;
  }

  /** Makes one call that asks, and takes what its answer brings; gives the answer. */
  async ask<Answer extends { closedSpans: ClosedSpans[] }>(
    call: (asking: AskingFields) => Promise<Answer>,
  ): Promise<Answer> {
    if (!this.active) return call({});
    const received = [...this.#unsaid];
    const purposes = [...this.#receivers.keys()];
    const answer = await call({ closedSpans: { purposes, received, tasks: this.#wantsTasks } });
    for (const id of received) this.#unsaid.delete(id);
    for (const batch of answer.closedSpans) this.#take(batch);
    return answer;
  }

  #take({ id, purpose, traces, tasks }: ClosedSpans): void {
    this.#unsaid.add(id);
    if (this.#known.has(id)) return;
    this.#known.add(id);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.values().next().value!);
    try {
      this.#receivers.get(purpose)?.(fromBinary(ExportTraceServiceRequestSchema, traces), closedSpanTasks(tasks));
    } catch (error) {
      // Telemetry never fails the work, and the call has brought tasks and acknowledgements as well.
      this.#stats.lostClosedSpans++;
      const why = error instanceof Error ? error.message : String(error);
      this.#log(`spans of jobs and tasks that ended are lost: ${why}`);
    }
  }
}

/** What a call that asks carries. */
export interface AskingFields {
  closedSpans?: MessageInitShape<typeof ClosedSpanRequestSchema>;
}
