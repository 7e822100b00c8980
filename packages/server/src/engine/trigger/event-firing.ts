import { firingSpan, type Limits, TraceMode, traceIdOfJob } from "@spanloom/protocol";
import type { JobTrigger, NewJobTrace, NewTaskSet } from "../../store/store.ts";
import type { EventRecord, NewFiring } from "../../store/trigger-store.ts";
import { jobTrace } from "../trace.ts";
import { firingId } from "./firing-id.ts";
import type { TaskPlace, TriggerDefinition } from "./trigger-definition.ts";

/** A trigger that takes an event. */
export interface TakingTrigger {
  id: string;
  definition: Pick<TriggerDefinition, "name" | "template" | "inputTasks" | "isChild">;
}

/** What matching made of an event at a trigger. */
export interface TakenEvent {
  event: EventRecord;
  /** The task's input; absent: the payload as it is. */
  input?: Uint8Array | undefined;
  /** Why there is none. */
  error?: string | undefined;
}

/**
 * What an event fires at a trigger: a job, or why there is none.
 *
 * The same event has the same firing at a trigger whoever makes it, and the same job: its id follows from both. A job is one
 * deeper than the event that starts it; too deep a one is not made, so that jobs that start each other end.
 */
export function eventFiring(
  trigger: TakingTrigger,
  taken: TakenEvent,
  { nowUs, limits }: { nowUs: number; limits: Limits },
): NewFiring {
  const { event } = taken;
  const id = firingId(event.receivedAtUs, `trigger ${trigger.id} event ${event.id}`);
  const firing = { id, scheduledAtUs: event.receivedAtUs, eventId: event.id, requested: false };
  const input = taken.input ?? event.payload;
  const error = taken.error ?? problemOf(event, input, trigger, limits);
  if (error !== undefined) return { ...firing, what: { error } };
  const { template, inputTasks, isChild } = trigger.definition;
  const idempotencyKey = `event/${trigger.id}/${event.id}`;
  const job = {
    ...template.job,
    id,
    tasks: withInput(template.job.tasks, inputTasks, input),
    ...(template.deadlineAfterUs !== undefined && { deadlineUs: nowUs + template.deadlineAfterUs }),
    idempotencyKey,
    // An event keeps its job when the trigger is changed after it fired.
    requestHash: idempotencyKey,
    trace: traceOf(id, event, isChild),
    trigger: triggerOf(trigger, event),
  };
  return { ...firing, what: { job } };
}

function problemOf(
  { depth }: EventRecord,
  input: Uint8Array,
  { definition }: TakingTrigger,
  { maxTriggerDepth, maxInputBytes }: Limits,
): string | undefined {
  if (depth >= maxTriggerDepth) {
    return `cannot submit job: the event is ${depth} jobs deep, limit ${maxTriggerDepth}: do they start each other?`;
  }
  if (definition.inputTasks.length > 0 && input.length > maxInputBytes) {
    return `cannot submit job: its input has ${input.length} bytes, limit ${maxInputBytes}`;
  }
  return undefined;
}

/** A template's tasks with an input in some places; what has none stays shared. */
function withInput(tasks: NewTaskSet, places: readonly TaskPlace[], input: Uint8Array): NewTaskSet {
  if (places.length === 0) return tasks;
  const groups = tasks.groups.map((group, index) => {
    const at = new Set(places.filter((place) => place.group === index).map((place) => place.at));
    if (at.size === 0) return group;
    return { ...group, inputs: group.inputs.map((own, place) => (at.has(place) ? input : own)) };
  });
  return { ...tasks, groups };
}

/** The publisher is the job's parent or linked to; the span of the firing is linked to in any case. */
function traceOf(id: string, { trace }: EventRecord, isChild: boolean): NewJobTrace {
  const firing = { ...firingSpan(id), type: "firing" } as const;
  if (isChild) return { ...jobTrace(id, trace, TraceMode.CHILD), link: firing };
  const { link: publisher, ...own } = jobTrace(id, trace, TraceMode.LINK);
  return { ...own, traceId: traceIdOfJob(id), link: firing, ...(publisher && { submitterLink: publisher }) };
}

function triggerOf({ id, definition }: TakingTrigger, event: EventRecord): JobTrigger {
  return {
    type: event.webhook === "" ? "event" : "webhook",
    source: { kind: "trigger", id, name: definition.name },
    eventId: event.id,
    depth: event.depth + 1,
  };
}
