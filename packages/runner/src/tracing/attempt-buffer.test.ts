import { describe, expect, it } from "vitest";
import { AttemptBuffer, TelemetryBudget, type TelemetryEntries } from "./attempt-buffer.ts";

const origin = { resource: new Uint8Array(), scope: new Uint8Array() };
const entry = (size: number, mark = 0) => ({ origin, bytes: new Uint8Array(size).fill(mark) });

function make(maxBytes: number) {
  const budget = new TelemetryBudget(maxBytes);
  const late: TelemetryEntries[] = [];
  const large: AttemptBuffer[] = [];
  const receiver = {
    late: (entries: TelemetryEntries) => void late.push(entries),
    large: (b: AttemptBuffer) => void large.push(b),
  };
  return { budget, late, large, receiver, buffer: new AttemptBuffer(budget, receiver) };
}

const marks = (entries: TelemetryEntries | undefined): number[] => entries?.spans.map(({ bytes }) => bytes[0]!) ?? [];

describe("an attempt's buffer", () => {
  it("drops its oldest spans first and counts them (I1)", () => {
    const { buffer, budget } = make(1_000);
    for (let i = 1; i <= 15; i++) buffer.addSpan(entry(100, i));
    expect(buffer.dropped).toBe(5);
    expect(budget.dropped).toBe(5);
    expect(marks(buffer.drain())).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it("drops what is new when it holds no spans, and logs only then (I1)", () => {
    const { buffer, budget, receiver } = make(1_000);
    const other = new AttemptBuffer(budget, receiver);
    other.addSpan(entry(900));
    buffer.addLog(entry(50));
    buffer.addSpan(entry(100));
    buffer.addLog(entry(60));
    expect(buffer.dropped).toBe(2);
    expect(buffer.drain()).toMatchObject({ spans: [], bytes: 50 });
  });

  it("survives any number of overflows without holding what it dropped", () => {
    const { buffer, budget } = make(1_000);
    for (let i = 0; i < 10_000; i++) buffer.addSpan(entry(10));
    expect(buffer.dropped).toBe(9_900);
    expect(budget.used).toBe(1_000);
    expect(buffer.drain()?.spans).toHaveLength(100);
  });

  it("keeps drained bytes in the budget until they are given back (I2)", () => {
    const { buffer, budget } = make(1_000);
    buffer.addSpan(entry(600));
    const drained = buffer.drain();
    buffer.addSpan(entry(600));
    expect(buffer.dropped).toBe(1);
    budget.release(drained!.bytes);
    buffer.addSpan(entry(600));
    expect(buffer.dropped).toBe(1);
  });

  it("hands on at once what comes after it was sealed (I3)", () => {
    const { buffer, late } = make(1_000);
    buffer.addSpan(entry(10, 1));
    expect(marks(buffer.seal())).toEqual([1]);
    buffer.addSpan(entry(10, 2));
    buffer.addLog(entry(10, 3));
    expect(late.map(({ spans, logs }) => [spans.length, logs.length])).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(buffer.drain()).toBeUndefined();
  });

  it("asks once to be drained when it is large", () => {
    const { buffer, large } = make(2 ** 30);
    for (let i = 0; i < 30; i++) buffer.addSpan(entry(100_000));
    expect(large).toHaveLength(1);
    buffer.drain();
    for (let i = 0; i < 30; i++) buffer.addSpan(entry(100_000));
    expect(large).toHaveLength(2);
  });
});
