import type {
  AggregateSpansRequest,
  CompareJobsRequest,
  GetCriticalPathRequest,
  QueryLogsRequest,
  QuerySpansRequest,
  TailLogsRequest,
  TailSpansRequest,
} from "@spanloom/protocol";
import type { ArrowBatch, TelemetryTable } from "./columnar/span-store.ts";
import type { TailBatch } from "./tail/window-reader.ts";
import type { TelemetryCounts } from "./telemetry-counts.ts";

/** An OTLP payload as received, still encoded. */
export interface OtlpPayload {
  signal: "traces" | "logs";
  /** A serialized Export{Trace,Logs}ServiceRequest. */
  bytes: Uint8Array;
}

/** What ingest took and refused. */
export interface IngestOutcome {
  rejectedSpans: number;
  rejectedLogs: number;
  /** First reason, for people; empty when all was taken. */
  message: string;
}

/** An attempt and when its lease began. */
export interface LeasedAttempt {
  taskId: string;
  attempt: number;
  leasedAtUs: number;
}

/** Who sends telemetry, and by whose clock. */
export interface TelemetrySender {
  runnerId: string;
  /** What the runner has added to its times to bring them to the server's clock; undefined when they are by its own. */
  clockOffsetUs?: number | undefined;
}

/** Brings times of runners to the server's clock. Takes notes and changes bytes, and never fails. */
export interface RunnerTimes {
  /** Notes what a runner's clock showed as it sent a heartbeat that has just arrived. 0 is no time. */
  heard(runnerId: string, sentAtUs: number): void;
  /** Notes when attempts were leased: nothing of them can be earlier. */
  leased(attempts: Iterable<LeasedAttempt>): void;
  /** Corrects the times of payloads that a runner sent, in place; once for each payload. */
  correct(sender: TelemetrySender, payloads: readonly OtlpPayload[]): Promise<void>;
  /**
   * What the code put on its attempt's span, with corrected times, and `spanloom.clock_offset_ms` when the runner's times
   * were off. The bytes given may be changed.
   */
  correctExtras(
    sender: TelemetrySender,
    attempt: Pick<LeasedAttempt, "taskId" | "attempt">,
    extras: Uint8Array,
  ): Uint8Array;
}

/** Figures for metrics. */
export interface TelemetryStats {
  /** Bytes and payloads that wait to be stored, most bytes that may, and how long the oldest of them has waited. */
  spoolBytes: number;
  spoolMaxBytes: number;
  spoolPayloads: number;
  spoolAgeSeconds: number;
  counts: TelemetryCounts;
  /** Lifecycle spans waiting to be written. */
  pendingLifecycle: number;
}

/** A place in the order in which rows came into the store: after all before `us`, and those of `us` up to `place`. */
export interface ArrivalPosition {
  /** The store's time, in microseconds since the epoch. */
  us: bigint;
  /** Place among the rows of that time; empty before the first. */
  place: string;
}

/** A span of the store's time, and how many rows came in it. */
export interface ArrivalPiece {
  fromUs: bigint;
  untilUs: bigint;
  rows: number;
}

/** Rows in the order they came, and where to go on after them. */
export interface ArrivalPage {
  batches: readonly ArrowBatch[];
  position: ArrivalPosition;
}

/** Names the span of a task. */
export interface TaskSpan {
  trace: string;
  span: string;
}

/** What a look at the store's clock says of what has come. */
export interface Horizon {
  /** The store's time, and this server's when it was read, in microseconds since the epoch. */
  nowUs: bigint;
  readAtUs: number;
  /** Nothing more will come before this time; earlier than now while it is not known of every server what it inserts. */
  untilUs: bigint;
}

/**
 * What came into the store, in the order it came: ended spans and log records, whichever server took them.
 *
 * Errors: TELEMETRY_UNAVAILABLE while the store is away.
 */
export interface Arrivals {
  /** Up to when everything has come, of all that was accepted before the call. */
  horizon(): Promise<Horizon>;
  /** Cuts a range of time into pieces that are read one after the other; those without rows are left out. */
  pieces(table: TelemetryTable, fromUs: bigint, untilUs: bigint): Promise<ArrivalPiece[]>;
  /** Reads rows after a position, up to a time of the store. Once `untilUs` is the position, nothing is left before it. */
  page(
    table: TelemetryTable,
    from: ArrivalPosition,
    untilUs: bigint,
    limits: { maxRows: number; maxBytes: number; signal: AbortSignal },
  ): Promise<ArrivalPage>;
  /**
   * Reads of tasks, by trace and span id as hex digits, what hangs together with their spans, ended or not: `span`,
   * `parent`, `last_attempt` and `links`. Those that are not stored are left out.
   */
  tasks(tasks: readonly TaskSpan[]): Promise<readonly ArrowBatch[]>;
}

/**
 * The telemetry plane: OTLP in, Arrow out, and the lifecycle projection.
 *
 * I1. `ingest` resolves after the payloads are durable; a SIGKILL afterwards loses nothing (P2).
 * I2. A query sees every payload whose `ingest` resolved, and every store commit that resolved, before it was called (P2).
 * I3. Nothing here delays or fails the control plane (P4): `lifecycleChanged` only takes notes.
 */
export interface Telemetry {
  /** Opens stores, replays the spool and projects what a crash left undone. */
  start(): Promise<void>;
  /** Drains what was accepted, then closes. Safe to call twice. */
  stop(): Promise<void>;
  /**
   * Makes payloads durable. Their bytes are not used once it has resolved, and may be freed then.
   *
   * Errors: OVERLOADED when the spool is full, INVALID_FIELD when a payload is not OTLP.
   */
  ingest(payloads: readonly OtlpPayload[]): Promise<IngestOutcome>;
  /** What runners send is corrected by it before it is ingested. */
  readonly runnerTimes: RunnerTimes;
  /** What came, for those who give it on. */
  readonly arrivals: Arrivals;
  /** Notes that the lifecycle spans of these jobs and tasks are out of date. */
  lifecycleChanged(jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>): void;
  /** Streams spans. Errors: UNSUPPORTED_QUERY, INVALID_FIELD. */
  querySpans(request: QuerySpansRequest, signal: AbortSignal): AsyncIterable<ArrowBatch>;
  /** Streams log records. Errors as `querySpans`. */
  queryLogs(request: QueryLogsRequest, signal: AbortSignal): AsyncIterable<ArrowBatch>;
  /** Streams groups of spans with what was measured of them. Errors as `querySpans`, and LIMIT_EXCEEDED. */
  aggregateSpans(request: AggregateSpansRequest, signal: AbortSignal): AsyncIterable<ArrowBatch>;
  /** Streams the span names of two jobs with what was measured of either. Errors as `querySpans`, and JOB_NOT_FOUND. */
  compareJobs(request: CompareJobsRequest, signal: AbortSignal): AsyncIterable<ArrowBatch>;
  /**
   * Streams spans as they open, change and end, the latest version of each, until the jobs that the filter names have ended
   * or the signal aborts. First comes an empty batch, or what matches already. Errors: as `querySpans`, and SHUTTING_DOWN
   * when the signal aborts.
   */
  tailSpans(request: TailSpansRequest, signal: AbortSignal): AsyncIterable<TailBatch>;
  /** As `tailSpans`, for log records as they come. */
  tailLogs(request: TailLogsRequest, signal: AbortSignal): AsyncIterable<TailBatch>;
  /** Streams the critical path of a job. Errors: JOB_NOT_FOUND, INVALID_FIELD. */
  getCriticalPath(request: GetCriticalPathRequest, signal: AbortSignal): AsyncIterable<ArrowBatch>;
  /** Current figures. */
  stats(): TelemetryStats;
}
