import { workerData } from "node:worker_threads";
import type { GuardSettings } from "./heartbeat-guard.ts";
import { type Lease, LeaseLedger } from "./lease-ledger.ts";

/**
 * The thread of {@link HeartbeatGuard}: looks whether the event loop of the runner turns, and sends heartbeats while it
 * does not.
 *
 * It speaks Connect's JSON with nothing but Node, as loading the packages that speak more would cost ten times the memory.
 */

const { settings, memory } = workerData as { settings: GuardSettings; memory: SharedArrayBuffer };
const ledger = new LeaseLedger(memory);

let ticks = ledger.ticks;
let lastTickMs = performance.now();
let lastBeatMs = Number.NEGATIVE_INFINITY;

setInterval(look, settings.intervalMs / 4);

function look(): void {
  const nowMs = performance.now();
  if (ledger.ticks !== ticks) {
    ticks = ledger.ticks;
    lastTickMs = nowMs;
    return;
  }
  const silentMs = nowMs - lastTickMs;
  const isBlocked = silentMs >= (settings.intervalMs * 3) / 4 && silentMs <= settings.blockedMaxMs;
  if (!isBlocked || nowMs - lastBeatMs < settings.intervalMs) return;
  const leases = ledger.read();
  if (leases.length === 0) return;
  lastBeatMs = nowMs;
  void beat(leases);
}

async function beat(leases: readonly Lease[]): Promise<void> {
  // Loaded when first needed: most runners are never blocked.
  const { request } = await (settings.url.startsWith("https:") ? import("node:https") : import("node:http"));
  const running = leases.map(({ taskId, attempt, leaseToken }) => {
    return { taskId, attempt, leaseToken: Buffer.from(leaseToken).toString("base64") };
  });
  const body = JSON.stringify({ runnerId: settings.runnerId, running });
  const headers = {
    "content-type": "application/json",
    "connect-protocol-version": "1",
    "content-length": Buffer.byteLength(body),
    ...(settings.token && { authorization: `Bearer ${settings.token}` }),
  };
  const timeout = settings.intervalMs * 2;
  const call = request(`${settings.url}/spanloom.v1.TaskService/Heartbeat`, { method: "POST", headers, timeout });
  call.on("response", (response) => {
    response.resume();
    // It did not count: the next look tries again.
    if (response.statusCode !== 200) lastBeatMs = Number.NEGATIVE_INFINITY;
  });
  call.on("timeout", () => call.destroy());
  // The server may be away; the next look tries again, and the runner tells of it when it is not blocked.
  call.on("error", () => {
    lastBeatMs = Number.NEGATIVE_INFINITY;
  });
  call.end(body);
}
