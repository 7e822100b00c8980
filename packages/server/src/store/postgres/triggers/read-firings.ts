import type { FiringQuery, FiringRecord } from "../../trigger-store.ts";
import { knownUuids } from "../known-uuids.ts";
import type { ReadPool } from "../read-pool.ts";
import { statement } from "../statement.ts";
import { outcomeCodes } from "./trigger-codes.ts";

/** Columns of a firing `f`, in the order that {@link toFiring} reads. */
export const firingColumns =
  "f.seq, f.id, f.source, f.outcome, f.scheduled_at, f.fired_at, f.job, f.event, f.error, f.requested, f.count";

/** How many columns those are. */
export const FIRING_COLUMNS = 11;

/** A row of {@link firingColumns}. */
export function toFiring(row: readonly unknown[]): FiringRecord {
  const [seq, id, source, outcome, scheduledAt, firedAt, job, event, error, requested, count] = row;
  return {
    seq: seq as number,
    id: id as string,
    sourceId: source as string,
    outcome: outcomeCodes.decode(outcome),
    scheduledAtUs: scheduledAt as number,
    firedAtUs: firedAt as number,
    jobId: (job as string | null) ?? "",
    eventId: (event as string | null) ?? "",
    error: (error as string | null) ?? "",
    requested: requested as boolean,
    count: count as number,
  };
}

const pageOfFirings = statement(
  "page_of_firings",
  `SELECT ${firingColumns} FROM firing f WHERE ($1::uuid IS NULL OR source = $1) AND ($2::text IS NULL OR event = $2)
     AND ($3::smallint[] IS NULL OR outcome = ANY($3)) AND ($4::bigint IS NULL OR seq < $4) ORDER BY seq DESC LIMIT $5`,
  { prepared: false },
);

/** Firings that fulfil all conditions, newest first. */
export async function listFirings(
  pool: ReadPool,
  query: FiringQuery,
  page: { limit: number; after?: number },
): Promise<readonly FiringRecord[]> {
  const { sourceId, eventId, outcomes } = query;
  const [source] = sourceId === undefined ? [null] : knownUuids([sourceId]);
  if (source === undefined) return [];
  const codes =
    outcomes === undefined || outcomes.length === 0 ? null : outcomes.map((name) => outcomeCodes.encode(name));
  const rows = await pool.rows(pageOfFirings, source, eventId ?? null, codes, page.after ?? null, page.limit);
  return rows.map(toFiring);
}
