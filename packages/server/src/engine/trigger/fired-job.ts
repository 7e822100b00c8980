import { firingSpan, type TraceContext, TraceMode, traceIdOfJob } from "@spanloom/protocol";
import type { ConcurrencyRule, JobTrigger, NewJob, NewJobTrace } from "../../store/store.ts";
import type { NewFiring } from "../../store/trigger-store.ts";
import { jobTrace } from "../trace.ts";
import { firingId } from "./firing-id.ts";
import type { JobTemplate } from "./job-template.ts";
import type { Overlap, ScheduleDefinition } from "./schedule-definition.ts";

/**
 * Jobs of schedules, and the firings that submit them.
 *
 * I1. A time of a schedule has one firing id, whoever fires it: the schedule itself, a backfill, another server. It is the
 *     job's id, too, and makes its idempotency key; so a time has one job, also when its firing is not kept any more.
 * I2. Times that were missed, or for which no job could be made, are recorded under another id: a backfill can still fire
 *     them.
 * I3. A job starts a trace of its own, which links to the span of its firing.
 */

/** A schedule to fire. */
export interface FiredSchedule {
  id: string;
  definition: Pick<ScheduleDefinition, "name" | "template" | "overlap">;
}

/** Fires one of the schedule's times; `nowUs` is the time by which deadlines are kept. */
export function timedFiring(schedule: FiredSchedule, timeUs: number, nowUs: number): NewFiring {
  const { overlap } = schedule.definition;
  return firingOfTime(schedule, timeUs, { nowUs, concurrency: concurrencyOf(schedule.id, overlap), requested: false });
}

/** Fires one of the schedule's times for a backfill: its jobs wait for each other, unless they may run beside each other. */
export function backfillFiring(schedule: FiredSchedule, timeUs: number, nowUs: number): NewFiring {
  const isFree = schedule.definition.overlap === "allow";
  const concurrency = isFree ? undefined : ({ key: keyOf(schedule.id), limit: 1, policy: "wait" } as const);
  return firingOfTime(schedule, timeUs, { nowUs, concurrency, requested: true });
}

/** Records times that were missed, from `firstUs` on. */
export function missedFiring(scheduleId: string, firstUs: number, count: number): NewFiring {
  const id = firingId(firstUs, `schedule ${scheduleId} missed ${firstUs}`);
  return { id, scheduledAtUs: firstUs, requested: false, what: { missed: count } };
}

/** Records that no job could be made for a time. */
export function failedFiring(scheduleId: string, timeUs: number, error: string): NewFiring {
  const id = firingId(timeUs, `schedule ${scheduleId} failed ${timeUs}`);
  return { id, scheduledAtUs: timeUs, requested: false, what: { error } };
}

/** What somebody who fires a schedule by hand says. */
export interface RequestedFiring {
  id: string;
  /** Now, as schedules see it. */
  atUs: number;
  nowUs: number;
  trace: TraceContext | undefined;
}

/** Fires a schedule beside its times. */
export function requestedFiring(schedule: FiredSchedule, asked: RequestedFiring): NewFiring {
  const { id, atUs, nowUs } = asked;
  const { name, overlap, template } = schedule.definition;
  const job = jobOf(template, {
    id,
    nowUs,
    idempotencyKey: `${keyOf(schedule.id)}/fire/${id}`,
    concurrency: concurrencyOf(schedule.id, overlap),
    trace: traceOf(id, asked.trace),
    trigger: { type: "manual", source: { kind: "schedule", id: schedule.id, name }, depth: 0 },
  });
  return { id, scheduledAtUs: atUs, requested: true, what: { job } };
}

/** Id of the firing that somebody asks for under a key; `madeAtUs` is when the schedule was made. */
export function keyedFiringId(scheduleId: string, madeAtUs: number, key: string): string {
  return firingId(madeAtUs, `schedule ${scheduleId} fire ${key}`);
}

interface TimedOptions {
  nowUs: number;
  concurrency: ConcurrencyRule | undefined;
  requested: boolean;
}

function firingOfTime(schedule: FiredSchedule, timeUs: number, options: TimedOptions): NewFiring {
  const { name, template } = schedule.definition;
  const { nowUs, concurrency, requested } = options;
  const id = idOfTime(schedule.id, timeUs);
  const trigger: JobTrigger = {
    type: "schedule",
    source: { kind: "schedule", id: schedule.id, name },
    scheduledAtUs: timeUs,
    ...(requested && { backfill: true }),
    depth: 0,
  };
  const idempotencyKey = `${keyOf(schedule.id)}/${timeUs}`;
  const job = jobOf(template, { id, nowUs, idempotencyKey, concurrency, trace: traceOf(id, undefined), trigger });
  return { id, scheduledAtUs: timeUs, requested, what: { job } };
}

function idOfTime(scheduleId: string, timeUs: number): string {
  return firingId(timeUs, `schedule ${scheduleId} time ${timeUs}`);
}

/** What a firing gives its job. */
interface FiringPart {
  id: string;
  nowUs: number;
  idempotencyKey: string;
  /** Undefined: the template's own. */
  concurrency: ConcurrencyRule | undefined;
  trace: NewJobTrace;
  trigger: JobTrigger;
}

/** The hash is the key's: a time keeps its job when the schedule is changed after it was fired. */
function jobOf({ job, deadlineAfterUs }: JobTemplate, firing: FiringPart): NewJob {
  const { id, nowUs, idempotencyKey, concurrency, trace, trigger } = firing;
  return {
    ...job,
    id,
    ...(deadlineAfterUs !== undefined && { deadlineUs: nowUs + deadlineAfterUs }),
    idempotencyKey,
    requestHash: idempotencyKey,
    trace,
    ...(concurrency && { concurrency }),
    trigger,
  };
}

/** Whoever asks for a firing is linked to as well, and hands on baggage, vendors' state and whether it is recorded. */
function traceOf(id: string, caller: TraceContext | undefined): NewJobTrace {
  const { link: submitterLink, ...own } = jobTrace(id, caller, TraceMode.LINK);
  return {
    ...own,
    traceId: traceIdOfJob(id),
    link: { ...firingSpan(id), type: "firing" },
    ...(submitterLink && { submitterLink }),
  };
}

/** Text that no other schedule's jobs have, for concurrency and idempotency. */
function keyOf(scheduleId: string): string {
  return `schedule/${scheduleId}`;
}

/** At most one job of a schedule runs, unless it may run beside others: undefined. */
function concurrencyOf(scheduleId: string, overlap: Overlap): ConcurrencyRule | undefined {
  const one = { key: keyOf(scheduleId), limit: 1 };
  switch (overlap) {
    case "skip":
      return { ...one, policy: "rejectNew" };
    case "queueOne":
      return { ...one, policy: "wait", maxWaiting: 1 };
    case "cancelRunning":
      return { ...one, policy: "cancelRunning" };
    case "allow":
      return undefined;
  }
}
