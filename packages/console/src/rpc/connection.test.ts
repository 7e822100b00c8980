import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { ErrorDetailSchema, ErrorReason, JobService } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { ValueStore } from "../state/value-store.ts";
import { type ConnectionState, observeConnection, onBack, stateAfter } from "./connection.ts";
import { errorText } from "./error-text.ts";

const storeAway = new ConnectError("the store is away", Code.Unavailable, undefined, [
  { desc: ErrorDetailSchema, value: { reason: ErrorReason.STORE_UNAVAILABLE } },
]);

describe("the connection", () => {
  it.each<[string, ConnectError, ConnectionState | undefined]>([
    ["a fetch that failed", ConnectError.from(new TypeError("Failed to fetch")), "offline"],
    ["a proxy without a server", new ConnectError("HTTP 502", Code.Unavailable), "offline"],
    ["a call that nobody answered in time", new ConnectError("late", Code.DeadlineExceeded), "offline"],
    ["a server without its store", storeAway, "online"],
    ["a job that is not there", new ConnectError("no such job", Code.NotFound), "online"],
    ["a token that is not known", new ConnectError("no", Code.Unauthenticated), "unauthorized"],
    ["a call that the page ended", new ConnectError("gone", Code.Canceled), undefined],
  ])("after %s", (_what, error, state) => {
    expect(stateAfter(error)).toBe(state);
  });

  it("is told by every call", async () => {
    const store = new ValueStore<ConnectionState>("unknown");
    let refuse = true;
    const transport = createRouterTransport(
      ({ service }) =>
        service(JobService, {
          getQueueStats: () => {
            if (refuse) throw new ConnectError("who are you?", Code.Unauthenticated);
            return {};
          },
        }),
      { transport: { interceptors: [observeConnection(store)] } },
    );
    const client = createClient(JobService, transport);
    await expect(client.getQueueStats({})).rejects.toThrow("who are you?");
    expect(store.get()).toBe("unauthorized");
    refuse = false;
    await client.getQueueStats({});
    expect(store.get()).toBe("online");
  });
});

it("whoever waits for the server is told that it is back, and of nothing else", () => {
  const store = new ValueStore<ConnectionState>("unknown");
  let told = 0;
  const leave = onBack(store, () => told++);
  for (const state of ["online", "offline", "online", "unauthorized", "online"] as const) store.set(state);
  expect(told).toBe(1);
  leave();
  for (const state of ["offline", "online"] as const) store.set(state);
  expect(told).toBe(1);
});

it("errors read as the server wrote them, with what the catalogue calls them", () => {
  const decoded = new ConnectError("the store is away", Code.Unavailable, undefined, storeAway.details as never);
  expect(errorText(decoded)).toEqual({ message: "the store is away", reason: "STORE_UNAVAILABLE" });
  expect(errorText(new TypeError("Failed to fetch"))).toEqual({ message: "Failed to fetch", reason: undefined });
});
