import type { ReadPool } from "../read-pool.ts";
import { statement } from "../statement.ts";

/** Rows that somebody else is about to delete are passed over: whoever holds the store's lock never waits for this one in turn. */
const deleting = (table: string, seqs: string): string =>
  `DELETE FROM ${table} WHERE seq IN (SELECT seq FROM ${table} WHERE seq IN (${seqs}) FOR UPDATE SKIP LOCKED) RETURNING seq`;

const forgetEvents = statement(
  "forget_events",
  deleting(
    "event",
    `SELECT seq FROM event WHERE received_at < $1::bigint
     AND seq <= coalesce((SELECT value FROM meta WHERE key = 'matched_event'), 0) ORDER BY received_at LIMIT $2::integer`,
  ),
);
/** Of each definition those before the last that is kept. */
const forgetFirings = statement(
  "forget_firings",
  deleting(
    "firing",
    `SELECT f.seq FROM definition d CROSS JOIN LATERAL (
       SELECT seq FROM firing WHERE firing.source = d.id ORDER BY seq DESC OFFSET d.keep_firings LIMIT $1::integer
     ) f LIMIT $1::integer`,
  ),
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
