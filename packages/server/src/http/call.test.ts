import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { Call } from "./call.ts";
import type { HttpResponse } from "./http-response.ts";

/** A response as far as a call looks at it. */
function responseStub() {
  const response = Object.assign(new EventEmitter(), { destroyed: false });
  const leave = (): void => {
    response.destroyed = true;
    response.emit("close");
  };
  return { response: response as unknown as HttpResponse, leave };
}

function setUp() {
  const stop = new AbortController();
  const { response, leave } = responseStub();
  return { stop, leave, response, call: new Call(response, stop.signal) };
}

describe("a call", () => {
  it("is cut off when its client leaves, whether its signal was asked for before or after", () => {
    for (const before of [true, false]) {
      const { call, leave } = setUp();
      if (before) expect(call.signal.aborted).toBe(false);
      expect(call.isCutOff).toBe(false);
      leave();
      expect(call.isCutOff).toBe(true);
      expect(call.signal.aborted).toBe(true);
    }
  });

  it("is cut off when its server stops, as all others are", () => {
    const { stop, call } = setUp();
    const calls = [
      call,
      new Call(responseStub().response, stop.signal),
      new Call(responseStub().response, stop.signal),
    ];
    const signals = calls.slice(0, 2).map(({ signal }) => signal);
    stop.abort();
    expect(signals.map(({ aborted, reason }) => [aborted, reason.reason])).toEqual([
      [true, "SHUTTING_DOWN"],
      [true, "SHUTTING_DOWN"],
    ]);
    expect(calls.map(({ isCutOff }) => isCutOff)).toEqual([true, true, true]);
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
  });

  it("is told nothing once it is over, and listens to nothing", () => {
    const { stop, call, response, leave } = setUp();
    const { signal } = call;
    call.end();
    expect(response.listenerCount("close")).toBe(0);
    stop.abort();
    leave();
    expect(signal.aborted).toBe(false);
    expect(call.isCutOff).toBe(true);
  });

  it("ends at its deadline, with the signal it gave out", async () => {
    const { call } = setUp();
    call.deadline("0");
    const { signal } = call;
    await expect(call.race(new Promise(() => {}))).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(signal.aborted).toBe(true);
    expect(call.isCutOff).toBe(true);
  });
});
