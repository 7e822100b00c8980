import { createdRecord } from "../job-work.ts";
import type { JobRecord, NewJob } from "../store.ts";
import type { Control } from "./control.ts";
import { settleEnds, settleRefusing } from "./follow-up.ts";
import { insertTasks } from "./insert-tasks.ts";
import { applyForPlace, displaceJobs, isRefused } from "./job-places.ts";
import { rememberEarlier } from "./jobs.ts";

/** What became of a submission within its transaction; a job that existed is read after the commit. */
export type Submitted =
  | { kind: "created"; job: JobRecord }
  | { kind: "existed"; jobId: string }
  | { kind: "conflict"; jobId: string }
  | { kind: "rejected"; key: string; limit: number };

/**
 * Submits jobs, each by itself, or finds those submitted under their keys before.
 *
 * A job whose very id is known was stored by an earlier try of this submission whose answer was lost.
 */
export async function submitJobs(control: Control, jobs: readonly NewJob[]): Promise<Submitted[]> {
  const { earlier } = control;
  const submitted: Submitted[] = [];
  for (const job of jobs) {
    const known = earlier.byId.get(job.id) ?? earlier.byKey.get(job.idempotencyKey);
    if (known !== undefined) {
      const same = known.requestHash === job.requestHash;
      submitted.push({ kind: same ? "existed" : "conflict", jobId: known.id });
      continue;
    }
    const { concurrency } = job;
    if (concurrency !== undefined && control.jobPlaces.isCrowded(concurrency.key)) await displaceJobs(control);
    // Places of jobs that ended in this transaction are given to those that wait first.
    if (concurrency !== undefined) await settleEnds(control);
    else await settleRefusing(control, job.tasks);
    if (concurrency !== undefined && (await isRefused(control, concurrency))) {
      submitted.push({ kind: "rejected", key: concurrency.key, limit: concurrency.limit });
      continue;
    }
    const work = control.jobs.insert(control.numbers.take("job"), job, control.nowUs);
    if (concurrency !== undefined) await applyForPlace(control, work);
    await insertTasks(control, job.tasks, { job: work, parent: undefined, startAtUs: job.startAtUs, doom: "none" });
    control.changes.addDue(job.deadlineUs);
    rememberEarlier(earlier, job);
    submitted.push({ kind: "created", job: createdRecord(job, work, control.nowUs) });
  }
  await displaceJobs(control);
  return submitted;
}
