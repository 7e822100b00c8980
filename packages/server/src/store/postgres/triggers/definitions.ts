import { present } from "../../../present.ts";
import type { DefinitionKind, DefinitionQuery, DefinitionRecord, NewDefinition } from "../../trigger-store.ts";
import type { Control } from "../control.ts";
import type { ReadPool } from "../read-pool.ts";
import { statement } from "../statement.ts";
import { FIRING_COLUMNS, firingColumns, toFiring } from "./read-firings.ts";
import { afterPrefix, kindCodes } from "./trigger-codes.ts";

const columns = `${firingColumns}, d.id, d.kind, d.name, d.body, d.paused, d.pause_reason, d.next_at, d.last_at,
  d.wants_job_events, d.keep_firings, d.revision, d.created_at, d.updated_at, d.last_error, d.last_error_at`;
const latest = `LEFT JOIN LATERAL (SELECT * FROM firing WHERE firing.source = d.id ORDER BY firing.seq DESC LIMIT 1) f
  ON true`;

const definitionByName = statement(
  "definition_by_name",
  `SELECT ${columns} FROM definition d ${latest} WHERE d.kind = $1::smallint AND d.name = $2::text`,
);

const putDefinition = statement(
  "put_definition",
  `INSERT INTO definition (id, kind, name, body, paused, pause_reason, next_at, last_at, wants_job_events, keep_firings,
     revision, created_at, updated_at)
   VALUES ($1::uuid, $2::smallint, $3::text, $4::bytea, $5::boolean, $6::text, $7::bigint, $8::bigint, $9::boolean,
     $10::integer, $11::bigint, $12::bigint, $13::bigint)
   ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, paused = excluded.paused,
     pause_reason = excluded.pause_reason, next_at = excluded.next_at, last_at = excluded.last_at,
     wants_job_events = excluded.wants_job_events, keep_firings = excluded.keep_firings, revision = excluded.revision,
     updated_at = excluded.updated_at`,
);

/** Writes a definition whose revision is `revision`; undefined when it has another. */
export async function putOne(
  control: Control,
  definition: NewDefinition,
  revision: number,
): Promise<DefinitionRecord | undefined> {
  const { kind, name, body, paused, pauseReason, nextAtUs, wantsJobEvents = false, keepFirings } = definition;
  control.triggers.flush();
  const [row] = await control.sql.ask(definitionByName, [kindCodes.encode(kind), name]);
  const before = row === undefined ? undefined : toDefinition(row);
  if ((before?.revision ?? 0) !== revision) return undefined;
  const lasts = [before?.lastAtUs, definition.lastAtUs].filter((atUs) => atUs !== undefined);
  const record: DefinitionRecord = {
    ...{ kind, id: before?.id ?? definition.id, name, body, paused, pauseReason, wantsJobEvents, keepFirings },
    ...{ revision: revision + 1, createdAtUs: before?.createdAtUs ?? control.nowUs, updatedAtUs: control.nowUs },
    ...present({ nextAtUs, lastAtUs: lasts.length === 0 ? undefined : Math.max(...lasts) }),
    ...present({ lastFiring: before?.lastFiring, lastError: before?.lastError }),
  };
  control.sql.send(putDefinition, [
    ...[record.id, kindCodes.encode(kind), name, Buffer.from(body), paused, pauseReason],
    ...[nextAtUs ?? null, record.lastAtUs ?? null, wantsJobEvents, keepFirings],
    ...[record.revision, record.createdAtUs, record.updatedAtUs],
  ]);
  await control.triggers.changed(kind, kind === "schedule" ? nextAtUs : undefined);
  return record;
}

const deleteDefinition = statement(
  "delete_definition",
  `WITH gone AS (DELETE FROM definition WHERE kind = $1::smallint AND name = $2::text RETURNING id),
   firings AS (DELETE FROM firing USING gone WHERE firing.source = gone.id)
   SELECT id FROM gone`,
);

/** Deletes a definition with its firings; false when there is none. */
export async function deleteOne(control: Control, kind: DefinitionKind, name: string): Promise<boolean> {
  control.triggers.flush();
  const rows = await control.sql.send(deleteDefinition, [kindCodes.encode(kind), name]);
  if (rows.length === 0) return false;
  await control.triggers.changed(kind);
  return true;
}

/** One by name. */
export async function getDefinition(
  pool: ReadPool,
  kind: DefinitionKind,
  name: string,
): Promise<DefinitionRecord | undefined> {
  const [row] = await pool.rows(definitionByName, kindCodes.encode(kind), name);
  return row === undefined ? undefined : toDefinition(row);
}

const pageOfDefinitions = statement(
  "page_of_definitions",
  `SELECT ${columns} FROM definition d ${latest} WHERE d.kind = $1::smallint AND d.name >= $2::text AND d.name < $3::text
     AND d.name > $4::text AND ($5::boolean IS NULL OR d.paused = $5) ORDER BY d.name LIMIT $6::integer`,
);

/** Definitions by name. */
export async function listDefinitions(
  pool: ReadPool,
  { kind, namePrefix = "", paused }: DefinitionQuery,
  page: { limit: number; after?: string },
): Promise<readonly DefinitionRecord[]> {
  const range = [namePrefix, afterPrefix(namePrefix), page.after ?? ""];
  const rows = await pool.rows(pageOfDefinitions, kindCodes.encode(kind), ...range, paused ?? null, page.limit);
  return rows.map(toDefinition);
}

/** The latest firing of those alone that are given: of 10,000 that are due it would take 20 ms to find all. */
const dueDefinitions = statement(
  "due_schedules",
  `SELECT ${columns} FROM (SELECT * FROM definition WHERE next_at <= $1::bigint ORDER BY next_at, id LIMIT $2::integer) d
   ${latest} ORDER BY d.next_at, d.id`,
);

/** Schedules that are due, the longest due first. */
export async function dueSchedules(pool: ReadPool, atUs: number, limit: number): Promise<readonly DefinitionRecord[]> {
  return (await pool.rows(dueDefinitions, atUs, limit)).map(toDefinition);
}

const nextDue = statement("next_schedule", "SELECT min(next_at) FROM definition WHERE next_at IS NOT NULL");

/** When the next schedule is due; undefined when none is. */
export async function nextScheduleUs(pool: ReadPool): Promise<number | undefined> {
  const [row] = await pool.rows(nextDue);
  return (row![0] as number | null) ?? undefined;
}

function toDefinition(row: readonly unknown[]): DefinitionRecord {
  const [id, kind, name, body, paused, pauseReason, nextAt, lastAt, wantsJobEvents, keepFirings, ...rest] =
    row.slice(FIRING_COLUMNS);
  const [revision, createdAt, updatedAt, lastError, lastErrorAt] = rest;
  return {
    id: id as string,
    kind: kindCodes.decode(kind),
    name: name as string,
    body: body as Uint8Array,
    paused: paused as boolean,
    pauseReason: pauseReason as string,
    wantsJobEvents: wantsJobEvents as boolean,
    keepFirings: keepFirings as number,
    revision: revision as number,
    createdAtUs: createdAt as number,
    updatedAtUs: updatedAt as number,
    ...present({
      nextAtUs: (nextAt as number | null) ?? undefined,
      lastAtUs: (lastAt as number | null) ?? undefined,
      lastFiring: row[0] === null ? undefined : toFiring(row),
      lastError: lastError === null ? undefined : { message: lastError as string, atUs: lastErrorAt as number },
    }),
  };
}
