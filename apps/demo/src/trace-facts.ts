import type { Table } from "apache-arrow";

/** Counts the attempts in a span table that ended with an outcome, e.g. `lost`. */
export function countAttempts(table: Table, outcome: string): number {
  const types = columnOf(table, "type");
  const outcomes = columnOf(table, "outcome");
  let count = 0;
  for (let row = 0; row < table.numRows; row++) {
    if (types.get(row) === "attempt" && outcomes.get(row) === outcome) count++;
  }
  return count;
}

/**
 * Finds the branch of the tree that kept the job busy longest: the task submitted by the job's root, together with
 * what it submitted itself, that took longest from its first attempt to its end. Time in a queue does not count.
 *
 * Shape: the span id of that task; undefined when the job had no such task.
 */
export function slowestBranch(table: Table): string | undefined {
  const job = rowsOfType(table, "job")[0]?.id;
  const tasks = rowsOfType(table, "task");
  const attempts = rowsOfType(table, "attempt");
  const roots = new Set(tasks.filter(({ parent }) => parent === job).map(({ id }) => id));
  const rootAttempts = new Set(attempts.filter(({ parent }) => roots.has(parent)).map(({ id }) => id));
  const firstStarts = new Map<string, number>();
  for (const { parent, startMs } of attempts) {
    firstStarts.set(parent, Math.min(firstStarts.get(parent) ?? Number.POSITIVE_INFINITY, startMs));
  }
  const busyMs = ({ id, endMs }: LifecycleRow) => endMs - (firstStarts.get(id) ?? endMs);
  const branches = tasks.filter(({ parent }) => rootAttempts.has(parent));
  return branches.sort((a, b) => busyMs(b) - busyMs(a))[0]?.id;
}

interface LifecycleRow {
  id: string;
  parent: string;
  startMs: number;
  /** The start while open. */
  endMs: number;
}

function rowsOfType(table: Table, type: string): LifecycleRow[] {
  const [ids, parents, types, starts, ends] = ["span_id", "parent_span_id", "type", "start_time", "end_time"].map(
    (name) => columnOf(table, name),
  ) as [Column, Column, Column, Column, Column];
  const rows: LifecycleRow[] = [];
  for (let row = 0; row < table.numRows; row++) {
    if (types.get(row) !== type) continue;
    const startMs = Number(starts.get(row));
    rows.push({ id: ids.get(row), parent: parents.get(row) ?? "", startMs, endMs: Number(ends.get(row) ?? startMs) });
  }
  return rows;
}

type Column = ReturnType<typeof columnOf>;

function columnOf(table: Table, name: string) {
  const column = table.getChild(name);
  if (!column) throw new Error(`cannot read the trace: its table has no column "${name}"`);
  return column;
}
