import { present } from "../present.ts";
import type { Store, TaskQuery, TaskRecord } from "../store/store.ts";

/** Where a page of tasks begins and how large it may get. */
export interface TaskPageLimits {
  /** Most tasks. */
  limit: number;
  /** Id of the last task of the page before. */
  after: string | undefined;
  /** Most bytes of inputs and outputs; a page has at least one task, however large. */
  maxBytes: number;
}

/** Tasks with payloads are read this many at a time: 16 MiB when all are as large as they may be. */
const PAYLOAD_CHUNK = 32;

/**
 * A page of tasks, and whether there are more.
 *
 * With payloads a page may end early: 1,000 tasks could have half a gigabyte of them.
 */
export async function readTasks(
  store: Pick<Store, "listTasks">,
  query: TaskQuery,
  { limit, after, maxBytes }: TaskPageLimits,
): Promise<{ tasks: readonly TaskRecord[]; more: boolean }> {
  const chunk = query.includePayloads ? PAYLOAD_CHUNK : limit;
  const tasks: TaskRecord[] = [];
  let bytes = 0;
  for (;;) {
    const wanted = Math.min(chunk, limit - tasks.length);
    const found = await store.listTasks(query, { limit: wanted + 1, ...present({ after: tasks.at(-1)?.id ?? after }) });
    for (const task of found.slice(0, wanted)) {
      bytes += (task.input?.length ?? 0) + (task.output?.length ?? 0);
      if (bytes > maxBytes && tasks.length > 0) return { tasks, more: true };
      tasks.push(task);
    }
    const more = found.length > wanted;
    if (!more || tasks.length >= limit) return { tasks, more };
  }
}
