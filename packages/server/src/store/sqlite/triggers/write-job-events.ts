import { JobState } from "@spanloom/protocol";
import { type JobMoment, jobEvent } from "../../../engine/trigger/job-event.ts";
import type { Control } from "../control.ts";
import type { FlushedJobs, JobWork } from "../jobs.ts";
import { readJob } from "../read-jobs.ts";
import { insertEvent } from "./events.ts";

const ends: Partial<Record<JobState, JobMoment>> = {
  [JobState.SUCCEEDED]: "succeeded",
  [JobState.FAILED]: "failed",
  [JobState.CANCELLED]: "cancelled",
};

/** Writes the events of jobs that started or ended, as they were just written. */
export function writeJobEvents(control: Control, { started, ended }: FlushedJobs): void {
  for (const job of started) writeOne(control, job, "started");
  for (const job of ended) writeOne(control, job, ends[job.state]!);
}

function writeOne(control: Control, { seq }: JobWork, moment: JobMoment): void {
  insertEvent(control, jobEvent(readJob(control, seq), moment));
}
