import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { QueryService, TaskService } from "@spanloom/protocol";
import { waitFor } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { emptyExchange, serveStubs, storeStub, telemetryStub } from "../rpc/testing/stubs.ts";
import type { Exchange, Lease } from "../store/store.ts";

const runnerId = "00000000-0000-7000-8000-00000000000a";
const traces = [new Uint8Array(1)];
const lease = {
  taskId: "00000000-0000-7000-8000-000000000001",
  attempt: 1,
  token: new Uint8Array(16),
} as Lease;

/** A store that leases one task to whoever asks, and tells what is given back. */
function leasingStore() {
  const released = Promise.withResolvers<Exchange>();
  const store = storeStub({
    async exchange(exchange) {
      if (!exchange.claim) released.resolve(exchange);
      return exchange.claim ? { ...emptyExchange, leases: [lease] } : { ...emptyExchange, reports: ["ok"] };
    },
  });
  return { store, released: released.promise };
}

const transports: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  "Connect over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect over HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }),
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
};

/** Spans without an end, until nobody takes them. */
async function* endless(signal: AbortSignal, left: () => void) {
  try {
    while (!signal.aborted) {
      yield { ipc: new Uint8Array(100_000), rows: 1, position: "" };
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    left();
  }
}

describe("a client that goes away while it is served", () => {
  it.each(Object.entries(transports))("ends what it followed, which is nothing to log, over %s", async (_name, to) => {
    let ends = 0;
    const telemetry = telemetryStub({ tailSpans: (_request, signal) => endless(signal, () => ends++) });
    await using server = await serveStubs({ telemetry });
    for (let i = 1; i <= 20; i++) {
      const leaving = new AbortController();
      const reading = (async () => {
        const answer = createClient(QueryService, to(server.url)).tailSpans({}, { signal: leaving.signal });
        for await (const _ of answer) leaving.abort();
      })();
      await expect(reading).rejects.toThrow(/abort/);
      await waitFor(() => ends === i);
    }
    expect(server.log).toEqual([]);
  });

  it.each(Object.entries(transports))("leaves no lease behind, over %s", async (_name, transportTo) => {
    const { store, released } = leasingStore();
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const telemetry = telemetryStub({
      async ingest() {
        begun.resolve();
        await goOn.promise;
        return { rejectedSpans: 0, rejectedLogs: 0, message: "" };
      },
    });
    await using server = await serveStubs({ store, telemetry });
    const leaving = new AbortController();
    const request = { runnerId, identifiers: [{ name: "add", version: "1.0" }], maxTasks: 1, telemetry: { traces } };
    const call = createClient(TaskService, transportTo(server.url)).leaseTasks(request, { signal: leaving.signal });
    await begun.promise;
    leaving.abort();
    await expect(call).rejects.toThrow(/abort/);
    // What is answered after this has been asked after the server read the end of that call.
    for (let i = 0; i < 3; i++) await fetch(`${server.url}/healthz`);
    goOn.resolve();
    expect((await released).reports).toMatchObject([{ taskId: lease.taskId, result: { kind: "released" } }]);
  });
});
