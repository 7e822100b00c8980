import type { ServerMetricSet } from "./server-metrics.ts";

/** What the server's calls count, of which metrics show the figures. */
export interface CallSources {
  waiters: { readonly waiting: number; readonly returnedLeases: number };
  tasks: {
    readonly staleResults: number;
    readonly invalidResults: number;
    readonly cutResults: number;
    readonly returnedLeases: number;
  };
  /** Connections and requests that were ended before a handler saw them, by reason. */
  listener: { readonly refused: Readonly<Record<string, number>> };
  /** Deliveries to webhooks; absent where there are none. */
  webhooks?: { readonly counts: { entries(): Iterable<{ name: string; outcome: string; count: number }> } } | undefined;
}

/** The series that is there before any other. */
const noDeliveries = [{ name: "", outcome: "unknown", count: 0 }];

/** Shows what is refused, cut and given back. */
export function observeCalls(set: ServerMetricSet, { waiters, tasks, listener, webhooks }: CallSources): void {
  set.observe("spanloom.leases.waiting", (observe) => observe(waiters.waiting));
  set.observe("spanloom.leases.returned", (observe) => observe(waiters.returnedLeases + tasks.returnedLeases));
  set.observe("spanloom.results.refused", (observe) => {
    observe(tasks.staleResults, { "spanloom.reason": "stale" });
    observe(tasks.invalidResults, { "spanloom.reason": "invalid" });
  });
  set.observe("spanloom.results.cut", (observe) => observe(tasks.cutResults));
  set.observe("spanloom.connections.refused", (observe) => {
    for (const [reason, connections] of Object.entries(listener.refused))
      observe(connections, { "spanloom.reason": reason });
  });
  set.observe("spanloom.webhooks.deliveries", (observe) => {
    for (const { name, outcome, count } of webhooks?.counts.entries() ?? noDeliveries)
      observe(count, { "spanloom.webhook": name, "spanloom.outcome": outcome });
  });
}
