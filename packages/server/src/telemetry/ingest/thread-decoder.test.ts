import { getPriority } from "node:os";
import { describe, expect, it } from "vitest";
import { threadNices } from "../testing/thread-nices.ts";
import { rowsOf, span, tracePayload } from "./otlp-fixture.ts";
import { ThreadDecoder } from "./thread-decoder.ts";

const traces = (...numbers: number[]) => ({
  signal: "traces" as const,
  bytes: tracePayload(numbers.map((n) => span(n))),
});
const take = (...payloads: ReturnType<typeof traces>[]) =>
  ({ kind: "take", payloads, days: 100_000, nowUs: 0 }) as const;

const notLost = (error: unknown) => expect.fail(String(error));

function newThread(onLost: (error: unknown) => void = notLost) {
  const thread = new ThreadDecoder({ writer: 0n, nextSeq: () => 1, onLost });
  return { thread, [Symbol.asyncDispose]: () => thread.stop() };
}

describe("ThreadDecoder", () => {
  it("answers in turn, tells what is malformed, and gives the rows of the rest", async () => {
    await using here = newThread();
    const { thread } = here;
    const heard: string[] = [];
    const malformed = { signal: "traces" as const, bytes: Uint8Array.of(0x0a, 0x7f) };
    const [first, second, third, rows] = await Promise.allSettled([
      thread.ask(take(traces(1, 2)), ({ acceptedSpans }) => heard.push(`first ${acceptedSpans}`)),
      thread.ask(take(traces(3), malformed), () => heard.push("second")),
      thread.ask(take(traces(4)), ({ acceptedSpans }) => heard.push(`third ${acceptedSpans}`)),
      thread.ask({ kind: "seal" }, ({ inserts }) => inserts.flatMap(({ ipc }) => rowsOf([...ipc]))),
    ]);
    expect(heard).toEqual(["first 2", "third 1"]);
    expect([first.status, third.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(second).toMatchObject({ reason: { reason: "INVALID_FIELD" } });
    const names = rows.status === "fulfilled" ? rows.value.map(({ name }) => name) : rows.reason;
    expect(names).toEqual(["span 1", "span 2", "span 4"]);
  });

  it("puts rows into memory that it was given back, and leaves the payloads to whoever sent them", async () => {
    await using here = newThread();
    const { thread } = here;
    const payload = traces(1, 2, 3);
    const before = payload.bytes.slice();
    await thread.ask(take(payload), () => undefined);
    const used = await thread.ask({ kind: "seal" }, (rows) => rows);
    new Uint8Array(used.buffers[0]!).fill(0xff);
    thread.recycle(used);
    await thread.ask(take(payload), () => undefined);
    const rows = await thread.ask({ kind: "seal" }, ({ inserts }) => rowsOf([...inserts[0]!.ipc]));
    // The same memory as before, seen from here.
    expect(rowsOf([...used.inserts[0]!.ipc])).toEqual(rows);
    expect(rows.map(({ name }) => name)).toEqual(["span 1", "span 2", "span 3"]);
    expect(payload.bytes).toEqual(before);
  });

  it("refuses what was asked of a thread that dies, tells of it, and starts another", async () => {
    const lost: string[] = [];
    await using here = newThread((error) => lost.push(String(error)));
    const { thread } = here;
    thread.start();
    // Nothing that is a list of buffers.
    thread.recycle({ inserts: [], buffers: { length: 1 } as never, bytes: 0 });
    await expect(thread.ask(take(traces(1)), () => undefined)).rejects.toMatchObject({ reason: "OVERLOADED" });
    expect(lost).toEqual([expect.stringContaining("not iterable")]);
    expect(await thread.ask(take(traces(2)), ({ acceptedSpans }) => acceptedSpans)).toBe(1);
  });

  it("refuses what was not answered when it is stopped, and what is asked afterwards", async () => {
    const thread = new ThreadDecoder({ writer: 0n, nextSeq: () => 1, onLost: notLost });
    const asked = thread.ask(take(traces(1)), () => undefined).catch((error: unknown) => error);
    await thread.stop();
    expect(await asked).toMatchObject({ reason: "SHUTTING_DOWN" });
    await expect(thread.ask({ kind: "drop" }, () => undefined)).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
    await thread.stop();
  });

  it.runIf(process.platform === "linux")("runs at a lower priority than whoever asks", async () => {
    const before = getPriority();
    await using here = newThread();
    await here.thread.ask(take(traces(1)), () => undefined);
    // What a test before has stopped may still be ending, and has the same priority.
    expect(new Set(threadNices("spanloom-decode"))).toEqual(new Set([Math.min(before + 10, 19)]));
    expect(getPriority()).toBe(before);
  });
});
