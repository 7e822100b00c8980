/** A straight line through points, by least squares. */
export interface Trend {
  /** Rise of y for each unit of x. */
  slope: number;
  /** Mean of y. */
  mean: number;
}

/** Fits a line. The slope is 0 with fewer than two different x. */
export function trendOf(points: readonly { x: number; y: number }[]): Trend {
  const count = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const mean = points.reduce((sum, { y }) => sum + y, 0) / count;
  let above = 0;
  let below = 0;
  for (const { x, y } of points) {
    above += (x - meanX) * (y - mean);
    below += (x - meanX) ** 2;
  }
  return { slope: below === 0 ? 0 : above / below, mean };
}
