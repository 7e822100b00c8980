import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesToHex, hexToBytes } from "./hex.ts";

describe("hex", () => {
  it("writes lower case and keeps leading zeros", () => {
    expect(bytesToHex(Uint8Array.of(0, 1, 0xab, 0xff))).toBe("0001abff");
  });

  it("reads either case", () => {
    expect([...hexToBytes("00ABff")]).toEqual([0, 0xab, 0xff]);
  });

  it("gives back any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(hexToBytes(bytesToHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(["0", "0g", " 00", "0x00", "ab\n"])("refuses %j by quoting it", (text) => {
    expect(() => hexToBytes(text)).toThrow(new RangeError(`cannot read hex: "${text}" is not pairs of hex digits`));
  });
});
