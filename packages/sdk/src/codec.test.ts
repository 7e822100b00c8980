import { SpanloomError } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { decodePayload, encodePayload } from "./codec.ts";
import { readVectors, untagged } from "./testing/vectors.ts";

interface PayloadVector {
  name: string;
  value?: unknown;
  bytes?: string | { base64: string };
  others?: { typescript?: unknown };
  refusedBy?: string[];
  reason?: string;
  place?: string;
}

const vectors = readVectors<{ encode: PayloadVector[]; decode: PayloadVector[] }>("payloads");
const isRefused = ({ reason, refusedBy }: PayloadVector) =>
  reason !== undefined && (refusedBy?.includes("typescript") ?? true);
const bytesOf = ({ bytes = "" }: PayloadVector) =>
  typeof bytes === "string" ? new TextEncoder().encode(bytes) : Buffer.from(bytes.base64, "base64");

function errorOf(call: () => unknown): SpanloomError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(SpanloomError);
    return error as SpanloomError;
  }
  throw new Error("nothing was thrown");
}

describe("a payload that is written", () => {
  const [refused, written] = [vectors.encode.filter(isRefused), vectors.encode.filter((each) => !isRefused(each))];

  it.each(written)("$name", ({ value, bytes, others }) => {
    const encoded = encodePayload(untagged(value), "cannot test");
    expect(new TextDecoder().decode(encoded)).toBe(others?.typescript ?? bytes);
    expect(encodePayload(decodePayload(encoded, "cannot test"), "cannot test")).toEqual(encoded);
  });

  it.each(refused)("$name: refused", ({ value, reason, place }) => {
    const error = errorOf(() => encodePayload(untagged(value), 'cannot submit task "x"'));
    expect(error.reason).toBe(reason);
    const where = place === undefined ? "value" : `${place} `;
    expect(error.message).toContain(`cannot submit task "x": its payload cannot be written as JSON: ${where}`);
  });

  it.each([
    ["a Map", new Map([["a", 1]]), "value.a is a Map, which JSON has no form for"],
    ["a Set", new Set([1]), "value.a is a Set, which JSON has no form for"],
    ["a Buffer", Buffer.from("x"), "value.a is a Buffer, which JSON has no form for"],
    ["a pattern", /x/, "value.a is a RegExp, which JSON has no form for"],
    ["a promise", Promise.resolve(), "value.a is a Promise, which JSON has no form for"],
    ["a symbol", Symbol("x"), "value.a is a symbol, which is not data"],
    ["a Date of no time", new Date(Number.NaN), "value.a is an invalid Date"],
  ])("%s is refused, which JSON.stringify would not write as it is", (_, a, message) => {
    expect(() => encodePayload({ a }, "test")).toThrow(message);
  });

  it("may hold the same object twice", () => {
    const shared = { x: 1 };
    expect(decodePayload(encodePayload([shared, shared], "test"), "test")).toEqual([shared, shared]);
  });

  it("has objects of classes as their properties, or as their toJSON says", () => {
    class Point {
      readonly x = 1;
      toString = undefined;
    }
    const value = [new Point(), Object.create(null), { toJSON: () => "text" }];
    expect(decodePayload(encodePayload(value, "test"), "test")).toEqual([{ x: 1 }, {}, "text"]);
  });

  it("is an error when reading it throws", () => {
    const hostile = {
      get a(): number {
        throw new TypeError("not today");
      },
    };
    expect(() => encodePayload(hostile, "test")).toThrow("test: its payload cannot be written as JSON: not today");
  });
});

describe("a payload that is read", () => {
  it.each(vectors.decode.filter((each) => !isRefused(each)))("$name", (vector) => {
    const value = decodePayload(bytesOf(vector), "cannot test");
    expect(value).toEqual(untagged(vector.others?.typescript ?? vector.value));
  });

  it.each(vectors.decode.filter(isRefused))("$name", (vector) => {
    const error = errorOf(() => decodePayload(bytesOf(vector), "cannot test"));
    expect(error.reason).toBe(vector.reason);
    expect(error.message).toMatch(/^cannot test: its payload is not JSON in UTF-8: /);
  });
});
