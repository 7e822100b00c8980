import { join } from "node:path";
import {
  type AggregateSpansRequest,
  type CompareJobsRequest,
  type GetCriticalPathRequest,
  type QueryLogsRequest,
  type QuerySpansRequest,
  SpanloomError,
  type TailLogsRequest,
  type TailSpansRequest,
} from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import type { Clock } from "../clock.ts";
import type { SelfTracer } from "../self-tracing/self-tracer.ts";
import type { Peers, Store } from "../store/store.ts";
import { TimeCorrection } from "./clock/time-correction.ts";
import type { ArrowBatch, InsertBatch, SpanStore, Statement } from "./columnar/span-store.ts";
import { checkPathJobId, findCriticalPath } from "./critical-path/find-critical-path.ts";
import { Drainer } from "./ingest/drainer.ts";
import { highestIds } from "./ingest/ingest-ids.ts";
import { traceLifecycleInsert } from "./ingest/ingest-trace.ts";
import { closeOpenSpans, type StoppedAttempt } from "./lifecycle/close-open-spans.ts";
import { Projector } from "./lifecycle/projector.ts";
import { LATE_MS, PeerBarrier } from "./peer-barrier.ts";
import { planAggregate } from "./query/aggregate-plan.ts";
import { planComparison, planJobSpans } from "./query/compare-plan.ts";
import type { JobTraces } from "./query/filter-sql.ts";
import { jobIdsOf } from "./query/job-ids.ts";
import { planJobTraces, planLogs, planSpans } from "./query/planner.ts";
import { Spool } from "./spool/spool.ts";
import type { SpoolFileSystem } from "./spool/spool-file.ts";
import { writerId } from "./spool/writer-id.ts";
import { ArrivalReader } from "./tail/arrivals.ts";
import { followedLogs, followedSpans } from "./tail/followed.ts";
import { Tail } from "./tail/tail.ts";
import type { TailBatch } from "./tail/window-reader.ts";
import type { IngestOutcome, OtlpPayload, Telemetry, TelemetryStats } from "./telemetry.ts";
import { TelemetryCounts } from "./telemetry-counts.ts";

/** Most bytes of telemetry that wait for the store unless told otherwise. */
const DEFAULT_SPOOL_BYTES = 1024 ** 3;

/** What the telemetry plane is built from. */
export interface TelemetryOptions {
  /** The server's data folder; the spool is in `spool/` below it. */
  dataDir: string;
  store: Pick<Store, "readLifecycle" | "unprojectedJobs" | "taskIds" | "markProjected" | "peers">;
  spanStore: SpanStore;
  /** Whether other servers write to the same span store, too. Default false. */
  shared?: boolean;
  clock: Clock;
  log: (line: string) => void;
  /** Default 1 GiB. Beyond it payloads are refused with OVERLOADED. */
  spoolMaxBytes?: number;
  /** Where the spool is kept, for tests. */
  spoolFileSystem?: SpoolFileSystem;
  tracer?: SelfTracer | undefined;
}

/** The telemetry plane over a spool, a span store and the control plane's record. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  return new TelemetryPlane(options);
}

class TelemetryPlane implements Telemetry {
  readonly runnerTimes: TimeCorrection;
  readonly #options: TelemetryOptions;
  readonly #spool: Spool;
  readonly #projector: Projector;
  readonly #peers: Peers | undefined;
  readonly #peerBarrier: PeerBarrier | undefined;
  readonly #tail: Tail;
  readonly arrivals: ArrivalReader;
  readonly #counts = new TelemetryCounts();
  /** Calls that brought something. */
  #accepted = 0;
  /** When an insert failed last: it is not known how it ended, and it may become visible yet. */
  #insertFailedAtUs = Number.NEGATIVE_INFINITY;
  #drainer: Drainer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.runnerTimes = new TimeCorrection(options);
    const { dataDir, store, spanStore, clock, log, spoolMaxBytes, spoolFileSystem } = options;
    this.#spool = new Spool({
      folder: join(dataDir, "spool"),
      maxBytes: spoolMaxBytes ?? DEFAULT_SPOOL_BYTES,
      log,
      onTorn: (bytes) => {
        this.#counts.tornBytes += bytes;
      },
      ...(spoolFileSystem && { fileSystem: spoolFileSystem }),
      tracer: options.tracer,
    });
    this.#peers = options.shared ? store.peers : undefined;
    const barrier = this.#peers && new PeerBarrier(this.#peers, log);
    this.#peerBarrier = barrier;
    this.#projector = new Projector({
      store,
      clock,
      log,
      insert: (batch) => this.#insertLifecycle(batch),
      counts: this.#counts,
      closeOpenSpans: (attempts) => this.#closeOpenSpans(attempts),
      ...(barrier && { othersFlushed: () => barrier.lifecycleWritten() }),
    });
    const arrivals = {
      store: spanStore,
      barrier: () => this.#barrier(),
      ...(!options.shared && { accepted: () => this.#accepted }),
    };
    this.#tail = new Tail({ ...arrivals, jobTraces: (jobIds) => this.#jobTraces(jobIds), clock, log });
    this.arrivals = new ArrivalReader({ ...arrivals, clock });
  }

  async start(): Promise<void> {
    const { spanStore, clock, log, tracer } = this.#options;
    await spanStore.start();
    try {
      const writer = await this.#openSpool();
      const inserted = { insert: (batch: InsertBatch) => this.#insert(batch), retentionDays: spanStore.retentionDays };
      this.#drainer = new Drainer({
        spool: this.#spool,
        writer,
        spanStore: inserted,
        counts: this.#counts,
        clock,
        log,
        tracer,
      });
      this.#drainer.start();
      await this.#projector.recover();
      this.#servePeers(this.#drainer);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Opens the spool under numbers that the span store has not seen, and answers its name there.
   *
   * A shared store may be away, and need not be asked: the spool's name, kept beside its numbers, makes them its own.
   */
  async #openSpool(): Promise<bigint> {
    const { spanStore, dataDir, store, shared = false } = this.#options;
    if (shared) {
      await this.#spool.open();
      // Whoever shares the record has its versions; whoever has it alone makes them by a clock that may have gone back.
      if (!store.peers) this.#projector.startVersionsAfter(await highestVersion(spanStore));
      return writerId(join(dataDir, "spool"));
    }
    const { seq, version } = await highestIds(spanStore);
    this.#projector.startVersionsAfter(version);
    await this.#spool.open(seq + 1);
    return 0n;
  }

  #servePeers(drainer: Drainer): void {
    this.#peers?.onAsk(async (request) => {
      await Promise.all([this.#projector.flush(), request === "telemetry" && drainer.barrier()]);
      return this.#isSure();
    });
    this.#peers?.onGone(() => this.#projector.recover());
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Each part is stopped whatever became of the one before: an engine left open would block the next start. */
  async #stop(): Promise<void> {
    await using parts = new AsyncDisposableStack();
    parts.defer(() => this.#options.spanStore.stop());
    parts.defer(() => this.#spool.close());
    parts.defer(async () => {
      await this.#projector.stop();
      if (this.#projector.pending > 0) this.#peers?.handOver();
    });
    parts.defer(async () => this.#drainer?.stop());
  }

  async ingest(payloads: readonly OtlpPayload[]): Promise<IngestOutcome> {
    if (payloads.length === 0) return { rejectedSpans: 0, rejectedLogs: 0, message: "" };
    try {
      return await this.#started().accept(payloads);
    } catch (error) {
      this.#counts.refused(error instanceof SpanloomError ? error.reason : "INTERNAL", payloads.length);
      throw error;
    } finally {
      // Only now, when a barrier covers it.
      this.#accepted++;
    }
  }

  lifecycleChanged(jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>): void {
    this.#projector.note(jobIds, taskIds);
    this.#accepted++;
  }

  async *querySpans(request: QuerySpansRequest, signal: AbortSignal): AsyncIterable<ArrowBatch> {
    // Planned once before the barrier, so that a request that is wrong is refused at once.
    planSpans(request, new Map());
    yield* this.#run((traces) => planSpans(request, traces), jobIdsOf(request.filter), signal);
  }

  async *queryLogs(request: QueryLogsRequest, signal: AbortSignal): AsyncIterable<ArrowBatch> {
    planLogs(request, new Map());
    yield* this.#run((traces) => planLogs(request, traces), jobIdsOf(request.filter), signal);
  }

  async *aggregateSpans(request: AggregateSpansRequest, signal: AbortSignal): AsyncIterable<ArrowBatch> {
    planAggregate(request, new Map());
    yield* this.#run((traces) => planAggregate(request, traces), jobIdsOf(request.filter), signal);
  }

  async *compareJobs(request: CompareJobsRequest, signal: AbortSignal): AsyncIterable<ArrowBatch> {
    planComparison(request, new Map());
    yield* this.#run(
      (traces) => this.#planComparison(request, traces),
      [request.baseJobId, request.otherJobId],
      signal,
    );
  }

  tailSpans(request: TailSpansRequest, signal: AbortSignal): AsyncIterable<TailBatch> {
    return this.#tail.follow(followedSpans(request), signal);
  }

  tailLogs(request: TailLogsRequest, signal: AbortSignal): AsyncIterable<TailBatch> {
    return this.#tail.follow(followedLogs(request), signal);
  }

  /** Plans once it is known that there is something to compare: all of a job that is unknown would have vanished. */
  async #planComparison(request: CompareJobsRequest, traces: JobTraces): Promise<Statement> {
    for (const [field, jobId] of [
      ["base_job_id", request.baseJobId],
      ["other_job_id", request.otherJobId],
    ] as const) {
      if ((await countOf(this.#options.spanStore, planJobSpans(jobId, field, traces))) > 0) continue;
      throw new SpanloomError("JOB_NOT_FOUND", `cannot compare jobs: no span of job "${jobId}" is stored`, { field });
    }
    return planComparison(request, traces);
  }

  async *getCriticalPath(request: GetCriticalPathRequest, signal: AbortSignal): AsyncIterable<ArrowBatch> {
    const { jobId, includeUserSpans } = request;
    checkPathJobId(jobId);
    const { spanStore, clock } = this.#options;
    await this.#barrier();
    signal.throwIfAborted();
    const jobTraces = await this.#jobTraces([jobId]);
    yield* findCriticalPath({ jobId, jobTraces, includeUserSpans, spanStore, nowUs: clock.nowUs(), signal });
  }

  async *#run(
    plan: (traces: JobTraces) => Statement | Promise<Statement>,
    jobIds: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<ArrowBatch> {
    await this.#barrier();
    signal.throwIfAborted();
    yield* this.#options.spanStore.stream(await plan(await this.#jobTraces(jobIds)), signal);
  }

  #insertLifecycle(batch: InsertBatch): Promise<void> {
    const { tracer } = this.#options;
    const insert = () => this.#insert(batch);
    return tracer ? traceLifecycleInsert(tracer, batch.rows, insert) : insert();
  }

  /** After what was accepted of them is stored: an attempt is lost long after its runner was heard last. */
  async #closeOpenSpans(attempts: readonly StoppedAttempt[]): Promise<void> {
    const { spanStore, log } = this.#options;
    try {
      await this.#started().barrier();
      const insert = (batch: InsertBatch) => this.#insert(batch);
      await closeOpenSpans({ stream: (statement) => spanStore.stream(statement), insert }, attempts);
    } catch (error) {
      // What the engine will never do must not keep the lifecycle from being marked as written.
      if (!(error instanceof SpanloomError) || error.retryable) throw error;
      this.#counts.unclosedAttempts += attempts.length;
      log(`telemetry: open spans of ${attempts.length} attempts stay open: ${error.message}`);
    }
  }

  /**
   * Resolves when all that was accepted before the call, by whichever server, is in the store; with false when that cannot
   * be told of every server.
   */
  async #barrier(): Promise<boolean> {
    // What a reader saw committed is noted before it is written.
    await this.#peers?.settled();
    const passing = [this.#peerBarrier?.pass() ?? true, this.#started().barrier(), this.#projector.flush()] as const;
    const [isSure] = await Promise.all(passing);
    return isSure && this.#isSure();
  }

  async #insert(batch: InsertBatch): Promise<void> {
    try {
      await this.#counts.insert(this.#options.spanStore, batch);
    } catch (error) {
      this.#insertFailedAtUs = this.#options.clock.nowUs();
      throw error;
    }
  }

  /** Whether nothing of this server can become visible that was not seen to. The embedded engine leaves nothing behind. */
  #isSure(): boolean {
    const { shared = false, clock } = this.#options;
    return !shared || clock.nowUs() - this.#insertFailedAtUs >= LATE_MS * 1000;
  }

  async #jobTraces(jobIds: readonly string[]): Promise<JobTraces> {
    return jobIds.length > 0 ? jobTraces(this.#options.spanStore, jobIds) : new Map();
  }

  stats(): TelemetryStats {
    const spool = this.#spool;
    return {
      spoolBytes: spool.bytes,
      spoolMaxBytes: this.#options.spoolMaxBytes ?? DEFAULT_SPOOL_BYTES,
      spoolPayloads: this.#drainer?.waitingPayloads ?? 0,
      spoolAgeSeconds: this.#drainer?.waitingSeconds ?? 0,
      counts: this.#counts,
      pendingLifecycle: this.#projector.pending,
    };
  }

  #started(): Drainer {
    if (!this.#drainer) throw new Error("the telemetry plane has not been started");
    return this.#drainer;
  }
}

/** Traces in which jobs have rows without owning them. */
async function jobTraces(store: SpanStore, jobIds: readonly string[]): Promise<JobTraces> {
  const byHex = new Map(jobIds.map((id) => [id.replaceAll("-", ""), id]));
  const traces = new Map<string, string[]>();
  for await (const { ipc, rows } of store.stream(planJobTraces(jobIds))) {
    if (rows === 0) continue;
    for (const { job, trace } of tableFromIPC(ipc).toArray() as { job: string; trace: string }[]) {
      const id = byHex.get(job);
      if (id !== undefined) traces.set(id, [...(traces.get(id) ?? []), trace]);
    }
  }
  return traces;
}

/** Highest lifecycle version of a store; 0 when it is away, and then the clock alone decides. */
async function highestVersion(store: SpanStore): Promise<bigint> {
  try {
    return (await highestIds(store)).version;
  } catch (error) {
    if (error instanceof SpanloomError && error.reason === "TELEMETRY_UNAVAILABLE") return 0n;
    throw error;
  }
}

/** The number a counting statement answers with. */
async function countOf(store: SpanStore, statement: Statement): Promise<number> {
  let count = 0;
  for await (const { ipc } of store.stream(statement)) {
    const [row] = tableFromIPC(ipc).toArray() as { stored: bigint }[];
    count += Number(row?.stored ?? 0n);
  }
  return count;
}
