import { JobState, type Outcome, spanIdOf } from "@spanloom/protocol";
import type { Failure, JobRecord } from "../../store/store.ts";
import type { SpanColumns } from "../columns/span-columns.ts";
import { appendFiring, callerLinkType } from "./project-firing.ts";
import { appendIdentity, appendLink, CANCEL_REASON, finishRow, type LifecycleSpan } from "./span-row.ts";

const outcomes: Partial<Record<JobState, Outcome>> = {
  [JobState.SUCCEEDED]: "success",
  [JobState.FAILED]: "failure",
  [JobState.CANCELLED]: "cancelled",
};

/** Appends the span of a job: PRODUCER `job <name>`, from submission to the end of its last task. */
export function projectJob(to: SpanColumns, job: JobRecord, version: bigint): void {
  const span: LifecycleSpan = {
    job,
    task: undefined,
    attempt: 0,
    runnerId: "",
    type: "job",
    kind: "PRODUCER",
    name: `job ${job.name}`,
    spanId: spanIdOf(job.id),
    parentSpanId: job.trace.parentSpanId,
    startUs: job.createdAtUs,
    endUs: job.endedAtUs,
    outcome: outcomes[job.state],
    failure: job.state === JobState.FAILED ? (job.failure ?? unknownFailure) : undefined,
    dropped: { attributes: 0, events: 0, links: 0 },
  };
  const attributes = appendIdentity(to, span, "submit");
  appendFiring(attributes, job);
  if (span.outcome === "cancelled" && job.cancelReason) attributes.text(CANCEL_REASON, job.cancelReason);
  const { link, submitterLink } = job.trace;
  if (link) appendLink(to, link.traceId, link.spanId, link.type ?? "submitter");
  if (submitterLink) appendLink(to, submitterLink.traceId, submitterLink.spanId, callerLinkType(job));
  finishRow(to, span, version);
}

/** What a failure without a record of its own is called. */
export const unknownFailure: Failure = { type: "Error", message: "", stack: "" };
