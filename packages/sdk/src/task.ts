import { defaultLimits, SpanloomError } from "@spanloom/protocol";
import { type ConcurrencyOptions, type RateLimitOptions, toConcurrency, toRateLimit } from "./admission.ts";
import { checkRange, type RetryOptions, validateRetry } from "./retry.ts";
import type { TaskContext } from "./task-context.ts";

/** How a task runs unless a submission says otherwise. */
export interface TaskOptions {
  /** Queue it waits in. Default: its parent's, or the job's for roots. */
  queue?: string;
  /** When and how often a failed attempt is tried again. Default: one attempt. */
  retry?: RetryOptions;
  /** An attempt that runs longer is aborted and ends as TIMEOUT. Default: no limit. */
  timeoutMs?: number;
  /** A task that waits in its queue longer fails. Default: no limit. */
  queueTimeoutMs?: number;
  /** At most so many attempts that share a key run at once. */
  concurrency?: ConcurrencyOptions;
  /** At most so many attempts that share a key start in each window. */
  rateLimit?: RateLimitOptions;
  /** Whether its failure is bounded to its own subtree. Default false: it fails the job. */
  optional?: boolean;
  /** Higher runs first. Default: the job's priority. */
  priority?: number;
}

/** What {@link task} takes: an identity, options and the code. */
export interface TaskConfig<Input, Output> extends TaskOptions {
  /** Name, 1..256 bytes; what a submission and a runner agree on. */
  name: string;
  /** `major.minor`, default `1.0`. Raise the major when old inputs no longer fit, the minor when the code can do more. */
  version?: string;
  /** The code. It may run more than once for one task: attempts are at least once. */
  run(input: Input, ctx: TaskContext): Promise<Output> | Output;
}

const taskMark = Symbol.for("spanloom.task");

/** A task as both sides know it: a client or parent submits it, a runner runs it. */
export interface TaskDefinition<in Input, out Output> {
  readonly [taskMark]: true;
  /** Name of the task. */
  readonly name: string;
  /** `major.minor`. */
  readonly version: string;
  /** How it runs unless a submission says otherwise. */
  readonly options: Readonly<TaskOptions>;
  /** The code. */
  readonly run: (input: Input, ctx: TaskContext) => Promise<Output> | Output;
}

/** Any task, whatever it takes and returns. */
export type AnyTask = TaskDefinition<never, unknown>;

/** What a task takes. */
export type InputOf<Task> = Task extends TaskDefinition<infer Input, unknown> ? Input : never;

/** What a task returns. */
export type OutputOf<Task> = Task extends TaskDefinition<never, infer Output> ? Output : never;

/**
 * Defines a task. Input and output types are inferred from `run`.
 *
 * Inputs and outputs travel as JSON, so they must be plain data.
 *
 * Errors: INVALID_FIELD naming the field, when a name, version, timeout or retry option is out of range.
 */
export function task<Input = void, Output = void>(config: TaskConfig<Input, Output>): TaskDefinition<Input, Output> {
  const owner = `cannot define task "${config.name}"`;
  validateIdentity(config.name, config.version, owner);
  validateOptions(config, owner);
  if (typeof config.run !== "function")
    throw invalid(`${owner}: run is ${typeof config.run}, must be a function`, "run");
  const { name, version = "1.0", run, ...options } = config;
  return Object.freeze({
    [taskMark]: true as const,
    name,
    version,
    options: Object.freeze(options),
    run: run.bind(config),
  });
}

/** Whether a value was made by {@link task}, also by another copy of this package. */
export function isTaskDefinition(value: unknown): value is AnyTask {
  return typeof value === "object" && value !== null && taskMark in value;
}

function validateIdentity(name: unknown, version: unknown, owner: string): void {
  const bytes = typeof name === "string" ? Buffer.byteLength(name) : 0;
  if (bytes < 1 || bytes > defaultLimits.maxNameBytes)
    throw invalid(`${owner}: name has ${bytes} bytes, must have 1..${defaultLimits.maxNameBytes}`, "name");
  if (version !== undefined && !(typeof version === "string" && /^\d{1,9}\.\d{1,9}$/.test(version)))
    throw invalid(`${owner}: version is "${version}", must be "major.minor", e.g. "1.0"`, "version");
}

function validateOptions(options: TaskOptions, owner: string): void {
  if (options.queue !== undefined && (typeof options.queue !== "string" || options.queue === ""))
    throw invalid(`${owner}: queue is "${options.queue}", must be a name`, "queue");
  checkRange(options.timeoutMs, [1, Number.MAX_SAFE_INTEGER], { owner, field: "timeoutMs" });
  checkRange(options.queueTimeoutMs, [1, Number.MAX_SAFE_INTEGER], { owner, field: "queueTimeoutMs" });
  checkRange(options.priority, [-(2 ** 31), 2 ** 31 - 1], { owner, field: "priority", whole: true });
  if (options.retry) validateRetry(options.retry, owner);
  if (options.concurrency) toConcurrency(options.concurrency, owner);
  if (options.rateLimit) toRateLimit(options.rateLimit, owner);
}

function invalid(message: string, field: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", message, { field });
}
