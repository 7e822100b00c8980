import { Worker } from "node:worker_threads";

/** A thread of this process, on Linux. */
export interface NicerThread extends AsyncDisposable {
  /** By which its priority is asked for and set. */
  id: number;
}

const SOURCE = `
const { readlinkSync } = require("node:fs");
const { parentPort, workerData } = require("node:worker_threads");
require("node:os").setPriority(workerData);
parentPort.on("message", () => undefined);
parentPort.postMessage(Number(readlinkSync("/proc/thread-self").split("/").at(-1)));
`;

/** Starts a thread with a name of the system's and a nice value, that does nothing until it is disposed of. */
export async function startNicerThread(name: string, nice: number): Promise<NicerThread> {
  const worker = new Worker(SOURCE, { eval: true, name, workerData: nice });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  worker.once("message", resolve);
  worker.once("error", reject);
  const id = await promise;
  return {
    id,
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
