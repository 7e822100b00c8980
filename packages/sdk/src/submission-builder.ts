import { create } from "@bufbuild/protobuf";
import {
  defaultLimits,
  durationFromMs,
  SpanloomError,
  TaskGroupSchema,
  type TaskSet,
  TaskSetSchema,
  type TaskSpec,
  TaskSpecSchema,
} from "@spanloom/protocol";
import { toConcurrency, toRateLimit } from "./admission.ts";
import { encodePayload } from "./codec.ts";
import { type RetryOptions, toRetryPolicy, validateRetry } from "./retry.ts";
import type { TaskDefinition, TaskOptions } from "./task.ts";

/**
 * Builds the columnar form of a submission: 10,000 equal tasks become one group that costs their inputs and little else.
 *
 * I1. Submissions that wait for the same handles and are waited for by the same tasks share one group, so that no task
 *     ever waits for more than it asked for.
 * I2. Groups stand in the order of their first submission; a group's dependencies always stand before it.
 * I3. A handle works only in the builder that made it.
 */

declare const outputType: unique symbol;

/** A submitted task, to be named in `dependsOn` of a later one. */
export interface TaskHandle<Output = unknown> {
  readonly [outputType]?: Output;
  /** How many tasks it stands for; 1. */
  readonly count: number;
}

/** Tasks submitted together; as a dependency it means all of them. */
export interface TaskHandles<Output = unknown> {
  readonly [outputType]?: Output;
  /** How many tasks it stands for. */
  readonly count: number;
}

/** One or several submitted tasks. */
export type DependsOn = TaskHandle | TaskHandles | readonly (TaskHandle | TaskHandles)[];

/** Options of one submission; they beat those of the definition. */
export interface SubmitOptions extends TaskOptions {
  /** Tasks of the same submission that must succeed first, subtrees included. */
  dependsOn?: DependsOn;
  /** Text for people. */
  display?: string;
  /** Earliest start, counted from when dependencies are done. */
  startDelayMs?: number;
}

/** Options of many submissions at once. */
export interface ManyOptions extends Omit<SubmitOptions, "display"> {
  /** Text for people, one for each input. */
  displays?: readonly string[];
}

/** Arguments after the task: the input may be left out where the task takes none. */
export type SubmitArguments<Input, Options> = undefined extends Input
  ? [input?: Input, options?: Options]
  : [input: Input, options?: Options];

/** One call of submit or submitMany. */
interface Submission {
  spec: number;
  inputs: Uint8Array[];
  displays: readonly string[] | undefined;
  /** Index into the builder's dependency sets; 0 is the empty one. */
  dependencySet: number;
  /** Dependency sets this submission is part of, ascending. */
  usedBy: number[] | undefined;
}

class Handle {
  readonly #builder: SubmissionBuilder;
  readonly #submission: number;
  readonly count: number;

  constructor(builder: SubmissionBuilder, submission: number, count: number) {
    this.#builder = builder;
    this.#submission = submission;
    this.count = count;
  }

  /** Index of the submission in `builder`; undefined for anything that is not a handle of it (I3). */
  static submissionOf(value: object, builder: SubmissionBuilder): number | undefined {
    return #submission in value && value.#builder === builder ? value.#submission : undefined;
  }
}

/** What a builder may be given. */
export interface SubmissionBuilderOptions {
  /** Most tasks. Default 100,000. */
  maxTasks?: number;
  /** Most bytes of one input. Default 256 KiB. */
  maxInputBytes?: number;
}

/**
 * Gathers submissions and writes them as one TaskSet.
 *
 * Errors: INVALID_FIELD, INVALID_DEPENDENCY and LIMIT_EXCEEDED at the call that causes them; only the limit on groups is
 * checked at the end, by build().
 */
export class SubmissionBuilder {
  readonly #submissions: Submission[] = [];
  readonly #specs: TaskSpec[] = [];
  readonly #specByKey = new Map<string, number>();
  readonly #specByTask = new Map<object, number>();
  readonly #dependencySets: number[][] = [[]];
  readonly #setByKey = new Map<string, number>([["", 0]]);
  readonly #maxTasks: number;
  readonly #maxInputBytes: number;
  #count = 0;
  #inputBytes = 0;

  constructor(options: SubmissionBuilderOptions = {}) {
    this.#maxTasks = options.maxTasks ?? defaultLimits.maxChildren;
    this.#maxInputBytes = options.maxInputBytes ?? defaultLimits.maxInputBytes;
  }

  /** Tasks so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of all inputs so far. */
  get inputBytes(): number {
    return this.#inputBytes;
  }

  /** Adds one task. */
  submit<Input, Output>(
    task: TaskDefinition<Input, Output>,
    ...[input, options]: SubmitArguments<Input, SubmitOptions>
  ): TaskHandle<Output> {
    const displays = options?.display === undefined ? undefined : [options.display];
    return this.#add(task, { inputs: [input], displays, options });
  }

  /** Adds one task per input, all in one group. */
  submitMany<Input, Output>(
    task: TaskDefinition<Input, Output>,
    inputs: readonly Input[],
    options?: ManyOptions,
  ): TaskHandles<Output> {
    const { displays, ...common } = options ?? {};
    if (displays && displays.length !== inputs.length) throw unevenDisplays(task.name, displays.length, inputs.length);
    return this.#add(task, { inputs, displays, options: options && common });
  }

  /** The submission as it travels. */
  build(): TaskSet {
    return create(TaskSetSchema, { specs: this.#specs, groups: buildGroups(this.#submissions, this.#dependencySets) });
  }

  #add(
    task: TaskDefinition<never, unknown>,
    added: { inputs: readonly unknown[]; displays: readonly string[] | undefined; options: SubmitOptions | undefined },
  ): Handle {
    const { inputs, displays, options } = added;
    if (this.#count + inputs.length > this.#maxTasks) throw this.#tooMany(task.name, inputs.length);
    const spec = this.#specOf(task, options);
    const dependencySet = options?.dependsOn === undefined ? 0 : this.#setOf(task.name, options.dependsOn);
    const encoded = inputs.map((input, index) => this.#encode(task.name, input, inputs.length > 1 ? index : undefined));
    this.#count += inputs.length;
    this.#submissions.push({ spec, inputs: encoded, displays, dependencySet, usedBy: undefined });
    return new Handle(this, this.#submissions.length - 1, inputs.length);
  }

  #encode(name: string, input: unknown, index: number | undefined): Uint8Array {
    const bytes = encodePayload(input, `cannot submit task "${name}"${index === undefined ? "" : `, input ${index}`}`);
    if (bytes.length > this.#maxInputBytes) {
      throw new SpanloomError(
        "LIMIT_EXCEEDED",
        `cannot submit task "${name}": its input has ${bytes.length} bytes, limit is ${this.#maxInputBytes}`,
        { field: "input", limit: this.#maxInputBytes, actual: bytes.length },
      );
    }
    this.#inputBytes += bytes.length;
    return bytes;
  }

  #specOf(task: TaskDefinition<never, unknown>, options: SubmitOptions | undefined): number {
    if (!options) {
      const known = this.#specByTask.get(task);
      if (known !== undefined) return known;
      const index = this.#internSpec(task, task.options);
      this.#specByTask.set(task, index);
      return index;
    }
    const { dependsOn: _, display: __, ...own } = options;
    const merged = { ...task.options, ...own };
    if (own.retry) validateRetry(own.retry, `cannot submit task "${task.name}"`);
    return this.#internSpec(task, merged);
  }

  #internSpec(task: TaskDefinition<never, unknown>, options: SpecOptions): number {
    const key = JSON.stringify([task.name, task.version, ...specKeys.map((name) => options[name])]);
    let index = this.#specByKey.get(key);
    if (index === undefined) {
      index = this.#specs.push(toTaskSpec(task, options)) - 1;
      this.#specByKey.set(key, index);
    }
    return index;
  }

  #setOf(name: string, dependsOn: DependsOn): number {
    const members = new Set<number>();
    const handles = Array.isArray(dependsOn) ? (dependsOn as readonly TaskHandle[]) : [dependsOn as TaskHandle];
    handles.forEach((handle, position) => {
      const index = typeof handle === "object" && handle !== null ? Handle.submissionOf(handle, this) : undefined;
      if (index === undefined) throw foreignHandle(name, handle, position);
      // An empty submitMany has nothing to wait for.
      if (this.#submissions[index]!.inputs.length > 0) members.add(index);
    });
    const sorted = [...members].sort((a, b) => a - b);
    const key = sorted.join(",");
    let set = this.#setByKey.get(key);
    if (set === undefined) {
      set = this.#dependencySets.push(sorted) - 1;
      this.#setByKey.set(key, set);
      for (const member of sorted) {
        const submission = this.#submissions[member]!;
        submission.usedBy = [...(submission.usedBy ?? []), set];
      }
    }
    return set;
  }

  #tooMany(name: string, added: number): SpanloomError {
    const actual = this.#count + added;
    return new SpanloomError(
      "LIMIT_EXCEEDED",
      `cannot submit task "${name}": the submission would have ${actual} tasks, limit is ${this.#maxTasks}`,
      { field: "tasks", limit: this.#maxTasks, actual },
    );
  }
}

type SpecOptions = TaskOptions & { startDelayMs?: number; retry?: RetryOptions };

const specKeys = [
  "queue",
  "retry",
  "timeoutMs",
  "queueTimeoutMs",
  "startDelayMs",
  "optional",
  "priority",
  "concurrency",
  "rateLimit",
] as const satisfies (keyof SpecOptions)[];

function toTaskSpec(task: TaskDefinition<never, unknown>, options: SpecOptions): TaskSpec {
  const owner = `cannot submit task "${task.name}"`;
  return create(TaskSpecSchema, {
    identifier: { name: task.name, version: task.version },
    queue: options.queue ?? "",
    optional: options.optional ?? false,
    ...(options.retry && { retry: toRetryPolicy(options.retry) }),
    ...(options.timeoutMs !== undefined && { attemptTimeout: durationFromMs(options.timeoutMs) }),
    ...(options.queueTimeoutMs !== undefined && { queueTimeout: durationFromMs(options.queueTimeoutMs) }),
    ...(options.startDelayMs !== undefined && { startDelay: durationFromMs(options.startDelayMs) }),
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.concurrency && { concurrency: toConcurrency(options.concurrency, owner) }),
    ...(options.rateLimit && { rateLimit: toRateLimit(options.rateLimit, owner) }),
  });
}

interface GroupDraft {
  inputs: Uint8Array[];
  specs: number[];
  displays: string[];
  dependencySet: number;
}

/** Merges submissions into groups (I1), in the order of their first submission (I2). */
function buildGroups(submissions: readonly Submission[], dependencySets: readonly number[][]) {
  const drafts: GroupDraft[] = [];
  const draftByKey = new Map<string, number>();
  const groupOf: number[] = [];
  for (const submission of submissions) {
    if (submission.inputs.length === 0) {
      groupOf.push(-1);
      continue;
    }
    const key = `${submission.dependencySet}|${submission.usedBy?.join(",") ?? ""}`;
    let index = draftByKey.get(key);
    if (index === undefined) {
      index = drafts.push({ inputs: [], specs: [], displays: [], dependencySet: submission.dependencySet }) - 1;
      draftByKey.set(key, index);
    }
    groupOf.push(index);
    append(drafts[index]!, submission);
  }
  if (drafts.length > defaultLimits.maxGroups) throw tooManyGroups(drafts.length);
  return drafts.map((draft) =>
    create(TaskGroupSchema, {
      inputs: draft.inputs,
      specs: draft.specs.every((spec) => spec === draft.specs[0]) ? draft.specs.slice(0, 1) : draft.specs,
      dependsOn: [...new Set(dependencySets[draft.dependencySet]!.map((member) => groupOf[member]!))],
      displays: draft.displays,
    }),
  );
}

function append(draft: GroupDraft, submission: Submission): void {
  if (submission.displays && draft.displays.length === 0) draft.displays = draft.inputs.map(() => "");
  const named = submission.displays !== undefined || draft.displays.length > 0;
  submission.inputs.forEach((input, index) => {
    draft.inputs.push(input);
    draft.specs.push(submission.spec);
    if (named) draft.displays.push(submission.displays?.[index] ?? "");
  });
}

function tooManyGroups(actual: number): SpanloomError {
  const limit = defaultLimits.maxGroups;
  return new SpanloomError(
    "LIMIT_EXCEEDED",
    `cannot submit tasks: ${actual} different sets of dependencies, limit is ${limit}; submit tasks that wait for the same ones with one set of handles`,
    { field: "tasks.groups", limit, actual },
  );
}

function unevenDisplays(name: string, actual: number, inputs: number): SpanloomError {
  const message = `cannot submit task "${name}": ${actual} displays for ${inputs} inputs, must be one for each`;
  return new SpanloomError("INVALID_FIELD", message, { field: "displays" });
}

function foreignHandle(name: string, handle: unknown, position: number): SpanloomError {
  const why =
    handle instanceof Handle
      ? "is a handle of another attempt or job; tasks can only wait for tasks of the same submission"
      : `is ${handle === null ? "null" : typeof handle}, must be what submit() or submitMany() returned`;
  return new SpanloomError("INVALID_DEPENDENCY", `cannot submit task "${name}": dependsOn[${position}] ${why}`, {
    field: `dependsOn[${position}]`,
  });
}
