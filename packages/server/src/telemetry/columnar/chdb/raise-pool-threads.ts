import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { engineNice } from "../../background-priority.ts";

const TASKS = "/proc/self/task";

/** What the engine calls threads of its pool: those without work, and those that work for a query. */
const POOL_THREADS = new Set(["ThreadPool", "QueryPullPipeEx", "QueryPipelineEx"]);

/**
 * Gives threads of the engine's pool that were made during an insert or a merge the priority of queries.
 *
 * Linux hands a thread its maker's nice value, and the engine only takes back what it has set itself: whichever query
 * got such a thread ran as nicely as an insert to its end. To be called while no insert is under way, as its threads are
 * nicer for a reason.
 */
export function raisePoolThreads(): void {
  const nice = engineNice();
  if (nice === 0) return;
  try {
    for (const id of readdirSync(TASKS)) raise(id, nice);
  } catch {
    // A sandbox may hide the threads: queries take longer then while there are fewer cores than work.
  }
}

function raise(id: string, nice: number): void {
  const thread = Number(id);
  try {
    if (getPriority(thread) !== nice) return;
    if (POOL_THREADS.has(readFileSync(`${TASKS}/${id}/comm`, "latin1").trimEnd())) setPriority(thread, 0);
  } catch {
    // It ended meanwhile, or may not be raised: without CAP_SYS_NICE the engine makes none nicer.
  }
}
