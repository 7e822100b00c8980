import { fromBinary } from "@bufbuild/protobuf";
import {
  type Exporter,
  ExportQueue,
  type ExportQueueStats,
  registeredExporters,
  type TaskLookup,
} from "@spanloom/exporter";
import {
  ExportLogsServiceRequestSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "@spanloom/protocol/otlp";
import { encodeLogs, encodeSpans } from "./tracing/encode-request.ts";
import type { TelemetryEntries } from "./tracing/record-block.ts";

/** Options of a {@link Forwarder}. */
export interface ForwarderOptions {
  /** The runner's own exporters. */
  exporters: readonly Exporter[];
  /** Whether the runner traces; otherwise its exporters are only shut down in the end. */
  tracing: boolean;
  log(line: string): void;
}

/**
 * Hands what attempts emit to the runner's exporters and to those registered for the whole process, each behind a bounded
 * queue of its own.
 *
 * Nothing here fails or delays the work; what a backend cannot take is dropped and counted by its queue.
 */
export class Forwarder {
  readonly #queues: readonly ExportQueue[];
  readonly #names: readonly string[];
  /** Whether there is any exporter, and anything to give to it. */
  readonly active: boolean;
  /** Whether one of them needs to be told of tasks whose span is in another batch. */
  readonly wantsTasks: boolean;

  constructor({ exporters, tracing, log }: ForwarderOptions) {
    const all = tracing ? [...exporters, ...registeredExporters()] : exporters;
    this.#names = distinctNames(all.map(({ name }) => name));
    this.#queues = all.map((exporter) => new ExportQueue(exporter, { log }));
    this.active = tracing && all.length > 0;
    this.wantsTasks = this.active && all.some(({ shape }) => shape?.asksForTasks);
  }

  /** What became of what each exporter was given; of several with one name the second is `name-2`. */
  stats(): { name: string; stats: ExportQueueStats }[] {
    return this.#queues.map((queue, i) => ({ name: this.#names[i]!, stats: queue.stats() }));
  }

  /** Forwards spans of jobs, tasks and attempts that ended, as the server has them, and what it told of their tasks. */
  forwardClosed(traces: ExportTraceServiceRequest, tasks?: TaskLookup): void {
    for (const queue of this.#queues) queue.enqueue({ traces }, tasks);
  }

  /** Forwards user spans and logs. */
  forward(entries: TelemetryEntries): void {
    if (!this.active) return;
    const traces =
      entries.spans.length > 0 ? fromBinary(ExportTraceServiceRequestSchema, encodeSpans(entries.spans)) : undefined;
    const logs =
      entries.logs.length > 0 ? fromBinary(ExportLogsServiceRequestSchema, encodeLogs(entries.logs)) : undefined;
    for (const queue of this.#queues) queue.enqueue({ traces, logs });
  }

  /** Sends what is queued, for at most `deadlineMs`, and shuts the exporters down. */
  async shutdown(deadlineMs: number): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.shutdown(deadlineMs)));
  }
}

function distinctNames(names: readonly string[]): string[] {
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((each) => each === name).length;
    return before === 0 ? name : `${name}-${before + 1}`;
  });
}
