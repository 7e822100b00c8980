// The runner of this repository with a fault: node broken-runner-program.ts "<fault>". One process, so that it has the id it says.
import { once } from "node:events";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

const [name = "none"] = process.argv.slice(2);
const workerData = { url: process.env.SPANLOOM_URL, name };
const proxy = new Worker(path.join(import.meta.dirname, "faulty-proxy-thread.ts"), { workerData });
const [url] = await once(proxy, "message");
proxy.unref();
process.env.SPANLOOM_URL = url;
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => proxy.postMessage(signal));
const program = path.join(import.meta.dirname, "../../../../packages/runner/src/testing/conformance-program.ts");
await import(pathToFileURL(program).href);
