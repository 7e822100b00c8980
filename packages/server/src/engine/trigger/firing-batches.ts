/** Most firings of one transaction, some 1 ms on SQLite besides the commit: whoever leases a task meanwhile waits for it. */
const MAX_FIRINGS = 25;

/** Most of what templates weigh in one transaction, unless one alone weighs more. */
export const MAX_WEIGHT = 2_000;

/** Parts a list into batches of at most {@link MAX_FIRINGS} and {@link MAX_WEIGHT}; what weighs more is a batch by itself. */
export function* batchesByWeight<T>(items: readonly T[], weightOf: (item: T) => number): Generator<readonly T[]> {
  let batch: T[] = [];
  let weight = 0;
  for (const item of items) {
    const more = weightOf(item);
    if (batch.length > 0 && (batch.length === MAX_FIRINGS || weight + more > MAX_WEIGHT)) {
      yield batch;
      batch = [];
      weight = 0;
    }
    batch.push(item);
    weight += more;
  }
  if (batch.length > 0) yield batch;
}
