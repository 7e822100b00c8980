import { defaultLimits } from "@spanloom/protocol";
import { systemClock } from "../../clock.ts";
import { type RunningServer, type ServerParts, serve } from "../../serve.ts";
import type { ExchangeOutcome, Store, StoreEvents } from "../../store/store.ts";
import { StoreStats } from "../../store/store-stats.ts";
import type { OtlpPayload, Telemetry } from "../../telemetry/telemetry.ts";
import { TelemetryCounts } from "../../telemetry/telemetry-counts.ts";

/** A store of which a test defines the methods it needs; others reject, so that an unexpected call is seen. */
export type StoreStub = Store & {
  emit<Name extends keyof StoreEvents>(name: Name, ...args: Parameters<StoreEvents[Name]>): void;
};

/** Makes a store from some methods. */
export function storeStub(methods: Partial<Store> = {}): StoreStub {
  const listeners = new Map<string, Set<(...args: never[]) => void>>();
  const base: Record<string, unknown> = {
    stats: new StoreStats(),
    // Absent unless a test brings it.
    triggers: undefined,
    backlog: async () => ({ queues: [], jobs: new Map(), tasks: new Map() }),
    start: async () => {},
    stop: async () => {},
    maintain: async () => ({ lost: 0, woken: 0, fenced: 0, nextDueUs: undefined }),
    on(name: string, listener: (...args: never[]) => void) {
      const ofName = listeners.get(name) ?? new Set();
      listeners.set(name, ofName.add(listener));
      return () => ofName.delete(listener);
    },
    emit(name: string, ...args: never[]) {
      for (const listener of listeners.get(name) ?? []) listener(...args);
    },
    ...methods,
  };
  return new Proxy(base, {
    get: (target, name: string) =>
      name in target ? target[name] : () => Promise.reject(new Error(`unexpected call of store.${String(name)}`)),
  }) as unknown as StoreStub;
}

/** A telemetry plane that remembers what it was given. */
export interface TelemetryStub extends Telemetry {
  readonly payloads: OtlpPayload[];
}

/** Makes a telemetry plane from some methods; by default it takes everything and finds nothing. */
export function telemetryStub(methods: Partial<Telemetry> = {}): TelemetryStub {
  const payloads: OtlpPayload[] = [];
  const counts = new TelemetryCounts();
  return {
    payloads,
    start: async () => {},
    stop: async () => {},
    async ingest(more) {
      payloads.push(...more);
      return { rejectedSpans: 0, rejectedLogs: 0, message: "" };
    },
    runnerTimes: {
      heard: () => {},
      leased: () => {},
      correct: async () => {},
      correctExtras: (_runnerId, _attempt, extras) => extras,
    },
    arrivals: {
      horizon: async () => ({ nowUs: 0n, readAtUs: 0, untilUs: 0n }),
      pieces: async () => [],
      tasks: async () => [],
      page: async (_table, _from, untilUs) => ({ batches: [], position: { us: untilUs, place: "" } }),
    },
    lifecycleChanged: () => {},
    async *querySpans() {},
    async *queryLogs() {},
    async *aggregateSpans() {},
    async *compareJobs() {},
    async *tailSpans() {},
    async *tailLogs() {},
    async *getCriticalPath() {},
    stats: () => ({
      spoolBytes: 0,
      spoolMaxBytes: 0,
      spoolPayloads: 0,
      spoolAgeSeconds: 0,
      counts,
      pendingLifecycle: 0,
    }),
    ...methods,
  };
}

/** An exchange that brought nothing. */
export const emptyExchange: ExchangeOutcome = { reports: [], leases: [], cancellations: [], drain: false };

/** Serves stubs on a free port; lines logged are in `log`. */
export async function serveStubs(parts: Partial<ServerParts> = {}): Promise<RunningServer & { log: string[] }> {
  const log: string[] = [];
  const server = await serve({
    store: storeStub(),
    telemetry: telemetryStub(),
    clock: systemClock,
    limits: defaultLimits,
    host: "127.0.0.1",
    port: 0,
    token: undefined,
    log: (line) => log.push(line),
    graceMs: 2_000,
    ...parts,
  });
  return { ...server, log };
}
