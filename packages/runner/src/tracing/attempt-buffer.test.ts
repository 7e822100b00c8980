import { describe, expect, it } from "vitest";
import { AttemptBuffer, TelemetryBudget } from "./attempt-buffer.ts";
import { encodeSpans } from "./encode-request.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { countRecords, noSuffix, type RecordKind, type TelemetryEntries } from "./record-block.ts";

const KIB = 1024;
const kind = { origin: { resource: new Uint8Array(), scope: new Uint8Array() }, suffix: noSuffix };

const record = (bytes: number, mark = 0): ProtoWriter => {
  const writer = new ProtoWriter();
  writer.raw(new Uint8Array(bytes).fill(mark));
  return writer;
};

function make(maxBytes: number) {
  const budget = new TelemetryBudget(maxBytes);
  const late: TelemetryEntries[] = [];
  const large: AttemptBuffer[] = [];
  const askedToDrop: (AttemptBuffer | undefined)[] = [];
  const receiver = {
    late: (entries: TelemetryEntries) => void late.push(entries),
    large: (b: AttemptBuffer) => void large.push(b),
    dropOldest: (owner?: AttemptBuffer) => {
      askedToDrop.push(owner);
      return false;
    },
  };
  return { budget, late, large, askedToDrop, receiver, buffer: new AttemptBuffer(budget, receiver) };
}

/** The first byte of each block. */
const marks = (entries: TelemetryEntries | undefined): number[] =>
  entries?.spans.map((block) => encodeSpans([block]).at(-1)!) ?? [];

describe("an attempt's buffer", () => {
  it("drops its oldest spans first and counts them (I1)", () => {
    const { buffer, budget } = make(640 * KIB);
    for (let i = 1; i <= 15; i++) buffer.addSpan(kind, record(64 * KIB, i));
    expect(buffer.dropped).toBe(5);
    expect(budget.dropped).toBe(5);
    expect(marks(buffer.drain())).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it("drops what is new when it holds no spans, and logs only then (I1)", () => {
    const { buffer, budget, receiver, askedToDrop } = make(1_000);
    const other = new AttemptBuffer(budget, receiver);
    other.addSpan(kind, record(900));
    buffer.addLog(kind, record(50));
    expect(askedToDrop).toEqual([]);
    buffer.addSpan(kind, record(100));
    expect(askedToDrop).toEqual([buffer, undefined]);
    buffer.addLog(kind, record(60));
    expect(buffer.dropped).toBe(2);
    expect(buffer.drain()).toMatchObject({ spans: [], bytes: 50 });
  });

  it("survives any number of overflows without holding what it dropped", () => {
    const { buffer, budget } = make(256 * KIB);
    for (let i = 0; i < 100_000; i++) buffer.addSpan(kind, record(100));
    expect(budget.used).toBeLessThanOrEqual(256 * KIB);
    const kept = countRecords(buffer.drain()!.spans);
    expect(kept + buffer.dropped).toBe(100_000);
    expect(kept).toBeGreaterThan((190 * KIB) / 100);
  });

  it("keeps drained bytes in the budget until they are given back (I2)", () => {
    const { buffer, budget } = make(1_000);
    buffer.addSpan(kind, record(600));
    const drained = buffer.drain();
    buffer.addSpan(kind, record(600));
    expect(buffer.dropped).toBe(1);
    budget.release(drained!.bytes);
    buffer.addSpan(kind, record(600));
    expect(buffer.dropped).toBe(1);
  });

  it("hands on at once what comes after it was sealed (I3)", () => {
    const { buffer, late } = make(1_000);
    buffer.addSpan(kind, record(10, 1));
    expect(marks(buffer.seal())).toEqual([1]);
    buffer.addSpan(kind, record(10, 2));
    buffer.addLog(kind, record(10, 3));
    expect(late.map(({ spans, logs }) => [spans.length, logs.length])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(buffer.drain()).toBeUndefined();
  });

  it("asks once to be drained when it is large", () => {
    const { buffer, large } = make(2 ** 30);
    for (let i = 0; i < 30; i++) buffer.addSpan(kind, record(100_000));
    expect(large).toHaveLength(1);
    buffer.drain();
    for (let i = 0; i < 30; i++) buffer.addSpan(kind, record(100_000));
    expect(large).toHaveLength(2);
  });

  it("holds records of one kind side by side, and few blocks when kinds take turns", () => {
    const { buffer } = make(2 ** 30);
    const kinds: RecordKind[] = [1, 2, 3].map(() => ({ ...kind, origin: { ...kind.origin } }));
    for (let i = 0; i < 300; i++) buffer.addSpan(kinds[i % 3]!, record(100));
    expect(buffer.drain()!.spans.map(({ count }) => count)).toEqual([100, 100, 100]);
  });
});
