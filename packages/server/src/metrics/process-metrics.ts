import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { ServerMetricSet } from "./server-metrics.ts";

/** How often it is looked how late timers are. */
const RESOLUTION_MS = 20;

/** Shows what the process takes. What is measured all the time is measured from the first collection on. */
export function observeProcess(set: ServerMetricSet): void {
  set.observe("process.cpu.time", (observe) => {
    const { user, system } = process.cpuUsage();
    observe(user / 1e6, { "cpu.mode": "user" });
    observe(system / 1e6, { "cpu.mode": "system" });
  });
  set.observe("process.memory.usage", (observe) => observe(process.memoryUsage.rss()));
  set.observe("process.uptime", (observe) => observe(process.uptime()));
  set.observe("v8js.memory.heap.used", (observe) => observe(getHeapStatistics().used_heap_size));
  set.observe("v8js.memory.heap.limit", (observe) => observe(getHeapStatistics().heap_size_limit));
  set.observe("nodejs.eventloop.time", (observe) => {
    const { active, idle } = performance.eventLoopUtilization();
    observe(active / 1_000, { "nodejs.eventloop.state": "active" });
    observe(idle / 1_000, { "nodejs.eventloop.state": "idle" });
  });
  observeDelay(set);
}

function observeDelay(set: ServerMetricSet): void {
  let delays: ReturnType<typeof monitorEventLoopDelay> | undefined;
  const latest = { p50: 0, p99: 0, max: 0 };
  set.beforehand(async () => {
    if (!delays) {
      delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      delays.enable();
      return;
    }
    // What is measured is the time between two looks; how much of it is late is the rest.
    const late = (ns: number): number => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1_000);
    Object.assign(latest, {
      p50: late(delays.percentile(50)),
      p99: late(delays.percentile(99)),
      max: late(delays.max),
    });
    delays.reset();
  });
  set.observe("nodejs.eventloop.delay.p50", (observe) => observe(latest.p50));
  set.observe("nodejs.eventloop.delay.p99", (observe) => observe(latest.p99));
  set.observe("nodejs.eventloop.delay.max", (observe) => observe(latest.max));
}
