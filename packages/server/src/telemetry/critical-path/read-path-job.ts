import type { PathSpans } from "./path-spans.ts";
import { type PathAttempt, type PathJob, type PathTask, Siblings } from "./path-task.ts";

/** A job as read, and what its times count from. */
export interface ReadJob {
  job: PathJob;
  /** Microseconds since the epoch. */
  startUs: number;
  tasks: readonly PathTask[];
}

/**
 * Puts the rows of planPathSpans together to a job; undefined when the job's own span is not among them.
 *
 * An open job lasts until `nowUs`, or until the latest time any of its spans knows of, when clocks differ.
 */
export function readPathJob(spans: PathSpans, nowUs: number): ReadJob | undefined {
  const { index, parentIds, times } = spans;
  const isOf = typeTest(spans);
  const jobRow = rowWhere(spans, isOf("job"));
  if (jobRow === undefined) return undefined;
  const startUs = times.start_us[jobRow]!;
  const parents = index.rowsOf(parentIds);
  const families = new Families();
  const byRow: (PathTask | undefined)[] = new Array(spans.rows);
  const tasks: PathTask[] = [];
  const isTask = isOf("task");
  for (let row = 0; row < spans.rows; row++) {
    // A parent that is not among the job's spans leaves its task out of the tree.
    if (!isTask(row) || parents[row] === -1) continue;
    const task = readTask(spans, row, startUs, families.of(parents[row]!));
    task.siblings.tasks.push(task);
    byRow[row] = task;
    tasks.push(task);
  }
  const isAttempt = isOf("attempt");
  for (let row = 0; row < spans.rows; row++) {
    const task = isAttempt(row) ? byRow[parents[row]!] : undefined;
    if (!task) continue;
    task.attempts.push(readAttempt(spans, row, startUs));
    adopt(task, families.known(row));
  }
  for (const { attempts } of tasks) if (attempts.length > 1) attempts.sort((a, b) => a.number - b.number);
  const endedUs = since(times.end_us[jobRow]!, startUs) ?? Math.max(nowUs, latestOf(spans)) - startUs;
  return { job: { row: jobRow, endedUs, roots: families.of(jobRow) }, startUs, tasks };
}

function typeTest({ texts: { type } }: PathSpans): (name: string) => (row: number) => boolean {
  return (name) => {
    const code = type.values.indexOf(name);
    return (row) => type.codes[row] === code;
  };
}

function rowWhere({ rows }: PathSpans, test: (row: number) => boolean): number | undefined {
  for (let row = 0; row < rows; row++) if (test(row)) return row;
  return undefined;
}

function readTask({ times }: PathSpans, row: number, startUs: number, siblings: Siblings): PathTask {
  return {
    row,
    createdUs: times.start_us[row]! - startUs,
    endedUs: since(times.end_us[row]!, startUs) ?? Number.POSITIVE_INFINITY,
    unblockedUs: since(times.start_us[row]! + Math.round(times.blocked_us[row]!), startUs),
    lastQueuedUs: since(times.last_queued_us[row]!, startUs),
    lastRetryUs: since(times.last_retry_us[row]!, startUs),
    attempts: [],
    children: Siblings.none,
    siblings,
    dependencies: undefined,
  };
}

function readAttempt({ times, attempts }: PathSpans, row: number, startUs: number): PathAttempt {
  return {
    row,
    number: attempts[row]!,
    queuedUs: Math.round(times.queued_us[row]!) || 0,
    backoffUs: Math.round(times.backoff_us[row]!) || 0,
    leasedUs: times.start_us[row]! - startUs,
    endedUs: since(times.end_us[row]!, startUs) ?? Number.POSITIVE_INFINITY,
  };
}

function since(us: number, startUs: number): number | undefined {
  return Number.isNaN(us) ? undefined : us - startUs;
}

/** Tasks submitted by each span, by its row. */
class Families {
  readonly #byParent = new Map<number, Siblings>();

  known(parent: number): Siblings | undefined {
    return this.#byParent.get(parent);
  }

  of(parent: number): Siblings {
    let siblings = this.#byParent.get(parent);
    if (!siblings) {
      siblings = new Siblings();
      this.#byParent.set(parent, siblings);
    }
    return siblings;
  }
}

/** One attempt of a task succeeds, and only that one submits anything. */
function adopt(task: PathTask, submitted: Siblings | undefined): void {
  if (submitted && submitted.tasks.length > task.children.tasks.length) task.children = submitted;
}

function latestOf({ times: { start_us: start, end_us: end } }: PathSpans): number {
  let latest = 0;
  for (let row = 0; row < start.length; row++) latest = Math.max(latest, start[row]!, end[row]! || 0);
  return latest;
}
