import { Code, ConnectError } from "@connectrpc/connect";
import { SpanloomError, toConnectError } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { callWithRetry, retryDelayMs } from "./call.ts";
import { readVectors } from "./testing/vectors.ts";

interface WaitVector {
  name: string;
  attempt: number;
  draw: number;
  retryAfterMs?: number;
  delayMs: number;
}

const vectors = readVectors<{ waits: WaitVector[] }>("retries");

const url = "http://server";

/** A call that fails with each error in turn, then succeeds. */
function failing(...errors: unknown[]) {
  const waits: number[] = [];
  const options = { random: () => 0.5, wait: async (ms: number) => void waits.push(ms) };
  const call = async (): Promise<string> => {
    if (errors.length > 0) throw errors.shift();
    return "done";
  };
  return { call, waits, options };
}

describe("callWithRetry", () => {
  it("tries again on transient errors, with full jitter under a doubling bound", async () => {
    const busy = () => new ConnectError("busy", Code.Unavailable);
    const { call, waits, options } = failing(busy(), busy(), busy());
    expect(await callWithRetry(url, call, options)).toBe("done");
    expect(waits).toEqual([25, 50, 100]);
  });

  it("never waits less than the server asks for", async () => {
    const overloaded = toConnectError(new SpanloomError("OVERLOADED", "full", { retryAfterMs: 700 }));
    const { call, waits, options } = failing(overloaded);
    await callWithRetry(url, call, options);
    expect(waits).toEqual([700]);
  });

  it("gives up at once on what a retry cannot help", async () => {
    const { call, waits, options } = failing(toConnectError(new SpanloomError("INVALID_FIELD", "bad name")));
    await expect(callWithRetry(url, call, options)).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      message: "bad name",
    });
    expect(waits).toEqual([]);
  });

  it("gives up after the attempts it was given, with the last error", async () => {
    const { call, options } = failing(new ConnectError("1", Code.Unavailable), new ConnectError("2", Code.Unavailable));
    await expect(callWithRetry(url, call, { ...options, maxAttempts: 2 })).rejects.toThrow(
      "cannot reach the server at http://server: 2",
    );
  });

  it("takes a torn connection for an absent server, whatever code it came with", async () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    const { call, waits, options } = failing(new ConnectError("reset", Code.Aborted, undefined, undefined, reset));
    expect(await callWithRetry(url, call, options)).toBe("done");
    expect(waits).toHaveLength(1);
  });

  it("ends with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    const call = async (): Promise<never> => {
      stop.abort(reason);
      throw new ConnectError("cancelled", Code.Canceled);
    };
    await expect(callWithRetry(url, call, { signal: stop.signal })).rejects.toBe(reason);
  });

  it.each(vectors.waits)("waits as every client does: $name", ({ attempt, draw, retryAfterMs, delayMs }) => {
    const error = new SpanloomError("OVERLOADED", "full", retryAfterMs === undefined ? {} : { retryAfterMs });
    expect(retryDelayMs(attempt, error, { random: () => draw })).toBe(delayMs);
  });
});
