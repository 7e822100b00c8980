import { Admission, type Gate } from "./admission.ts";
import { type Lane, ReadyLine, type ReadyRun, type TakenRun } from "./ready-line.ts";
import { type Turn, TurnOrder } from "./turn-order.ts";
import { Turnstile } from "./turnstile.ts";

export type { ReadyRun, TakenRun } from "./ready-line.ts";

/**
 * Which queued task is leased next. Pure and in memory; rebuilt from the record when a server starts.
 *
 * I1. A task is offered only to runners that serve its queue and match its identifier; others cost nothing to pass over.
 * I2. Higher priority first; within a priority jobs take turns, the least recently served first, so that one giant job
 *     cannot starve others; within a job deeper tasks first, so that few branches are open at a time; then creation order.
 * I3. Cost follows runs of consecutive tasks, not tasks: 10,000 equal children are one entry.
 * I4. A task whose gate is closed, or whose job is held, is never taken, and keeps no other from being taken.
 * I5. While a gate is open, a line that waits for it stands in turn, if there is any in its bucket: the one least recently
 *     served. When its job is served by another line meanwhile, the next one that waits stands, too.
 *
 * A task is named by its row number; the tasks of one group have consecutive numbers.
 *
 * Source: design protocol 4, Matching.
 */

/** Where a task may run, how urgent it is, and what it must pass before it starts. */
export interface ReadySpec {
  queue: string;
  name: string;
  major: number;
  minor: number;
  priority: number;
  gate?: Gate | undefined;
}

/** What a runner can execute. */
export interface ReadyMatch {
  queues: readonly string[];
  identifiers: readonly { name: string; major: number; minor: number }[];
  /** Identifiers to pass over although they match, as `name@major.minor` of the task. */
  refused?: ReadonlySet<string> | undefined;
}

/** The backlog of a queue. */
export interface ReadyStats {
  queued: number;
  /** Those that their gate or their job's keeps from being taken. */
  throttled: number;
  oldestQueuedAtUs: number | undefined;
}

/** A job's place in turn, shared by all its lines. */
interface JobTurn extends Turn {
  lines: Set<Line>;
  /** Whether the job waits for its own place: its lines stand in no order. */
  held: boolean;
}

class Line extends ReadyLine<JobTurn> {
  readonly bucket: Bucket;
  readonly turnstile: Turnstile<Line> | undefined;

  /** Whether its gate was found closed. */
  isAside = false;
  /** Whether it has more tasks than are here. */
  isPartial = false;

  constructor(job: number, turn: JobTurn, place: Pick<Line, "bucket" | "turnstile">) {
    super(job, turn);
    this.bucket = place.bucket;
    this.turnstile = place.turnstile;
  }
}

/** Tasks that the same runners may run, at one priority. */
interface Bucket {
  spec: ReadySpec;
  lines: Map<number | string, Line>;
  /** Lines that may be taken from, in turn. Not the Map's order: its first entry costs a walk over those deleted before. */
  order: TurnOrder<Line>;
  /** By gate id. */
  turnstiles: Map<string, Turnstile<Line>>;
  size: number;
  /** Up to which turn all its lines are here. */
  horizon: number;
}

/** The queue of ready tasks. */
export class ReadyQueue {
  /** Keys and windows; attempts that end are to be told to it. */
  readonly admission = new Admission();
  readonly #reopened: (queue: string, tasks: number) => void;
  readonly #queues = new Map<string, Map<string, Bucket[]>>();
  readonly #turns = new Map<number, JobTurn>();
  readonly #held = new Set<number>();
  #clock = 0;
  #nowUs = 0;

  /** `reopened` hears of tasks that may be taken again, about how many and in which queue. */
  constructor(reopened: (queue: string, tasks: number) => void = () => undefined) {
    this.#reopened = reopened;
  }

  /** Adds tasks. */
  add(spec: ReadySpec, run: ReadyRun): void {
    const bucket = this.#bucketFor(spec);
    const line = bucket.lines.get(lineKey(run.job, spec.gate)) ?? this.#newLine(bucket, run.job, spec.gate);
    const count = run.to - run.from + 1;
    line.append(run);
    line.turnstile?.count(count);
    bucket.size += count;
  }

  /** Takes up to `limit` tasks for a runner, best first but for consecutive ones, which come as one run. */
  take(match: ReadyMatch, limit: number, nowUs: number): TakenRun[] {
    // A clock that was set back left its windows, too. Gates open only now, and not while tasks are taken.
    if (nowUs < this.#nowUs || nowUs >= this.admission.turnsAtUs) this.turnWindows(nowUs);
    this.#nowUs = nowUs;
    const buckets = this.#candidates(match);
    const partial = buckets.filter(isPartial);
    const taken: TakenRun[] = [];
    const lastOfLane = new Map<Lane, TakenRun>();
    let left = limit;
    while (left > 0) {
      const line = this.#best(buckets);
      if (line === undefined || isBeyond(line, partial)) break;
      const { bucket } = line;
      const alone = bucket.lines.size === 1 && buckets.length === 1 && partial.length === 0;
      const { lane, from, to } = line.shift(alone ? Math.min(left, line.turnstile?.room(nowUs) ?? left) : 1);
      const last = lastOfLane.get(lane);
      if (last !== undefined && last.to + 1 === from) last.to = to;
      else {
        const entry = { from, to };
        taken.push(entry);
        lastOfLane.set(lane, entry);
      }
      left -= to - from + 1;
      const isCut = line.isEmpty && line.isPartial;
      if (isCut) bucket.horizon = Math.min(bucket.horizon, this.#clock);
      this.#consumed(line, to - from + 1);
      if (isCut && !partial.includes(bucket)) partial.push(bucket);
    }
    return taken;
  }

  /**
   * Says that more jobs than are here have tasks of those specs, and where more tasks stand than are here. Nothing is taken
   * then that comes after what is not here. To be called once what is here was added.
   */
  endHere(specs: Iterable<ReadySpec>, lines: Iterable<{ spec: ReadySpec; job: number }>): void {
    for (const spec of specs) {
      const bucket = this.#bucketFor(spec);
      bucket.horizon = 0;
      for (const { turn } of bucket.lines.values()) bucket.horizon = Math.max(bucket.horizon, turn.at);
    }
    for (const { spec, job } of lines) this.#bucketFor(spec).lines.get(lineKey(job, spec.gate))!.isPartial = true;
  }

  /** Forgets all tasks of a job, and that it is held. */
  removeJob(job: number): void {
    this.#held.delete(job);
    const turn = this.#turns.get(job);
    if (turn === undefined) return;
    for (const line of [...turn.lines]) {
      const count = line.count();
      line.bucket.size -= count;
      line.turnstile?.count(-count);
      this.#withdraw(line);
    }
  }

  /** Forgets those of the tasks `from`..`to` that are ready, of one job, depth and spec. */
  remove(spec: ReadySpec, { job, depth, from, to }: Omit<ReadyRun, "queuedAtUs">): void {
    const bucket = this.#queues
      .get(spec.queue)
      ?.get(spec.name)
      ?.find((one) => isSameSpec(one.spec, spec));
    const line = bucket?.lines.get(lineKey(job, spec.gate));
    if (bucket === undefined || line === undefined) return;
    const count = line.cut(depth, { from, to });
    bucket.size -= count;
    line.turnstile?.count(-count);
    if (line.isEmpty) this.#withdraw(line);
  }

  /** Keeps a job's tasks from being taken until it is let in. To be called before it has any. */
  hold(job: number): void {
    this.#held.add(job);
  }

  /** Lets a held job's tasks be taken. */
  letIn(job: number): void {
    if (!this.#held.delete(job)) return;
    const turn = this.#turns.get(job);
    if (turn === undefined) return;
    turn.held = false;
    for (const line of turn.lines) {
      line.bucket.order.add(line);
      this.#reopened(line.bucket.spec.queue, line.count());
    }
  }

  /** Puts back what waited for windows that are over. */
  turnWindows(nowUs: number): void {
    this.#nowUs = nowUs;
    this.admission.turnWindows(nowUs);
  }

  /** Forgets everything. */
  clear(): void {
    this.#queues.clear();
    this.#turns.clear();
    this.#held.clear();
    this.admission.clear();
  }

  /** How many tasks are ready in a queue, and since when the oldest is. */
  stats(queue: string, nowUs: number): ReadyStats {
    const stats = { queued: 0, throttled: 0 };
    let oldest = Number.POSITIVE_INFINITY;
    for (const buckets of this.#queues.get(queue)?.values() ?? []) {
      for (const bucket of buckets) {
        stats.queued += bucket.size;
        stats.throttled += throttledIn(bucket, nowUs);
        for (const line of bucket.lines.values()) oldest = Math.min(oldest, line.oldestQueuedAtUs);
      }
    }
    return { ...stats, oldestQueuedAtUs: stats.queued === 0 ? undefined : oldest };
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
    const order = new TurnOrder<Line>(({ turnstile }) => turnstile?.gateMayOpen(this.#nowUs));
    const bucket: Bucket = {
      spec,
      lines: new Map(),
      order,
      turnstiles: new Map(),
      size: 0,
      horizon: Number.POSITIVE_INFINITY,
    };
    buckets.push(bucket);
    return bucket;
  }

  #newLine(bucket: Bucket, job: number, gate: Gate | undefined): Line {
    const turn = this.#turns.get(job) ?? { at: ++this.#clock, lines: new Set(), held: this.#held.has(job) };
    this.#turns.set(job, turn);
    const line = new Line(job, turn, { bucket, turnstile: gate && this.#turnstile(bucket, gate) });
    turn.lines.add(line);
    bucket.lines.set(lineKey(job, gate), line);
    if (!turn.held) bucket.order.add(line);
    return line;
  }

  #turnstile(bucket: Bucket, gate: Gate): Turnstile<Line> {
    const known = bucket.turnstiles.get(gate.id);
    if (known !== undefined) return known;
    const turnstile = new Turnstile<Line>(gate, this.admission, (line, tasks) => {
      line.isAside = false;
      bucket.order.add(line);
      this.#reopened(bucket.spec.queue, tasks);
    });
    bucket.turnstiles.set(gate.id, turnstile);
    return turnstile;
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

  /** The line of a bucket whose turn it is, of those that may go (I4); those that may not are set aside. */
  #first({ order }: Bucket): Line | undefined {
    for (;;) {
      const line = order.first();
      if (line === undefined || isOpen(line, this.#nowUs)) return line && deepest(line, this.#nowUs);
      order.removeFirst();
      line.isAside = true;
      line.turnstile!.setAside(line, this.#nowUs);
    }
  }

  /** The line to serve next: highest priority, then the job least recently served, then the deepest task. */
  #best(buckets: Bucket[]): Line | undefined {
    let winner: Line | undefined;
    for (let i = buckets.length - 1; i >= 0; i--) {
      const line = this.#first(buckets[i]!);
      // Used up, or what is left may not go before a gate opens.
      if (line === undefined) buckets.splice(i, 1);
      else if (winner === undefined || !isBetter(winner, line)) winner = line;
    }
    return winner;
  }

  #consumed(line: Line, count: number): void {
    line.bucket.size -= count;
    line.turn.at = ++this.#clock;
    line.turnstile?.start(count, this.#nowUs);
    if (line.isEmpty) this.#removeLine(line);
  }

  /** Removes a line that was not served: another may have waited for its turn (I5). */
  #withdraw(line: Line): void {
    this.#removeLine(line);
    line.turnstile?.gateMayOpen(this.#nowUs);
  }

  #removeLine(line: Line): void {
    const { bucket, turn, turnstile, job } = line;
    line.gone = true;
    bucket.lines.delete(lineKey(job, turnstile?.gate));
    turn.lines.delete(line);
    if (turn.lines.size === 0) this.#turns.delete(job);
    if (turnstile?.tasks === 0) bucket.turnstiles.delete(turnstile.gate.id);
    if (bucket.size === 0 && !isPartial(bucket)) this.#drop(bucket);
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

/** How many tasks of a bucket may not be taken now: those of held jobs, and of the others those their gates have no room for. */
function throttledIn({ lines, turnstiles }: Bucket, nowUs: number): number {
  let throttled = 0;
  const held = new Map<Turnstile<Line> | undefined, number>();
  for (const line of lines.values()) {
    if (!line.turn.held) continue;
    const count = line.count();
    throttled += count;
    held.set(line.turnstile, (held.get(line.turnstile) ?? 0) + count);
  }
  for (const turnstile of turnstiles.values()) {
    throttled += Math.max(0, turnstile.tasks - (held.get(turnstile) ?? 0) - turnstile.room(nowUs));
  }
  return throttled;
}

function isPartial({ horizon }: Bucket): boolean {
  return horizon < Number.POSITIVE_INFINITY;
}

/** Whether a line may come after one that is not here. */
function isBeyond({ bucket, turn }: Line, partial: readonly Bucket[]): boolean {
  const { priority } = bucket.spec;
  return partial.some(
    ({ spec, horizon }) => spec.priority > priority || (spec.priority === priority && turn.at > horizon),
  );
}

function isOpen({ turnstile }: Line, nowUs: number): boolean {
  return turnstile === undefined || turnstile.room(nowUs) > 0;
}

/** Of the lines of one job in one bucket, which differ in their gate and share their turn, the one with the deepest task. */
function deepest(line: Line, nowUs: number): Line {
  let winner = line;
  for (const other of line.turn.lines) {
    if (other.bucket !== line.bucket || other.isAside || other.depth <= winner.depth) continue;
    if (isOpen(other, nowUs)) winner = other;
  }
  return winner;
}

/** Names a line within its bucket. */
function lineKey(job: number, gate: Gate | undefined): number | string {
  return gate === undefined ? job : `${job} ${gate.id}`;
}

/** Whether tasks of two specs of one queue and name belong in one bucket. */
function isSameSpec(a: ReadySpec, b: ReadySpec): boolean {
  return a.major === b.major && a.minor === b.minor && a.priority === b.priority;
}

function isBetter(a: Line, b: Line): boolean {
  if (a.bucket.spec.priority !== b.bucket.spec.priority) return a.bucket.spec.priority > b.bucket.spec.priority;
  if (a.turn.at !== b.turn.at) return a.turn.at < b.turn.at;
  return a.depth > b.depth;
}
