import { describe, expect, it } from "vitest";
import { decodePayload, encodePayload } from "./codec.ts";

const roundTrip = (value: unknown): unknown => decodePayload(encodePayload(value, "test"), "test");

describe("payloads", () => {
  it("come back as they were", () => {
    for (const value of [null, 0, -1.5, "", "ümläut 🎉", true, [1, [2]], { a: { b: null } }]) {
      expect(roundTrip(value)).toEqual(value);
    }
  });

  it("are empty for undefined", () => {
    expect(encodePayload(undefined, "test")).toHaveLength(0);
    expect(roundTrip(undefined)).toBeUndefined();
  });

  it("name the path of a bigint", () => {
    expect(() => encodePayload({ rows: [{ id: 1n }] }, 'cannot submit task "x"')).toThrow(
      'cannot submit task "x": its payload cannot be written as JSON: value.rows[0].id is a bigint (1n)',
    );
  });

  it("name the path of a cycle", () => {
    const node: Record<string, unknown> = { name: "a" };
    node.self = { back: node };
    expect(() => encodePayload(node, "test")).toThrow("value.self.back refers back to a value that contains it");
  });

  it("may hold the same object twice", () => {
    const shared = { x: 1 };
    expect(roundTrip([shared, shared])).toEqual([shared, shared]);
  });

  it("refuse what is not data", () => {
    expect(() => encodePayload(() => 1, "test")).toThrow("a function is not data");
  });

  it("say so when bytes are not JSON or not UTF-8", () => {
    expect(() => decodePayload(new TextEncoder().encode("{"), "cannot run")).toThrow(
      "cannot run: its payload is not JSON",
    );
    expect(() => decodePayload(Uint8Array.of(0x22, 0xff, 0x22), "cannot run")).toThrow("not JSON in UTF-8");
  });
});
