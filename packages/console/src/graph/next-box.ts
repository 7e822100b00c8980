import type { GraphLayout } from "./graph-layout.ts";

const steps: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The nearest box that an arrow points to; the same when there is none, undefined when the key is no arrow. */
export function nextBox(key: string, from: number, { x, y }: Pick<GraphLayout, "x" | "y">): number | undefined {
  const step = steps[key];
  if (!step || x.length === 0) return undefined;
  if (from < 0) return 0;
  let [best, least] = [from, Number.POSITIVE_INFINITY];
  for (let at = 0; at < x.length; at++) {
    const [right, down] = [x[at]! - x[from]!, y[at]! - y[from]!];
    const ahead = right * step[0] + down * step[1];
    if (ahead <= 0) continue;
    // What lies aside counts more than what lies far ahead.
    const aside = Math.abs(right * step[1]) + Math.abs(down * step[0]);
    const distance = ahead + 3 * aside;
    if (distance < least) [best, least] = [at, distance];
  }
  return best;
}
