import { createContextKey, propagation, type Span, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { AttemptContext } from "./attempt-context.ts";

const own = { name: "own" } as unknown as Span;
const other = { name: "other" } as unknown as Span;
const baggage = propagation.createBaggage({ key: { value: "v" } });
const key = createContextKey("key");
const context = new AttemptContext({ span: () => own, baggage: () => baggage });

describe("the context of an attempt", () => {
  it("gives the attempt's span until another is set, whatever else is set before or after", () => {
    expect(trace.getSpan(context.setValue(key, 1))).toBe(own);
    const nested = trace.setSpan(context.setValue(key, 1), other);
    expect([trace.getSpan(nested), nested.getValue(key)]).toEqual([other, 1]);
    const deeper = nested.setValue(key, 2);
    expect([trace.getSpan(deeper), deeper.getValue(key), nested.getValue(key)]).toEqual([other, 2, 1]);
    expect(trace.getSpan(trace.setSpan(deeper, own))).toBe(own);
  });

  it("has no span after that was deleted, and one again after it was set", () => {
    for (const from of [context, trace.setSpan(context, other)]) {
      const without = trace.deleteSpan(from);
      expect(trace.getSpan(without)).toBeUndefined();
      expect(trace.getSpan(without.setValue(key, 1))).toBeUndefined();
      expect(trace.getSpan(trace.setSpan(without, other))).toBe(other);
      expect(trace.getSpan(trace.deleteSpan(trace.setSpan(without, other)))).toBeUndefined();
    }
  });

  it("gives the submitter's baggage until it is deleted", () => {
    expect(propagation.getBaggage(trace.setSpan(context, other))).toBe(baggage);
    expect(propagation.getBaggage(trace.setSpan(propagation.deleteBaggage(context), other))).toBeUndefined();
  });
});
