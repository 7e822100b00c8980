import { compileFilter, compileMapping, type EventFilter, type EventMapping } from "./event-filter.ts";
import { TriggerEvent } from "./trigger-event.ts";

/** What is evaluated for a trigger whose key matched. */
export interface Rules {
  /** Empty: every event fulfils it. */
  filter: string;
  /** Empty: the payload as it is. */
  input: string;
}

/**
 * Events, and the triggers whose keys they match, column by column: nothing is copied event by event on the way to another
 * thread.
 */
export interface RuleBatch {
  triggers: readonly Rules[];
  /** Places of the triggers that the events of a class are for. */
  classes: readonly (readonly number[])[];
  /** Class of each event. */
  eventClasses: Uint32Array;
  ids: readonly string[];
  keys: readonly string[];
  receivedAtUs: Float64Array;
  /** Metadata of each event as JSON; empty text means none. */
  metadata: readonly string[];
  /** All payloads, one after the other, and where each ends. */
  payloads: Uint8Array;
  payloadEnds: Uint32Array;
  /** An input is no longer. */
  maxInputBytes: number;
}

/** What matched, by event and then by trigger. */
export interface RuleMatches {
  events: Uint32Array;
  triggers: Uint32Array;
  /** Inputs, one after the other, and where each ends; one that is empty is the payload as it is. */
  inputs: Uint8Array;
  inputEnds: Uint32Array;
  /** Why a match is none after all, by its place. */
  errors: ReadonlyMap<number, string>;
}

/** Hears which evaluation is about to begin, so that whoever must end it from outside knows which one it was. */
export type OnEvaluation = (event: number, trigger: number) => void;

/** CPU time that a trigger may take of a batch: a second, and for each event that of some 500 comparisons. */
const BUDGET_US = 1_000_000;
const BUDGET_US_PER_EVENT = 200;

/**
 * So many events, of so much payload, are parsed at a time: enough for the clock to be read seldom, and few enough for
 * memory, of which parsed JSON takes up to thirty times its length.
 */
const CHUNK_EVENTS = 512;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Evaluates the filters and mappings of a batch. That an expression fails is a result; one that does not end is not ended
 * here.
 *
 * `cpuUs` tells the thread's CPU time in microseconds.
 */
export function matchBatch(batch: RuleBatch, cpuUs: () => number, onEvaluation: OnEvaluation): RuleMatches {
  const found: Found[] = [];
  const runs = batch.triggers.map((rules) => new TriggerRun(rules, batch.maxInputBytes));
  for (let start = 0, end = 0; start < batch.ids.length; start = end) {
    end = chunkEnd(batch, start);
    const events = new Map<number, TriggerEvent>();
    for (const [trigger, places] of eventsByTrigger(batch, start, end)) {
      const run = runs[trigger]!;
      const beganUs = cpuUs();
      for (const event of places) {
        onEvaluation(event, trigger);
        const match = run.evaluate(eventOf(batch, events, event));
        if (match) found.push({ event, trigger, ...match });
      }
      run.charge(places.length, cpuUs() - beganUs);
    }
  }
  return packMatches(found);
}

/** Of one evaluation that matched, or could not tell. */
interface Match {
  /** Absent: the payload as it is. */
  input?: Uint8Array;
  error?: string;
}

interface Found extends Match {
  event: number;
  trigger: number;
}

/** A trigger's part in a batch, and what it took so far. */
class TriggerRun {
  readonly #maxInputBytes: number;
  #filter: EventFilter | undefined;
  #mapping: EventMapping | undefined;
  /** Why nothing is evaluated any more. */
  #stopped: string | undefined;
  #events = 0;
  #spentUs = 0;

  constructor({ filter, input }: Rules, maxInputBytes: number) {
    this.#maxInputBytes = maxInputBytes;
    try {
      this.#filter = filter === "" ? undefined : compileFilter(filter);
      this.#mapping = input === "" ? undefined : compileMapping(input);
    } catch (error) {
      // Every event of the trigger tells it.
      this.#stopped = messageOf(error);
    }
  }

  evaluate(event: TriggerEvent): Match | undefined {
    if (this.#stopped !== undefined) return { error: this.#stopped };
    try {
      if (this.#filter?.(event) === false) return undefined;
      return this.#mapping === undefined ? {} : { input: this.#mapping(event, this.#maxInputBytes) };
    } catch (error) {
      // Whatever an expression fails of, it is told as the result for this event.
      return { error: `cannot match event: ${messageOf(error)}` };
    }
  }

  /** Counts what evaluations took, and stops them when that is too much. */
  charge(events: number, us: number): void {
    this.#events += events;
    this.#spentUs += us;
    if (this.#spentUs <= BUDGET_US + BUDGET_US_PER_EVENT * this.#events) return;
    const spentMs = Math.round(this.#spentUs / 1000);
    this.#stopped ??= `cannot match event: filter and input took ${spentMs} ms for ${this.#events} events before it`;
  }
}

function chunkEnd({ ids, payloadEnds }: RuleBatch, start: number): number {
  const last = Math.min(start + CHUNK_EVENTS, ids.length);
  const maxEnd = (start === 0 ? 0 : payloadEnds[start - 1]!) + CHUNK_BYTES;
  let end = start + 1;
  while (end < last && payloadEnds[end]! <= maxEnd) end++;
  return end;
}

/** The triggers of the events from `start` to before `end`, each with its events. */
function eventsByTrigger(batch: RuleBatch, start: number, end: number): Map<number, number[]> {
  const byTrigger = new Map<number, number[]>();
  for (let event = start; event < end; event++) {
    for (const trigger of batch.classes[batch.eventClasses[event]!]!) {
      const events = byTrigger.get(trigger);
      if (events) events.push(event);
      else byTrigger.set(trigger, [event]);
    }
  }
  return byTrigger;
}

function eventOf(batch: RuleBatch, events: Map<number, TriggerEvent>, place: number): TriggerEvent {
  const known = events.get(place);
  if (known) return known;
  const { ids, keys, receivedAtUs, metadata, payloads, payloadEnds } = batch;
  const event = new TriggerEvent({
    id: ids[place]!,
    key: keys[place]!,
    receivedAtUs: receivedAtUs[place]!,
    metadata: metadata[place] ? JSON.parse(metadata[place]) : {},
    payloadText: () => textBetween(payloads, place === 0 ? 0 : payloadEnds[place - 1]!, payloadEnds[place]!),
  });
  events.set(place, event);
  return event;
}

function textBetween(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8", start, end);
}

function packMatches(found: Found[]): RuleMatches {
  found.sort((a, b) => a.event - b.event || a.trigger - b.trigger);
  const inputs = new Uint8Array(found.reduce((sum, { input }) => sum + (input?.length ?? 0), 0));
  const inputEnds = new Uint32Array(found.length);
  const errors = new Map<number, string>();
  let end = 0;
  for (const [place, { input, error }] of found.entries()) {
    if (input) inputs.set(input, end);
    end += input?.length ?? 0;
    inputEnds[place] = end;
    if (error !== undefined) errors.set(place, error);
  }
  return {
    events: Uint32Array.from(found, ({ event }) => event),
    triggers: Uint32Array.from(found, ({ trigger }) => trigger),
    inputs,
    inputEnds,
    errors,
  };
}

/** Errors of expressions have a summary, and a message of several lines that shows the source. */
function messageOf(error: unknown): string {
  const { summary, message } = error as { summary?: string; message?: string };
  const text = summary ?? message ?? String(error);
  // It may quote what the event brought.
  return text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}...` : text;
}

const MAX_MESSAGE_LENGTH = 500;
