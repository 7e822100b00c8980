import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { createRouterTransport, type Transport } from "@connectrpc/connect";
import {
  attemptSpanId,
  type CancellationReason,
  type DependencyOutput,
  DependencyOutputSchema,
  durationFromMs,
  formatTraceparent,
  IdGenerator,
  type LeasedTask,
  LeasedTaskSchema,
  type LeaseTasksRequest,
  LeaseTasksResponseSchema,
  type ResultAck,
  ResultAckSchema,
  ResultStatus,
  RunnerService,
  type RunningAttempt,
  SpanloomError,
  spanIdOf,
  type TaskResult,
  TaskService,
  type TelemetryRejectionSchema,
  timestampFromUs,
  toConnectError,
  traceIdOfJob,
} from "@spanloom/protocol";

/** After how long a wait is in vain, as everywhere in tests: what a busy machine takes is not judged. */
const PATIENCE_MS = 60_000;

/** What a test may want to be different about a task. */
export interface TaskChange
  extends Partial<Pick<LeasedTask, "taskId" | "jobId" | "attempt" | "input" | "dependencies" | "dependenciesPaged">> {
  identifier?: { name: string; version: string };
  deadline?: Timestamp;
  leaseExpiresAt?: Timestamp;
  sampled?: boolean;
  baggage?: string;
}

/** How the fake answers heartbeats about attempts. */
export interface Fates {
  lost: Set<string>;
  cancelled: Map<string, CancellationReason>;
}

/**
 * A server in memory, as a runner sees it: hands out tasks, takes results, and can be made to misbehave.
 *
 * It follows the protocol's order: results first, then leases; long polls sleep until there is work.
 */
export class FakeServer {
  readonly ids = new IdGenerator();
  readonly results: TaskResult[] = [];
  readonly requests: LeaseTasksRequest[] = [];
  readonly traces: Uint8Array[] = [];
  readonly logs: Uint8Array[] = [];
  readonly dependencyPages = new Map<string, DependencyOutput[][]>();
  readonly fates: Fates = { lost: new Set(), cancelled: new Map() };
  heartbeats: RunningAttempt[][] = [];
  /** Deadlines of heartbeats as they came over the wire. */
  heartbeatTimeouts: (string | null)[] = [];
  registrations = 0;
  unregistered = false;
  /** Thrown by calls while set. */
  outage: SpanloomError | undefined;
  /** Loses the next answers after their work was done. */
  loseAnswers = 0;
  /** Tells what to answer to a result. */
  acknowledge: (result: TaskResult) => ResultStatus = () => ResultStatus.OK;
  /** Refuses whole requests. */
  refuse: (request: LeaseTasksRequest) => SpanloomError | undefined = () => undefined;
  /** Refuses telemetry; what is refused is not kept. */
  rejectTelemetry: (request: LeaseTasksRequest) => MessageInitShape<typeof TelemetryRejectionSchema> | undefined = () =>
    undefined;
  heartbeatMs = 5_000;
  #queue: LeasedTask[] = [];
  #waiters: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  /** A transport that reaches this server. */
  readonly transport: Transport = createRouterTransport((router) => {
    router.service(RunnerService, {
      registerRunner: () => {
        this.#mayFail();
        this.registrations++;
        this.#changed();
        return { heartbeatInterval: durationFromMs(this.heartbeatMs), maxOutputBytes: 256n * 1024n };
      },
      unregisterRunner: () => {
        this.unregistered = true;
        return {};
      },
    });
    router.service(TaskService, {
      leaseTasks: (request, { signal }) => this.#lease(request, signal),
      heartbeat: ({ running }, { requestHeader }) => {
        this.#mayFail();
        this.heartbeatTimeouts.push(requestHeader.get("connect-timeout-ms"));
        this.heartbeats.push(running);
        this.#changed();
        const lost = running.filter(({ taskId }) => this.fates.lost.has(taskId));
        const cancelled = running.filter(({ taskId }) => this.fates.cancelled.has(taskId));
        return {
          lost: lost.map(({ taskId, attempt }) => ({ taskId, attempt })),
          cancelled: cancelled.map(({ taskId, attempt }) => {
            return { taskId, attempt, reason: this.fates.cancelled.get(taskId)! };
          }),
        };
      },
      listDependencyOutputs: ({ taskId, pageToken }) => {
        const pages = this.dependencyPages.get(taskId) ?? [];
        const page = Number(pageToken || 0);
        return { dependencies: pages[page] ?? [], nextPageToken: page + 1 < pages.length ? String(page + 1) : "" };
      },
    });
  });

  /** Queues a task; gives its id. */
  push(name: string, input?: unknown, change: TaskChange = {}): string {
    const jobId = change.jobId ?? this.ids.next();
    const taskId = this.ids.next();
    const attempt = change.attempt ?? 1;
    const spanIds = { traceId: traceIdOfJob(jobId), spanId: spanIdOf(taskId) };
    const { sampled = true, baggage = "", ...given } = change;
    const task = create(LeasedTaskSchema, {
      taskId,
      jobId,
      jobName: "test job",
      identifier: { name, version: "1.0" },
      queue: "default",
      input: input === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(input)),
      attempt,
      attemptsLeft: 2,
      leaseToken: new TextEncoder().encode(`token of ${taskId}`),
      leaseExpiresAt: timestampFromUs(Date.now() * 1000 + 15e6)!,
      leaseDuration: durationFromMs(15_000),
      spanId: attemptSpanId(taskId, attempt),
      trace: { traceparent: formatTraceparent({ ...spanIds, sampled }), tracestate: "vendor=x", baggage },
      ...given,
    });
    this.#queue.push(task);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
    return taskId;
  }

  /** A dependency's output. */
  dependency(name: string, output: unknown): DependencyOutput {
    const bytes = new TextEncoder().encode(JSON.stringify(output));
    return create(DependencyOutputSchema, { taskId: this.ids.next(), name, state: 6, output: bytes });
  }

  /** Resolves once `holds` is true; it is looked at after everything that happens here. */
  async until(holds: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!holds()) {
      if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#watchers.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Resolves with the result of a task. */
  async resultOf(taskId: string): Promise<TaskResult> {
    await this.until(() => this.results.some((result) => result.taskId === taskId), `task ${taskId} is reported`);
    return this.results.find((result) => result.taskId === taskId)!;
  }

  async #lease(request: LeaseTasksRequest, signal: AbortSignal) {
    this.requests.push(request);
    this.#mayFail();
    const refusal = this.refuse(request);
    if (refusal) throw toConnectError(refusal);
    const resultAcks = request.results.map((result) => this.#settle(result));
    const telemetryRejection = request.telemetry && this.rejectTelemetry(request);
    if (!telemetryRejection) {
      this.traces.push(...(request.telemetry?.traces ?? []));
      this.logs.push(...(request.telemetry?.logs ?? []));
    }
    this.#changed();
    while (request.wait && this.#queue.length === 0 && !signal.aborted && !this.outage)
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        signal.addEventListener("abort", () => resolve());
      });
    const tasks = signal.aborted ? [] : this.#queue.splice(0, request.maxTasks);
    if (this.loseAnswers > 0 && request.results.length > 0) {
      this.loseAnswers--;
      throw toConnectError(new SpanloomError("STORE_UNAVAILABLE", "the answer was lost"));
    }
    return create(LeaseTasksResponseSchema, {
      tasks,
      resultAcks,
      ...(telemetryRejection && { telemetryRejection }),
    });
  }

  #settle(result: TaskResult): ResultAck {
    const status = this.acknowledge(result);
    const again = this.results.some(({ taskId, attempt }) => taskId === result.taskId && attempt === result.attempt);
    if (status === ResultStatus.OK && !again) this.results.push(result);
    return create(ResultAckSchema, { taskId: result.taskId, attempt: result.attempt, status });
  }

  #mayFail(): void {
    if (this.outage) throw toConnectError(this.outage);
  }

  #changed(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const look of watchers) look();
  }
}
