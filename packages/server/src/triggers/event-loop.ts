import { setImmediate as nextTurn } from "node:timers/promises";
import type { Limits } from "@spanloom/protocol";
import { type Clock, restAfter } from "../clock.ts";
import { eventFiring } from "../engine/trigger/event-firing.ts";
import type { EventMatch, EventMatcher } from "../matching/event-matcher.ts";
import type { Store } from "../store/store.ts";
import type { EventRecord, NewFiring, TriggerStore, UnmatchedEvents } from "../store/trigger-store.ts";
import { type LiveTrigger, LoadedTriggers } from "./loaded-triggers.ts";
import { pauseRunaway } from "./pause-runaway.ts";
import type { TriggerStats } from "./trigger-stats.ts";

/** What the loop of events needs. */
export interface EventLoopOptions {
  triggers: TriggerStore;
  store: Pick<Store, "on" | "peers">;
  matcher: Pick<EventMatcher, "match">;
  clock: Clock;
  limits: Limits;
  stats: TriggerStats;
  random: () => number;
  log: (line: string) => void;
}

/** An event at a trigger that took it, or could not tell. */
interface Taken extends Omit<EventMatch, "event" | "trigger"> {
  event: EventRecord;
  trigger: LiveTrigger;
}

/**
 * Matches events with triggers as they come, and submits jobs; without events it does nothing.
 *
 * I1. At most one pass runs at a time; it ends when no event is left.
 * I2. An event is matched with the triggers as they are once it was read: one that was made before the event was acknowledged
 *     sees it.
 * I3. Others are let in after every transaction.
 * I4. Each event is settled once: the store moves on only from where the batch was read. What another server settled first
 *     is dropped.
 * I5. A failed pass is tried again after a delay. Events that cannot be matched are tried in ever smaller batches, and one
 *     alone is recorded as failed at the triggers that its key matches: nothing holds up what comes after it.
 * I6. A trigger that has to be stopped in several batches in a row is paused: each time costs all others seconds.
 */
export class EventLoop {
  readonly #options: EventLoopOptions;
  readonly #loaded: LoadedTriggers;
  #subscriptions: (() => void)[] = [];
  #cancelTimer: (() => void) | undefined;
  #live: readonly LiveTrigger[] | undefined;
  /** How often triggers changed. */
  #changes = 0;
  /** Events wait, as far as is known. */
  #wanted = false;
  #running: Promise<void> | undefined;
  #limit = BATCH;
  /** In how many batches in a row triggers had to be stopped, by id and revision. */
  #runaways = new Map<string, number>();
  /** When a batch was matched last. */
  #matchedAtUs = 0;
  readonly #stopping = new AbortController();

  constructor(options: EventLoopOptions) {
    this.#options = options;
    this.#loaded = new LoadedTriggers(options);
  }

  /** Listens to the store and runs a first pass, for what was published before. Safe to call twice. */
  start(): void {
    if (this.#subscriptions.length > 0 || this.#stopped) return;
    const { triggers, store } = this.#options;
    this.#subscriptions = [
      triggers.onNews(({ definitions, events }) => {
        if (definitions?.includes("trigger")) this.#forget();
        if (events) this.#wake();
      }),
      store.on("missed", () => {
        this.#forget();
        this.#wake();
      }),
    ];
    this.#wake();
  }

  /** Ends the pass under way after its transaction. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#cancelTimer?.();
    await this.#running;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #forget(): void {
    this.#live = undefined;
    this.#changes++;
  }

  #wake(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    // A pass under way looks again; one that waits after a failure goes on waiting.
    if (this.#running || this.#cancelTimer) return;
    this.#running = this.#passes().finally(() => {
      this.#running = undefined;
      if (this.#wanted && !this.#cancelTimer) this.#wake();
    });
  }

  #wakeAfter(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelTimer = this.#options.clock.schedule(() => {
      this.#cancelTimer = undefined;
      this.#wake();
    }, delayMs);
  }

  async #passes(): Promise<void> {
    const { stats, log, random } = this.#options;
    try {
      while (this.#wanted && !this.#stopped && !this.#cancelTimer) {
        this.#wanted = false;
        const moved = await this.#pass();
        // Another server is at work on the same: it is left to it, unless it ends.
        if (!moved) this.#wakeAfter(random() * LOST_MS);
      }
    } catch (error) {
      if (this.#stopped) return;
      stats.failures++;
      log(`matching events failed, trying again in ${RETRY_MS} ms: ${error instanceof Error ? error.message : error}`);
      this.#wakeAfter(RETRY_MS);
    }
  }

  /** Matches until no event is left; false when another server was first. */
  async #pass(): Promise<boolean> {
    for (;;) {
      // After a failure fewer, else several batches: while one is settled the next is matched in its thread.
      const limit = this.#limit === BATCH ? BATCH * BATCHES : this.#limit;
      const { fromSeq, events } = await this.#options.triggers.unmatched(limit, MAX_BYTES);
      if (events.length === 0 || this.#stopped) return true;
      const live = await this.#liveTriggers();
      if (!(await this.#matchAndSettle(live, fromSeq, events))) return false;
      await nextTurn();
    }
  }

  /** Goes as far as events can be matched; false when another server was first. */
  async #matchAndSettle(
    live: readonly LiveTrigger[],
    fromSeq: number,
    events: readonly EventRecord[],
  ): Promise<boolean> {
    const batches = inBatches(events, this.#limit);
    const matching = batches.map((batch) => this.#match(live, batch));
    // Those after one that failed are not waited for.
    for (const matched of matching) matched.catch(() => {});
    let from = fromSeq;
    for (const [place, batch] of batches.entries()) {
      const taken = await matching[place];
      if (!taken || this.#stopped) return true;
      if (!(await this.#settle({ fromSeq: from, events: batch }, taken))) return false;
      await this.#pauseRunaways(taken);
      from = batch.at(-1)!.seq;
    }
    return true;
  }

  /** Asked for after events were read (I2). News of another server may come later than its events: there all are read. */
  async #liveTriggers(): Promise<readonly LiveTrigger[]> {
    if (this.#live && !this.#options.store.peers) return this.#live;
    const changes = this.#changes;
    const live = await this.#loaded.load();
    // News that came meanwhile is of a change that may not have been read.
    if (changes === this.#changes) this.#live = live;
    return live;
  }

  /** undefined: to be tried again with fewer events. */
  async #match(live: readonly LiveTrigger[], events: readonly EventRecord[]): Promise<Taken[] | undefined> {
    const { matcher, stats, log, clock } = this.#options;
    const askedUs = clock.nowUs();
    try {
      const matches = await matcher.match(live, events);
      this.#limit = BATCH;
      // Batches wait for each other.
      const beganUs = Math.max(askedUs, this.#matchedAtUs);
      this.#matchedAtUs = clock.nowUs();
      stats.matching.record((this.#matchedAtUs - beganUs) / 1e6);
      return matches.map(({ event, trigger, ...match }) => ({
        ...match,
        event: events[event]!,
        trigger: live[trigger]!,
      }));
    } catch (error) {
      if (this.#stopped) throw error;
      stats.failures++;
      const why = error instanceof Error ? error.message : String(error);
      log(`matching ${events.length} events from ${events[0]?.id} on failed: ${why}`);
      this.#limit = Math.max(1, Math.floor(events.length / 2));
      return events.length > 1 ? undefined : await this.#failOf(live, events[0]!, why);
    }
  }

  /** What is recorded of an event that the matcher cannot be given: that it failed, at all triggers that take its key. */
  async #failOf(live: readonly LiveTrigger[], event: EventRecord, error: string): Promise<Taken[]> {
    const byKey = live.map(({ id, keyPattern }) => ({ id, keyPattern, filter: "", input: "" }));
    const matches = await this.#options.matcher.match(byKey, [event]);
    return matches.map(({ trigger }) => ({ event, trigger: live[trigger]!, error }));
  }

  /** Records what a batch fired, in transactions of whole events; false when another server was first. */
  async #settle(batch: UnmatchedEvents, taken: readonly Taken[]): Promise<boolean> {
    const { triggers, stats, clock } = this.#options;
    let { fromSeq } = batch;
    for (const { toSeq, takings } of settlementsOf(batch.events, this.#told(taken))) {
      const firings = takings.map((each) => ({ triggerId: each.trigger.id, firing: this.#firingOf(each) }));
      const beganUs = clock.nowUs();
      const settled = await triggers.settle({ fromSeq, toSeq, firings });
      if (!settled) return false;
      for (const { outcome } of settled) stats.eventFirings[outcome]++;
      fromSeq = toSeq;
      await this.#rest(clock.nowUs() - beganUs);
      if (this.#stopped) return true;
    }
    stats.matchedEvents += batch.events.length;
    return true;
  }

  async #pauseRunaways(taken: readonly Taken[]): Promise<void> {
    const { triggers, log } = this.#options;
    const runaways = taken.filter(({ runaway }) => runaway);
    const stopped = new Map(runaways.map((each) => [`${each.trigger.id} ${each.trigger.revision}`, each]));
    this.#runaways = new Map([...stopped.keys()].map((key) => [key, (this.#runaways.get(key) ?? 0) + 1]));
    for (const [key, { trigger, event, error }] of stopped) {
      if (this.#runaways.get(key) !== MAX_RUNAWAYS) continue;
      const reason = `It had to be stopped in ${MAX_RUNAWAYS} batches of events in a row, last at event "${event.id}": ${error}`;
      if (await pauseRunaway(triggers, trigger, reason)) log(`trigger "${trigger.name}" is paused: ${reason}`);
    }
  }

  /** For half as long as work took that was done in this thread: with a database that several servers share it was not. */
  async #rest(tookUs: number): Promise<void> {
    const { clock, store } = this.#options;
    await restAfter(store.peers ? 0 : tookUs / 2, clock, this.#stopping.signal);
  }

  #firingOf({ trigger, ...taken }: Taken): NewFiring {
    const { clock, limits } = this.#options;
    return eventFiring(trigger, taken, { nowUs: clock.nowUs(), limits });
  }

  /** Of events that a trigger could not tell only some are recorded, of each batch: else they push out what it fired. */
  #told(taken: readonly Taken[]): Taken[] {
    const errors = new Map<string, number>();
    return taken.filter(({ trigger, error, runaway, event }) => {
      if (error === undefined) return true;
      const before = errors.get(trigger.id) ?? 0;
      errors.set(trigger.id, before + 1);
      this.#options.stats.matchErrors++;
      if (runaway) {
        this.#options.stats.runaways++;
        this.#options.log(`trigger "${trigger.name}" was stopped at event "${event.id}": ${error}`);
      }
      return before < MAX_ERRORS;
    });
  }
}

/** Events matched at once, some 30 ms with 100 triggers; batches read at once, and their payloads. */
const BATCH = 1_000;
const BATCHES = 4;
const MAX_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 1_000;
/** How long to wait at most when another server settled first. */
const LOST_MS = 200;
/** Batches in a row in which a trigger has to be stopped before it is paused. */
const MAX_RUNAWAYS = 3;
/** Errors of filters and inputs recorded of one trigger and batch. */
const MAX_ERRORS = 10;
/**
 * Jobs submitted by one transaction, unless one event alone fires more: others wait for it as long as it takes.
 *
 * 50,000 events that start a job each take 12 s by 250, 16 s by 100: a commit costs as much as some 200 jobs.
 */
const MAX_FIRINGS = 250;

function inBatches(events: readonly EventRecord[], size: number): EventRecord[][] {
  return Array.from({ length: Math.ceil(events.length / size) }, (_, at) => events.slice(at * size, (at + 1) * size));
}

function* settlementsOf(
  events: readonly EventRecord[],
  taken: readonly Taken[],
): Generator<{ toSeq: number; takings: readonly Taken[] }> {
  let start = 0;
  while (taken.length - start > MAX_FIRINGS) {
    // Never in the middle of an event: the cursor moves past it.
    let end = start + MAX_FIRINGS;
    while (end > start && taken[end - 1]!.event === taken[end]?.event) end--;
    if (end === start) while (taken[end]?.event === taken[start]!.event) end++;
    yield { toSeq: taken[end - 1]!.event.seq, takings: taken.slice(start, end) };
    start = end;
  }
  const lastSeq = events.at(-1)!.seq;
  if (start === 0 || start < taken.length || taken.at(-1)!.event.seq < lastSeq)
    yield { toSeq: lastSeq, takings: taken.slice(start) };
}
