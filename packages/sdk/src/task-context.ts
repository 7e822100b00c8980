import type { Attributes, Span, SpanKind, Tracer } from "@opentelemetry/api";
import type { AttemptAborted } from "./errors.ts";
import type { JobCache } from "./job-cache.ts";
import type { FailureSnapshot, TaskStateName } from "./snapshots.ts";
import type { ManyOptions, SubmitArguments, SubmitOptions, TaskHandle, TaskHandles } from "./submission-builder.ts";
import type { AnyTask, OutputOf, TaskDefinition } from "./task.ts";

/**
 * What a task's code is given besides its input. It belongs to one attempt and is of no use after it.
 *
 * Source: design telemetry 2, protocol 4.
 */
export interface TaskContext {
  /** The job, a UUID. */
  readonly jobId: string;
  /** Name of the job. */
  readonly jobName: string;
  /** The task, a UUID: the same for all its attempts, so a good idempotency key for what the task does elsewhere. */
  readonly taskId: string;
  /** The task whose attempt submitted this one; undefined for roots. */
  readonly parentId: string | undefined;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Attempts left after this one, by the retry policy. */
  readonly attemptsLeft: number;
  /** Queue the task came from. */
  readonly queue: string;
  /** When this attempt is aborted; undefined when neither timeout nor job deadline is set. */
  readonly deadline: Date | undefined;
  /** Fires when the attempt should stop; its reason is an {@link AttemptAborted}. */
  readonly signal: AbortSignal;
  /** An OpenTelemetry tracer whose spans belong to this attempt. Any other tracer does as well. */
  readonly tracer: Tracer;
  /** Structured log, correlated with the active span. */
  readonly log: TaskLog;
  /** Bytes by key, for all tasks of the job and all attempts of a task; where they are is the runner's to say. */
  readonly cache: JobCache;

  /**
   * Submits one child. It becomes visible, with all others, when this attempt succeeds; if it fails, none was submitted.
   *
   * Errors: INVALID_FIELD when the input is not data; INVALID_DEPENDENCY for a handle made by another attempt or job;
   * LIMIT_EXCEEDED over 100,000 children.
   */
  submit<Input, Output>(
    task: TaskDefinition<Input, Output>,
    ...args: SubmitArguments<Input, SubmitOptions>
  ): TaskHandle<Output>;

  /** Submits one child per input, as one group: what depends on the handles waits for all of them. */
  submitMany<Input, Output>(
    task: TaskDefinition<Input, Output>,
    inputs: readonly Input[],
    options?: ManyOptions,
  ): TaskHandles<Output>;

  /** What the tasks this one depends on left behind, in submission order, page by page as it is read. */
  dependencies(): AsyncIterable<Dependency>;

  /** Outputs of the dependencies that ran this definition and succeeded, in submission order. */
  outputsOf<Task extends AnyTask>(task: Task): Promise<OutputOf<Task>[]>;

  /**
   * Runs `fn` inside a span of its own, which ends when `fn` has returned or its promise has settled.
   *
   * What `fn` throws is recorded on the span, with status ERROR and `error.type`, and thrown on.
   */
  span<Result>(name: string, fn: (span: Span) => Result, options?: ContextSpanOptions): Result;

  /** Says how far the attempt is; shown live and kept with its result. At most 100 labels. */
  progress(done: number, total?: number, label?: string): void;

  /** Sets the task's text for people. */
  display(text: string): void;
}

/** Options of {@link TaskContext.span}. */
export interface ContextSpanOptions {
  /** Attributes the span starts with. */
  attributes?: Attributes;
  /** Role of the span. Default INTERNAL. */
  kind?: SpanKind;
}

/**
 * Writes log records that carry the attempt's identity and the active span.
 *
 * Attributes may be of any type: what OpenTelemetry has none for becomes text. An error in their place becomes its
 * `exception.type`, `exception.message` and `exception.stacktrace`.
 */
export interface TaskLog {
  /** Step by step. */
  trace(message: string, attributes?: LogAttributes | Error): void;
  /** For the developer of the task. */
  debug(message: string, attributes?: LogAttributes | Error): void;
  /** For whoever reads along. */
  info(message: string, attributes?: LogAttributes | Error): void;
  /** Something is odd, the work goes on. */
  warn(message: string, attributes?: LogAttributes | Error): void;
  /** Something failed. */
  error(message: string, attributes?: LogAttributes | Error): void;
  /** Nothing can go on. */
  fatal(message: string, attributes?: LogAttributes | Error): void;
  /** Writes a record whose body need not be text. */
  write(record: LogEntry): void;
}

/** Facts of a log record, by name. */
export type LogAttributes = Readonly<Record<string, unknown>>;

/** Severities, as OpenTelemetry names them. */
export type LogSeverity = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL";

/** One log record. */
export interface LogEntry {
  /** How bad it is. Default INFO. */
  readonly severity?: LogSeverity;
  /** What happened: text, or data of any shape. */
  readonly body?: unknown;
  /** Facts. */
  readonly attributes?: LogAttributes | Error;
  /** What kind of event it is, when records of that kind all look alike. */
  readonly eventName?: string;
}

/** What a dependency left behind. */
export interface Dependency<Output = unknown> {
  /** The task depended on. */
  readonly taskId: string;
  /** Its name. */
  readonly name: string;
  /** SUCCEEDED, or FAILED / SKIPPED / CANCELLED when it was optional. */
  readonly state: TaskStateName;
  /** Its output; undefined unless it succeeded. */
  readonly output: Output | undefined;
  /** Why it failed, when it did. */
  readonly failure: FailureSnapshot | undefined;
}

/** Reason of a context's abort signal, when it has fired. */
export type ContextAbortReason = AttemptAborted;
