import {
  type Limits,
  type RetryPolicy,
  SpanloomError,
  type TaskGroup,
  type TaskIdentifier,
  type TaskSet,
  type TaskSpec,
} from "@spanloom/protocol";
import type { NewTaskGroup, NewTaskSet, NewTaskSpec, RetryRule } from "../store/store.ts";
import { toConcurrencyRule, toRateRule } from "./admission-rules.ts";
import { boundedNumber, boundedText, checkLimit, invalidField, optionalDurationMs, requiredText } from "./field.ts";
import { defaultRetryRule } from "./retry-policy.ts";
import { parseVersion, quote, type Version } from "./version.ts";

const MAX_ATTEMPTS = 1_000;
const MAX_FACTOR = 100;
/** Display texts are for one line of a screen. */
export const MAX_DISPLAY_BYTES = 1_024;

/**
 * Validates a columnar set of tasks and fills in its defaults.
 *
 * `field` is the path of the set in its request, e.g. `tasks`; errors name paths below it.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED, INVALID_DEPENDENCY.
 * Source: proto/spanloom/v1/task.proto TaskSet; design protocol 6.
 */
export function toNewTaskSet(set: TaskSet, field: string, limits: Limits): NewTaskSet {
  if (set.groups.length === 0) throw invalidField(`${field}.groups`, "is empty: a submission has at least one task");
  checkLimit(`${field}.groups`, set.groups.length, limits.maxGroups, "groups");
  checkLimit(`${field}.specs`, set.specs.length, limits.maxChildren, "specs");
  let tasks = 0;
  let edges = 0;
  for (const group of set.groups) {
    tasks += group.inputs.length;
    edges += group.dependsOn.length;
  }
  checkLimit(`${field}.groups`, tasks, limits.maxChildren, "tasks");
  // Not in the protocol's list: without it 16 MiB of edges between 4,096 groups would cost eight million rows.
  checkLimit(`${field}.groups`, edges, limits.maxChildren, "dependencies between groups");
  const specs = set.specs.map((spec, i) => toNewTaskSpec(spec, `${field}.specs[${i}]`, limits));
  const groups = set.groups.map((group, i) =>
    toNewTaskGroup(group, { field: `${field}.groups[${i}]`, index: i, specs, limits }),
  );
  return { specs, groups };
}

/** Reads a task identifier: a name of 1..256 bytes and a version. */
export function toIdentifier(
  identifier: TaskIdentifier | undefined,
  field: string,
  limits: Limits,
): { name: string } & Version {
  if (identifier === undefined) throw invalidField(field, "is absent");
  const name = requiredText(`${field}.name`, identifier.name, limits.maxNameBytes);
  return { name, ...parseVersion(identifier.version, `${field}.version`) };
}

/**
 * Reads the identifiers a runner offers, each once.
 *
 * Errors: INVALID_FIELD when a name and version appear twice, LIMIT_EXCEEDED over 10,000.
 */
export function toIdentifiers(
  identifiers: readonly TaskIdentifier[],
  field: string,
  limits: Limits,
): ({ name: string } & Version)[] {
  checkLimit(field, identifiers.length, 10_000, "identifiers");
  const seen = new Set<string>();
  return identifiers.map((identifier, i) => {
    const read = toIdentifier(identifier, `${field}[${i}]`, limits);
    const key = `${read.name}@${read.major}.${read.minor}`;
    if (seen.has(key)) throw invalidField(`${field}[${i}]`, `is ${quote(key)} for the second time`);
    seen.add(key);
    return read;
  });
}

function toNewTaskSpec(spec: TaskSpec, field: string, limits: Limits): NewTaskSpec {
  const attemptTimeoutMs = optionalDurationMs(`${field}.attempt_timeout`, spec.attemptTimeout);
  if (attemptTimeoutMs === 0) throw invalidField(`${field}.attempt_timeout`, "is 0 ms: leave it out for no limit");
  const queueTimeoutMs = optionalDurationMs(`${field}.queue_timeout`, spec.queueTimeout);
  if (queueTimeoutMs === 0) throw invalidField(`${field}.queue_timeout`, "is 0 ms: leave it out for no limit");
  const startDelayMs = optionalDurationMs(`${field}.start_delay`, spec.startDelay);
  return {
    ...toIdentifier(spec.identifier, `${field}.identifier`, limits),
    ...(spec.queue !== "" && { queue: boundedText(`${field}.queue`, spec.queue, limits.maxNameBytes) }),
    ...(spec.priority !== undefined && { priority: spec.priority }),
    retry: toRetryRule(spec.retry, `${field}.retry`, limits),
    ...(attemptTimeoutMs !== undefined && { attemptTimeoutMs }),
    ...(queueTimeoutMs !== undefined && { queueTimeoutMs }),
    ...(startDelayMs !== undefined && startDelayMs > 0 && { startDelayMs }),
    optional: spec.optional,
    ...(spec.concurrency && { concurrency: toConcurrencyRule(spec.concurrency, `${field}.concurrency`, limits) }),
    ...(spec.rateLimit && { rateLimit: toRateRule(spec.rateLimit, `${field}.rate_limit`, limits) }),
  };
}

function toRetryRule(policy: RetryPolicy | undefined, field: string, limits: Limits): RetryRule {
  if (policy === undefined) return defaultRetryRule;
  const types = policy.nonRetryableTypes;
  checkLimit(`${field}.non_retryable_types`, types.length, 100, "types");
  return {
    maxAttempts: boundedNumber(`${field}.max_attempts`, policy.maxAttempts, 0, MAX_ATTEMPTS) || 1,
    initialDelayMs:
      optionalDurationMs(`${field}.initial_delay`, policy.initialDelay) ?? defaultRetryRule.initialDelayMs,
    factor:
      policy.factor === 0 ? defaultRetryRule.factor : boundedNumber(`${field}.factor`, policy.factor, 1, MAX_FACTOR),
    maxDelayMs: optionalDurationMs(`${field}.max_delay`, policy.maxDelay) ?? defaultRetryRule.maxDelayMs,
    jitter: boundedNumber(`${field}.jitter`, policy.jitter, 0, 1),
    nonRetryableTypes: types.map((type, i) =>
      requiredText(`${field}.non_retryable_types[${i}]`, type, limits.maxNameBytes),
    ),
  };
}

interface GroupContext {
  field: string;
  index: number;
  specs: readonly NewTaskSpec[];
  limits: Limits;
}

function toNewTaskGroup(group: TaskGroup, context: GroupContext): NewTaskGroup {
  const { field, index, limits } = context;
  const tasks = group.inputs.length;
  if (tasks === 0) throw invalidField(`${field}.inputs`, "is empty: a group has one input per task");
  for (let i = 0; i < tasks; i++) {
    const size = group.inputs[i]!.length;
    if (size > limits.maxInputBytes) checkLimit(`${field}.inputs[${i}]`, size, limits.maxInputBytes, "bytes");
  }
  if (group.displays.length !== 0 && group.displays.length !== tasks) {
    throw invalidField(
      `${field}.displays`,
      `has ${group.displays.length} entries for ${tasks} tasks: give none or one each`,
    );
  }
  return {
    inputs: group.inputs,
    specs: specIndices(group.specs, tasks, context),
    dependsOn: dependencyIndices(group.dependsOn, index, `${field}.depends_on`),
    displays: group.displays.map((text, i) => boundedText(`${field}.displays[${i}]`, text, MAX_DISPLAY_BYTES)),
  };
}

/** What a group that names no spec has, where there is one alone to name. */
const ONLY_SPEC: readonly number[] = [0];

function specIndices(indices: readonly number[], tasks: number, { field, specs }: GroupContext): readonly number[] {
  if (indices.length === 0 && specs.length === 1) return ONLY_SPEC;
  if (indices.length !== 1 && indices.length !== tasks) {
    throw invalidField(`${field}.specs`, `has ${indices.length} entries for ${tasks} tasks: give one, or one each`);
  }
  for (const index of indices) {
    if (index >= specs.length) {
      throw invalidField(`${field}.specs`, `names spec ${index}, but there are ${specs.length}`);
    }
  }
  return indices;
}

/** Dependencies in ascending order, each once. Only earlier groups can be named, so no cycle can be written. */
function dependencyIndices(indices: readonly number[], own: number, field: string): readonly number[] {
  for (const index of indices) {
    if (index < own) continue;
    const problem = index === own ? "its own group" : "a later group or none at all";
    const message = `cannot accept request: ${field} of group ${own} names ${index}, ${problem}; only earlier groups may be named`;
    throw new SpanloomError("INVALID_DEPENDENCY", message, { field });
  }
  return indices.length < 2 ? indices : [...new Set(indices)].sort((a, b) => a - b);
}
