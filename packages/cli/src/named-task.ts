import { type TaskDefinition, task } from "@spanloom/sdk";

/** A definition that only names a task: its code is on the runners. */
export function namedTask(
  name: string,
  { version, timeoutMs }: { version: string; timeoutMs?: number | undefined },
): TaskDefinition<unknown, unknown> {
  return task<unknown, unknown>({
    name,
    version,
    ...(timeoutMs !== undefined && { timeoutMs }),
    run: () => Promise.reject(new Error("cannot run here: this definition only names a task")),
  });
}
