/** Version of the schema below. Raise it with every change and add the step to migrate.ts. */
export const SCHEMA_VERSION = 4;

/** Exporters, and the server that serves each: whoever has its latest token, until that expires. Version 2. */
export const exporterSql = `
CREATE TABLE exporter (
  name text PRIMARY KEY,
  token bigint NOT NULL,
  expires_at bigint NOT NULL,
  -- Up to where it is served; empty as long as that is not known.
  cursor text NOT NULL DEFAULT ''
) WITH (fillfactor = 50);
`;

/** Transactions that were committed, of late: how one whose answer was lost is found out about. Version 3. */
export const commitMarkSql = `
CREATE TABLE commit_mark (epoch bigint PRIMARY KEY, writer uuid NOT NULL);
`;

/**
 * Schedules, triggers, webhooks, what they fired, and events. Version 4.
 *
 * Names and keys are in the order of their bytes, as in the embedded store. What matching has settled up to is the row
 * `matched_event` of `meta`.
 */
const triggerTablesSql = `
CREATE SEQUENCE firing_seq;
CREATE SEQUENCE event_seq;

CREATE TABLE definition (
  id uuid PRIMARY KEY,
  -- 1 schedule, 2 trigger, 3 webhook.
  kind smallint NOT NULL,
  name text COLLATE "C" NOT NULL,
  body bytea NOT NULL,
  paused boolean NOT NULL,
  pause_reason text NOT NULL,
  -- Of a schedule; null when it has no more times or is paused.
  next_at bigint,
  last_at bigint,
  wants_job_events boolean NOT NULL,
  keep_firings integer NOT NULL,
  revision bigint NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  last_error text,
  last_error_at bigint,
  UNIQUE (kind, name)
) WITH (fillfactor = 50);
CREATE INDEX definition_due ON definition (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX definition_job_events ON definition (id) WHERE wants_job_events AND NOT paused;

CREATE TABLE firing (
  seq bigint PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  source uuid NOT NULL,
  outcome smallint NOT NULL,
  scheduled_at bigint NOT NULL,
  fired_at bigint NOT NULL,
  -- Null: none was submitted.
  job uuid,
  event text COLLATE "C",
  error text,
  requested boolean NOT NULL,
  count integer NOT NULL
);
CREATE INDEX firing_source ON firing (source, seq);
CREATE INDEX firing_event ON firing (event, seq) WHERE event IS NOT NULL;
CREATE INDEX firing_outcome ON firing (outcome, seq) WHERE outcome <> 1;

-- Empty texts and objects are null.
CREATE TABLE event (
  seq bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  key text COLLATE "C" NOT NULL,
  payload bytea NOT NULL,
  metadata text,
  trace text,
  source smallint NOT NULL,
  webhook text,
  replay_of text,
  only_trigger text,
  depth integer NOT NULL,
  received_at bigint NOT NULL
);
CREATE INDEX event_key ON event (key, seq);
CREATE INDEX event_received ON event (received_at);
-- Most events are published, and come by no webhook: those are in neither.
CREATE INDEX event_source ON event (source, seq) WHERE source <> 1;
CREATE INDEX event_webhook ON event (webhook, seq) WHERE webhook IS NOT NULL;
`;

/** By what set a job going; those that somebody submitted are in neither. */
const triggerIndexesSql = `
CREATE INDEX job_trigger_type ON job ((trigger ->> 'type'), seq) WHERE trigger IS NOT NULL;
CREATE INDEX job_trigger_source ON job ((trigger -> 'source' ->> 'name'), seq) WHERE trigger IS NOT NULL;
`;

/** The step to version 4. Servers of version 3 go on beside it: they write jobs without these columns. */
export const triggerSql = `
ALTER TABLE job ADD COLUMN trigger jsonb, ADD COLUMN retried_at bigint;
${triggerIndexesSql}${triggerTablesSql}`;

/**
 * The shared store's schema. Names are unqualified: the connection's search_path says where the tables are.
 *
 * As in the embedded store, rows are named by numbers given in order (`seq`); tasks of one group have consecutive
 * numbers, and their ids are consecutive too: `first_id` plus the index. So neither tasks nor their dependencies need an
 * index or an id of their own.
 * The latest attempt of a task lives in the task's row; only attempts that were followed by another are rows of their own.
 *
 * Numbers come from sequences that are read and moved under the store's lock, in blocks. Unlike a row of counters they
 * leave no dead versions behind, so that a long query elsewhere (a dump, say) does not slow every transaction down.
 *
 * Columns that change with every transition stand in no index: such updates are HOT, they touch one page and are pruned
 * without VACUUM. What is due or ready is kept in tables of its own, which stay small under churn.
 *
 * Times are microseconds since the Unix epoch. Foreign keys are not declared: every writer holds the store's lock.
 */
export const schemaSql = `
CREATE TABLE meta (key text PRIMARY KEY, value bigint NOT NULL);

-- Drawn from by every writing transaction: a server that draws the successor of its last one knows that nobody wrote since.
CREATE SEQUENCE epoch;
-- Drawn from by every reading of what lifecycle spans are made from.
CREATE SEQUENCE projection_seq;
CREATE SEQUENCE job_seq;
CREATE SEQUENCE group_seq;
CREATE SEQUENCE task_seq;
CREATE SEQUENCE spec_seq;
CREATE SEQUENCE bucket_seq;
CREATE SEQUENCE runner_seq;
CREATE SEQUENCE lease_seq;
CREATE SEQUENCE gate_seq;

-- What tasks have in common, stored once however many jobs use it. Never changed or deleted.
CREATE TABLE spec (
  seq bigint PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  bucket bigint NOT NULL,
  -- 0: none.
  gate bigint NOT NULL DEFAULT 0,
  body text NOT NULL
);

-- What a task must pass before it starts: a concurrency rule, a rate limit or both. Never changed or deleted.
CREATE TABLE gate (
  seq bigint PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  key text,
  places integer,
  policy text,
  rate_key text,
  rate_limit integer,
  window_ms double precision
);
CREATE INDEX gate_key ON gate (key) WHERE key IS NOT NULL;
CREATE INDEX gate_rate ON gate (rate_key, window_ms) WHERE rate_key IS NOT NULL;
CREATE INDEX gate_refusing ON gate (seq) WHERE policy = 'rejectNew';

-- What decides which runners may run a task, and how urgent it is. Never changed or deleted.
CREATE TABLE bucket (
  seq bigint PRIMARY KEY,
  queue text NOT NULL,
  name text NOT NULL,
  major integer NOT NULL,
  minor integer NOT NULL,
  priority integer NOT NULL,
  UNIQUE (queue, name, major, minor, priority)
);

CREATE TABLE job (
  seq bigint PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  name text NOT NULL,
  state smallint NOT NULL,
  doom smallint NOT NULL DEFAULT 0,
  tags jsonb,
  queue text NOT NULL,
  priority integer NOT NULL,
  created_at bigint NOT NULL,
  started_at bigint,
  ended_at bigint,
  start_at bigint,
  deadline_at bigint,
  idempotency_key text,
  request_hash text,
  trace text NOT NULL,
  attempts bigint NOT NULL DEFAULT 0,
  blocked integer NOT NULL DEFAULT 0,
  scheduled integer NOT NULL DEFAULT 0,
  queued integer NOT NULL DEFAULT 0,
  running integer NOT NULL DEFAULT 0,
  waiting integer NOT NULL DEFAULT 0,
  succeeded integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  cancelled integer NOT NULL DEFAULT 0,
  skipped integer NOT NULL DEFAULT 0,
  failure text,
  failed_task uuid,
  cancel_reason text,
  progress text,
  projected boolean NOT NULL DEFAULT false,
  -- Rule of a concurrency key as JSON, and when the job got its place under it.
  concurrency text,
  admitted_at bigint,
  -- Null until it has ended, so that an index over it is not touched before.
  ended_state smallint GENERATED ALWAYS AS (CASE WHEN ended_at IS NOT NULL THEN state END) STORED,
  -- What set it going; null: somebody submitted it.
  trigger jsonb,
  -- When it was retried first.
  retried_at bigint
) WITH (fillfactor = 70);
-- Keys that jobs were retried under, and how many tasks ran again by it.
CREATE TABLE job_retry (
  job bigint NOT NULL,
  key text NOT NULL,
  retried integer NOT NULL,
  PRIMARY KEY (job, key)
);
CREATE UNIQUE INDEX job_key ON job (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX job_open ON job (seq) WHERE ended_at IS NULL;
CREATE INDEX job_deadline ON job (deadline_at) WHERE deadline_at IS NOT NULL AND ended_at IS NULL AND doom = 0;
CREATE INDEX job_unprojected ON job (seq) WHERE NOT projected;
CREATE INDEX job_ended ON job (ended_state, seq) WHERE ended_state IS NOT NULL;
CREATE INDEX job_name ON job (name, seq);
CREATE INDEX job_queue ON job (queue, seq);
CREATE INDEX job_created ON job (created_at, seq);
CREATE INDEX job_tags ON job USING gin (tags jsonb_path_ops) WHERE tags IS NOT NULL;

-- Tasks that share one set of dependencies and one parent attempt.
CREATE TABLE task_group (
  seq bigint PRIMARY KEY,
  job bigint NOT NULL,
  parent bigint,
  parent_id uuid,
  parent_attempt integer NOT NULL,
  -- Nearest optional ancestor, which bounds a failure.
  boundary bigint,
  depth integer NOT NULL,
  -- Null when its tasks have different ones.
  spec bigint,
  first_id uuid NOT NULL UNIQUE,
  first bigint NOT NULL,
  count integer NOT NULL,
  open integer NOT NULL,
  spoiled boolean NOT NULL,
  waits integer NOT NULL,
  created_at bigint NOT NULL,
  unblocked_at bigint,
  input_bytes bigint NOT NULL,
  output_bytes bigint NOT NULL,
  -- What its dependencies' outputs take in a lease, of those that are done.
  dependency_bytes bigint NOT NULL,
  dependants integer NOT NULL,
  depends_on bigint[]
) WITH (fillfactor = 70);
CREATE INDEX task_group_job ON task_group (job, seq);
CREATE INDEX task_group_root ON task_group (job, seq) WHERE parent IS NULL;
CREATE INDEX task_group_parent ON task_group (parent) WHERE parent IS NOT NULL;

CREATE TABLE group_edge (
  dependency bigint NOT NULL,
  dependant bigint NOT NULL,
  PRIMARY KEY (dependency, dependant)
);

-- Half of a page is left for the versions that a claim and its report write.
CREATE TABLE task (
  seq bigint PRIMARY KEY,
  task_group bigint NOT NULL,
  spec bigint NOT NULL,
  state smallint NOT NULL,
  -- The latest attempt: 0 before the first. It counts while state is RUNNING or outcome is set.
  attempt integer NOT NULL DEFAULT 0,
  outcome smallint NOT NULL DEFAULT 0,
  counted integer NOT NULL DEFAULT 0,
  losses integer NOT NULL DEFAULT 0,
  -- Doomed by the failure of an optional ancestor's subtree while running.
  doomed boolean NOT NULL DEFAULT false,
  runner bigint,
  token bytea,
  -- Row of lease that says when to look at the attempt; of the latest attempt.
  lease bigint,
  leased_at bigint,
  expires_at bigint,
  attempt_ended_at bigint,
  -- Null: its group's unblocked_at.
  queued_at bigint,
  backoff_us bigint,
  scheduled_at bigint,
  -- When the first attempt began; null while the latest is the first.
  started_at bigint,
  ended_at bigint,
  open_groups integer,
  child_count integer,
  spoiled boolean NOT NULL DEFAULT false,
  dropped bigint,
  display text,
  failure text,
  progress text,
  -- Null when empty.
  input bytea,
  output bytea,
  extras bytea
) WITH (fillfactor = 50);
ALTER TABLE task ALTER input SET STORAGE EXTERNAL, ALTER output SET STORAGE EXTERNAL, ALTER extras SET STORAGE EXTERNAL;

-- Attempts that another followed.
CREATE TABLE attempt (
  task bigint NOT NULL,
  number integer NOT NULL,
  runner bigint NOT NULL,
  token bytea,
  outcome smallint NOT NULL,
  leased_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  queued_at bigint NOT NULL,
  backoff_us bigint NOT NULL,
  dropped bigint NOT NULL,
  failure text,
  extras bytea,
  PRIMARY KEY (task, number)
);

-- Jobs a runner ever had a task of.
CREATE TABLE job_runner (
  runner bigint NOT NULL,
  job bigint NOT NULL,
  PRIMARY KEY (runner, job)
);

-- Tasks leased together, until none of them holds that lease; due_at is no later than the first expiry or deadline among
-- them, so extending a lease changes no row of this table.
CREATE TABLE lease (
  seq bigint PRIMARY KEY,
  runner bigint NOT NULL,
  due_at bigint NOT NULL,
  tasks bigint[] NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX lease_due ON lease (due_at);

-- Running attempts that were told to stop.
CREATE TABLE stop (
  task bigint PRIMARY KEY,
  task_id uuid NOT NULL,
  runner bigint NOT NULL,
  attempt integer NOT NULL,
  reason smallint NOT NULL,
  fence_at bigint NOT NULL
);
CREATE INDEX stop_runner ON stop (runner);
CREATE INDEX stop_fence ON stop (fence_at);

-- When consecutive tasks leave SCHEDULED. A task that has left it already, or for another time, is passed over.
CREATE TABLE timer (
  at bigint NOT NULL,
  first bigint NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (at, first)
);

-- Queued tasks on offer: per job and bucket a line, which has a place in turn, and its runs of consecutive tasks.
-- A line without runs is void; a run always has its line.
-- A parked line found its gate closed and comes back when that may have opened; a held one waits for its job's place.
CREATE TABLE ready_line (
  job bigint NOT NULL,
  bucket bigint NOT NULL,
  gate bigint NOT NULL DEFAULT 0,
  turn bigint NOT NULL,
  parked boolean NOT NULL DEFAULT false,
  held boolean NOT NULL DEFAULT false,
  PRIMARY KEY (job, bucket, gate)
) WITH (fillfactor = 50);
CREATE INDEX ready_line_turn ON ready_line (bucket, turn) WHERE NOT parked AND NOT held;
CREATE INDEX ready_line_parked ON ready_line (gate, bucket, turn) WHERE parked AND NOT held;

CREATE TABLE ready (
  job bigint NOT NULL,
  bucket bigint NOT NULL,
  gate bigint NOT NULL DEFAULT 0,
  depth integer NOT NULL,
  queued_at bigint NOT NULL,
  last bigint NOT NULL,
  -- Tasks are taken from the front; no index, so that taking is HOT.
  first bigint NOT NULL,
  task_group bigint NOT NULL,
  spec bigint NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX ready_order ON ready (job, bucket, gate, depth DESC, queued_at, last);
CREATE INDEX ready_gate ON ready (gate) WHERE gate <> 0;

-- Running attempts that hold a place under a concurrency key.
CREATE TABLE holder (
  task bigint PRIMARY KEY,
  key text NOT NULL,
  leased_at bigint NOT NULL
);
CREATE INDEX holder_key ON holder (key, leased_at, task);

-- Starts counted in the latest window of a rate limit.
CREATE TABLE rate_window (
  key text NOT NULL,
  window_ms double precision NOT NULL,
  start_at bigint NOT NULL,
  used integer NOT NULL,
  PRIMARY KEY (key, window_ms)
) WITH (fillfactor = 50);

-- Until when consecutive tasks may wait to be leased. Those that were leased since are passed over.
CREATE TABLE queue_timer (
  at bigint NOT NULL,
  first bigint NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (at, first)
);

-- Jobs that hold or wait for a place under a concurrency key, until they end.
CREATE TABLE job_place (
  job bigint PRIMARY KEY,
  key text NOT NULL,
  places integer NOT NULL,
  policy text NOT NULL,
  priority integer NOT NULL,
  -- Null while it waits.
  admitted_at bigint,
  -- Whether it was told to make way.
  leaving boolean NOT NULL DEFAULT false
);
CREATE INDEX job_place_holders ON job_place (key, admitted_at, job) WHERE admitted_at IS NOT NULL;
CREATE INDEX job_place_waiting ON job_place (key, priority DESC, job) WHERE admitted_at IS NULL;

CREATE TABLE runner (
  seq bigint PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  -- Null for runners that lease without having registered.
  body text,
  state smallint NOT NULL,
  registered_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  -- Identifiers it gave back as unknown since it registered, as a JSON array of name@major.minor.
  refused text
) WITH (fillfactor = 50);

-- Servers that listen, each with the connection it listens on: with none but itself, a server sends no notifications.
CREATE TABLE server (
  id uuid PRIMARY KEY,
  pid integer NOT NULL,
  backend_start timestamptz NOT NULL
);
${exporterSql}${commitMarkSql}${triggerIndexesSql}${triggerTablesSql}
-- Small tables whose rows come and go: dead rows are removed early and at full speed, lest scans wade through them.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['lease', 'stop', 'timer', 'ready_line', 'ready', 'holder', 'rate_window', 'queue_timer', 'job_place'] LOOP
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
      autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.2)', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['job', 'task_group', 'task'] LOOP
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1,
      autovacuum_analyze_scale_factor = 0.05)', name);
  END LOOP;
END $$;
`;
