import { seededRandom } from "./seeded-random.ts";

/** Which runner is killed, and when. */
export interface KillPlan {
  /** Index of the runner. */
  victim: number;
  /** It dies once this share of the tasks has ended, 0.25..0.75. */
  share: number;
}

/** Draws a plan; the same seed gives the same plan. */
export function killPlan(seed: number, runners: number): KillPlan {
  const random = seededRandom(seed);
  return { victim: Math.floor(random() * runners), share: 0.25 + random() / 2 };
}
