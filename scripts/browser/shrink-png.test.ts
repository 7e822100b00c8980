import { deflateSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { shrinkPng } from "./shrink-png.ts";

type Colour = readonly [number, number, number];

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function chunk(type: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  // Nobody looks at the checks of what is read.
  return Buffer.concat([length, Buffer.from(type, "latin1"), data, Buffer.alloc(4)]);
}

/** A PNG of rows that are filtered already, each with its filter before it. */
function png(width: number, rows: readonly (readonly number[])[], colourType: 2 | 6 = 2): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([8, colourType], 8);
  const data = deflateSync(Uint8Array.from(rows.flat()));
  const parts = [chunk("IHDR", header), chunk("IDAT", data.subarray(0, 5)), chunk("IDAT", data.subarray(5))];
  return Buffer.concat([signature, ...parts, chunk("IEND", new Uint8Array())]);
}

function partOf(file: Buffer, wanted: string): Buffer {
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === wanted) return file.subarray(at + 8, at + 8 + length);
    at += length + 12;
  }
  throw new Error(`there is no ${wanted}`);
}

/** The colours of a file that names them, row by row. */
function coloursOf(file: Buffer, width: number): Colour[][] {
  const [palette, data] = [partOf(file, "PLTE"), inflateSync(partOf(file, "IDAT"))];
  return Array.from({ length: data.length / (width + 1) }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const at = data[y * (width + 1) + 1 + x]! * 3;
      return [palette[at]!, palette[at + 1]!, palette[at + 2]!] as const;
    }),
  );
}

const [red, blue]: Colour[] = [
  [200, 0, 0],
  [0, 0, 100],
] as const;

describe("shrinkPng", () => {
  it("keeps every point of a picture of few colours, whatever its rows were filtered by", () => {
    const rows = [
      [0, ...red!, ...red!, ...blue!],
      [1, 200, 0, 0, 0, 0, 0, 56, 0, 100],
      [2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [3, 100, 0, 0, 0, 0, 0, 156, 0, 50],
      [4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    const row = [red, red, blue];
    expect(coloursOf(shrinkPng(png(3, rows)), 3)).toEqual([row, row, row, row, row]);
  });

  it("leaves transparency out", () => {
    const rows = [[0, ...red!, 255, ...blue!, 255]];
    expect(coloursOf(shrinkPng(png(2, rows, 6)), 2)).toEqual([[red, blue]]);
  });

  it("keeps the most frequent colours and the farthest of the others, and gives the rest the nearest one", () => {
    // 300 dark colours twice each, and one red.
    const dark = Array.from({ length: 300 }, (_, n) => [0, n % 256, n >> 8, 0, n % 256, n >> 8]).flat();
    const [[...shrunk] = []] = coloursOf(shrinkPng(png(601, [[0, ...dark, 250, 0, 0]])), 601);
    expect(shrunk.at(-1)).toEqual([250, 0, 0]);
    expect(new Set(shrunk.map(String)).size).toBe(256);
    for (const [at, [r, g, b]] of shrunk.slice(0, 600).entries()) {
      const n = at >> 1;
      expect(r + Math.abs(g - (n % 256)) + Math.abs(b - (n >> 8))).toBeLessThanOrEqual(2);
    }
  });

  it("refuses what browsers do not write", () => {
    const file = png(1, [[0, 1, 2, 3]]);
    file[24] = 16;
    expect(() => shrinkPng(file)).toThrow("cannot shrink a PNG of 16 bits");
  });
});
