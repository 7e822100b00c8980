/** Edges of bins within a power of ten: ten of about the same width by ratio, at numbers that people can read. */
const edges = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8] as const;
const PER_DECADE = edges.length;
/** Up to 10^19 ns, beyond what a duration can be. */
const DECADES = 19;

/** Bins of durations from a nanosecond up. */
export const HEAT_BINS = DECADES * PER_DECADE;

/** The bin of a duration in nanoseconds; what is shorter than one is in the first. */
export function heatBin(ns: number): number {
  if (!(ns >= 1)) return 0;
  let bin = Math.min(HEAT_BINS - 1, Math.floor(Math.log10(ns) * PER_DECADE));
  // The edges are rounded: look whether the next or the one before is meant.
  while (bin + 1 < HEAT_BINS && ns >= heatEdge(bin + 1)) bin += 1;
  while (bin > 0 && ns < heatEdge(bin)) bin -= 1;
  return bin;
}

/** Where a bin begins, in nanoseconds; at the same time where the one before it ends. */
export function heatEdge(bin: number): number {
  const decade = Math.floor(bin / PER_DECADE);
  // A product of decimals is not always the decimal: an edge is a whole number from the third power of ten on.
  const edge = edges[bin - decade * PER_DECADE]! * 10 ** decade;
  return decade >= 2 ? Math.round(edge) : edge;
}

/** Counts of spans by bucket of time and by duration. */
export interface HeatCounts {
  columns: number;
  /** `bin * columns + column`, of {@link HEAT_BINS} bins. */
  counts: Uint32Array<ArrayBuffer>;
  /** Those of them with status ERROR. */
  errors: Uint32Array<ArrayBuffer>;
}

export function emptyHeat(columns: number): HeatCounts {
  const cells = HEAT_BINS * columns;
  return { columns, counts: new Uint32Array(cells), errors: new Uint32Array(cells) };
}

/** The part of the counts that there is something in, in rows that are few enough to be seen. */
export interface HeatRows extends HeatCounts {
  /** The bin that the first row begins with, and how many a row holds. */
  firstBin: number;
  binsPerRow: number;
  rows: number;
  /** Spans in the fullest cell. */
  most: number;
}

/** The bins to show: whole powers of ten where there are few, so that a single one is seen as what it is. */
function shownBins(first: number, last: number): [number, number] {
  if (last - first + 1 >= PER_DECADE) return [first, last];
  const [low, high] = [Math.floor(first / PER_DECADE), Math.floor(last / PER_DECADE)];
  return [low * PER_DECADE, high * PER_DECADE + PER_DECADE - 1];
}

/** How many bins a row may hold: rows of one height lie within a power of ten. */
const heights = [1, 2, 5, 10];

/** Cuts off what is empty above and below, and makes rows of several bins where there would be more than `mostRows`. */
export function heatRows(heat: HeatCounts, mostRows: number): HeatRows | undefined {
  const { columns } = heat;
  const used = Array.from({ length: HEAT_BINS }, (_, bin) =>
    heat.counts.subarray(bin * columns, (bin + 1) * columns).some((count) => count > 0),
  );
  if (!used.includes(true)) return undefined;
  const [first, last] = shownBins(used.indexOf(true), used.lastIndexOf(true));
  const binsPerRow = heights.find((height) => (last - first + 1) / height + 1 <= mostRows) ?? 10;
  const firstBin = Math.floor(first / binsPerRow) * binsPerRow;
  const rows = Math.floor((last - firstBin) / binsPerRow) + 1;
  const merged = { columns, counts: new Uint32Array(rows * columns), errors: new Uint32Array(rows * columns) };
  for (let bin = firstBin; bin <= last; bin++) {
    const to = Math.floor((bin - firstBin) / binsPerRow) * columns;
    for (let column = 0; column < columns; column++) {
      merged.counts[to + column]! += heat.counts[bin * columns + column]!;
      merged.errors[to + column]! += heat.errors[bin * columns + column]!;
    }
  }
  const most = merged.counts.reduce((least, count) => Math.max(least, count), 0);
  return { ...merged, firstBin, binsPerRow, rows, most };
}
