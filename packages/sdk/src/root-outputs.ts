import type { JobSnapshot, TaskSnapshot } from "./snapshots.ts";

/**
 * A succeeded job with its outputs, which a server leaves out of an answer that they would make too large.
 *
 * `readTasks` lists the job's tasks with payloads; the roots come first.
 */
export async function withOutputs(
  job: JobSnapshot,
  readTasks: () => AsyncIterable<TaskSnapshot>,
): Promise<JobSnapshot> {
  if (job.state !== "SUCCEEDED" || job.outputs !== undefined) return job;
  const outputs: unknown[] = [];
  for await (const task of readTasks()) {
    if (task.parentId !== undefined) break;
    outputs.push(task.output);
  }
  return { ...job, outputs, output: outputs[0] };
}
