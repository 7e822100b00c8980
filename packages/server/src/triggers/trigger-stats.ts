import { Distribution, workSeconds } from "@spanloom/metrics";
import type { FiringOutcomeName } from "../store/trigger-store.ts";

/** What the loops of schedules and events count since the server started; read by metrics. */
export class TriggerStats {
  /** Times of schedules that were dealt with by this server, by what became of them; of those missed their number. */
  readonly scheduleFirings: Record<FiringOutcomeName, number> = { submitted: 0, skipped: 0, missed: 0, failed: 0 };
  /** From when a time was to fire, jitter included, to when it did, in seconds. */
  readonly scheduleDelay = new Distribution(workSeconds);
  /** What events fired at triggers, by what became of it. */
  readonly eventFirings: Record<FiringOutcomeName, number> = { submitted: 0, skipped: 0, missed: 0, failed: 0 };
  /** Events that were settled. */
  matchedEvents = 0;
  /** Events of which a trigger's filter or input could not be told. */
  matchErrors = 0;
  /** Evaluations that had to be ended. */
  runaways = 0;
  /** How long batches of events took to be matched, in seconds. */
  readonly matching = new Distribution(workSeconds);
  /** Passes over schedules or events, or of forgetting, that failed. */
  failures = 0;
}
