// A thread between a runner and its server that makes the runner a broken one. A thread, as a task may keep the runner's busy.
import type { IncomingMessage, ServerResponse } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { Code, ConnectError, type ConnectRouter, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import { type HeartbeatRequest, type LeaseTasksRequest, RunnerService, TaskService } from "@spanloom/protocol";
import { LoopbackListener } from "../../scripted/loopback-listener.ts";
import { faults } from "./faults.ts";

const { url, name } = workerData as { url: string; name: string };
const make = faults[name];
if (!make) throw new Error(`cannot break a runner: "${name}" is no fault; there are ${Object.keys(faults).join(", ")}`);
const fault = make();
const transport = createConnectTransport({ baseUrl: url, httpVersion: "1.1" });
const runners = createClient(RunnerService, transport);
const tasks = createClient(TaskService, transport);
let runnerId = "";

async function lease(request: LeaseTasksRequest, signal: AbortSignal) {
  fault.leasing?.(request);
  try {
    const response = await tasks.leaseTasks(request, { signal });
    fault.leased?.(response, request);
    return response;
  } catch (error) {
    const taken = fault.failed?.(request);
    if (taken) return taken;
    throw passedOn(error);
  }
}

/** What the server did not say itself, as it says why, is a server that is away. */
function passedOn(error: unknown): unknown {
  const failed = ConnectError.from(error);
  const isOwn = failed.code === Code.Canceled || failed.details.length > 0;
  return isOwn ? error : new ConnectError("the server is away", Code.Unavailable);
}

async function beat(request: HeartbeatRequest) {
  if (fault.unsent) return fault.unsent(request);
  fault.beating?.(request);
  const response = await tasks.heartbeat(request);
  fault.beaten?.(response);
  return response;
}

const routes = (router: ConnectRouter) => {
  router.service(RunnerService, {
    registerRunner: (request) => {
      runnerId = request.runner?.id ?? "";
      if (request.runner) fault.registering?.(request.runner);
      return runners.registerRunner(request).catch((error: unknown) => {
        throw passedOn(error);
      });
    },
    unregisterRunner: (request) => (fault.silent ? {} : runners.unregisterRunner(request)),
  });
  router.service(TaskService, {
    leaseTasks: (request, { signal }) => lease(request, signal),
    heartbeat: (request) => beat(request),
    listDependencyOutputs: async (request) => {
      const response = await tasks.listDependencyOutputs(request);
      fault.paged?.(response);
      return response;
    },
  });
};

const handler = connectNodeAdapter({ routes });
const listener = new LoopbackListener(
  (request, response) => handler(request as IncomingMessage, response as ServerResponse),
  () => undefined,
);
parentPort?.once("message", () => void fault.signalled?.(tasks, runnerId));
parentPort?.postMessage(await listener.start());
