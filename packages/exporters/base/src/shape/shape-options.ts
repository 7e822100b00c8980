import type { Span } from "@spanloom/protocol/otlp";

/** What is known of a task whose span may not be in the batch. */
export interface TaskFacts {
  /** Span id of what submitted it, an attempt or the job: 16 hex digits. */
  readonly parentSpanId: string;
  /** Number of its last attempt; 0 when it had none. */
  readonly lastAttempt: number;
  /** Links to what it depended on. */
  readonly links: Span["links"];
}

/** Tells of tasks by their span id; undefined of one that it does not know. */
export type TaskLookup = (spanId: string) => TaskFacts | undefined;

/**
 * What of the telemetry a backend is given, and how.
 *
 * They are applied in this order: sampling, lifecycle spans, attributes and their aliases, tags and resource attributes.
 */
export interface ShapeOptions {
  /**
   * `full`: as recorded. `attempts`: without the spans of tasks, for backends that draw or bill a span each. An attempt
   * then hangs below what submitted its task; links to a task lead to its last attempt, and the task's own links are on
   * its first. A task without an attempt leaves no span. Default `full`.
   */
  readonly lifecycle?: "full" | "attempts" | undefined;
  /**
   * Tells of tasks whose span is not in the same batch, by span id. Without it an attempt whose task is not in the batch
   * hangs below the job, and a link to such a task leads to its first attempt.
   */
  readonly tasks?: TaskLookup | undefined;
  /** Further names for attributes: by the name they have, the one they get beside it; `workflowAliases` for one. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Attributes of spans, events, links and log records to keep, by name; `*` stands for any text. Default: all. */
  readonly includeAttributes?: readonly string[] | undefined;
  /** Attributes to leave out, over `includeAttributes`. Aliases of what is left out stay. Default: none. */
  readonly excludeAttributes?: readonly string[] | undefined;
  /** Attributes for every resource, over its own. */
  readonly resourceAttributes?: Readonly<Record<string, string>> | undefined;
  /** Attributes for every span and log record, over its own. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /**
   * Which traces are given on. `always`: all. `parent`: those whose W3C sampled flag is set. A number from 0 to 1: that
   * part of them, chosen by trace id as OpenTelemetry's TraceIdRatioBased sampler does, so that a trace is taken whole or
   * not at all, by whichever process. Log records without a trace are always given on. Default `always`: what is given on
   * has passed the sampler of whoever recorded it.
   */
  readonly sampling?: "always" | "parent" | number | undefined;
}

/** Names of Spanloom's attributes in the `workflow.*` convention. */
export const workflowAliases: Readonly<Record<string, string>> = {
  "spanloom.job.id": "workflow.id",
  "spanloom.job.name": "workflow.name",
  "spanloom.task.id": "workflow.task.id",
  "spanloom.task.name": "workflow.task.name",
  "spanloom.task.version": "workflow.task.version",
  "spanloom.task.attempt": "workflow.task.attempt",
  "spanloom.queue": "workflow.queue",
  "spanloom.runner.id": "workflow.worker.id",
  "spanloom.outcome": "workflow.outcome",
};
