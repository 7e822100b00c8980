import type { ReadPool } from "../read-pool.ts";
import { statement } from "../statement.ts";

const forgetEvents = statement(
  "forget_events",
  `DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE received_at < $1::bigint
     AND seq <= coalesce((SELECT value FROM meta WHERE key = 'matched_event'), 0) ORDER BY received_at LIMIT $2::integer)
   RETURNING seq`,
);
/** Of each definition those before the last that is kept; ids in order, so that two servers wait for each other at most. */
const forgetFirings = statement(
  "forget_firings",
  `DELETE FROM firing WHERE seq IN (SELECT f.seq FROM definition d CROSS JOIN LATERAL (
       SELECT seq FROM firing WHERE firing.source = d.id ORDER BY seq DESC OFFSET d.keep_firings LIMIT $1::integer
     ) f LIMIT $1::integer)
   RETURNING seq`,
);

/**
 * Forgets matched events received before a time, and firings beyond what each definition keeps.
 *
 * Beside the store's lock: nobody keeps either of them in mind from one transaction to the next, so whoever holds the lock
 * need not wait.
 */
export async function tidy(pool: ReadPool, eventsBeforeUs: number, limit: number): Promise<number> {
  const events = await pool.rows(forgetEvents, eventsBeforeUs, limit);
  const firings = await pool.rows(forgetFirings, limit);
  return events.length + firings.length;
}
