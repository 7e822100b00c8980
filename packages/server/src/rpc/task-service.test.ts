import { createClient, createRouterTransport } from "@connectrpc/connect";
import { CancellationReason, defaultLimits, ResultStatus, SpanloomError, TaskService } from "@spanloom/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { SpanHandout } from "../closed-spans/span-handout.ts";
import type { Exchange, ExchangeOutcome } from "../store/store.ts";
import type { OtlpPayload } from "../telemetry/telemetry.ts";
import { LeaseWaiters } from "./lease-waiters.ts";
import { registerServices } from "./service-route.ts";
import { taskService } from "./task-service.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { emptyExchange, type StoreStub, storeStub, telemetryStub } from "./testing/stubs.ts";

const runnerId = "00000000-0000-7000-8000-00000000000a";
const taskId = "00000000-0000-7000-8000-000000000001";
const identifiers = [{ name: "add" }];

let events: string[];
let exchanges: Exchange[];
let outcome: ExchangeOutcome;
let ingest: (payloads: readonly OtlpPayload[]) => Promise<void>;
let store: StoreStub;
let clock: ManualClock;

beforeEach(() => {
  events = [];
  exchanges = [];
  outcome = emptyExchange;
  ingest = async () => {};
  clock = new ManualClock();
  store = storeStub({
    async exchange(exchange) {
      events.push("exchange");
      exchanges.push(exchange);
      return { ...outcome, reports: exchange.reports.map(() => "ok" as const) };
    },
  });
});

function client() {
  const waiters = new LeaseWaiters(store, clock);
  waiters.start();
  const handout = new SpanHandout({ store, clock, random: () => 0, leaseMs: 15_000, log: () => undefined });
  const telemetry = telemetryStub({
    async ingest(payloads) {
      await ingest(payloads);
      events.push("durable");
      return { rejectedSpans: 0, rejectedLogs: 0, message: "" };
    },
  });
  const route = taskService({ store, telemetry, waiters, handout, clock, limits: defaultLimits });
  return createClient(
    TaskService,
    createRouterTransport((router) => registerServices(router, [route])),
  );
}

const result = {
  taskId,
  attempt: 1,
  leaseToken: new Uint8Array(16),
  outcome: { case: "success" as const, value: { output: new Uint8Array(2) } },
};
const payload = (byte: number) => Uint8Array.of(byte);

describe("telemetry that comes with results", () => {
  it("is durable before the results are settled (P2)", async () => {
    await client().leaseTasks({ runnerId, results: [result], telemetry: { traces: [payload(1)], logs: [payload(2)] } });
    expect(events).toEqual(["durable", "exchange"]);
  });

  it("does not cost the results when it cannot be stored; the runner is told (P4)", async () => {
    ingest = () => Promise.reject(new SpanloomError("OVERLOADED", "cannot spool telemetry: the spool is full"));
    const answer = await client().leaseTasks({ runnerId, results: [result], telemetry: { traces: [payload(1)] } });
    expect(answer.resultAcks).toMatchObject([{ status: ResultStatus.OK }]);
    expect(answer.telemetryRejection?.message).toBe("cannot spool telemetry: the spool is full");
  });

  it("keeps good payloads beside a malformed one", async () => {
    const stored: number[] = [];
    ingest = async (payloads) => {
      if (payloads.some(({ bytes }) => bytes[0] === 2))
        throw new SpanloomError("INVALID_FIELD", "cannot read OTLP: bad");
      stored.push(...payloads.map(({ bytes }) => bytes[0] ?? 0));
    };
    const traces = [payload(1), payload(2), payload(3)];
    const answer = await client().leaseTasks({ runnerId, results: [result], telemetry: { traces } });
    expect(stored).toEqual([1, 3]);
    expect(answer.telemetryRejection?.message).toContain("bad");
  });
});

describe("answering at once", () => {
  it("holds no acknowledgement back for a wait, not even a refusal's", async () => {
    const wait = { seconds: 30n };
    const refused = { ...result, taskId: "nonsense" };
    const answer = await client().leaseTasks({ runnerId, identifiers, maxTasks: 1, wait, results: [refused] });
    expect(answer.resultAcks).toMatchObject([{ status: ResultStatus.INVALID }]);
  });

  it("only reports with max_tasks 0", async () => {
    await client().leaseTasks({ runnerId, identifiers, maxTasks: 0, wait: { seconds: 30n }, results: [result] });
    expect(exchanges).toMatchObject([{ claim: undefined, reports: [{ taskId }] }]);
  });

  it("tells of a cancellation once, then waits although the attempt still runs", async () => {
    const cancellations = [{ taskId, attempt: 1, reason: CancellationReason.JOB_CANCELLED }];
    outcome = { ...emptyExchange, cancellations };
    const one = client();
    const request = { runnerId, identifiers, maxTasks: 1, wait: { seconds: 5n } };
    expect((await one.leaseTasks(request)).cancellations).toMatchObject([{ taskId }]);
    const second = one.leaseTasks(request);
    await expect.poll(() => clock.pending).toBe(1);
    clock.advance(5_000);
    expect((await second).cancellations).toMatchObject([{ taskId }]);
  });

  it("caps the wait at 30 s", async () => {
    const answer = client().leaseTasks({ runnerId, identifiers, maxTasks: 1, wait: { seconds: 3_600n } });
    await expect.poll(() => clock.pending).toBe(1);
    clock.advance(defaultLimits.maxWaitMs);
    expect((await answer).tasks).toEqual([]);
  });
});

it("gives leases back when the client went before the answer", async () => {
  const controller = new AbortController();
  outcome = { ...emptyExchange, leases: [{ taskId, attempt: 1, token: new Uint8Array(16) } as never] };
  store.exchange = async (exchange) => {
    exchanges.push(exchange);
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    return outcome;
  };
  const call = client().leaseTasks({ runnerId, identifiers, maxTasks: 1 }, { signal: controller.signal });
  await expect(call).rejects.toThrow();
  await expect.poll(() => exchanges.length).toBe(2);
  expect(exchanges[1]).toMatchObject({ claim: undefined, reports: [{ taskId, result: { kind: "released" } }] });
});
