import { createClient } from "@connectrpc/connect";
import { JobService, SpanloomError, type Task } from "@spanloom/protocol";
import { type Connection, callWithRetry } from "@spanloom/sdk";

/** What running a task again needs. */
export interface RecordedTask {
  /** The task, its input as it was submitted, or another to try. */
  task: Task;
  /** Whether the input is the one it was submitted with. */
  hasOwnInput: boolean;
  jobName: string;
  /** What it depended on, outputs included, in submission order. */
  dependencies: readonly Task[];
}

/** Dependencies read at once; each is a call. */
const CALLS_AT_ONCE = 20;

/**
 * Reads a task with its input and what its dependencies left behind.
 *
 * Errors: TASK_NOT_FOUND; LIMIT_EXCEEDED for one with more dependencies than a task lists.
 */
export async function readTask({ url, transport }: Connection, taskId: string): Promise<RecordedTask> {
  const service = createClient(JobService, transport);
  const read = async (id: string): Promise<Task> => {
    const { task } = await callWithRetry(url, (options) => service.getTask({ taskId: id }, options), RETRY);
    if (task) return task;
    throw new SpanloomError("INTERNAL", `cannot read task "${id}": the server answered without it`);
  };
  const task = await read(taskId);
  const { dependsOn, dependencyCount, jobId } = task;
  if (dependsOn.length < dependencyCount)
    throw new SpanloomError(
      "LIMIT_EXCEEDED",
      `cannot replay task "${taskId}": it depends on ${dependencyCount} tasks, at most ${dependsOn.length} can be read`,
    );
  const { job } = await callWithRetry(url, (options) => service.getJob({ jobId }, options), RETRY);
  const dependencies: Task[] = [];
  for (let at = 0; at < dependsOn.length; at += CALLS_AT_ONCE)
    dependencies.push(...(await Promise.all(dependsOn.slice(at, at + CALLS_AT_ONCE).map(read))));
  return { task, hasOwnInput: true, jobName: job?.name ?? "", dependencies };
}

const RETRY = { maxAttempts: 2 };
