import { SpanloomError } from "@spanloom/protocol";
import { engineCode } from "./engine-error.ts";
import { copyLogs, EARLIER_LOGS, earlyMigrations, putLogsAside, toVersion5 } from "./migrations.sql.ts";
import {
  DATABASE,
  heldTable,
  MAX_RETENTION_DAYS,
  retentionStatements,
  SCHEMA_VERSION,
  schemaStatements,
  versionStatements,
} from "./schema.sql.ts";
import { engineFamily, isReplicated, type TableEngines } from "./table-engines.ts";

/** Runs a statement without parameters and returns its answer as tab-separated text. */
export type RunStatement = (sql: string) => Promise<string>;

/** Codes of a statement that another server's, at the same work, came before: what is left to do is looked at anew. */
const MET_ANOTHER = new Set([57, 60, 82, 218, 253, 473, 517]);
const MAX_TRIES = 8;

/**
 * Brings the schema up to date and sets how long rows are kept.
 *
 * Every statement can run again: a migration that was cut off is simply repeated, and several servers may be at it.
 * Errors: INVALID_STATE when the data is from a newer version, or its tables were made for another cluster or none.
 */
export async function migrate(run: RunStatement, engines: TableEngines, retentionDays: number): Promise<void> {
  checkRetention(retentionDays);
  for (let tries = 1; ; tries++) {
    try {
      await migrateOnce(run, engines, retentionDays);
      return;
    } catch (error) {
      const code = error instanceof SpanloomError ? undefined : engineCode(error);
      if (code === undefined || !MET_ANOTHER.has(code) || tries === MAX_TRIES) throw error;
    }
  }
}

async function migrateOnce(run: RunStatement, engines: TableEngines, retentionDays: number): Promise<void> {
  await checkTables(run, engines);
  for (const statement of versionStatements(engines)) await run(statement);
  const found = Number(await run(`SELECT max(version) FROM ${DATABASE}.schema_version`));
  if (found > SCHEMA_VERSION) {
    throw new SpanloomError(
      "INVALID_STATE",
      `cannot open the telemetry store: its schema is version ${found}, this server knows up to ${SCHEMA_VERSION}`,
      { limit: SCHEMA_VERSION, actual: found },
    );
  }
  if (found < SCHEMA_VERSION) await bringUp(run, engines, found);
  else await makeMissing(run, engines);
  await setRetention(run, engines, retentionDays);
}

async function bringUp(run: RunStatement, engines: TableEngines, found: number): Promise<void> {
  for (const [version, statements] of earlyMigrations) {
    if (found > 0 && found < version) for (const statement of statements) await run(statement);
  }
  const logs = await engineFull(run, `${DATABASE}.logs`);
  if (logs.startsWith("MergeTree")) for (const statement of putLogsAside) await run(statement);
  for (const statement of schemaStatements(engines)) await run(statement);
  if (found > 0) for (const statement of toVersion5(engines)) await run(statement);
  const aside = await engineFull(run, `${DATABASE}.${EARLIER_LOGS}`);
  if (aside !== "") for (const statement of copyLogs) await run(statement);
  await run(`INSERT INTO ${DATABASE}.schema_version VALUES (${SCHEMA_VERSION}, now64(3))`);
}

/** Makes again what somebody dropped of an up to date schema. */
async function makeMissing(run: RunStatement, engines: TableEngines): Promise<void> {
  const found = await run(`SELECT name FROM system.tables WHERE database = '${DATABASE}'`);
  const names = new Set(found.split("\n"));
  const nameOf = (statement: string) => /EXISTS \w+\.(\w+)/.exec(statement)?.[1] ?? "";
  const missing = schemaStatements(engines).filter((statement) => !names.has(nameOf(statement)));
  for (const statement of missing) await run(statement);
}

/** Tables that stand are not spread or replicated by being told so: they are refused rather than taken for what they are not. */
async function checkTables(run: RunStatement, engines: TableEngines): Promise<void> {
  const { cluster } = engines;
  const found = await engineFull(run, `${DATABASE}.spans`);
  if (found === "") return;
  const [, made] = /^Distributed\('([^']*)'/.exec(found.replaceAll("\\'", "'")) ?? [];
  const said = (name: string | undefined) => (name === undefined ? "no cluster" : `cluster "${name}"`);
  if (made !== cluster) throw refuseTables(`were made for ${said(made)}, this server is told of ${said(cluster)}`);
  const held = await engineFull(run, heldTable(engines, "spans"));
  if (held === "" || held.startsWith("Shared") || held.startsWith("Replicated") === isReplicated(engines)) return;
  const are = held.startsWith("Replicated") ? "are" : "are not";
  throw refuseTables(`${are} replicated, this server is told of engine "${engineFamily(engines)}"`);
}

function refuseTables(why: string): SpanloomError {
  return new SpanloomError("INVALID_STATE", `cannot open the telemetry store: its tables ${why}`);
}

function checkRetention(days: number): void {
  if (Number.isInteger(days) && days >= 1 && days <= MAX_RETENTION_DAYS) return;
  const message = `cannot open the telemetry store: retentionDays is ${days}, not a whole number from 1 to ${MAX_RETENTION_DAYS}`;
  throw new SpanloomError("INVALID_FIELD", message, { field: "retentionDays", limit: MAX_RETENTION_DAYS });
}

async function setRetention(run: RunStatement, engines: TableEngines, days: number): Promise<void> {
  const current = await engineFull(run, heldTable(engines, "spans"));
  if (current.includes(`toIntervalDay(${days})`)) return;
  for (const statement of retentionStatements(engines, days)) await run(statement);
}

/** How a table is made; empty when there is none. */
async function engineFull(run: RunStatement, table: string): Promise<string> {
  const [database, name] = table.split(".");
  return run(`SELECT engine_full FROM system.tables WHERE database = '${database}' AND name = '${name}'`);
}
