import type { Client as RpcClient } from "@connectrpc/connect";
import { type DependencyOutput, type LeasedTask, type TaskService, TaskState } from "@spanloom/protocol";
import { callWithRetry, type Dependency, decodePayload, taskStateName, toFailureSnapshot } from "@spanloom/sdk";

/** How outputs that did not fit into the lease are read. */
export interface DependencyReader {
  /** Base URL, for messages. */
  url: string;
  /** The service. */
  service: RpcClient<typeof TaskService>;
}

/** Yields what a task's dependencies left behind, in submission order: as leased, or page by page. */
export async function* readDependencies(
  task: LeasedTask,
  reader: DependencyReader,
  signal: AbortSignal,
): AsyncGenerator<Dependency> {
  if (!task.dependenciesPaged) {
    for (const dependency of task.dependencies) yield toDependency(dependency);
    return;
  }
  const { taskId, attempt, leaseToken } = task;
  let pageToken = "";
  do {
    const request = { taskId, attempt, leaseToken, pageSize: 0, pageToken };
    const call = (options: object) => reader.service.listDependencyOutputs(request, options);
    const page = await callWithRetry(reader.url, call, { signal });
    for (const dependency of page.dependencies) yield toDependency(dependency);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

function toDependency({ taskId, name, state, output, failure }: DependencyOutput): Dependency {
  const succeeded = state === TaskState.SUCCEEDED;
  return {
    taskId,
    name,
    state: taskStateName(state),
    output: succeeded ? decodePayload(output, `cannot read the output of dependency "${name}" (${taskId})`) : undefined,
    failure: failure && toFailureSnapshot(failure),
  };
}
