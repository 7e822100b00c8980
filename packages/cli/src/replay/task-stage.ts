import { createRouterTransport, type Transport } from "@connectrpc/connect";
import {
  attemptSpanId,
  durationFromMs,
  formatTraceparent,
  ResultStatus,
  RunnerService,
  type TaskResult,
  TaskService,
  timestampFromUs,
} from "@spanloom/protocol";
import type { RecordedTask } from "./read-task.ts";

/** A lease that no debugger outlasts: ten days. */
const LEASE_MS = 864_000_000;

/**
 * A server in memory that hands one recorded task to one runner and takes its result, so that the code runs as it
 * does at work: the same context, dependencies, spans and limits. Nothing it is told goes anywhere else.
 */
export class TaskStage {
  readonly #recorded: RecordedTask;
  readonly #attempt: number;
  readonly #nowMs: () => number;
  readonly #outcome = Promise.withResolvers<TaskResult>();
  #handedOut = false;

  /** Carries the calls of the runner. */
  readonly transport: Transport = createRouterTransport((router) => {
    router.service(RunnerService, {
      registerRunner: () => ({
        leaseDuration: durationFromMs(LEASE_MS),
        heartbeatInterval: durationFromMs(LEASE_MS / 3),
        maxOutputBytes: 256n * 1024n,
      }),
      unregisterRunner: () => ({}),
    });
    router.service(TaskService, {
      leaseTasks: async ({ results, maxTasks, wait }, { signal }) => {
        for (const result of results) this.#outcome.resolve(result);
        const resultAcks = results.map(({ taskId, attempt }) => ({ taskId, attempt, status: ResultStatus.OK }));
        const tasks = !this.#handedOut && maxTasks > 0 ? [this.#leased()] : [];
        this.#handedOut ||= tasks.length > 0;
        // A poll that waits sleeps until the runner has had enough: there is no more work.
        if (wait && tasks.length === 0 && results.length === 0) await aborted(signal);
        return { tasks, resultAcks };
      },
      heartbeat: () => ({}),
    });
  });

  constructor(recorded: RecordedTask, { attempt, nowMs }: { attempt: number; nowMs: () => number }) {
    this.#recorded = recorded;
    this.#attempt = attempt;
    this.#nowMs = nowMs;
  }

  /** Resolves with what became of the task. */
  get result(): Promise<TaskResult> {
    return this.#outcome.promise;
  }

  #leased() {
    const { task, jobName, dependencies } = this.#recorded;
    const attempt = this.#attempt;
    const { traceId = "", spanId = "" } = task.span ?? {};
    return {
      taskId: task.id,
      jobId: task.jobId,
      jobName,
      parentId: task.parentId,
      ...(task.identifier && { identifier: task.identifier }),
      queue: task.queue,
      input: task.input,
      attempt,
      attemptsLeft: 0,
      leaseToken: new Uint8Array([1]),
      leaseExpiresAt: timestampFromUs((this.#nowMs() + LEASE_MS) * 1_000),
      leaseDuration: durationFromMs(LEASE_MS),
      dependencies: dependencies.map(({ id, identifier, state, output, failure }) => {
        return { taskId: id, name: identifier?.name ?? "", state, output, ...(failure && { failure }) };
      }),
      trace: { traceparent: formatTraceparent({ traceId, spanId, sampled: true }) },
      spanId: attemptSpanId(task.id, attempt),
      display: task.display,
    };
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
