import { JobState } from "@spanloom/protocol";
import { type JobEventFacts, jobEvent } from "../../../engine/trigger/job-event.ts";
import { present } from "../../../present.ts";
import type { NewEventRecord } from "../../trigger-store.ts";
import type { Control } from "../control.ts";
import type { JobWork } from "../jobs.ts";

const ends = {
  [JobState.SUCCEEDED]: "succeeded",
  [JobState.FAILED]: "failed",
  [JobState.CANCELLED]: "cancelled",
} as const;

/** Stores what the lives of jobs give as events, as long as a trigger wants it: their first starts, then their ends. */
export function noteJobEvents(control: Control, ended: readonly JobWork[]): void {
  const begun = control.jobs.takeBegun();
  const { triggers } = control;
  if (!triggers.wantsJobEvents || begun.length + ended.length === 0) return;
  const events: NewEventRecord[] = begun.map((job) => jobEvent(factsOf(job), "started"));
  for (const job of ended) events.push(jobEvent(factsOf(job), ends[job.state as keyof typeof ends]));
  triggers.events.addOfJobs(events);
  triggers.noteEvents();
}

function factsOf(job: JobWork): JobEventFacts {
  const { id, name, queue, priority, trace, createdAtUs, attempts } = job;
  const { trigger, startedAtUs, endedAtUs, failure, failedTaskId } = job;
  return {
    ...{ id, name, queue, priority, trace, createdAtUs, attempts },
    tags: job.tags === null ? {} : (JSON.parse(job.tags) as Record<string, string>),
    ...present({ trigger, startedAtUs, endedAtUs, failure, failedTaskId }),
  };
}
