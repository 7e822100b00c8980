import type { FiringOutcomeName, FiringQuery, FiringRecord } from "../../store.ts";
import type { Control } from "../control.ts";
import type { Database, SqlRow, SqlValue } from "../database.ts";

/** What {@link toFiring} needs of a firing `f` and its definition `d`, in this order. */
export const firingColumns =
  "f.seq, f.id, d.id, f.outcome, f.scheduled_at, f.fired_at, f.requested, f.count, f.job, f.event, f.error";

/** A row as a record. */
export function toFiring(row: SqlRow): FiringRecord {
  const [seq, id, sourceId, outcome, scheduledAt, firedAt, requested, count, job, event, error] = row;
  return {
    seq: seq as number,
    id: id as string,
    sourceId: sourceId as string,
    outcome: outcome as FiringOutcomeName,
    scheduledAtUs: scheduledAt as number,
    firedAtUs: firedAt as number,
    jobId: (job as string | null) ?? "",
    eventId: (event as string | null) ?? "",
    error: (error as string | null) ?? "",
    requested: requested === 1,
    count: count as number,
  };
}

/** Writes a firing of a definition. */
export function insertFiring(control: Control, source: number, firing: FiringRecord): void {
  control.db.run(
    `INSERT INTO firing (seq, id, source, outcome, scheduled_at, fired_at, requested, count, job, event, error)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    firing.seq,
    firing.id,
    source,
    firing.outcome,
    firing.scheduledAtUs,
    firing.firedAtUs,
    firing.requested ? 1 : 0,
    firing.count,
    firing.jobId || null,
    firing.eventId || null,
    firing.error || null,
  );
  control.triggers.untidied.add(source);
}

/** Firings by id; unknown ids are left out. */
export function findFirings(db: Database, ids: readonly string[]): Map<string, FiringRecord> {
  const rows = db.rows(
    `SELECT ${firingColumns} FROM json_each(?) wanted CROSS JOIN firing f ON f.id = wanted.value
     CROSS JOIN definition d ON d.seq = f.source`,
    JSON.stringify(ids),
  );
  return new Map(rows.map(toFiring).map((firing) => [firing.id, firing]));
}

/** Firings, newest first. */
export function listFirings(
  control: Control,
  { sourceId, eventId, outcomes = [] }: FiringQuery,
  page: { limit: number; after?: number },
): FiringRecord[] {
  const where: string[] = [];
  const values: SqlValue[] = [];
  const add = (condition: string, value: SqlValue) => {
    where.push(condition);
    values.push(value);
  };
  // The column with the plus sign is looked at, not walked: of one event there are fewer firings than of one trigger.
  const source = eventId === undefined ? "f.source" : "+f.source";
  if (eventId !== undefined) add("f.event = ?", eventId);
  if (sourceId !== undefined) add(`${source} = (SELECT seq FROM definition WHERE id = ?)`, sourceId);
  if (outcomes.length > 0) add("f.outcome IN (SELECT value FROM json_each(?))", JSON.stringify(outcomes));
  add("f.seq < ?", page.after ?? Number.MAX_SAFE_INTEGER);
  const sql = `SELECT ${firingColumns} FROM firing f CROSS JOIN definition d ON d.seq = f.source
    WHERE ${where.join(" AND ")} ORDER BY f.seq DESC LIMIT ?`;
  return control.db.rows(sql, ...values, page.limit).map(toFiring);
}

/** Definitions looked at for firings to forget in one transaction. */
const MAX_SOURCES = 1_000;

/** Forgets at most `limit` firings beyond what their definitions keep, the oldest first; answers how many. */
export function forgetFirings({ db, triggers }: Control, limit: number): number {
  let forgotten = 0;
  let looked = 0;
  for (const source of triggers.untidied) {
    if (looked++ >= MAX_SOURCES || forgotten >= limit) break;
    const kept = (db.row("SELECT keep_firings FROM definition WHERE seq = ?", source)?.[0] ?? 0) as number;
    const sql = "SELECT seq FROM firing WHERE source = ? ORDER BY seq DESC LIMIT 1 OFFSET ?";
    const last = db.row(sql, source, kept)?.[0];
    const deleted = last === undefined ? 0 : deleteOldest(db, [source, last, limit - forgotten]);
    forgotten += deleted;
    if (forgotten < limit) triggers.untidied.delete(source);
  }
  return forgotten;
}

function deleteOldest(db: Database, values: SqlValue[]): number {
  const sql = "SELECT seq FROM firing WHERE source = ? AND seq <= ? ORDER BY seq LIMIT ?";
  return db.run(`DELETE FROM firing WHERE seq IN (${sql})`, ...values);
}
