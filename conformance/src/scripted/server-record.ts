import type { Telemetry } from "@spanloom/protocol";
import type { Json, JsonObject } from "../cases/template.ts";
import { decodeTelemetry } from "./telemetry-record.ts";

/** Something that came about a trace, and when: the counter of all that came. */
interface Seen {
  at: number;
  traceId: string;
  record: JsonObject;
}

/**
 * Everything a runner said to a scripted server, in the order in which it came.
 *
 * I1. Telemetry of a call is recorded before its results, as the protocol has it.
 */
export class ServerRecord {
  /** Reports of results, also those that were not answered. */
  readonly results: { at: number; taskId: string; record: JsonObject }[] = [];
  /** Calls of LeaseTasks. */
  readonly calls: JsonObject[] = [];
  /** Calls of Heartbeat. */
  readonly heartbeats: JsonObject[] = [];
  readonly registrations: JsonObject[] = [];
  readonly unregistrations: JsonObject[] = [];
  /** What of it could not be decoded. */
  readonly defects: string[] = [];
  readonly #spans: Seen[] = [];
  readonly #logs: Seen[] = [];
  readonly #watchers = new Set<() => void>();
  #at = 0;

  /** The counter of all that came, moved on. */
  next(): number {
    return ++this.#at;
  }

  /** Takes telemetry. */
  addTelemetry(telemetry: Pick<Telemetry, "traces" | "logs"> | undefined): void {
    const at = this.next();
    try {
      const { spans, logs } = decodeTelemetry(telemetry);
      this.#spans.push(...spans.map((span) => ({ at, ...span })));
      this.#logs.push(...logs.map((log) => ({ at, ...log })));
    } catch (error) {
      this.addDefect(`telemetry that is no OTLP: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** What came and cannot be decoded fails the case that looks next. */
  addDefect(defect: string): void {
    this.defects.push(defect);
    this.changed();
  }

  /** Reports of a task's results. */
  resultsOf(taskId: string): JsonObject[] {
    return this.results.filter((result) => result.taskId === taskId).map(({ record }) => record);
  }

  /** What heartbeats said of a task. */
  heartbeatsOf(taskId: string): Json[] {
    return this.heartbeats.flatMap(({ running }) =>
      (running as JsonObject[]).filter((attempt) => attempt.task_id === taskId),
    );
  }

  /** Spans of a trace, the last version of each; of a task that was reported those that came no later than its result. */
  spansOf(traceId: string, taskId: string): JsonObject[] {
    const last = new Map<Json, JsonObject>();
    for (const { record } of this.#inTime(this.#spans, traceId, taskId)) last.set(record.span_id ?? "", record);
    return [...last.values()];
  }

  /** Log records of a trace, as spans. */
  logsOf(traceId: string, taskId: string): JsonObject[] {
    return this.#inTime(this.#logs, traceId, taskId).map(({ record }) => record);
  }

  /** Every version of every span of a trace, whenever it came. */
  allSpansOf(traceId: string): JsonObject[] {
    return this.#spans.filter((span) => span.traceId === traceId).map(({ record }) => record);
  }

  /** Something came or changed: whoever waits looks again. */
  changed(): void {
    for (const look of [...this.#watchers]) look();
  }

  /** Looks at once and after every change, until `look` gives something or the time is over; undefined then. */
  async when<Found>(
    look: () => Found | undefined,
    { limitMs, signal }: { limitMs: number; signal: AbortSignal },
  ): Promise<Found | undefined> {
    const found = look();
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const end = (value: Found | undefined) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#watchers.delete(again);
        resolve(value);
      };
      const abort = () => reject(signal.reason);
      const again = () => {
        const value = look();
        if (value !== undefined) end(value);
      };
      const timer = setTimeout(() => end(undefined), limitMs);
      signal.addEventListener("abort", abort);
      this.#watchers.add(again);
    });
  }

  #inTime(all: readonly Seen[], traceId: string, taskId: string): Seen[] {
    const reported = this.results.find((result) => result.taskId === taskId)?.at ?? Number.POSITIVE_INFINITY;
    return all.filter((one) => one.traceId === traceId && one.at < reported);
  }
}
