import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ToParquetTask } from "./to-parquet-thread.ts";

/**
 * Makes a Parquet file of what was written, in a thread: encoding 2,000 spans of ten attributes takes some 50 ms, which
 * the tasks of this process would wait for.
 *
 * Errors: rejects with what failed in the thread; what was written is then still there.
 */
export async function parquetInThread(task: ToParquetTask): Promise<void> {
  const file = new URL(
    import.meta.url.endsWith(".ts") ? "./to-parquet-thread.ts" : "./to-parquet-thread.js",
    import.meta.url,
  );
  // What the program preloads, e.g. instrumentation, is not for this thread.
  const thread = new Worker(file, { workerData: task, name: "spanloom-parquet", execArgv: [] });
  // `once` rejects with the error of a thread that fails.
  const [code] = (await once(thread, "exit")) as [number];
  if (code !== 0) throw new Error(`the thread that makes ${task.final} ended with ${code}`);
}
