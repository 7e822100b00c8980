import type { ProgressRecord } from "../store.ts";
import type { Control } from "./control.ts";
import type { JobWork } from "./jobs.ts";

/** Replaces a task's share in its job's progress. */
export function sumProgress(
  control: Control,
  job: JobWork,
  before: readonly ProgressRecord[],
  after: readonly ProgressRecord[],
): void {
  if (before.length + after.length === 0) return;
  for (const { label, done, total } of before) addProgress(job, label, -done, -total);
  for (const { label, done, total } of after) addProgress(job, label, done, total);
  for (const [label, { done, total }] of job.progress) if (done === 0 && total === 0) job.progress.delete(label);
  control.jobs.touch(job);
  control.changes.jobs.add(job.id);
}

/** Labels a job keeps; those of further tasks are not summed, as nobody reads a thousand bars. */
const MAX_JOB_LABELS = 100;

function addProgress(job: JobWork, label: string, done: number, total: number): void {
  const old = job.progress.get(label);
  if (old === undefined && (done < 0 || total < 0 || job.progress.size >= MAX_JOB_LABELS)) return;
  const sum = { label, done: (old?.done ?? 0) + done, total: (old?.total ?? 0) + total };
  job.progress.set(label, { label, done: Math.max(0, sum.done), total: Math.max(0, sum.total) });
}
