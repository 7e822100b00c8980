import { create } from "@bufbuild/protobuf";
import { attemptSpanId, type ClosedSpanTask, ClosedSpanTaskSchema, hexToBytes, spanIdOf } from "@spanloom/protocol";
import type { JobRecord, TaskRecord } from "../store/store.ts";
import type { AttemptSource } from "../telemetry/lifecycle/project-attempt.ts";

/** Bytes of what is told of a task, about: itself, and each dependency. */
const BYTES = { task: 48, dependency: 10 };

/**
 * What goes with a batch of spans for exporters that leave out the spans of tasks: the tasks that the batch refers to and
 * cannot tell of whole by itself.
 *
 * It can when it has both a task's span, with its parent and links, and that of its last attempt.
 */
export class BatchTasks {
  readonly #tasks = new Map<string, ClosedSpanTask>();
  /** Last attempts that are in the batch, by the ids of their tasks. */
  readonly #lastAttempts = new Set<string>();
  #bytes = 0;

  /** What is to be told. */
  get all(): readonly ClosedSpanTask[] {
    return [...this.#tasks.values()];
  }

  /** About how many bytes that is. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The batch has an attempt's span. The first attempt's gets its task's links, to dependencies: `known` may tell of them. */
  addAttempt({ job, task, attempt }: AttemptSource, known: ReadonlyMap<string, TaskRecord>): void {
    if (attempt.number === lastAttemptOf(task)) this.#lastAttempts.add(task.id);
    this.#add(job, task);
    if (attempt.number !== 1) return;
    for (const id of task.dependsOn) {
      const dependency = known.get(id);
      // A link to one that is not told of leads to its first attempt.
      if (dependency && lastAttemptOf(dependency) > 1) this.#add(job, dependency);
    }
  }

  /** The batch has a task's span, after those of its attempts that it has. */
  addTask(task: TaskRecord): void {
    if (!this.#lastAttempts.has(task.id) || !this.#tasks.delete(task.id)) return;
    this.#bytes -= bytesOf(task);
  }

  #add(job: JobRecord, task: TaskRecord): void {
    if (this.#tasks.has(task.id)) return;
    this.#tasks.set(task.id, closedSpanTask(job, task));
    this.#bytes += bytesOf(task);
  }
}

function closedSpanTask(job: JobRecord, task: TaskRecord): ClosedSpanTask {
  return create(ClosedSpanTaskSchema, {
    traceId: hexToBytes(job.trace.traceId),
    spanId: hexToBytes(spanIdOf(task.id)),
    parentSpanId: hexToBytes(parentSpanIdOf(task)),
    lastAttempt: lastAttemptOf(task),
    dependencySpanIds: task.dependsOn.map((id) => hexToBytes(spanIdOf(id))),
  });
}

function parentSpanIdOf({ jobId, parentId, parentAttempt }: TaskRecord): string {
  return parentId === undefined ? spanIdOf(jobId) : attemptSpanId(parentId, parentAttempt);
}

function lastAttemptOf({ attempts }: TaskRecord): number {
  return attempts.at(-1)?.number ?? 0;
}

function bytesOf({ dependsOn }: TaskRecord): number {
  return BYTES.task + BYTES.dependency * dependsOn.length;
}
