import { type InTurn, TurnOrder } from "./turn-order.ts";

/**
 * Which queued task is leased next. Pure and in memory; rebuilt from the record when a server starts.
 *
 * I1. A task is offered only to runners that serve its queue and match its identifier; others cost nothing to pass over.
 * I2. Higher priority first; within a priority jobs take turns, the least recently served first, so that one giant job
 *     cannot starve others; within a job deeper tasks first, so that few branches are open at a time; then creation order.
 * I3. Cost follows runs of consecutive tasks, not tasks: 10,000 equal children are one entry.
 *
 * A task is named by its row number; the tasks of one group have consecutive numbers.
 *
 * Source: design protocol 4, Matching.
 */

/** Where a task may run, and how urgent it is. */
export interface ReadySpec {
  queue: string;
  name: string;
  major: number;
  minor: number;
  priority: number;
}

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

/** What a runner can execute. */
export interface ReadyMatch {
  queues: readonly string[];
  identifiers: readonly { name: string; major: number; minor: number }[];
  /** Identifiers to pass over although they match, as `name@major.minor` of the task. */
  refused?: ReadonlySet<string> | undefined;
}

interface Run {
  from: number;
  to: number;
  queuedAtUs: number;
  next: Run | undefined;
}

/** Runs of one depth, oldest first. */
interface Lane {
  depth: number;
  head: Run;
  tail: Run;
}

/** A job's place in turn, shared by all its lines. */
interface Turn {
  at: number;
  buckets: Bucket[];
}

/** The ready tasks of one job in one bucket. */
interface Line extends InTurn {
  job: number;
  turn: Turn;
  /** Deepest first. */
  lanes: Lane[];
}

/** Tasks that the same runners may run, at one priority. */
interface Bucket {
  spec: ReadySpec;
  lines: Map<number, Line>;
  /** The lines in turn. Not the Map's own order: its first entry costs a walk over those deleted before it. */
  order: TurnOrder<Line>;
  size: number;
}

/** The queue of ready tasks. */
export class ReadyQueue {
  readonly #queues = new Map<string, Map<string, Bucket[]>>();
  readonly #turns = new Map<number, Turn>();
  #clock = 0;

  /** Adds tasks. */
  add(spec: ReadySpec, run: ReadyRun): void {
    const bucket = this.#bucketFor(spec);
    const line = bucket.lines.get(run.job) ?? this.#newLine(bucket, run.job);
    appendRun(line, run);
    bucket.size += run.to - run.from + 1;
  }

  /** Takes up to `limit` tasks for a runner, best first but for consecutive ones, which come as one run. */
  take(match: ReadyMatch, limit: number): TakenRun[] {
    const buckets = this.#candidates(match);
    const taken: TakenRun[] = [];
    const lastOfLane = new Map<Lane, TakenRun>();
    let left = limit;
    while (left > 0 && buckets.length > 0) {
      const bucket = best(buckets);
      const line = firstLine(bucket);
      const alone = bucket.lines.size === 1 && buckets.length === 1;
      const lane = line.lanes[0]!;
      const run = lane.head;
      const count = Math.min(alone ? left : 1, run.to - run.from + 1);
      const last = lastOfLane.get(lane);
      if (last !== undefined && last.to + 1 === run.from) last.to += count;
      else {
        const entry = { from: run.from, to: run.from + count - 1 };
        taken.push(entry);
        lastOfLane.set(lane, entry);
      }
      left -= count;
      this.#consume(bucket, line, count);
      if (bucket.size === 0) buckets.splice(buckets.indexOf(bucket), 1);
    }
    return taken;
  }

  /** Forgets all tasks of a job. */
  removeJob(job: number): void {
    const turn = this.#turns.get(job);
    if (turn === undefined) return;
    this.#turns.delete(job);
    for (const bucket of turn.buckets) {
      const line = bucket.lines.get(job);
      if (line === undefined) continue;
      bucket.size -= lineSize(line);
      bucket.lines.delete(job);
      line.gone = true;
      if (bucket.size === 0) this.#drop(bucket);
    }
  }

  /** Forgets those of the tasks `from`..`to` that are ready, of one job, depth and spec. */
  remove(spec: ReadySpec, { job, depth, from, to }: Omit<ReadyRun, "queuedAtUs">): void {
    const bucket = this.#queues
      .get(spec.queue)
      ?.get(spec.name)
      ?.find((one) => isSameSpec(one.spec, spec));
    const line = bucket?.lines.get(job);
    const at = line?.lanes.findIndex((lane) => lane.depth === depth) ?? -1;
    if (bucket === undefined || line === undefined || at < 0) return;
    bucket.size -= cutLane(line, at, { from, to });
    if (line.lanes.length === 0) this.#removeLine(bucket, line);
  }

  /** Forgets everything. */
  clear(): void {
    this.#queues.clear();
    this.#turns.clear();
  }

  /** How many tasks are ready in a queue and since when the oldest is. */
  stats(queue: string): { queued: number; oldestQueuedAtUs: number | undefined } {
    let queued = 0;
    let oldest = Number.POSITIVE_INFINITY;
    for (const buckets of this.#queues.get(queue)?.values() ?? []) {
      for (const bucket of buckets) {
        queued += bucket.size;
        for (const line of bucket.lines.values()) {
          for (const lane of line.lanes) oldest = Math.min(oldest, lane.head.queuedAtUs);
        }
      }
    }
    return { queued, oldestQueuedAtUs: queued === 0 ? undefined : oldest };
  }

  /** Queues that have ready tasks. */
  queues(): string[] {
    return [...this.#queues.keys()];
  }

  #bucketFor(spec: ReadySpec): Bucket {
    const names = this.#queues.get(spec.queue) ?? new Map<string, Bucket[]>();
    const buckets = names.get(spec.name) ?? [];
    if (buckets.length === 0) this.#queues.set(spec.queue, names.set(spec.name, buckets));
    const found = buckets.find((one) => isSameSpec(one.spec, spec));
    if (found !== undefined) return found;
    const bucket: Bucket = { spec, lines: new Map(), order: new TurnOrder(), size: 0 };
    buckets.push(bucket);
    return bucket;
  }

  #newLine(bucket: Bucket, job: number): Line {
    const turn = this.#turns.get(job) ?? { at: ++this.#clock, buckets: [] };
    this.#turns.set(job, turn);
    turn.buckets.push(bucket);
    const line: Line = { job, placedAt: turn.at, turn, lanes: [], gone: false };
    bucket.lines.set(job, line);
    bucket.order.add(line);
    return line;
  }

  #candidates({ queues, identifiers, refused }: ReadyMatch): Bucket[] {
    const candidates = new Set<Bucket>();
    for (const queue of queues) {
      const names = this.#queues.get(queue);
      if (names === undefined) continue;
      for (const offered of identifiers) {
        for (const bucket of names.get(offered.name) ?? []) {
          const { major, minor } = bucket.spec;
          if (major !== offered.major || minor > offered.minor) continue;
          if (!refused?.has(`${offered.name}@${major}.${minor}`)) candidates.add(bucket);
        }
      }
    }
    return [...candidates];
  }

  #consume(bucket: Bucket, line: Line, count: number): void {
    const lane = line.lanes[0]!;
    const run = lane.head;
    run.from += count;
    bucket.size -= count;
    if (run.from > run.to) {
      if (run.next === undefined) line.lanes.shift();
      else lane.head = run.next;
    }
    line.turn.at = ++this.#clock;
    if (line.lanes.length === 0) this.#removeLine(bucket, line);
  }

  #removeLine(bucket: Bucket, line: Line): void {
    bucket.lines.delete(line.job);
    line.gone = true;
    const { buckets } = line.turn;
    buckets.splice(buckets.indexOf(bucket), 1);
    if (buckets.length === 0) this.#turns.delete(line.job);
    if (bucket.size === 0) this.#drop(bucket);
  }

  #drop(bucket: Bucket): void {
    const { queue, name } = bucket.spec;
    const names = this.#queues.get(queue);
    const buckets = names?.get(name);
    if (names === undefined || buckets === undefined) return;
    const index = buckets.indexOf(bucket);
    if (index >= 0) buckets.splice(index, 1);
    if (buckets.length === 0) names.delete(name);
    if (names.size === 0) this.#queues.delete(queue);
  }
}

function appendRun(line: Line, { depth, from, to, queuedAtUs }: ReadyRun): void {
  const at = line.lanes.findIndex((lane) => lane.depth <= depth);
  const lane = line.lanes[at];
  if (lane?.depth !== depth) {
    const run: Run = { from, to, queuedAtUs, next: undefined };
    line.lanes.splice(at < 0 ? line.lanes.length : at, 0, { depth, head: run, tail: run });
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

/** Takes tasks out of one lane of a line, and the lane with its last; answers how many there were. */
function cutLane(line: Line, at: number, { from, to }: TakenRun): number {
  const lane = line.lanes[at]!;
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
  if (start.next === undefined) line.lanes.splice(at, 1);
  else line.lanes[at] = { ...lane, head: start.next, tail: previous as Run };
  return removed;
}

/** Whether tasks of two specs of one queue and name belong in one bucket. */
function isSameSpec(a: ReadySpec, b: ReadySpec): boolean {
  return a.major === b.major && a.minor === b.minor && a.priority === b.priority;
}

function lineSize(line: Line): number {
  let size = 0;
  for (const { head } of line.lanes) {
    for (let run: Run | undefined = head; run !== undefined; run = run.next) size += run.to - run.from + 1;
  }
  return size;
}

/** The bucket to serve next: highest priority, then the job least recently served, then the deepest task. */
function best(buckets: readonly Bucket[]): Bucket {
  let winner = buckets[0]!;
  for (let i = 1; i < buckets.length; i++) {
    if (isBetter(buckets[i]!, winner)) winner = buckets[i]!;
  }
  return winner;
}

function isBetter(a: Bucket, b: Bucket): boolean {
  if (a.spec.priority !== b.spec.priority) return a.spec.priority > b.spec.priority;
  const lineA = firstLine(a);
  const lineB = firstLine(b);
  if (lineA.turn.at !== lineB.turn.at) return lineA.turn.at < lineB.turn.at;
  return lineA.lanes[0]!.depth > lineB.lanes[0]!.depth;
}

/** The line whose turn it is. */
function firstLine(bucket: Bucket): Line {
  const line = bucket.order.first();
  if (line === undefined) throw new RangeError("cannot take from a bucket: it is empty");
  return line;
}
