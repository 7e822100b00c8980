/** The value below which a share `p`, 0..1, of the values lies, by nearest rank. NaN of no values. */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.min(Math.max(Math.ceil(p * sorted.length), 1), sorted.length);
  return sorted[rank - 1] as number;
}

/** The middle value; of an even number the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** A number cut to `digits` significant digits, as a figure in a report deserves no more. */
export function rounded(value: number, digits = 4): number {
  return Number.isFinite(value) ? Number(value.toPrecision(digits)) : value;
}

/** The medians of equal trees of numbers, leaf by leaf. */
export function medianOf<Figures extends object>(runs: readonly Figures[]): Figures {
  const [first] = runs;
  if (!first) throw new Error("cannot take a median: there are no runs");
  const entries = Object.entries(first).map(([key, value]) => {
    const values = runs.map((run) => run[key as keyof Figures]);
    return [key, typeof value === "number" ? rounded(median(values as number[])) : medianOf(values as object[])];
  });
  return Object.fromEntries(entries) as Figures;
}
