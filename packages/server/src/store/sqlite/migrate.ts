import { SpanloomError } from "@spanloom/protocol";
import type { Database } from "./database.ts";
import { admissionSql, jobIndexSql, retrySql, runnerIndexSql, SCHEMA_VERSION, schemaSql } from "./schema.sql.ts";
import { jobTriggerSql, triggerSql } from "./triggers/trigger-schema.sql.ts";

/** What leads from the version before to each version. */
const steps: Readonly<Record<number, string>> = {
  2: `
DROP INDEX job_open;
${jobIndexSql}${runnerIndexSql}
INSERT INTO job_tag SELECT tag.key, tag.value, job.created_at, job.seq FROM job, json_each(job.tags) tag;
INSERT OR IGNORE INTO job_runner SELECT DISTINCT t.runner, j.created_at, j.seq FROM task t
  CROSS JOIN task_group g ON g.seq = t.task_group CROSS JOIN job j ON j.seq = g.job WHERE t.runner IS NOT NULL;
INSERT OR IGNORE INTO job_runner SELECT DISTINCT a.runner, j.created_at, j.seq FROM attempt a
  CROSS JOIN task t ON t.seq = a.task CROSS JOIN task_group g ON g.seq = t.task_group
  CROSS JOIN job j ON j.seq = g.job;
INSERT INTO job_count SELECT state, count(*) FROM job GROUP BY state;
ALTER TABLE job ADD COLUMN concurrency TEXT;
ALTER TABLE job ADD COLUMN admitted_at INTEGER;
${admissionSql}
`,
  3: retrySql,
  4: jobTriggerSql + triggerSql,
};

/**
 * Brings the data file to this program's schema, in one transaction.
 *
 * Errors: INVALID_STATE when the file was written by a newer version or is another program's.
 */
export function migrate(db: Database, path: string): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = storedVersion(db, path);
    if (version > SCHEMA_VERSION) throw newerVersion(path, version);
    if (version === 0) {
      db.exec(schemaSql);
      db.run("INSERT INTO meta (key, value) VALUES ('schema_version', ?)", SCHEMA_VERSION);
    } else {
      for (let step = version + 1; step <= SCHEMA_VERSION; step++) db.exec(steps[step]!);
      db.run("UPDATE meta SET value = ? WHERE key = 'schema_version'", SCHEMA_VERSION);
    }
    db.exec("COMMIT");
  } catch (error) {
    db.rollback();
    throw error;
  }
}

function storedVersion(db: Database, path: string): number {
  const tables = db.rows("SELECT name FROM sqlite_schema WHERE type = 'table'").map(([name]) => name);
  if (tables.length === 0) return 0;
  const row = tables.includes("meta") ? db.row("SELECT value FROM meta WHERE key = 'schema_version'") : undefined;
  if (typeof row?.[0] === "number") return row[0];
  throw new SpanloomError("INVALID_STATE", `cannot open ${path}: it is not a Spanloom control-plane store`);
}

function newerVersion(path: string, version: number): SpanloomError {
  const message = `cannot open ${path}: its schema has version ${version}, this program knows up to ${SCHEMA_VERSION}; start a newer Spanloom`;
  return new SpanloomError("INVALID_STATE", message, { limit: SCHEMA_VERSION, actual: version });
}
