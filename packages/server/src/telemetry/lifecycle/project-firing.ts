import { attributeNames, firingSpan, spanIdOf } from "@spanloom/protocol";
import type { JobRecord } from "../../store/store.ts";
import type { SpanColumns } from "../columns/span-columns.ts";
import {
  appendLink,
  appendTrigger,
  finishRowOfNoJob,
  type ProjectedSpan,
  RowAttributes,
  sourceNames,
} from "./span-row.ts";

/**
 * Version of every row of a firing: all of it is known when its job is submitted and never changes, so a row that is
 * written again is the same row, which exporters are not given twice.
 */
const VERSION = 1n;

/** Whether a schedule or trigger submitted the job: then it has a firing, which has a span. */
export function wasFired({ trigger }: JobRecord): boolean {
  return trigger?.source !== undefined;
}

/**
 * Appends the span of the firing that submitted a job: PRODUCER `fire <schedule or trigger>`, in a trace of its own.
 *
 * It lasts no time: it is the moment of the job's submission, how late that was is an attribute. It is no span of the
 * job: what reads the job's tree does not meet it, and links lead from either to the other.
 */
export function projectFiring(to: SpanColumns, job: JobRecord): void {
  const { trigger, trace } = job;
  if (!trigger?.source) return;
  const { traceId, spanId } = firingSpan(job.id);
  const span: ProjectedSpan = {
    type: "user",
    kind: "PRODUCER",
    name: `fire ${trigger.source.name}`,
    spanId,
    parentSpanId: "",
    startUs: job.createdAtUs,
    endUs: job.createdAtUs,
    outcome: undefined,
    failure: undefined,
    dropped: { attributes: 0, events: 0, links: 0 },
  };
  const attributes = new RowAttributes(to).text(attributeNames.firingJobId, job.id);
  appendTrigger(attributes, trigger);
  appendFiring(attributes, job);
  appendLink(to, trace.traceId, spanIdOf(job.id), "job");
  const caller = callerOf(job);
  if (caller) appendLink(to, caller.traceId, caller.spanId, callerLinkType(job));
  finishRowOfNoJob(to, span, { traceId, tracestate: "", sampled: trace.sampled }, VERSION);
}

/** Attributes that say which firing it was, and how late. A time that was asked for afterwards was not late. */
export function appendFiring(attributes: RowAttributes, { trigger, createdAtUs }: JobRecord): void {
  if (!trigger) return;
  const { source, scheduledAtUs, eventId, backfill } = trigger;
  if (source) attributes.text(sourceNames[source.kind].id, source.id);
  if (scheduledAtUs !== undefined) {
    attributes.text(attributeNames.scheduledAt, new Date(scheduledAtUs / 1000).toISOString());
    if (!backfill) attributes.ms(attributeNames.firingDelayMs, createdAtUs - scheduledAtUs);
  }
  if (backfill) attributes.yes(attributeNames.backfill);
  if (eventId !== undefined) attributes.text(attributeNames.eventId, eventId);
}

/** What the link to whoever caused a job is called: the publisher of an event, or the submitter. */
export function callerLinkType({ trigger }: JobRecord): "event" | "submitter" {
  return trigger?.eventId === undefined ? "submitter" : "event";
}

/** Span of whoever published the event or asked for the firing: the job's parent in mode child, else what it links to. */
function callerOf({ trace }: JobRecord): { traceId: string; spanId: string } | undefined {
  if (trace.parentSpanId !== "") return { traceId: trace.traceId, spanId: trace.parentSpanId };
  return trace.submitterLink;
}
