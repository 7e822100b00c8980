import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  CancellationReason,
  type DependencyOutput,
  DependencyOutputSchema,
  durationFromMs,
  type LeasedTask,
  LeasedTaskSchema,
  type ResultStatus,
} from "@spanloom/protocol";
import { isJsonObject, type Json, type JsonObject } from "../cases/template.ts";
import type { ServerSettings } from "./server-settings.ts";

/** A task that a case offers: one attempt under one lease, and what the case wants to become of it. */
export interface OfferedTask {
  readonly task: LeasedTask;
  readonly traceId: string;
  /** Time from its lease to its deadline. */
  readonly deadlineMs: number | undefined;
  readonly pages: readonly (readonly DependencyOutput[])[];
  state: "offered" | "leased" | "ended";
  /** When its lease ends, by the server's clock, where leases end. */
  leaseEndsMs: number;
  /** The case has taken the lease away, or it ended by itself. */
  lost: boolean;
  cancellation: { reason: CancellationReason; by: "heartbeat" | "lease" } | undefined;
  /** Answers to its next results; what is not told is OK. */
  readonly answers: ("LOST" | ResultStatus)[];
}

/** What a case may say of a task it offers; all but these is an error. */
export const offerFields = [
  "again",
  "task",
  "version",
  "steps",
  "input",
  "input_text",
  "attempt",
  "attempts_left",
  "queue",
  "job_name",
  "parent_id",
  "deadline_ms",
  "sampled",
  "tracestate",
  "baggage",
  "dependencies",
  "pages",
] as const;

/** Random ids: a runner that derives span ids itself instead of taking what it is given shows. */
export interface IdSource {
  uuid(): string;
  hex(bytes: number): string;
}

/** Makes a task of what a case says; `again` is the variable of a task of which this is another lease. */
export function offerTask(offer: JsonObject, ids: IdSource): OfferedTask {
  const again = isJsonObject(offer.again) ? offer.again : undefined;
  const traceId = again ? text(again.trace_id) : ids.hex(16);
  const jobId = again ? text(again.job_id) : ids.uuid();
  const taskId = again ? text(again.task_id) : ids.uuid();
  const attempt = Number(offer.attempt ?? (again ? Number(again.attempt) + 1 : 1));
  const pages = dependencyPages(offer.pages);
  const sampled = offer.sampled !== false;
  const task = create(LeasedTaskSchema, {
    taskId,
    jobId,
    jobName: text(offer.job_name ?? "conformance job"),
    parentId: text(offer.parent_id ?? ""),
    identifier: { name: text(offer.task ?? "conformance.steps"), version: text(offer.version ?? "1.0") },
    queue: text(offer.queue ?? "conformance"),
    input: inputOf(offer),
    attempt,
    attemptsLeft: Number(offer.attempts_left ?? 2),
    leaseToken: Buffer.from(ids.hex(16), "hex"),
    dependencies: dependenciesOf(offer.dependencies),
    dependenciesPaged: pages.length > 0,
    spanId: ids.hex(8),
    trace: {
      traceparent: `00-${traceId}-${again ? text(again.task_span_id) : ids.hex(8)}-${sampled ? "01" : "00"}`,
      tracestate: text(offer.tracestate ?? `spanloom=${jobId}_${taskId}_${attempt}`),
      baggage: text(offer.baggage ?? ""),
    },
  });
  const deadlineMs = offer.deadline_ms === undefined ? undefined : Number(offer.deadline_ms);
  const fate = { state: "offered", leaseEndsMs: 0, lost: false, cancellation: undefined } as const;
  return { task, traceId, deadlineMs, pages, ...fate, answers: [] };
}

/** Leases a task: from now on it has times. */
export function leaseTask(offered: OfferedTask, settings: ServerSettings, nowMs: number): LeasedTask {
  const { task } = offered;
  offered.state = "leased";
  offered.leaseEndsMs = nowMs + settings.leaseMs;
  task.leaseExpiresAt = timestampFromMs(offered.leaseEndsMs);
  task.leaseDuration = durationFromMs(settings.leaseMs);
  if (offered.deadlineMs !== undefined) task.deadline = timestampFromMs(nowMs + offered.deadlineMs);
  return task;
}

/** A task as the variables of a case have it: its fields, its trace and the span of its task. */
export function taskVariable({ task, traceId }: OfferedTask): JsonObject {
  const fields = toJson(LeasedTaskSchema, task, { useProtoFieldName: true, alwaysEmitImplicit: true }) as JsonObject;
  return { ...fields, trace_id: traceId, task_span_id: task.trace?.traceparent.split("-")[2] ?? "" };
}

/** A reason by its name without prefix. Errors: for a name that is none. */
export function cancellationReason(name: string): CancellationReason {
  if (!Object.hasOwn(CancellationReason, name)) throw new Error(`cannot cancel a task: "${name}" is no reason`);
  return CancellationReason[name as Exclude<keyof typeof CancellationReason, number>] as CancellationReason;
}

function inputOf({ steps, input, input_text }: JsonObject): Uint8Array {
  if (steps !== undefined) return Buffer.from(JSON.stringify({ steps }));
  if (input !== undefined) return Buffer.from(JSON.stringify(input));
  return Buffer.from(text(input_text ?? ""));
}

function dependencyPages(pages: Json | undefined): DependencyOutput[][] {
  return Array.isArray(pages) ? pages.map((page) => dependenciesOf(page)) : [];
}

/** Dependencies by the fields of DependencyOutput, but for `output`, which is a value. */
function dependenciesOf(all: Json | undefined): DependencyOutput[] {
  return (Array.isArray(all) ? all : []).filter(isJsonObject).map((each) => {
    const { output, ...fields } = each;
    const message = fromJson(DependencyOutputSchema, fields as JsonValue);
    if (output !== undefined) message.output = Buffer.from(JSON.stringify(output));
    return message;
  });
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}
