import type { LeasedTask, Progress } from "@spanloom/protocol";
import { type AbortKind, type AnyTask, AttemptAborted } from "@spanloom/sdk";
import type { TaskStartEvent } from "./hooks/runner-hooks.ts";
import type { AttemptTracing } from "./tracing/attempt-tracing.ts";

/** Most labels of progress an attempt may have. */
const MAX_LABELS = 100;

/**
 * One leased attempt, from its arrival until its slot is free again.
 *
 *   queued --> running --> settled
 *      |          |
 *      +----------+--> lost, then settled
 *
 * I1. An attempt settles once: its code returned or threw, or was abandoned, or it never ran. What its code does later
 *     is ignored.
 * I2. A lost attempt is never reported.
 */
export class Attempt {
  readonly task: LeasedTask;
  /** Its code; undefined when the runner has none for it. */
  readonly definition: AnyTask | undefined;
  readonly tracing: AttemptTracing;
  state: "queued" | "running" | "settled" = "queued";
  /** Whether its lease is gone. */
  lost = false;
  /** When it was leased, by the runner's clock. */
  readonly leasedAtUs: number;
  /** When it ended, by the runner's clock. */
  endedAtUs = 0;
  /** New text for people. */
  display: string | undefined;
  /** What hooks are told of its beginning, once it was made. */
  startEvent: TaskStartEvent | undefined;
  /** Bytes that its span takes in its result. */
  spanBytes = 0;
  /** When it is aborted, by the runner's clock; never, unless its timeout or its job's deadline says so. */
  deadlineUs = Number.POSITIVE_INFINITY;
  /** Fires at its deadline, later when it is to be abandoned. */
  timer: NodeJS.Timeout | undefined;
  #progress: Map<string, Progress> | undefined;
  #abort: AbortController | undefined;
  #aborted: AttemptAborted | undefined;

  constructor(leased: {
    task: LeasedTask;
    definition: AnyTask | undefined;
    tracing: AttemptTracing;
    leasedAtUs: number;
  }) {
    this.task = leased.task;
    this.definition = leased.definition;
    this.tracing = leased.tracing;
    this.leasedAtUs = leased.leasedAtUs;
  }

  /** Signal of the context; made when first asked for, as most tiny tasks never do. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort(this.#aborted);
    }
    return this.#abort.signal;
  }

  /** Why it was told to stop; undefined while it was not. */
  get aborted(): AttemptAborted | undefined {
    return this.#aborted;
  }

  /** Tells the code to stop; only the first reason counts. */
  abort(kind: AbortKind, why: string): void {
    if (this.#aborted) return;
    const { identifier, attempt } = this.task;
    this.#aborted = new AttemptAborted(kind, `attempt ${attempt} of task "${identifier?.name}" must stop: ${why}`);
    this.#abort?.abort(this.#aborted);
  }

  /** Progress by label, as it goes onto the wire. */
  get progress(): Progress[] {
    return this.#progress ? [...this.#progress.values()] : [];
  }

  /** Sets the progress of one label; gives false when there would be too many labels. */
  setProgress(progress: Progress): boolean {
    this.#progress ??= new Map();
    if (this.#progress.size >= MAX_LABELS && !this.#progress.has(progress.label)) return false;
    this.#progress.set(progress.label, progress);
    return true;
  }
}
