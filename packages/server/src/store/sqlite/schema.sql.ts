import { triggerSql } from "./triggers/trigger-schema.sql.ts";

/** Version of the schema below. Raise it with every change and add the step to migrate.ts. */
export const SCHEMA_VERSION = 4;

/** What jobs are listed and counted by, newest first. Of a new job each entry is at or near the end of what is alike. */
export const jobIndexSql = `
CREATE INDEX job_created ON job (created_at);
CREATE INDEX job_name ON job (name, created_at);
CREATE INDEX job_queue ON job (queue, created_at);
CREATE INDEX job_state ON job (state, created_at);

CREATE TABLE job_tag (
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (key, value, created_at, job)
) WITHOUT ROWID;

-- Runners that had an attempt of a job.
CREATE TABLE job_runner (
  runner INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  job INTEGER NOT NULL,
  PRIMARY KEY (runner, created_at, job)
) WITHOUT ROWID;

-- All jobs by state.
CREATE TABLE job_count (state INTEGER PRIMARY KEY, count INTEGER NOT NULL);
`;

/** Which runners are to be forgotten: those whose id is all that is kept have state 0. */
export const runnerIndexSql = `
CREATE INDEX runner_seen ON runner (last_seen_at) WHERE state <> 0;
`;

/** What admission keeps: waits that are too long, and starts counted in the windows of rate limits. */
export const admissionSql = `
-- When runs of tasks that became ready together have waited too long. Void for those that were leased since.
CREATE TABLE queue_timer (
  at INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (at, first)
) WITHOUT ROWID;

CREATE TABLE rate_window (
  key TEXT NOT NULL,
  window_ms INTEGER NOT NULL,
  start_at INTEGER NOT NULL,
  used INTEGER NOT NULL,
  PRIMARY KEY (key, window_ms)
) WITHOUT ROWID;

CREATE INDEX job_place ON job (admitted_at, seq) WHERE concurrency IS NOT NULL AND ended_at IS NULL;
`;

/** Keys that jobs were retried under, and how many tasks ran again by it. */
export const retrySql = `
CREATE TABLE job_retry (
  job INTEGER NOT NULL,
  key TEXT NOT NULL,
  retried INTEGER NOT NULL,
  PRIMARY KEY (job, key)
) WITHOUT ROWID;
`;

/**
 * The embedded store's schema.
 *
 * Rows are named by numbers given in order (`seq`). Tasks of one group have consecutive numbers, and their ids are
 * consecutive too: `prefix` followed by `base + index` as 12 hex digits. So neither tasks nor their dependencies need an
 * index or an id of their own: a fan-out of 10,000 stores its inputs and one group.
 * Foreign keys are not declared: rows of a job are only ever written by the transaction that owns the whole job.
 * The latest attempt of a task lives in the task's row; only attempts that were followed by another are rows of their own.
 */
export const schemaSql = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- What tasks have in common, stored once however many jobs use it.
CREATE TABLE spec (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL UNIQUE
);

-- set_by: what set it going, when that was not somebody who submitted it; trigger_type, schedule_name and trigger_name
-- are of it. concurrency: its own rule; admitted_at: since when it holds a place under it, null while it waits for one.
CREATE TABLE job (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  state INTEGER NOT NULL,
  doom INTEGER NOT NULL DEFAULT 0,
  tags TEXT,
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  start_at INTEGER,
  deadline_at INTEGER,
  idempotency_key TEXT,
  request_hash TEXT,
  trace TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  scheduled INTEGER NOT NULL DEFAULT 0,
  queued INTEGER NOT NULL DEFAULT 0,
  running INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  failure TEXT,
  failed_task TEXT,
  cancel_reason TEXT,
  progress TEXT,
  projected INTEGER NOT NULL DEFAULT 0, concurrency TEXT, admitted_at INTEGER, set_by TEXT, trigger_type TEXT, schedule_name TEXT, trigger_name TEXT, retried_at INTEGER);
CREATE UNIQUE INDEX job_key ON job (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX job_deadline ON job (deadline_at) WHERE deadline_at IS NOT NULL AND ended_at IS NULL AND doom = 0;
CREATE INDEX job_unprojected ON job (seq) WHERE projected = 0;
${jobIndexSql}
${admissionSql}
-- Tasks that share one set of dependencies and one parent attempt.
CREATE TABLE task_group (
  seq INTEGER PRIMARY KEY,
  job INTEGER NOT NULL,
  parent INTEGER,
  parent_attempt INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  prefix TEXT NOT NULL,
  base INTEGER NOT NULL,
  first INTEGER NOT NULL,
  count INTEGER NOT NULL,
  open INTEGER NOT NULL,
  spoiled INTEGER NOT NULL,
  waits INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  unblocked_at INTEGER,
  output_bytes INTEGER NOT NULL,
  dependants INTEGER NOT NULL,
  depends_on TEXT
);
CREATE INDEX task_group_prefix ON task_group (prefix);
CREATE INDEX task_group_job ON task_group (job);
CREATE INDEX task_group_parent ON task_group (parent) WHERE parent IS NOT NULL;

CREATE TABLE group_edge (
  dependency INTEGER NOT NULL,
  dependant INTEGER NOT NULL,
  PRIMARY KEY (dependency, dependant)
) WITHOUT ROWID;

CREATE TABLE task (
  seq INTEGER PRIMARY KEY,
  task_group INTEGER NOT NULL,
  spec INTEGER NOT NULL,
  state INTEGER NOT NULL,
  -- The latest attempt: 0 before the first. It counts while state is RUNNING or outcome is set.
  attempt INTEGER NOT NULL DEFAULT 0,
  outcome INTEGER NOT NULL DEFAULT 0,
  counted INTEGER NOT NULL DEFAULT 0,
  losses INTEGER NOT NULL DEFAULT 0,
  -- Doomed by the failure of an optional ancestor's subtree while running.
  doomed INTEGER NOT NULL DEFAULT 0,
  runner INTEGER,
  token BLOB,
  leased_at INTEGER,
  lease_ms INTEGER,
  attempt_ended_at INTEGER,
  -- Null: its group's unblocked_at.
  queued_at INTEGER,
  backoff_us INTEGER,
  scheduled_at INTEGER,
  -- When the first attempt began; null while the latest is the first.
  started_at INTEGER,
  ended_at INTEGER,
  open_groups INTEGER,
  child_count INTEGER,
  spoiled INTEGER,
  dropped INTEGER,
  display TEXT,
  failure TEXT,
  progress TEXT,
  -- Bytes; null when empty; the number 1 when they are in payload.
  input BLOB,
  output BLOB,
  extras BLOB
);

-- Attempts that another followed.
CREATE TABLE attempt (
  task INTEGER NOT NULL,
  number INTEGER NOT NULL,
  runner INTEGER NOT NULL,
  token BLOB,
  outcome INTEGER NOT NULL,
  leased_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  queued_at INTEGER NOT NULL,
  backoff_us INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  failure TEXT,
  extras BLOB,
  PRIMARY KEY (task, number)
) WITHOUT ROWID;

-- Bytes too large for the task's row, which is rewritten at every change of state. seq = task * 4 + kind.
CREATE TABLE payload (
  seq INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
);

-- When tasks leave SCHEDULED. An entry whose task has left it already is void.
CREATE TABLE timer (
  at INTEGER NOT NULL,
  task INTEGER NOT NULL,
  PRIMARY KEY (at, task)
) WITHOUT ROWID;

CREATE TABLE runner (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  -- Null for runners that lease without having registered.
  body TEXT,
  state INTEGER NOT NULL,
  registered_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL
);
${runnerIndexSql}${retrySql}${triggerSql}`;
