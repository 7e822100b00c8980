import { Distribution, workSeconds } from "@spanloom/metrics";
import type { FiringOutcomeName } from "../store/trigger-store.ts";

/** What the loops of schedules count since the server started; read by metrics. */
export class TriggerStats {
  /** Times of schedules that were dealt with by this server, by what became of them; of those missed their number. */
  readonly scheduleFirings: Record<FiringOutcomeName, number> = { submitted: 0, skipped: 0, missed: 0, failed: 0 };
  /** From when a time was to fire, jitter included, to when it did, in seconds. */
  readonly scheduleDelay = new Distribution(workSeconds);
  /** Passes over schedules, or of forgetting, that failed. */
  failures = 0;
}
