import { crc32, deflateSync, inflateSync } from "node:zlib";

/** Colours that a byte tells apart, and how many of them are the most frequent ones. */
const MOST_COLOURS = 256;
const MOST_FREQUENT = 192;

interface Pixels {
  width: number;
  height: number;
  /** Red, green, blue for each, row by row. */
  rgb: Uint8Array;
}

/**
 * Makes a picture of a page smaller: each point names one of 256 of its colours, the nearest to its own.
 *
 * Pages are drawn with few colours; what else there is are the edges of letters, where the nearest one is as good. Kept are
 * the most frequent colours, and of the others those that are farthest from any, such as a small mark's.
 *
 * Errors: when it is no PNG of 8 bits with or without transparency, not interlaced, as browsers write them.
 */
export function shrinkPng(png: Buffer): Buffer {
  const { width, height, rgb } = decode(png);
  const { palette, points } = indexColours(rgb);
  // Before each row stands its filter, none: neighbours are names, and their differences mean nothing.
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(points.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  const parts = [chunk("IHDR", header), chunk("PLTE", palette), chunk("IDAT", deflateSync(rows, { level: 9 }))];
  return Buffer.concat([png.subarray(0, 8), ...parts, chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

function decode(png: Buffer): Pixels {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const [depth, colour, interlaced] = [png[24], png[25], png[28]];
  if (depth !== 8 || (colour !== 2 && colour !== 6) || interlaced !== 0)
    throw new Error(`cannot shrink a PNG of ${depth} bits, colour type ${colour}, interlacing ${interlaced}`);
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") data.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const size = colour === 2 ? 3 : 4;
  const bytes = unfilter(inflateSync(Buffer.concat(data)), width * size, size);
  if (size === 3) return { width, height, rgb: bytes };
  return { width, height, rgb: bytes.filter((_, at) => at % 4 !== 3) };
}

/** Takes back what was done to each row so that it compresses better: differences to the left, above, or both. */
function unfilter(filtered: Buffer, rowBytes: number, size: number): Uint8Array {
  const rows = filtered.length / (rowBytes + 1);
  const out = new Uint8Array(rows * rowBytes);
  for (let y = 0; y < rows; y++) {
    const filter = filtered[y * (rowBytes + 1)]!;
    for (let x = 0; x < rowBytes; x++) {
      const at = y * rowBytes + x;
      const left = x >= size ? out[at - size]! : 0;
      const above = y > 0 ? out[at - rowBytes]! : 0;
      const corner = x >= size && y > 0 ? out[at - rowBytes - size]! : 0;
      out[at] = filtered[y * (rowBytes + 1) + 1 + x]! + predict(filter, left, above, corner);
    }
  }
  return out;
}

function predict(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) return 0;
  const estimate = left + above - corner;
  const [toLeft, toAbove] = [Math.abs(estimate - left), Math.abs(estimate - above)];
  const toCorner = Math.abs(estimate - corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

function indexColours(rgb: Uint8Array): { palette: Uint8Array; points: Uint8Array } {
  const colourAt = (at: number) => (rgb[at]! << 16) | (rgb[at + 1]! << 8) | rgb[at + 2]!;
  const counts = new Map<number, number>();
  for (let at = 0; at < rgb.length; at += 3) counts.set(colourAt(at), (counts.get(colourAt(at)) ?? 0) + 1);
  const kept = chooseColours(counts);
  const places = new Map([...counts.keys()].map((colour) => [colour, nearest(colour, kept)]));
  const points = new Uint8Array(rgb.length / 3);
  for (let n = 0; n < points.length; n++) points[n] = places.get(colourAt(n * 3))!;
  return { palette: Uint8Array.from(kept.flatMap(partsOf)), points };
}

function chooseColours(counts: ReadonlyMap<number, number>): number[] {
  const byCount = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  if (byCount.length <= MOST_COLOURS) return byCount;
  const kept = byCount.slice(0, MOST_FREQUENT);
  const rest = byCount.slice(MOST_FREQUENT);
  const missing = rest.map((colour) => distance(colour, kept[nearest(colour, kept)]!));
  while (kept.length < MOST_COLOURS) {
    const at = missing.reduce((best, each, n) => (each > missing[best]! ? n : best), 0);
    const chosen = rest[at]!;
    kept.push(chosen);
    for (const [n, colour] of rest.entries()) missing[n] = Math.min(missing[n]!, distance(colour, chosen));
  }
  return kept;
}

function distance(one: number, other: number): number {
  const [[r, g, b], [red, green, blue]] = [partsOf(one), partsOf(other)];
  return (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
}

function partsOf(colour: number): [number, number, number] {
  return [colour >> 16, (colour >> 8) & 255, colour & 255];
}

function nearest(colour: number, kept: readonly number[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [at, other] of kept.entries()) {
    const far = distance(colour, other);
    if (far < least) [best, least] = [at, far];
  }
  return best;
}
