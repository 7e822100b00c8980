import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type CallOptions, createClient, type Client as RpcClient, type Transport } from "@connectrpc/connect";
import { context } from "@opentelemetry/api";
import {
  defaultLimits,
  IdGenerator,
  type LeasedTask,
  msFromDuration,
  type RegisterRunnerResponse,
  RunnerService,
  type TaskResult,
  TaskService,
} from "@spanloom/protocol";
import { type Connection, callWithRetry, connect } from "@spanloom/sdk";
import { Attempt } from "./attempt.ts";
import { AttemptPool } from "./attempt-pool.ts";
import { HeartbeatGuard } from "./blocked/heartbeat-guard.ts";
import { JobCaches } from "./cache/job-caches.ts";
import { type NowUs, preciseClock, tieBreaker } from "./clock.ts";
import { ClosedSpanInbox } from "./closed-span-inbox.ts";
import { captureConsole } from "./console-capture.ts";
import { Forwarder } from "./forwarder.ts";
import { Heartbeat } from "./heartbeat.ts";
import { HookDispatcher } from "./hooks/hook-dispatcher.ts";
import { LeaseLoop } from "./lease-loop.ts";
import { RunnerMetrics, type RunnerState } from "./metrics/runner-metrics.ts";
import { RunnerStats } from "./metrics/runner-stats.ts";
import { ResultStore } from "./result-store.ts";
import { type RunnerOptions, type RunnerSettings, toSettings } from "./runner-options.ts";
import { ServerClock, toClockSample } from "./server-clock.ts";
import { TaskRegistry } from "./task-registry.ts";
import { TelemetryBudget } from "./tracing/attempt-buffer.ts";
import { attemptSpanEntries } from "./tracing/attempt-span.ts";
import { AttemptTracing, attemptOfContext, type TracingHost } from "./tracing/attempt-tracing.ts";
import { giveAttemptSpan, wantsAttemptSpans } from "./tracing/instrument.ts";
import { OpenSpans } from "./tracing/open-spans.ts";
import { SharedFields } from "./tracing/shared-fields.ts";
import { addAttemptFinder } from "./tracing/span-processor.ts";
import { type RunnerTracing, traceRunner } from "./tracing/tracer-provider.ts";
import { untracedTransport } from "./untraced-transport.ts";
import { runnerVersion } from "./version.ts";

/**
 * Leases tasks, runs them, traces them and reports what became of them.
 *
 *   new --start--> starting --registered--> running --stop--> stopping --> stopped
 *                     |                        |                 ^
 *                     |                        +----drained------+
 *                     +--stop, or refused by the server--------> stopped
 *
 * running:  leases, runs, heartbeats.
 * stopping: leases nothing; gives waiting tasks back; lets attempts finish within `graceMs`, then aborts and gives back
 *           what is left; reports everything; unregisters.
 *
 * I1. A task is reported at most once by this runner, and only while it holds the lease.
 * I2. A server that is away for minutes costs time, not results.
 * I3. Telemetry never fails or delays the work.
 */
export class Runner {
  readonly #settings: RunnerSettings;
  readonly #registry: TaskRegistry;
  readonly #connection: Connection;
  readonly #transport: Transport;
  readonly #nowUs: NowUs = preciseClock();
  readonly #starting = new AbortController();
  readonly #forwarder: Forwarder;
  readonly #hooks: HookDispatcher;
  readonly #stats = new RunnerStats();
  readonly #metrics: RunnerMetrics;
  readonly #caches: JobCaches;
  readonly #token: string | undefined;
  #parts: RunnerParts | undefined;
  #showing: NodeJS.Timeout | undefined;
  #releaseConsole: (() => void) | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  /** The runner, a UUIDv7 of its own. */
  readonly id: string = new IdGenerator().next();
  /** Resolves when the server has asked the runner to finish what it has; it leases nothing from then on. */
  readonly drained: Promise<void>;

  constructor(options: RunnerOptions) {
    this.#settings = toSettings(options);
    this.#registry = new TaskRegistry(options.tasks);
    this.#caches = new JobCaches(options.cache ?? {});
    this.#connection = connect(options);
    this.#transport = untracedTransport(this.#connection.transport);
    this.#token = options.token;
    this.#forwarder = new Forwarder(this.#settings);
    this.#hooks = new HookDispatcher({ ...this.#settings, nowUs: this.#nowUs });
    this.#metrics = this.#createMetrics();
    this.drained = new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Base URL of the server. */
  get url(): string {
    return this.#connection.url;
  }

  /**
   * Registers and begins to lease; resolves once the server knows the runner. Safe to call twice.
   *
   * A server that cannot be reached is tried again until {@link stop}.
   *
   * Errors: whatever the server refuses the runner for, e.g. UNAUTHENTICATED; INVALID_STATE after stop().
   */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** Stops; see the top of the class. Resolves when nothing is left to do. Safe to call twice, and before start(). */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Its metrics in Prometheus' text. OpenTelemetry's serializer is loaded by the first call. */
  writeMetrics(): Promise<string> {
    return this.#metrics.write();
  }

  /** As {@link Runner.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Fails the running attempt whose code this is called from, with an error that nobody caught; what an attempt leaves
   * behind after its end is only logged. Gives false when it is no attempt of this runner.
   *
   * {@link catchStrayErrors} calls it from the process's handlers.
   */
  claimError(error: unknown): boolean {
    const tracing = attemptOfContext(context.active());
    if (!tracing || tracing.host.runnerId !== this.id) return false;
    const { taskId, attempt, identifier } = tracing.task;
    const failed = this.#parts?.pool.fail({ taskId, attempt }, error) ?? false;
    const what = failed ? "failed by an error nobody caught" : "left an error nobody caught after its end";
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#settings.log(`attempt ${attempt} of task "${identifier?.name}" (${taskId}) ${what}: ${text}`);
    return true;
  }

  #createMetrics(): RunnerMetrics {
    const { serviceName, metrics, log } = this.#settings;
    const sources = {
      stats: this.#stats,
      state: () => this.#parts && stateOf(this.#parts, this.#settings),
      exporters: () => this.#forwarder.stats(),
      hooks: this.#hooks,
      runnerId: this.id,
      serviceName,
      nowMs: () => this.#nowUs() / 1_000,
      log,
    };
    return new RunnerMetrics(sources, metrics);
  }

  async #start(): Promise<void> {
    this.#starting.signal.throwIfAborted();
    await this.#metrics.start();
    await this.#caches.start(Date.now(), this.#settings.log);
    const { registered, clock } = await this.#register();
    this.#starting.signal.throwIfAborted();
    this.#parts = this.#assemble(registered, clock);
    if (this.#settings.captureConsole && this.#settings.tracing) this.#releaseConsole = captureConsole();
    this.#parts.heartbeat.start();
    this.#parts.guard?.start();
    this.#parts.loop.start();
    const parts = this.#parts;
    this.#showing = setInterval(() => this.#showLong(parts), SHOW_MS);
    const names = this.#registry.identifiers.map(({ name }) => name).join(", ");
    this.#settings.log(`runner ${this.id} is ready: leasing ${names} from ${this.#settings.queues.join(", ")}`);
  }

  /** Registers; with the server's clock, if it tells. */
  async #register(): Promise<{ registered: RegisterRunnerResponse; clock: ServerClock | undefined }> {
    const { queues, concurrency, serviceName = "", serviceVersion = "", log } = this.#settings;
    const service = createClient(RunnerService, this.#transport);
    const runner = {
      id: this.id,
      host: hostname(),
      pid: process.pid,
      sdkName: "spanloom-node",
      sdkVersion: runnerVersion(),
      serviceName,
      serviceVersion,
      queues: [...queues],
      identifiers: this.#registry.identifiers,
      capacity: concurrency,
    };
    let told = false;
    let sentAtUs = 0;
    const call = (options: CallOptions) => {
      sentAtUs = this.#nowUs();
      return service.registerRunner({ runner }, options);
    };
    const registered = await callWithRetry(this.url, call, {
      maxAttempts: Number.POSITIVE_INFINITY,
      signal: this.#starting.signal,
      onRetry: (error) => {
        if (!told) log(`${error.message}; trying again`);
        told = true;
      },
    });
    const sample = toClockSample(registered, sentAtUs, this.#nowUs());
    const clocks = { nowUs: this.#nowUs, monotonicUs: () => performance.now() * 1000 };
    return { registered, clock: sample && new ServerClock(clocks, sample) };
  }

  #assemble(registered: RegisterRunnerResponse, clock: ServerClock | undefined): RunnerParts {
    const settings = this.#settings;
    const tracing = this.#trace();
    const service = createClient(TaskService, this.#transport);
    // A third of a lease is seldom a whole number, and deadlines travel as whole milliseconds.
    const intervalMs = Math.floor(registered.heartbeatInterval ? msFromDuration(registered.heartbeatInterval) : 5_000);
    const guard = this.#createGuard(intervalMs);
    const budget = new TelemetryBudget(settings.maxTelemetryBytes);
    const store = new ResultStore({
      maxResultBytes: settings.maxResultBytes,
      budget,
      ready: () => loop.wake(),
      acknowledged: (attempt) => {
        guard?.release(attempt);
        this.#stats.reportSeconds.record((this.#nowUs() - attempt.endedAtUs) / 1e6);
      },
      collected: (entries) => this.#forwarder.forward(entries),
    });
    const host: TracingHost = {
      runnerId: this.id,
      enabled: settings.tracing,
      budget,
      receiver: store,
      origins: tracing.origins,
      spanFields: new SharedFields(this.id, "span"),
      logFields: new SharedFields(this.id, "log"),
      openSpans: new OpenSpans(),
      nowUs: this.#nowUs,
      tieNs: tieBreaker(),
      clock,
    };
    const pool = new AttemptPool({
      concurrency: settings.concurrency,
      prefetch: settings.prefetch,
      dependencies: { url: this.url, service },
      tracer: tracing.tracer,
      nowUs: this.#nowUs,
      cacheOf: (jobId) => this.#caches.of(jobId),
      maxOutputBytes: Number(registered.maxOutputBytes) || defaultLimits.maxOutputBytes,
      abandonAfterMs: settings.abandonAfterMs,
      ...(this.#hooks.active && { started: (attempt: Attempt) => this.#hooks.started(attempt) }),
      ended: (attempt, result) => {
        this.#ended(attempt, result, { store, exportsOwn: !registered.closedSpans });
        if (result) return;
        guard?.release(attempt);
        // A lost attempt leaves no result to wake the loop, but a free slot.
        loop.wake();
      },
    });
    const closedSpans = registered.closedSpans ? this.#closedSpanInbox() : undefined;
    const stats = this.#stats;
    const shared = { service, url: this.url, runnerId: this.id, pool, closedSpans, stats, log: settings.log };
    const loop = new LeaseLoop({
      ...shared,
      queues: settings.queues,
      identifiers: this.#registry.identifiers,
      store,
      clockOffsetUs: () => clock?.offsetUs,
      leased: (tasks) => this.#leased(tasks, { pool, host, guard }),
      drained: () => this.#drain(),
      random: Math.random,
    });
    const heartbeat = new Heartbeat({
      ...shared,
      intervalMs,
      isPolling: () => loop.isPolling,
      nowUs: this.#nowUs,
      unreported: () => store.unacknowledged,
      heard: (sample) => clock?.heard(sample),
      // At the pace of heartbeats: gives back what has waited for a slot for too long.
      tick: () => pool.releaseStale(this.#nowUs() - MAX_WAIT_US),
      drained: () => this.#drain(),
    });
    const removeFinder = addAttemptFinder((taskId, attempt) => findTracing(pool, taskId, attempt));
    return { service, store, pool, loop, heartbeat, guard, removeFinder, budget, openSpans: host.openSpans, clock };
  }

  /** Spans of jobs, tasks and attempts: the server's own, so that what exporters and hooks are given is whole. */
  #closedSpanInbox(): ClosedSpanInbox {
    const [forwarder, hooks] = [this.#forwarder, this.#hooks];
    return new ClosedSpanInbox({
      ...(forwarder.active && { export: (spans, tasks) => forwarder.forwardClosed(spans, tasks) }),
      wantsTasks: forwarder.wantsTasks,
      ...(hooks.wantsJobEnds && { notify: (spans) => hooks.closed(spans) }),
      stats: this.#stats,
      log: this.#settings.log,
    });
  }

  #createGuard(intervalMs: number): HeartbeatGuard | undefined {
    const { blockedMaxMs, concurrency, prefetch, log } = this.#settings;
    if (blockedMaxMs === 0) return undefined;
    // Twice what is held: results that are on their way have leases, too.
    const capacity = 2 * (concurrency + prefetch);
    return new HeartbeatGuard({
      url: this.url,
      token: this.#token,
      runnerId: this.id,
      intervalMs,
      blockedMaxMs,
      capacity,
      log,
    });
  }

  #trace(): RunnerTracing {
    const { serviceName, serviceVersion, registerGlobalTracing, tracing } = this.#settings;
    const identity = { runnerId: this.id, host: hostname(), pid: process.pid, serviceName, serviceVersion };
    return traceRunner(identity, { enabled: tracing, global: registerGlobalTracing });
  }

  #leased(
    tasks: readonly LeasedTask[],
    { pool, host, guard }: { pool: AttemptPool; host: TracingHost; guard: HeartbeatGuard | undefined },
  ): void {
    const leasedAtUs = this.#nowUs();
    pool.accept(
      tasks.map((task) => {
        const definition = this.#registry.find(task.identifier);
        if (!definition) this.#settings.log(`no code for task "${task.identifier?.name}" ${task.identifier?.version}`);
        const attempt = new Attempt({ task, definition, tracing: new AttemptTracing(host, task), leasedAtUs });
        guard?.hold(attempt, task);
        return attempt;
      }),
    );
    // An answer may still bring tasks after stop().
    if (this.#stopped) pool.releaseWaiting();
  }

  /** `exportsOwn`: the server does not hand out the attempt's own span, so it is made here. */
  #ended(
    attempt: Attempt,
    result: TaskResult | undefined,
    { store, exportsOwn }: { store: ResultStore; exportsOwn: boolean },
  ): void {
    const { tracing } = attempt;
    attempt.endedAtUs = this.#nowUs();
    this.#stats.ended(attempt, result, attempt.endedAtUs);
    const telemetry = tracing.seal();
    if (exportsOwn && this.#forwarder.active && result) {
      const own = attemptSpanEntries(tracing, result);
      if (own) this.#forwarder.forward(own);
    }
    if (result && wantsAttemptSpans() && tracing.host.enabled) giveAttemptSpan(tracing, result, this.#settings.log);
    if (result) store.add(attempt, result, telemetry);
    // Spans of a lost attempt are true all the same; the attempt's own span is the server's.
    else if (telemetry) store.late(telemetry);
    // After the result, which then leaves first.
    if (this.#hooks.active) this.#hooks.ended(attempt, result);
  }

  /** Sends what attempts that take long have made so far, and what they have had open for long. */
  #showLong({ pool, store, openSpans, clock }: RunnerParts): void {
    clock?.tick();
    const nowUs = this.#nowUs();
    for (const { tracing } of pool.held) {
      if (tracing.startedAtUs === 0 || tracing.startedAtUs > nowUs - LONG_ATTEMPT_US) continue;
      if (tracing.bufferIfUsed) store.large(tracing.bufferIfUsed);
    }
    const open = openSpans.take(nowUs - LONG_SPAN_US);
    if (open) store.addOpen(open);
  }

  #drain(): void {
    this.#parts?.loop.stopLeasing();
    this.#drained?.();
  }

  async #stop(): Promise<void> {
    this.#starting.abort(new Error("the runner was stopped"));
    await this.#started?.catch(() => undefined);
    if (this.#parts) await this.#windDown(this.#parts);
    this.#releaseConsole?.();
    const flushMs = Math.min(FLUSH_MS, this.#settings.graceMs);
    await Promise.all([this.#forwarder.shutdown(flushMs), this.#hooks.close(flushMs)]);
    await within(flushMs, this.#metrics.stop());
    this.#connection.close();
    this.#settings.log(`runner ${this.id} has stopped`);
  }

  async #windDown({ loop, pool, store, heartbeat, guard, removeFinder, budget }: RunnerParts): Promise<void> {
    loop.stopLeasing();
    pool.releaseWaiting();
    await within(this.#settings.graceMs, pool.whenEmpty());
    pool.abortAll("shutdown", "the runner is stopping");
    await within(ABORT_MS, pool.whenEmpty());
    pool.abandonAll();
    clearInterval(this.#showing);
    if (!(await within(FLUSH_MS, store.whenEmpty())) && store.unacknowledged.size > 0)
      this.#settings.log(`stopped with ${store.unacknowledged.size} results unreported: ${this.url} did not take them`);
    // What was refused until now is counted on its attempts.
    if (store.giveUpRefused()) await within(ABORT_MS, store.whenEmpty());
    await this.#fetchClosedSpans(loop);
    heartbeat.stop();
    await guard?.stop();
    loop.stop();
    if (budget.dropped > 0)
      this.#settings.log(`dropped ${budget.dropped} spans and log records: over maxTelemetryBytes`);
    removeFinder();
    await this.#unregister();
  }

  /** The last the runner does for its exporters and hooks: nobody may be left to do it. */
  async #fetchClosedSpans(loop: LeaseLoop): Promise<void> {
    const fetching = loop.fetchClosedSpans().catch((error: unknown) => {
      // The server goes on without the runner, and hands them to another.
      this.#settings.log(`could not fetch spans that ended: ${error instanceof Error ? error.message : String(error)}`);
    });
    await within(FLUSH_MS, fetching);
  }

  async #unregister(): Promise<void> {
    const service: RpcClient<typeof RunnerService> = createClient(RunnerService, this.#transport);
    try {
      await service.unregisterRunner({ runnerId: this.id }, { timeoutMs: 1_000 });
    } catch (error) {
      // The server finds out by itself when the leases end.
      this.#settings.log(`could not unregister: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

interface RunnerParts {
  service: RpcClient<typeof TaskService>;
  store: ResultStore;
  pool: AttemptPool;
  loop: LeaseLoop;
  heartbeat: Heartbeat;
  guard: HeartbeatGuard | undefined;
  removeFinder: () => void;
  budget: TelemetryBudget;
  openSpans: OpenSpans;
  clock: ServerClock | undefined;
}

/** How long a task may wait here for a slot while others might run it: far longer than prefetching means it to. */
const MAX_WAIT_US = 1_000_000;

/** How often the runner looks for telemetry that is old: whoever follows a job sees it within a second. */
const SHOW_MS = 500;

/** Age from which an attempt's telemetry does not wait for its result. */
const LONG_ATTEMPT_US = 500_000;

/** Age from which a span is shown although it is open. */
const LONG_SPAN_US = 2_000_000;

/** How long aborted attempts have to end before they are given back at shutdown. */
const ABORT_MS = 1_000;

/** How long results and telemetry may take to leave at shutdown. */
const FLUSH_MS = 5_000;

function stateOf({ pool, store, budget }: RunnerParts, { concurrency }: RunnerSettings): RunnerState {
  return {
    slots: concurrency,
    running: pool.running,
    held: pool.held.size,
    unreported: store.unacknowledged.size,
    resultBytes: store.resultBytes,
    telemetryBytes: budget.used,
    telemetryDropped: budget.dropped,
  };
}

function findTracing(pool: AttemptPool, taskId: string, attempt: number): AttemptTracing | undefined {
  for (const { task, tracing } of pool.held) if (task.taskId === taskId && task.attempt === attempt) return tracing;
  return undefined;
}

/** Waits for a promise, at most so long; gives whether it came. */
async function within(ms: number, promise: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  const timeout = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const came = await Promise.race([promise.then(() => true), timeout]);
  timer.abort();
  return came;
}
