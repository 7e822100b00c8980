import type { RuleBatch, RuleMatches } from "../engine/trigger/match-batch.ts";

/** What the matching thread starts with. */
export interface MatchSettings {
  /** Shared memory of {@link PROGRESS_CELLS} integers, in which the thread notes where it is. */
  progress: Int32Array;
}

/** Cells of the progress: evaluations begun, the event and the trigger of the last one. */
export const PROGRESS_CELLS = 3;

/** Asks for a batch. One is asked for at a time. */
export type MatchRequest = RuleBatch;

/** Answers one. A defect is a matcher's, not an expression's. */
export type MatchReply = { matches: RuleMatches } | { defect: string };
