import { type Clock, systemClock } from "../clock.ts";
import { keyIndex } from "../engine/trigger/key-pattern.ts";
import type { RuleMatches } from "../engine/trigger/match-batch.ts";
import { quote } from "../engine/version.ts";
import { MatchWorker } from "./match-worker.ts";
import { type Candidate, type MatchEvent, type MatchTrigger, toRuleBatch } from "./rule-batch.ts";

export type { MatchEvent, MatchTrigger };

/** An event that matched a trigger, or of which that cannot be told; both by their places. */
export interface EventMatch {
  event: number;
  trigger: number;
  /** JSON. Absent: the payload as it is. */
  input?: Uint8Array;
  /** Why it cannot be told, or no input be made. */
  error?: string;
  /** The trigger had to be stopped at this event; the rest of the batch's events were not tried with it. */
  runaway?: true;
}

/** Settings of an {@link EventMatcher}. */
export interface EventMatcherOptions {
  /** An input is no longer. */
  maxInputBytes: number;
  clock?: Clock;
}

/** An evaluation is ended after so many looks of 50 ms at the thread; twice as many when it is tried alone. */
const LOOKS = 10;

/** How often a batch may be ended without that its culprit is found: whoever was ended had done nothing wrong then. */
const MAX_FALSE_ALARMS = 5;

/** So many evaluations of a trigger are ended before the rest of a batch is not tried with it. */
const MAX_OFFENCES = 2;

/** An evaluation that had to be ended. */
interface Offence {
  event: number;
  why: string;
}

/**
 * Finds the triggers that events match: keys here, filters and mappings in a thread, which starts with the first of them.
 *
 * I1. One batch at a time, in the order in which they came.
 * I2. An evaluation that does not end, or uses up the thread's memory, is found and told; all others match as if it were
 *     not there. It is tried alone before it is told: an ended thread may have been starved by others.
 */
export class EventMatcher {
  readonly #maxInputBytes: number;
  readonly #worker: MatchWorker;
  #last: Promise<unknown> = Promise.resolve();
  #index: KeyedTriggers | undefined;
  #stopped = false;

  constructor({ maxInputBytes, clock = systemClock }: EventMatcherOptions) {
    this.#maxInputBytes = maxInputBytes;
    this.#worker = new MatchWorker(clock);
  }

  /**
   * Matches events with triggers.
   *
   * Shape: by event, then by trigger. Errors: Error when the thread cannot be started, or has a defect.
   * Concurrency: batches wait for each other. Pass the same array of triggers as long as they are the same.
   */
  match(triggers: readonly MatchTrigger[], events: readonly MatchEvent[]): Promise<readonly EventMatch[]> {
    const matched = this.#last.then(() => this.#match(triggers, events));
    // Whoever asked hears of its failure; who comes next need not.
    this.#last = matched.catch(() => {});
    return matched;
  }

  /** Ends the thread; what is being matched fails, as does what is asked for later. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #match(triggers: readonly MatchTrigger[], events: readonly MatchEvent[]): Promise<readonly EventMatch[]> {
    if (this.#index?.triggers !== triggers) this.#index = keyTriggers(triggers);
    const matches: EventMatch[] = [];
    const candidates: Candidate[] = [];
    for (const [event, { key, onlyTrigger }] of events.entries()) {
      const { plain, ruled } = this.#index.find(key, onlyTrigger);
      for (const trigger of plain) matches.push({ event, trigger });
      if (ruled.length > 0) candidates.push({ event, triggers: ruled });
    }
    if (candidates.length === 0) return matches;
    for (const match of await this.#evaluate(triggers, events, candidates)) matches.push(match);
    return matches.sort((a, b) => a.event - b.event || a.trigger - b.trigger);
  }

  async #evaluate(
    triggers: readonly MatchTrigger[],
    events: readonly MatchEvent[],
    candidates: readonly Candidate[],
  ): Promise<EventMatch[]> {
    const run = (tried: readonly Candidate[], looks: number): ReturnType<MatchWorker["run"]> => {
      if (this.#stopped) throw new Error("cannot match events: the matcher is stopped");
      return this.#worker.run(toRuleBatch(triggers, events, tried, this.#maxInputBytes), looks);
    };
    const offences = new Map<number, Offence[]>();
    const cleared = new Set<string>();
    for (let alarms = 0; alarms <= MAX_FALSE_ALARMS; ) {
      const tried = candidatesWithout(candidates, offences);
      const outcome = await run(tried, LOOKS);
      if ("matches" in outcome)
        return [...unpackMatches(outcome.matches, tried), ...toldOf(offences, candidates, events)];
      const { event } = tried[outcome.event]!;
      const alone = await run([{ event, triggers: [outcome.trigger] }], 2 * LOOKS);
      const pair = `${event} ${outcome.trigger}`;
      // One that is seen twice takes its time, if not for ever.
      const why = "why" in alone ? alone.why : cleared.has(pair) ? outcome.why : undefined;
      cleared.add(pair);
      if (why === undefined) alarms++;
      else offences.set(outcome.trigger, [...(offences.get(outcome.trigger) ?? []), { event, why }]);
    }
    throw new Error(`cannot match events: the matching thread was lost ${MAX_FALSE_ALARMS + 1} times`);
  }
}

/** Triggers by the keys they take: those that take whatever has the key, and those with a filter or mapping. */
interface KeyedTriggers {
  triggers: readonly MatchTrigger[];
  find: (key: string, onlyTrigger: string) => SplitTriggers;
}

interface SplitTriggers {
  plain: readonly number[];
  ruled: readonly number[];
}

function keyTriggers(triggers: readonly MatchTrigger[]): KeyedTriggers {
  const isPlain = (place: number): boolean => triggers[place]?.filter === "" && triggers[place].input === "";
  const split = (places: readonly number[]): SplitTriggers => ({
    plain: places.filter(isPlain),
    ruled: places.filter((place) => !isPlain(place)),
  });
  const byKey = keyIndex(triggers.map(({ keyPattern }) => keyPattern));
  // The index gives the same array for a key again, and so does this: events of a class share one.
  const known = new WeakMap<readonly number[], SplitTriggers>();
  return {
    triggers,
    find: (key, onlyTrigger) => {
      const places = byKey(key);
      if (onlyTrigger !== "") return split(places.filter((place) => triggers[place]?.id === onlyTrigger));
      const found = known.get(places) ?? split(places);
      known.set(places, found);
      return found;
    },
  };
}

/** What may still be tried: without what was ended, and without what follows where a trigger was ended too often. */
function candidatesWithout(
  candidates: readonly Candidate[],
  offences: ReadonlyMap<number, readonly Offence[]>,
): readonly Candidate[] {
  if (offences.size === 0) return candidates;
  return candidates.flatMap(({ event, triggers }) => {
    const left = triggers.filter((trigger) => !isBarred(offences.get(trigger), event));
    return left.length === 0 ? [] : [{ event, triggers: left.length === triggers.length ? triggers : left }];
  });
}

function isBarred(offences: readonly Offence[] | undefined, event: number): boolean {
  if (offences === undefined) return false;
  if (offences.some((offence) => offence.event === event)) return true;
  return offences.length >= MAX_OFFENCES && event > Math.max(...offences.map((offence) => offence.event));
}

function toldOf(
  offences: ReadonlyMap<number, readonly Offence[]>,
  candidates: readonly Candidate[],
  events: readonly MatchEvent[],
): EventMatch[] {
  return candidates.flatMap(({ event, triggers }) =>
    triggers.flatMap((trigger): EventMatch[] => {
      const ended = offences.get(trigger);
      if (ended === undefined || !isBarred(ended, event)) return [];
      const here = ended.find((offence) => offence.event === event);
      if (here) return [{ event, trigger, error: `cannot match event: ${here.why}`, runaway: true }];
      const ids = ended.map((offence) => quote(events[offence.event]?.id ?? "")).join(" and ");
      return [{ event, trigger, error: `cannot match event: not tried, as the trigger had to be stopped at ${ids}` }];
    }),
  );
}

function unpackMatches(packed: RuleMatches, tried: readonly Candidate[]): EventMatch[] {
  const { inputs, inputEnds, errors } = packed;
  return Array.from(packed.events, (place, index) => {
    const start = index === 0 ? 0 : inputEnds[index - 1]!;
    const end = inputEnds[index]!;
    const error = errors.get(index);
    return {
      event: tried[place]!.event,
      trigger: packed.triggers[index]!,
      ...(end > start && { input: inputs.subarray(start, end) }),
      ...(error !== undefined && { error }),
    };
  });
}
