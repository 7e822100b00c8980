import { SpanloomError, TaskState } from "@spanloom/protocol";

/**
 * Which tasks of an ended job run again, and what that makes of its groups and parents. Pure: any store reads a
 * {@link RetryTree}, asks for a plan and writes it.
 *
 * I1. A task whose own code succeeded is never run again: it goes back to WAITING, and what ended badly below it runs.
 * I2. Every ancestor of a task that runs again waits again, also one that had succeeded.
 * I3. A task runs again only when everything it waits for has ended well or runs again itself.
 * I4. Open, spoiled and waits of the plan are what a scan finds once the plan is written.
 *
 * Tasks and groups are named by their row numbers; a group depends only on earlier groups of the same submission.
 *
 * Source: design protocol 3, RetryJob.
 */

/** What a plan is made from: read when all tasks of the job have ended. */
export interface RetryTree {
  /** All groups of the job, ascending. */
  groups: readonly RetryGroup[];
  /** All tasks that ended FAILED, CANCELLED or SKIPPED, ascending. */
  bad: readonly BadTask[];
  /** The group of every task that submitted tasks. */
  parents: ReadonlyMap<number, number>;
}

/** Tasks that share one set of dependencies. */
export interface RetryGroup {
  seq: number;
  /** Task that submitted it; undefined for roots. */
  parent: number | undefined;
  depth: number;
  dependsOn: readonly number[];
}

/** A task that ended FAILED, CANCELLED or SKIPPED. */
export interface BadTask {
  seq: number;
  group: number;
  state: TaskState;
  /** Whether its latest attempt succeeded: then it ended badly only because of what it submitted. */
  ownSuccess: boolean;
  optional: boolean;
}

/** A task asked for by name. */
export interface NamedTask {
  seq: number;
  id: string;
}

/** What to write. Every task and group that is not in it stays as it is. */
export interface RetryPlan {
  /** Tasks that run again, ascending: QUEUED where their group's `waits` is 0, else BLOCKED. */
  rerun: readonly BadTask[];
  /** Tasks that wait for what they submitted again. */
  reopened: readonly ReopenedTask[];
  /** Groups that changed. */
  groups: readonly GroupPlan[];
  /** Whether tasks that stay as they ended keep the job from succeeding: then it ends as it had ended before. */
  spoiled: boolean;
  /** Of those, the first whose own failure failed the job, if any. */
  leftFailed: number | undefined;
}

/** A task that goes back to WAITING. */
export interface ReopenedTask {
  seq: number;
  group: number;
  /** SUCCEEDED for an ancestor that had ended well. */
  from: TaskState;
  /** Groups it submitted that are open again. */
  openGroups: number;
  /** Whether a group that stays closed keeps it from succeeding. */
  spoiled: boolean;
}

/** A group's remaining counts. */
export interface GroupPlan {
  seq: number;
  open: number;
  spoiled: boolean;
  waits: number;
}

/**
 * Plans a retry of all tasks that ended badly, or of the named ones.
 *
 * With a named task run again those SKIPPED or CANCELLED in its subtree and among the tasks that wait for it, directly or
 * not; of a task that failed only because of its children, everything bad below it.
 *
 * Errors: INVALID_STATE when nothing is to run again, a named task did not end badly, or waits for one that neither
 * ended well nor runs again.
 */
export function planRetry(tree: RetryTree, named: readonly NamedTask[]): RetryPlan {
  const retry = new Retry(tree);
  if (named.length === 0) for (const task of tree.bad) retry.choose(task);
  else retry.chooseNamed(named);
  if (!tree.bad.some(({ seq, ownSuccess }) => !ownSuccess && retry.chosen.has(seq))) {
    throw new SpanloomError(
      "INVALID_STATE",
      "cannot retry job: none of its tasks failed, was cancelled or was skipped",
    );
  }
  return retry.plan();
}

class Retry {
  readonly #tree: RetryTree;
  readonly #groups: ReadonlyMap<number, RetryGroup>;
  readonly #children: ReadonlyMap<number | undefined, readonly RetryGroup[]>;
  readonly #badOf: ReadonlyMap<number, readonly BadTask[]>;
  readonly #bySeq: ReadonlyMap<number, BadTask>;
  /** Tasks that run or wait again. */
  readonly chosen = new Set<number>();
  /** Of those, the ones that do so with everything bad below them, not only as ancestors. */
  readonly #whole = new Set<number>();
  /** Groups with a chosen task. */
  readonly #touched = new Set<number>();
  /** Groups that will be spoiled when all that was chosen has succeeded, and the tasks that submitted them. */
  readonly #left = new Set<number>();
  readonly #leftParents = new Set<number>();

  constructor(tree: RetryTree) {
    this.#tree = tree;
    this.#groups = new Map(tree.groups.map((group) => [group.seq, group]));
    this.#children = gather(tree.groups, ({ parent }) => parent);
    this.#badOf = gather(tree.bad, ({ group }) => group);
    this.#bySeq = new Map(tree.bad.map((task) => [task.seq, task]));
  }

  /** Chooses a task, everything bad below it when its own code succeeded, and its ancestors. */
  choose(task: BadTask): void {
    const pending = [task];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      this.#add(next.seq, next.group);
      this.#whole.add(next.seq);
      if (!next.ownSuccess) continue;
      this.#leftParents.delete(next.seq);
      for (const child of this.#children.get(next.seq) ?? []) {
        this.#left.delete(child.seq);
        for (const bad of this.#badOf.get(child.seq) ?? []) if (!this.#whole.has(bad.seq)) pending.push(bad);
      }
    }
    let { parent } = this.#groups.get(task.group)!;
    while (parent !== undefined && !this.chosen.has(parent)) {
      const group = this.#tree.parents.get(parent)!;
      this.#add(parent, group);
      parent = this.#groups.get(group)!.parent;
    }
  }

  #add(seq: number, group: number): void {
    this.chosen.add(seq);
    this.#touched.add(group);
  }

  chooseNamed(named: readonly NamedTask[]): void {
    for (const { seq, id } of named) {
      const task = this.#bySeq.get(seq);
      if (task !== undefined) this.choose(task);
      else throw new SpanloomError("INVALID_STATE", `cannot retry task "${id}": it succeeded`, { field: "task_ids" });
    }
    for (const siblings of this.#touchedSubmissions()) this.#followDependencies(siblings);
    for (const { seq, id } of named) this.#assertCanRun(this.#bySeq.get(seq)!, id);
  }

  /** Submissions with a chosen task, deepest first: whether a parent can succeed follows from what it submitted. */
  #touchedSubmissions(): (readonly RetryGroup[])[] {
    const parents = new Set<number | undefined>();
    for (const seq of this.#touched) parents.add(this.#groups.get(seq)!.parent);
    const submissions = [...parents].map((parent) => this.#children.get(parent)!);
    return submissions.sort((a, b) => b[0]!.depth - a[0]!.depth);
  }

  #groupOf(seq: number): number {
    return this.#bySeq.get(seq)?.group ?? this.#tree.parents.get(seq)!;
  }

  /** Chooses what never ran for want of what runs again, in the order of dependencies (I3). */
  #followDependencies(siblings: readonly RetryGroup[]): void {
    for (const group of siblings) {
      const bad = this.#badOf.get(group.seq) ?? [];
      const waits = group.dependsOn.some((seq) => this.#touched.has(seq));
      if (waits && !group.dependsOn.some((seq) => this.#left.has(seq))) {
        for (const task of bad) if (task.state !== TaskState.FAILED && !this.#whole.has(task.seq)) this.choose(task);
      }
      if (!bad.some((task) => this.#staysBad(task))) continue;
      this.#left.add(group.seq);
      if (group.parent !== undefined) this.#leftParents.add(group.parent);
    }
  }

  /** Whether a task will keep its parent from succeeding, whatever those chosen do. */
  #staysBad(task: BadTask): boolean {
    if (!this.chosen.has(task.seq)) return spoils(task);
    // It ends FAILED for what is left below it, which an optional task may.
    return this.#leftParents.has(task.seq) && !task.optional;
  }

  #assertCanRun(task: BadTask, id: string): void {
    if (!this.#groups.get(task.group)!.dependsOn.some((seq) => this.#left.has(seq))) return;
    const message = `cannot retry task "${id}": it waits for a task that did not succeed; name that task too`;
    throw new SpanloomError("INVALID_STATE", message, { field: "task_ids" });
  }

  plan(): RetryPlan {
    const open = new Map<number, number>();
    for (const seq of this.chosen) open.set(this.#groupOf(seq), (open.get(this.#groupOf(seq)) ?? 0) + 1);
    const spoiled = new Set<number>();
    for (const task of this.#tree.bad) if (spoils(task) && !this.chosen.has(task.seq)) spoiled.add(task.group);
    const leftFailed = this.#tree.bad.find((task) => !this.chosen.has(task.seq) && this.#failedJob(task));
    return {
      rerun: this.#tree.bad.filter(({ seq, ownSuccess }) => !ownSuccess && this.chosen.has(seq)),
      reopened: this.#reopened(open, spoiled),
      groups: this.#tree.groups.flatMap((group) => planGroup(group, open, spoiled)),
      spoiled: (this.#children.get(undefined) ?? []).some(({ seq }) => this.#left.has(seq)),
      leftFailed: leftFailed?.seq,
    };
  }

  #reopened(open: ReadonlyMap<number, number>, spoiled: ReadonlySet<number>): ReopenedTask[] {
    const reopened: ReopenedTask[] = [];
    for (const seq of this.chosen) {
      const task = this.#bySeq.get(seq);
      if (task !== undefined && !task.ownSuccess) continue;
      const submitted = this.#children.get(seq)!;
      reopened.push({
        seq,
        group: this.#groupOf(seq),
        from: task?.state ?? TaskState.SUCCEEDED,
        openGroups: submitted.filter((group) => open.has(group.seq)).length,
        spoiled: submitted.some((group) => !open.has(group.seq) && spoiled.has(group.seq)),
      });
    }
    return reopened;
  }

  /** Whether a task's own failure failed the job: no optional task bounds it. */
  #failedJob(task: BadTask): boolean {
    if (task.state !== TaskState.FAILED || task.ownSuccess) return false;
    for (let one: BadTask | undefined = task; one !== undefined; ) {
      if (one.optional) return false;
      const { parent }: RetryGroup = this.#groups.get(one.group)!;
      if (parent === undefined) return true;
      one = this.#bySeq.get(parent);
    }
    return false;
  }
}

/** Whether a task that ended like this keeps its parent from succeeding. */
function spoils({ state, optional }: BadTask): boolean {
  return state !== TaskState.FAILED || !optional;
}

function planGroup(
  { seq, dependsOn }: RetryGroup,
  open: ReadonlyMap<number, number>,
  spoiled: ReadonlySet<number>,
): GroupPlan[] {
  const waits = dependsOn.filter((dependency) => open.has(dependency)).length;
  // A closed group that waits for an open one is told when that closes, and counts it.
  if (!open.has(seq) && waits === 0) return [];
  return [{ seq, open: open.get(seq) ?? 0, spoiled: spoiled.has(seq), waits }];
}

function gather<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const byKey = new Map<Key, Item[]>();
  for (const item of items) {
    const same = byKey.get(keyOf(item));
    if (same === undefined) byKey.set(keyOf(item), [item]);
    else same.push(item);
  }
  return byKey;
}
