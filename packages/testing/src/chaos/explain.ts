import { TaskState } from "@spanloom/protocol";
import type { TaskRecord } from "@spanloom/server/store";
import { compareJob, type JobSnapshot } from "./compare.ts";
import type { ReferenceModel } from "./model.ts";
import { ChaosMismatch, type ModelTask } from "./model-state.ts";

/** One way in which what was seen may have come about; throws ChaosMismatch when the rules do not allow it. */
export type Explanation = (model: ReferenceModel, seen: Snapshots) => void;

/** Jobs as the store shows them afterwards. */
export type Snapshots = ReadonlyMap<string, JobSnapshot>;

/** Reads a job and all its tasks. */
export type ReadJob = (jobId: string) => Promise<JobSnapshot>;

/**
 * Finds the explanation under which model and store agree on every job touched, and gives the model that took it.
 *
 * The protocol leaves some orders open, e.g. of leases that expire at once. Errors: ChaosMismatch with
 * what the first few explanations met when none fits.
 */
export async function explain(
  model: ReferenceModel,
  explanations: readonly Explanation[],
  seen: { changed: ReadonlySet<string>; read: ReadJob },
): Promise<ReferenceModel> {
  const snapshots = new Map<string, JobSnapshot>();
  for (const jobId of seen.changed) snapshots.set(jobId, await seen.read(jobId));
  const lookup = taskLookup(snapshots);
  const refusals: string[] = [];
  for (const explanation of explanations) {
    const trial = explanations.length === 1 ? model : model.clone();
    trial.state.touched.clear();
    trial.seen = lookup;
    try {
      explanation(trial, snapshots);
      for (const jobId of new Set([...trial.state.touched, ...seen.changed])) {
        const snapshot = snapshots.get(jobId) ?? (await seen.read(jobId));
        snapshots.set(jobId, snapshot);
        compareJob(trial, snapshot);
      }
      return trial;
    } catch (error) {
      if (!(error instanceof ChaosMismatch)) throw error;
      if (!refusals.includes(error.message)) refusals.push(error.message);
    }
  }
  throw new ChaosMismatch(refusals.slice(0, MAX_REFUSALS).join("; or: "));
}

/** Explanations that are told when none fits. */
const MAX_REFUSALS = 3;
/** Finds a task by its input. */
function taskLookup(snapshots: Snapshots): ReferenceModel["seen"] {
  const found = new Map<string, { id: string; state: TaskState; blamed: boolean }>();
  for (const { job, tasks } of snapshots.values()) {
    for (const { id, state, input } of tasks) {
      found.set(Buffer.from(input!).toString(), { id, state, blamed: job.failedTaskId === id });
    }
  }
  return (key) => found.get(key);
}

const MAX_ORDERS = 150;

/** Orders to try: as given first, then others, all of them when they are few. */
export function ordersOf<Item>(items: readonly Item[], most = MAX_ORDERS): Item[][] {
  const orders: Item[][] = [];
  const permute = (head: Item[], rest: Item[]): void => {
    if (orders.length >= most) return;
    if (rest.length === 0) orders.push(head);
    for (const [i, item] of rest.entries()) permute([...head, item], rest.toSpliced(i, 1));
  };
  permute([], [...items]);
  return orders;
}

/** Ways to do things in rounds, in the given order: all at once first. */
export function roundsOf<Item>(items: readonly Item[]): Item[][][] {
  const ways: Item[][][] = [];
  for (let cuts = 0; cuts < 2 ** (items.length - 1); cuts++) {
    const rounds: Item[][] = [[]];
    for (const [i, item] of items.entries()) {
      if (i > 0 && (cuts >> (i - 1)) & 1) rounds.push([]);
      rounds.at(-1)!.push(item);
    }
    ways.push(rounds);
  }
  return ways;
}

/** Orders in which attempts due at once may have been dealt with: as they were leased, then as what came of them tells. */
export function dueOrders(due: readonly ModelTask[]): ((seen: Snapshots) => string[])[] {
  const asLeased = due.map(({ key }) => key);
  if (due.length < 2) return [() => asLeased];
  const guided = Array.from(
    { length: MAX_GUESSES },
    (_, guess) => (seen: Snapshots) => orderByOutcome(due, seen, guess),
  );
  return [() => asLeased, ...guided];
}

const MAX_GUESSES = 24;

/**
 * Those that could go on came before their job or subtree was doomed, those that could not came after; what failed is in
 * between, in one of a few orders.
 */
function orderByOutcome(due: readonly ModelTask[], seen: Snapshots, guess: number): string[] {
  const records = new Map([...seen.values()].flatMap(({ tasks }) => tasks.map((task) => [task.id, task])));
  const before: string[] = [];
  const failed: string[] = [];
  const after: string[] = [];
  for (const { id, key } of due) {
    const state = records.get(id!)?.state;
    (state === TaskState.FAILED ? failed : state === TaskState.CANCELLED ? after : before).push(key);
  }
  const blamed = new Set([...seen.values()].map(({ job }) => job.failedTaskId));
  const isBlamed = new Set(due.filter(({ id }) => blamed.has(id)).map(({ key }) => key));
  failed.sort((a, b) => Number(isBlamed.has(b)) - Number(isBlamed.has(a)));
  const orders = ordersOf(failed, MAX_GUESSES);
  return [...before, ...orders[guess % orders.length]!, ...after];
}

/** All tasks of a page-wise read. */
export async function allPages(
  read: (page: { limit: number; after?: string }) => Promise<readonly TaskRecord[]>,
): Promise<TaskRecord[]> {
  const tasks: TaskRecord[] = [];
  for (;;) {
    const after = tasks.at(-1)?.id;
    const more = await read({ limit: PAGE, ...(after !== undefined && { after }) });
    tasks.push(...more);
    if (more.length < PAGE) return tasks;
  }
}

/** Small enough that larger jobs take several. */
const PAGE = 60;
