import { create } from "@bufbuild/protobuf";
import { context, type Span, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { ProgressSchema, SpanloomError, usFromTimestamp } from "@spanloom/protocol";
import {
  type AnyTask,
  type ContextSpanOptions,
  type Dependency,
  type JobCache,
  type ManyOptions,
  type OutputOf,
  SubmissionBuilder,
  type SubmitArguments,
  type SubmitOptions,
  type TaskContext,
  type TaskDefinition,
  type TaskHandle,
  type TaskHandles,
  type TaskLog,
} from "@spanloom/sdk";
import type { Attempt } from "./attempt.ts";
import type { NowUs } from "./clock.ts";
import { type DependencyReader, readDependencies } from "./dependencies.ts";
import { toTaskFailure } from "./failure.ts";
import { AttemptLog } from "./log.ts";

/** What the contexts of one runner share. */
export interface ContextServices {
  /** Reads outputs of dependencies. */
  dependencies: DependencyReader;
  /** Tracer of `ctx.tracer` and `ctx.span`. */
  tracer: Tracer;
  /** The runner's clock. */
  nowUs: NowUs;
  /** Finds the cache of a job. */
  cacheOf(jobId: string): JobCache;
}

/** The context of one attempt. Costs an object; all else in it is made when asked for. */
export class RunnerTaskContext implements TaskContext {
  readonly #attempt: Attempt;
  readonly #services: ContextServices;
  #children: SubmissionBuilder | undefined;
  #log: AttemptLog | undefined;
  #cache: JobCache | undefined;

  constructor(attempt: Attempt, services: ContextServices) {
    this.#attempt = attempt;
    this.#services = services;
  }

  get jobId(): string {
    return this.#attempt.task.jobId;
  }

  get jobName(): string {
    return this.#attempt.task.jobName;
  }

  get taskId(): string {
    return this.#attempt.task.taskId;
  }

  get parentId(): string | undefined {
    return this.#attempt.task.parentId || undefined;
  }

  get attempt(): number {
    return this.#attempt.task.attempt;
  }

  get attemptsLeft(): number {
    return this.#attempt.task.attemptsLeft;
  }

  get queue(): string {
    return this.#attempt.task.queue;
  }

  get deadline(): Date | undefined {
    const { deadline } = this.#attempt.task;
    return deadline && new Date(usFromTimestamp(deadline) / 1000);
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get tracer(): Tracer {
    return this.#services.tracer;
  }

  get log(): TaskLog {
    this.#log ??= new AttemptLog(this.#attempt.tracing);
    return this.#log;
  }

  get cache(): JobCache {
    this.#cache ??= this.#services.cacheOf(this.jobId);
    return this.#cache;
  }

  /** What was submitted; undefined when nothing was. */
  get children(): SubmissionBuilder | undefined {
    return this.#children;
  }

  submit<Input, Output>(
    task: TaskDefinition<Input, Output>,
    ...args: SubmitArguments<Input, SubmitOptions>
  ): TaskHandle<Output> {
    return this.#builder(task.name).submit(task, ...args);
  }

  submitMany<Input, Output>(
    task: TaskDefinition<Input, Output>,
    inputs: readonly Input[],
    options?: ManyOptions,
  ): TaskHandles<Output> {
    return this.#builder(task.name).submitMany(task, inputs, options);
  }

  dependencies(): AsyncIterable<Dependency> {
    return readDependencies(this.#attempt.task, this.#services.dependencies, this.signal);
  }

  async outputsOf<Task extends AnyTask>(task: Task): Promise<OutputOf<Task>[]> {
    const outputs: OutputOf<Task>[] = [];
    for await (const { name, state, output } of this.dependencies())
      if (name === task.name && state === "SUCCEEDED") outputs.push(output as OutputOf<Task>);
    return outputs;
  }

  span<Result>(name: string, fn: (span: Span) => Result, options: ContextSpanOptions = {}): Result {
    const span = this.tracer.startSpan(name, options);
    // One that records nothing has the ids of the active one, which may as well stay active.
    if (!this.#attempt.tracing.host.enabled) return fn(span);
    return context.with(trace.setSpan(context.active(), span), runInSpan<Result>, undefined, span, fn);
  }

  progress(done: number, total = 0, label = ""): void {
    const progress = create(ProgressSchema, { label, done: toCount(done, "done"), total: toCount(total, "total") });
    if (this.#attempt.setProgress(progress)) return;
    throw new SpanloomError("LIMIT_EXCEEDED", `cannot set progress "${label}": an attempt has at most 100 labels`, {
      field: "label",
      limit: 100,
    });
  }

  display(text: string): void {
    this.#attempt.display = text;
  }

  #builder(name: string): SubmissionBuilder {
    const { state } = this.#attempt;
    if (state !== "running")
      throw new SpanloomError("INVALID_STATE", `cannot submit task "${name}": the attempt has ended (${state})`);
    this.#children ??= new SubmissionBuilder();
    return this.#children;
  }
}

function runInSpan<Result>(span: Span, fn: (span: Span) => Result): Result {
  let result: Result;
  try {
    result = fn(span);
  } catch (error) {
    failSpan(span, error);
    throw error;
  }
  if (!isPromise(result)) {
    span.end();
    return result;
  }
  const settled = result.then(
    (value) => {
      span.end();
      return value;
    },
    (error: unknown) => {
      failSpan(span, error);
      throw error;
    },
  );
  return settled as Result;
}

/** Ends a span with what was thrown, which may be anything, and hostile. */
function failSpan(span: Span, error: unknown): void {
  const { type, message, stack } = toTaskFailure(error);
  span.recordException({ name: type, message, stack });
  // A status code, say, that the code put there tells more than the name of what was thrown.
  if (!hasAttribute(span, "error.type")) span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

function hasAttribute(span: Span, name: string): boolean {
  return "attributes" in span && name in (span.attributes as object);
}

/** Whether a value is a promise, or close enough to be waited for. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function toCount(value: number, field: string): bigint {
  if (Number.isFinite(value) && value >= 0) return BigInt(Math.floor(value));
  throw new SpanloomError("INVALID_FIELD", `cannot set progress: ${field} is ${value}, must be at least 0`, { field });
}
