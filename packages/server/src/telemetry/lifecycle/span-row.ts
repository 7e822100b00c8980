import { attributeNames, type Outcome, type SpanTypeName } from "@spanloom/protocol";
import type { Failure, JobRecord, JobTrigger, TaskRecord } from "../../store/store.ts";
import type { MapColumn } from "../columns/nested-column.ts";
import type { LongColumn } from "../columns/number-column.ts";
import { appendOpen, type SpanColumns } from "../columns/span-columns.ts";
import { closeNested } from "../ingest/span-reader.ts";

const SERVICE = "spanloom";

/** Why a job was cancelled, as whoever did it said. */
export const CANCEL_REASON = "spanloom.cancel.reason";

/** What every span of the projection says of itself. */
export interface ProjectedSpan {
  type: SpanTypeName;
  kind: "PRODUCER" | "INTERNAL" | "CONSUMER";
  name: string;
  spanId: string;
  /** Empty for a root. */
  parentSpanId: string;
  startUs: number;
  /** Undefined while open. */
  endUs: number | undefined;
  /** Undefined while open. */
  outcome: Outcome | undefined;
  /** Set when the span's status is ERROR. */
  failure: Failure | undefined;
  /** What the code dropped; 0 for most. */
  dropped: { attributes: number; events: number; links: number };
}

/** A span of a job, a task or an attempt. */
export interface LifecycleSpan extends ProjectedSpan {
  job: JobRecord;
  task: TaskRecord | undefined;
  /** 0 for job and task spans. */
  attempt: number;
  runnerId: string;
  /** An attempt that the job's retry brought about. */
  isRetry?: boolean;
}

/** Appends the scalars of a row, closes its nested columns and ends it. Attributes, events and links come before. */
export function finishRow(to: SpanColumns, span: LifecycleSpan, version: bigint): void {
  const { job, task } = span;
  to.job_id.appendHexText(job.id);
  to.job_name.appendText(job.name);
  if (task) to.task_id.appendHexText(task.id);
  else to.task_id.appendNone();
  to.task_name.appendText(task?.name ?? "");
  to.task_version.appendText(task ? versionOf(task) : "");
  to.attempt.append(span.attempt);
  to.queue.appendText(task?.queue ?? job.queue);
  to.runner_id.appendText(span.runnerId);
  finish(to, span, job.trace, version);
}

/** As {@link finishRow}, of a span that is none of a job's. */
export function finishRowOfNoJob(to: SpanColumns, span: ProjectedSpan, trace: SpanTrace, version: bigint): void {
  to.job_id.appendNone();
  to.job_name.appendText("");
  to.task_id.appendNone();
  to.task_name.appendText("");
  to.task_version.appendText("");
  to.attempt.append(0);
  to.queue.appendText("");
  to.runner_id.appendText("");
  finish(to, span, trace, version);
}

/** The trace that a span is of. */
type SpanTrace = Pick<JobRecord["trace"], "traceId" | "tracestate" | "sampled">;

function finish(to: SpanColumns, span: ProjectedSpan, trace: SpanTrace, version: bigint): void {
  to.trace_id.appendHexText(trace.traceId);
  to.span_id.appendHexText(span.spanId);
  if (span.parentSpanId === "") to.parent_span_id.appendNone();
  else to.parent_span_id.appendHexText(span.parentSpanId);
  to.name.appendText(span.name);
  to.kind.appendText(span.kind);
  to.type.appendText(span.type);
  appendUs(to.start_time, span.startUs);
  if (span.endUs === undefined) appendOpen(to.duration_ns);
  else appendUs(to.duration_ns, Math.max(0, span.endUs - span.startUs));
  to.status.appendText(span.failure ? "ERROR" : "UNSET");
  to.status_message.appendText(span.failure?.message ?? "");
  to.outcome.appendText(span.outcome ?? "");
  to.service_name.appendText(SERVICE);
  to.scope_name.appendText(SERVICE);
  to.scope_version.appendText("");
  to.resource_schema_url.appendText("");
  to.scope_schema_url.appendText("");
  to.resource_dropped_attributes.append(0);
  to.scope_dropped_attributes.append(0);
  to.trace_state.appendText(trace.tracestate);
  to.flags.append(trace.sampled ? 1 : 0);
  to.resource_attributes.appendEntry("service.name", SERVICE);
  to.dropped_attributes.append(span.dropped.attributes);
  to.dropped_events.append(span.dropped.events);
  to.dropped_links.append(span.dropped.links);
  to.version.appendBigint(version);
  closeNested(to);
}

/** `major.minor` of a task. */
export function versionOf(task: TaskRecord): string {
  return `${task.major}.${task.minor}`;
}

/** Appends microseconds as nanoseconds, exactly: the product does not fit in a double. */
export function appendUs(to: LongColumn, us: number): void {
  const whole = Math.round(us);
  const high = Math.floor(whole / 2 ** 32);
  const low = (whole - high * 2 ** 32) * 1000;
  const carry = Math.floor(low / 2 ** 32);
  to.append(low - carry * 2 ** 32, high * 1000 + carry);
}

/** Attributes of one row, as the projection writes them. */
export class RowAttributes {
  readonly #values: MapColumn;
  readonly #types: MapColumn;

  constructor(to: { attributes: MapColumn; attribute_types: MapColumn }) {
    this.#values = to.attributes;
    this.#types = to.attribute_types;
  }

  /** Appends text. */
  text(key: string, value: string): this {
    this.#values.appendEntry(key, value);
    return this;
  }

  /** Appends an integer. */
  int(key: string, value: number): this {
    this.#values.appendEntry(key, String(value));
    this.#types.appendEntry(key, "int");
    return this;
  }

  /** Appends true. */
  yes(key: string): this {
    this.#values.appendEntry(key, "true");
    this.#types.appendEntry(key, "bool");
    return this;
  }

  /** Appends microseconds as milliseconds. */
  ms(key: string, us: number | undefined): this {
    if (us === undefined) return this;
    this.#values.appendEntry(key, String(Math.max(0, us) / 1000));
    this.#types.appendEntry(key, "double");
    return this;
  }
}

/** Attributes that say which job, task and attempt a span is of, and the messaging ones that say it in the standard's words. */
export function appendIdentity(to: SpanColumns, span: LifecycleSpan, operation: string): RowAttributes {
  const { job, task } = span;
  const attributes = new RowAttributes(to)
    .text(attributeNames.spanType, span.type)
    .text(attributeNames.jobId, job.id)
    .text(attributeNames.jobName, job.name)
    .text(attributeNames.queue, task?.queue ?? job.queue)
    .text("messaging.system", SERVICE)
    .text("messaging.operation.name", operation)
    .text("messaging.destination.name", task?.queue ?? job.queue)
    .text("messaging.message.conversation_id", job.id);
  appendTrigger(attributes, job.trigger, span.isRetry);
  if (task) {
    attributes
      .text(attributeNames.taskId, task.id)
      .text(attributeNames.taskName, task.name)
      .text(attributeNames.taskVersion, versionOf(task))
      .text("messaging.message.id", task.id);
  }
  if (span.attempt > 0) attributes.int(attributeNames.taskAttempt, span.attempt);
  if (span.runnerId !== "") attributes.text(attributeNames.runnerId, span.runnerId);
  if (span.outcome !== undefined) attributes.text(attributeNames.outcome, span.outcome);
  if (span.failure) attributes.text("error.type", span.failure.type || "Error");
  return attributes;
}

/** Attributes that say what set the job going, or an attempt of it: so spans of either kind are told apart by themselves. */
export function appendTrigger(attributes: RowAttributes, trigger: JobTrigger | undefined, isRetry = false): void {
  attributes.text(attributeNames.triggerType, isRetry ? "retry" : (trigger?.type ?? "manual"));
  const { source } = trigger ?? {};
  if (source) attributes.text(sourceNames[source.kind].name, source.name);
}

/** What the source of a trigger is named by. */
export const sourceNames = {
  schedule: { name: attributeNames.scheduleName, id: attributeNames.scheduleId },
  trigger: { name: attributeNames.triggerName, id: attributeNames.triggerId },
} as const;

/** Appends a link within or out of the trace. */
export function appendLink(to: SpanColumns, traceId: string, spanId: string, type: string): void {
  const { children } = to.links;
  children.trace_id.appendText(traceId);
  children.span_id.appendText(spanId);
  children.trace_state.appendText("");
  children.attributes.appendEntry(attributeNames.linkType, type);
  children.attributes.closeRow();
  children.attribute_types.closeRow();
  children.flags.append(0);
  children.dropped_attributes.append(0);
}

/** Appends an event; `fill` adds its attributes. */
export function appendEvent(
  to: SpanColumns,
  name: string,
  atUs: number,
  fill?: (attributes: RowAttributes) => void,
): void {
  const { children } = to.events;
  appendUs(children.time, atUs);
  children.name.appendText(name);
  fill?.(new RowAttributes(children));
  children.attributes.closeRow();
  children.attribute_types.closeRow();
  children.dropped_attributes.append(0);
}
