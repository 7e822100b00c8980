import type { Clock } from "../clock.ts";
import { type EncodedSpans, Outbox, type SpanBatch } from "./outbox.ts";

/** How long spans wait for a runner to fetch them. */
const KEEP_US = 600_000_000;

/** A runner that asks is taken for gone when it was silent for a lease, but not sooner or later than this. */
const SILENT_US = { least: 15_000_000, most: KEEP_US / 2 };

/** Most bytes that wait for runners. */
const MAX_BYTES = 64 * 1024 * 1024;

/** What outboxes work with. */
export interface OutboxesOptions {
  clock: Pick<Clock, "nowUs">;
  /** A first id that no other server's or earlier run's is near to. */
  firstId: bigint;
  /** How long a lease is: runners call three times in one. */
  leaseMs: number;
  log: (line: string) => void;
}

/** A runner's call. */
export interface AskingCall {
  runnerId: string;
  /** Queues it serves; undefined when the call does not say. */
  queues?: readonly string[] | undefined;
  /** Whether its exporters need to be told of tasks. */
  wantsTasks: boolean;
  /** Ids of batches that came. */
  received: readonly bigint[];
}

/** A runner that asks or did not long ago. */
interface Asker {
  heardUs: number;
  /** It is gone, as it said itself or the record tells. */
  hasLeft: boolean;
  /** A call of it was cut off, and none came since. */
  wasCutOff: boolean;
  /** Its exporters need to be told of tasks. */
  wantsTasks: boolean;
}

/**
 * What waits for the runners that ask, one outbox for each.
 *
 * I1. What is meant for a runner that is gone goes to another that asks and serves one of its queues; it waits for one
 *     until it is too old. What was handed out goes only when the runner can no longer say that it came: a call that is
 *     cut off does not tell what became of the answers before it.
 * I2. What waits is bounded in bytes and age; what is dropped is counted and told.
 */
export class Outboxes {
  readonly #options: OutboxesOptions;
  readonly #askers = new Map<string, Asker>();
  readonly #outboxes = new Map<string, Outbox>();
  #nextId: bigint;
  #bytes = 0;
  /** Spans dropped so far. */
  #dropped = 0;
  #told = false;

  constructor(options: OutboxesOptions) {
    this.#options = options;
    this.#nextId = options.firstId;
  }

  /** Whether any runner asks, or did not long ago. */
  get asked(): boolean {
    return this.#askers.size > 0;
  }

  /** Whether any of them needs to be told of tasks: what is for another may come to it. */
  get wantsTasks(): boolean {
    return [...this.#askers.values()].some(({ wantsTasks }) => wantsTasks);
  }

  /** Spans that were dropped because nobody fetched them, or for want of room. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Notes that a runner asks. */
  heard({ runnerId, queues, wantsTasks, received }: AskingCall): void {
    const heardUs = this.#options.clock.nowUs();
    this.#askers.set(runnerId, { heardUs, hasLeft: false, wasCutOff: false, wantsTasks });
    const outbox = this.#of(runnerId);
    if (queues) outbox.queues = new Set(queues);
    this.#forget(received.length === 0 ? [] : outbox.received(received));
  }

  /** The runner calls no more, it seems. */
  left(runnerId: string): void {
    const asker = this.#askers.get(runnerId);
    if (asker) asker.hasLeft = true;
  }

  /** A call of the runner was cut off: it stops, or is gone, or goes on with another. */
  cutOff(runnerId: string): void {
    const asker = this.#askers.get(runnerId);
    if (asker) asker.wasCutOff = true;
  }

  /** The runner lost an attempt then: it is gone, unless it was heard since. */
  lost(runnerId: string, atUs: number): void {
    const asker = this.#askers.get(runnerId);
    if (asker && asker.heardUs < atUs) asker.hasLeft = true;
  }

  /** Whether a runner asks, and is taken for alive. */
  isAlive(runnerId: string): boolean {
    return this.#maySay(runnerId) && this.#askers.get(runnerId)?.wasCutOff === false;
  }

  /** Whether a runner may still say that something came. */
  #maySay(runnerId: string): boolean {
    const asker = this.#askers.get(runnerId);
    const { clock, leaseMs } = this.#options;
    const silentUs = Math.min(Math.max(leaseMs * 1000, SILENT_US.least), SILENT_US.most);
    return asker !== undefined && !asker.hasLeft && asker.heardUs > clock.nowUs() - silentUs;
  }

  /** Whether a runner asks, or did not long ago. */
  asks(runnerId: string): boolean {
    return this.#askers.has(runnerId);
  }

  /** A runner alive that asks and serves a queue. */
  serving(queue: string): string | undefined {
    return this.#aliveServing(new Set([queue]));
  }

  /** Whether something waits to be handed to a runner. */
  isReady(runnerId: string): boolean {
    return this.#outboxes.get(runnerId)?.ready ?? false;
  }

  /** Adds spans for a runner. */
  add(runnerId: string, encoded: EncodedSpans): void {
    const madeAtUs = this.#options.clock.nowUs();
    this.#of(runnerId).add({ ...encoded, id: this.#nextId++, madeAtUs });
    this.#bytes += encoded.bytes;
    while (this.#bytes > MAX_BYTES && this.#dropOldest());
  }

  /** What was handed to a runner, and of which it did not say that it came, waits again. */
  takeBack(runnerId: string): void {
    this.#outboxes.get(runnerId)?.takeBack();
  }

  /** What an answer to a runner brings. */
  take(runnerId: string): readonly SpanBatch[] {
    return this.#outboxes.get(runnerId)?.take(this.#options.clock.nowUs()) ?? [];
  }

  /** Moves what is meant for runners that are gone, and drops what is too old (I1, I2). Gives who has something new. */
  settle(): ReadonlySet<string> {
    const tooOldUs = this.#options.clock.nowUs() - KEEP_US;
    const heirs = new Set<string>();
    for (const [runnerId, outbox] of this.#outboxes) {
      this.#drop(outbox.dropBefore(tooOldUs));
      if (this.isAlive(runnerId)) continue;
      if (!this.#maySay(runnerId)) outbox.takeBack();
      const heir = outbox.ready ? this.#aliveServing(outbox.queues) : undefined;
      if (heir !== undefined) {
        this.#of(heir).add(...outbox.takeWaiting());
        heirs.add(heir);
      }
      if (!outbox.empty || (this.#askers.get(runnerId)?.heardUs ?? 0) >= tooOldUs) continue;
      this.#outboxes.delete(runnerId);
      this.#askers.delete(runnerId);
    }
    return heirs;
  }

  #aliveServing(queues: ReadonlySet<string>): string | undefined {
    for (const [runnerId, outbox] of this.#outboxes) {
      if (this.isAlive(runnerId) && outbox.servesAny(queues)) return runnerId;
    }
    return undefined;
  }

  #of(runnerId: string): Outbox {
    const known = this.#outboxes.get(runnerId) ?? new Outbox();
    this.#outboxes.set(runnerId, known);
    return known;
  }

  #dropOldest(): boolean {
    const [oldest] = [...this.#outboxes.values()].filter(({ empty }) => !empty);
    const batch = oldest?.dropOldest();
    this.#drop(batch ? [batch] : []);
    return batch !== undefined;
  }

  #drop(batches: readonly SpanBatch[]): void {
    this.#forget(batches);
    this.#dropped += batches.reduce((sum, { spans }) => sum + spans, 0);
    if (batches.length === 0 || this.#told) return;
    this.#told = true;
    this.#options.log("spans of jobs and tasks for the exporters of runners are dropped: no runner fetches them");
  }

  #forget(batches: readonly SpanBatch[]): void {
    for (const { bytes } of batches) this.#bytes -= bytes;
  }
}
