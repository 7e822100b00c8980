import { optionalNumber } from "../../cells.ts";
import type { DefinitionKind, DefinitionQuery, DefinitionRecord, NewDefinition } from "../../store.ts";
import type { Control } from "../control.ts";
import type { SqlRow, SqlValue } from "../database.ts";
import { firingColumns, toFiring } from "./firings.ts";
import { prefixEnd } from "./prefix-end.ts";

const columns = `d.id, d.kind, d.name, d.paused, d.pause_reason, d.next_at, d.last_at, d.wants_job_events, d.keep_firings,
  d.revision, d.created_at, d.updated_at, d.error, d.error_at, d.body`;

/** Definitions `d` with their latest firings. */
const select = (index = "") =>
  `SELECT ${columns}, ${firingColumns} FROM definition d ${index}
   LEFT JOIN firing f ON f.seq = (SELECT max(seq) FROM firing WHERE source = d.seq)`;

/** One by name. */
export function getDefinition(control: Control, kind: DefinitionKind, name: string): DefinitionRecord | undefined {
  const row = control.db.row(`${select()} WHERE d.kind = ? AND d.name = ?`, kind, name);
  return row && toDefinition(row);
}

/** By name, `after` being the last name of the page before. */
export function listDefinitions(
  control: Control,
  { kind, namePrefix = "", paused }: DefinitionQuery,
  { limit, after = "" }: { limit: number; after?: string },
): DefinitionRecord[] {
  const where = ["d.kind = ?", "d.name > ?"];
  const values: SqlValue[] = [kind, after];
  if (namePrefix !== "") {
    where.push("d.name >= ? AND d.name < ?");
    values.push(namePrefix, prefixEnd(namePrefix));
  }
  if (paused !== undefined) {
    where.push("d.paused = ?");
    values.push(paused ? 1 : 0);
  }
  const sql = `${select()} WHERE ${where.join(" AND ")} ORDER BY d.name LIMIT ?`;
  return control.db.rows(sql, ...values, limit).map(toDefinition);
}

/** Schedules that are due, the longest due first. */
export function dueSchedules(control: Control, atUs: number, limit: number): DefinitionRecord[] {
  const sql = `${select("INDEXED BY definition_due")} WHERE d.next_at <= ? ORDER BY d.next_at, d.seq LIMIT ?`;
  return control.db.rows(sql, atUs, limit).map(toDefinition);
}

/** When the next schedule is due. */
export function nextScheduleUs(control: Control): number | undefined {
  const sql = `SELECT next_at FROM definition INDEXED BY definition_due WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1`;
  return control.db.row(sql)?.[0] as number | undefined;
}

/** Writes a definition that has this revision; undefined when it has another. */
export function putDefinition(
  control: Control,
  definition: NewDefinition,
  revision: number,
): DefinitionRecord | undefined {
  const { kind, name, nextAtUs } = definition;
  const seq = revision === 0 ? insert(control, definition) : update(control, definition, revision);
  if (seq === undefined) return undefined;
  control.triggers.reloadListeners();
  // It may keep fewer firings now.
  control.triggers.untidied.add(seq);
  control.changes.definitions.add(kind);
  if (nextAtUs !== undefined) control.changes.addSchedule(nextAtUs);
  return getDefinition(control, kind, name);
}

/** Deletes a definition; its firings are no longer shown, and forgotten in time. */
export function deleteDefinition(control: Control, kind: DefinitionKind, name: string): boolean {
  const row = control.db.row("DELETE FROM definition WHERE kind = ? AND name = ? RETURNING seq", kind, name);
  if (row === undefined) return false;
  const [seq] = row as readonly [number];
  control.triggers.failing.delete(seq);
  control.triggers.untidied.add(seq);
  control.triggers.reloadListeners();
  control.changes.definitions.add(kind);
  return true;
}

/** The number of what was inserted; undefined when its name is taken. */
function insert(control: Control, definition: NewDefinition): number | undefined {
  const { kind, name } = definition;
  const taken = control.db.row("SELECT 1 FROM definition WHERE kind = ? AND name = ?", kind, name);
  if (taken !== undefined) return undefined;
  const seq = control.triggers.newDefinition();
  control.db.run(
    `INSERT INTO definition (paused, pause_reason, next_at, last_at, wants_job_events, keep_firings, updated_at, body, kind,
     name, seq, id, created_at, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
    ...written(control, definition),
    seq,
    definition.id,
    control.nowUs,
  );
  return seq;
}

/** The number of what was changed; undefined when it has another revision. */
function update(control: Control, definition: NewDefinition, revision: number): number | undefined {
  // A time that was dealt with stays so, whatever the writer had read.
  const row = control.db.row(
    `UPDATE definition SET paused = ?, pause_reason = ?, next_at = ?, last_at = nullif(max(coalesce(?, -1), coalesce(last_at, -1)), -1),
     wants_job_events = ?, keep_firings = ?, updated_at = ?, body = ?, revision = revision + 1
     WHERE kind = ? AND name = ? AND revision = ? RETURNING seq`,
    ...written(control, definition),
    revision,
  );
  return row?.[0] as number | undefined;
}

/** Columns that every write sets, then kind and name. */
function written({ nowUs }: Control, definition: NewDefinition): SqlValue[] {
  const { paused, pauseReason, nextAtUs, lastAtUs, wantsJobEvents = false, keepFirings, body } = definition;
  return [
    paused ? 1 : 0,
    pauseReason,
    nextAtUs ?? null,
    lastAtUs ?? null,
    wantsJobEvents ? 1 : 0,
    keepFirings,
    nowUs,
    body,
    definition.kind,
    definition.name,
  ];
}

const COLUMNS = 15;

function toDefinition(row: SqlRow): DefinitionRecord {
  const [id, kind, name, paused, pauseReason, nextAt, lastAt, wantsJobEvents, keepFirings] = row;
  const [revision, createdAt, updatedAt, error, errorAt, body] = row.slice(9);
  const firing = row.slice(COLUMNS);
  return {
    kind: kind as DefinitionKind,
    id: id as string,
    name: name as string,
    body: body as Uint8Array,
    paused: paused === 1,
    pauseReason: pauseReason as string,
    nextAtUs: optionalNumber(nextAt!),
    lastAtUs: optionalNumber(lastAt!),
    wantsJobEvents: wantsJobEvents === 1,
    keepFirings: keepFirings as number,
    revision: revision as number,
    createdAtUs: createdAt as number,
    updatedAtUs: updatedAt as number,
    lastFiring: firing[0] === null ? undefined : toFiring(firing),
    lastError: error === null ? undefined : { message: error as string, atUs: errorAt as number },
  };
}
