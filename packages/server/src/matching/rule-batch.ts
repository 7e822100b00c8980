import type { RuleBatch } from "../engine/trigger/match-batch.ts";

/** A trigger as far as matching needs it. Its expressions compile. */
export interface MatchTrigger {
  id: string;
  keyPattern: string;
  /** Empty: every event fulfils it. */
  filter: string;
  /** Empty: the payload as it is. */
  input: string;
}

/** An event as far as matching needs it. */
export interface MatchEvent {
  id: string;
  key: string;
  /** JSON; empty means null. */
  payload: Uint8Array;
  metadata: Readonly<Record<string, string>>;
  receivedAtUs: number;
  /** Id of the one trigger that may see it; empty: all. */
  onlyTrigger: string;
}

/** An event whose key some triggers with expressions take; events of one key share the array. */
export interface Candidate {
  event: number;
  triggers: readonly number[];
}

/** Puts candidates into columns. The payloads are copied: the columns move to another thread. */
export function toRuleBatch(
  triggers: readonly MatchTrigger[],
  events: readonly MatchEvent[],
  candidates: readonly Candidate[],
  maxInputBytes: number,
): RuleBatch {
  const tried = candidates.map(({ event }) => events[event]!);
  const classes = new Map<readonly number[], number>();
  const eventClasses = Uint32Array.from(candidates, ({ triggers }) => {
    const known = classes.get(triggers) ?? classes.size;
    classes.set(triggers, known);
    return known;
  });
  return {
    triggers: triggers.map(({ filter, input }) => ({ filter, input })),
    classes: [...classes.keys()],
    eventClasses,
    ids: tried.map(({ id }) => id),
    keys: tried.map(({ key }) => key),
    receivedAtUs: Float64Array.from(tried, ({ receivedAtUs }) => receivedAtUs),
    metadata: tried.map(({ metadata }) => (Object.keys(metadata).length === 0 ? "" : JSON.stringify(metadata))),
    ...joinPayloads(tried),
    maxInputBytes,
  };
}

function joinPayloads(events: readonly MatchEvent[]): Pick<RuleBatch, "payloads" | "payloadEnds"> {
  const payloads = new Uint8Array(events.reduce((sum, { payload }) => sum + payload.length, 0));
  let end = 0;
  const payloadEnds = Uint32Array.from(events, ({ payload }) => {
    payloads.set(payload, end);
    end += payload.length;
    return end;
  });
  return { payloads, payloadEnds };
}
