const FIRST_MS = 500;
const MOST_MS = 15_000;

/**
 * How long to wait after so many failures in a row: doubling, at most 15 s, and up to a half less by chance, so that the
 * pages of many do not all come back in the same moment.
 */
export function backoffMs(failures: number, random: () => number): number {
  const full = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return Math.round(full * (1 - random() / 2));
}
