import type { Exporter, ExportResult } from "@spanloom/exporter";
import { waitFor } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { Outlet } from "./outlet.ts";

/** An outlet to an exporter that settles when the test says, and whose time passes when it says. */
function outletBed() {
  const settle: ((result: ExportResult) => void)[] = [];
  const due: { callback: () => void; delayMs: number }[] = [];
  const logged: string[] = [];
  const exporter: Exporter = {
    name: "slow",
    export: () => new Promise((resolve) => settle.push(resolve)),
    shutdown: async () => undefined,
  };
  const outlet = new Outlet({
    name: "one",
    exporter,
    clock: {
      nowUs: () => 7,
      schedule(callback, delayMs) {
        const timer = { callback, delayMs };
        due.push(timer);
        return () => void due.splice(due.indexOf(timer) >>> 0, 1);
      },
    },
    random: () => 0.5,
    log: (line) => logged.push(line),
    leaving: new AbortController().signal,
    mayGoOn: () => true,
    onAway: async () => undefined,
  });
  return { outlet, settle, due, logged };
}

describe("an outlet", () => {
  it("takes what a call says that settles after its time, instead of sending again", async () => {
    const { outlet, settle, due, logged } = outletBed();
    const sent = outlet.send({}, 3);
    expect(due.map(({ delayMs }) => delayMs)).toEqual([120_000]);
    due[0]!.callback();
    await waitFor(() => outlet.isAway);
    expect(outlet.stats()).toMatchObject({ expired: 1, awaySinceUs: 7, forwarded: 0 });
    settle[0]!({ outcome: "exported", rejected: { spans: 1, logRecords: 0, message: "too old" } });
    expect(await sent).toBe(true);
    expect(settle).toHaveLength(1);
    expect(outlet.stats()).toEqual({
      forwarded: 2,
      rejected: 1,
      failed: 0,
      retried: 0,
      expired: 1,
      awaySinceUs: undefined,
      lastError: "too old",
    });
    expect(logged).toEqual([
      'exporter "one" waits, and will send all from here on: a call has not settled for 120 s',
      'exporter "one" goes on',
      'exporter "one": 1 refused: too old',
    ]);
  });

  it("waits as long as the backend asks before it sends again", async () => {
    const { outlet, settle, due } = outletBed();
    const sent = outlet.send({}, 1);
    settle[0]!({ outcome: "retry", message: "429", retryAfterMs: 90_000 });
    await waitFor(() => due.at(-1)?.delayMs === 90_000);
    due.at(-1)!.callback();
    await waitFor(() => settle.length === 2);
    settle[1]!({ outcome: "failed", message: "401" });
    expect(await sent).toBe(true);
    expect(outlet.stats()).toMatchObject({ failed: 1, retried: 1, lastError: "401" });
  });
});
