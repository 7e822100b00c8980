import type { InTurn, Turn } from "./turn-order.ts";

/** Consecutive tasks of one job that became ready together; `to` is included. */
export interface ReadyRun {
  job: number;
  depth: number;
  from: number;
  to: number;
  queuedAtUs: number;
}

/** Consecutive tasks taken for one runner; `to` is included. */
export interface TakenRun {
  from: number;
  to: number;
}

interface Run {
  from: number;
  to: number;
  queuedAtUs: number;
  next: Run | undefined;
}

/** Runs of one depth, oldest first. */
export interface Lane {
  depth: number;
  head: Run;
  tail: Run;
}

/** Ready tasks of one job that the same runners may run and the same gate lets through: deepest first, then oldest. */
export class ReadyLine<OwnTurn extends Turn> implements InTurn {
  readonly job: number;
  readonly turn: OwnTurn;
  placedAt = 0;
  gone = false;
  /** Deepest first. */
  readonly #lanes: Lane[] = [];

  constructor(job: number, turn: OwnTurn) {
    this.job = job;
    this.turn = turn;
  }

  /** Whether no task is left. */
  get isEmpty(): boolean {
    return this.#lanes.length === 0;
  }

  /** Depth of the deepest task. */
  get depth(): number {
    return this.#lanes[0]!.depth;
  }

  /** When the task that has waited longest became ready. */
  get oldestQueuedAtUs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { head } of this.#lanes) oldest = Math.min(oldest, head.queuedAtUs);
    return oldest;
  }

  /** How many tasks there are; walks over runs. */
  count(): number {
    let count = 0;
    for (const { head } of this.#lanes) {
      for (let run: Run | undefined = head; run !== undefined; run = run.next) count += run.to - run.from + 1;
    }
    return count;
  }

  /** Adds tasks behind those of their depth. */
  append({ depth, from, to, queuedAtUs }: ReadyRun): void {
    const lanes = this.#lanes;
    const at = lanes.findIndex((lane) => lane.depth <= depth);
    const lane = lanes[at];
    if (lane?.depth !== depth) {
      const run: Run = { from, to, queuedAtUs, next: undefined };
      lanes.splice(at < 0 ? lanes.length : at, 0, { depth, head: run, tail: run });
      return;
    }
    const { tail } = lane;
    if (tail.to + 1 === from && tail.queuedAtUs === queuedAtUs) {
      tail.to = to;
      return;
    }
    tail.next = { from, to, queuedAtUs, next: undefined };
    lane.tail = tail.next;
  }

  /** Takes the next tasks, at most `limit`, all of one run; tells their lane, which names what they continue. */
  shift(limit: number): { lane: Lane; from: number; to: number } {
    const lane = this.#lanes[0]!;
    const run = lane.head;
    const { from } = run;
    const to = Math.min(run.to, from + limit - 1);
    run.from = to + 1;
    if (run.from > run.to) {
      if (run.next === undefined) this.#lanes.shift();
      else lane.head = run.next;
    }
    return { lane, from, to };
  }

  /** Takes out those of the tasks `from`..`to` that are here, at a depth; answers how many there were. */
  cut(depth: number, { from, to }: TakenRun): number {
    const at = this.#lanes.findIndex((lane) => lane.depth === depth);
    const lane = this.#lanes[at];
    if (lane === undefined) return 0;
    const start: Pick<Run, "next"> = { next: lane.head };
    let previous = start;
    let removed = 0;
    while (previous.next !== undefined) {
      const run = previous.next;
      const overlap = Math.min(run.to, to) - Math.max(run.from, from) + 1;
      if (overlap <= 0) {
        previous = run;
        continue;
      }
      removed += overlap;
      const rest = run.to > to ? { ...run, from: to + 1 } : run.next;
      if (run.from < from) {
        run.to = from - 1;
        run.next = rest;
        previous = run;
      } else previous.next = rest;
    }
    if (start.next === undefined) this.#lanes.splice(at, 1);
    else this.#lanes[at] = { ...lane, head: start.next, tail: previous as Run };
    return removed;
  }
}
