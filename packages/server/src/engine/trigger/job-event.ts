import { formatTraceparent, spanIdOf } from "@spanloom/protocol";
import type { JobRecord, JobTrigger, NewEventRecord } from "../../store/store.ts";
import { firingId } from "./firing-id.ts";

/** What of a job's life is an event. */
export type JobMoment = "started" | "succeeded" | "failed" | "cancelled";

/** What an event tells of its job. */
export type JobEventFacts = Pick<
  JobRecord,
  | "id"
  | "name"
  | "queue"
  | "priority"
  | "tags"
  | "trace"
  | "trigger"
  | "createdAtUs"
  | "startedAtUs"
  | "endedAtUs"
  | "attempts"
  | "failure"
  | "failedTaskId"
>;

/**
 * The event of a job that started, or ended.
 *
 * Its id follows from what it tells: of one start or end there is one event. It stands in the job's trace, under the job's
 * own span, and as deep as the job does: a job that it starts is one deeper.
 */
export function jobEvent(job: JobEventFacts, moment: JobMoment): NewEventRecord {
  const { id, attempts, trace } = job;
  const atUs = (moment === "started" ? job.startedAtUs : job.endedAtUs) ?? job.createdAtUs;
  const span = { traceId: trace.traceId, spanId: spanIdOf(id), sampled: trace.sampled };
  return {
    id: firingId(atUs, `job ${id} ${moment} ${atUs} ${attempts}`),
    key: `spanloom.job.${moment}`,
    payload: Buffer.from(JSON.stringify(payloadOf(job, moment))),
    metadata: {},
    trace: { traceparent: formatTraceparent(span), tracestate: trace.tracestate, baggage: trace.baggage },
    source: "job",
    webhook: "",
    replayOf: "",
    onlyTrigger: "",
    depth: job.trigger?.depth ?? 0,
  };
}

/** What the event says of its job. Of a start nothing that came after it, although one transaction may have brought both. */
function payloadOf(job: JobEventFacts, moment: JobMoment): object {
  const { failure } = job;
  const end = {
    ended_at: rfc3339(job.endedAtUs),
    failure: failure && { type: failure.type, message: failure.message },
    failed_task_id: job.failedTaskId,
  };
  // What is undefined is left out of JSON.
  return {
    job_id: job.id,
    name: job.name,
    state: moment === "started" ? "running" : moment,
    queue: job.queue,
    priority: job.priority,
    tags: job.tags,
    created_at: rfc3339(job.createdAtUs),
    started_at: rfc3339(job.startedAtUs),
    ...(moment !== "started" && end),
    attempts: job.attempts,
    trigger: triggerPayload(job.trigger ?? { type: "manual", depth: 0 }),
  };
}

function triggerPayload({ type, source, eventId, scheduledAtUs, depth }: JobTrigger): object {
  return {
    type,
    ...(source !== undefined && { [source.kind]: source.name }),
    event_id: eventId,
    scheduled_at: rfc3339(scheduledAtUs),
    depth,
  };
}

/** A time with all its microseconds: `2026-01-01T00:00:00.000000Z`. */
function rfc3339(us: number | undefined): string | undefined {
  if (us === undefined) return undefined;
  const seconds = Math.floor(us / 1e6);
  const fraction = String(us - seconds * 1e6).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, -5)}.${fraction}Z`;
}
