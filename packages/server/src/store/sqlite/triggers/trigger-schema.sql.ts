/** What the jobs know of what set them going; indexes have those alone that something else than a person did. */
export const jobTriggerSql = `
ALTER TABLE job ADD COLUMN set_by TEXT;
ALTER TABLE job ADD COLUMN trigger_type TEXT;
ALTER TABLE job ADD COLUMN schedule_name TEXT;
ALTER TABLE job ADD COLUMN trigger_name TEXT;
ALTER TABLE job ADD COLUMN retried_at INTEGER;
`;

/** Indexes of the columns above, and the tables of triggers. */
export const triggerSql = `
CREATE INDEX job_trigger_type ON job (trigger_type, created_at) WHERE trigger_type IS NOT NULL;
CREATE INDEX job_schedule ON job (schedule_name, created_at) WHERE schedule_name IS NOT NULL;
CREATE INDEX job_trigger ON job (trigger_name, created_at) WHERE trigger_name IS NOT NULL;

-- Schedules, triggers and webhooks. error, error_at: of the latest firing that failed, until one succeeds.
CREATE TABLE definition (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  paused INTEGER NOT NULL,
  pause_reason TEXT NOT NULL,
  next_at INTEGER,
  last_at INTEGER,
  wants_job_events INTEGER NOT NULL,
  keep_firings INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  error TEXT,
  error_at INTEGER,
  body BLOB NOT NULL,
  UNIQUE (kind, name)
);
CREATE INDEX definition_due ON definition (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX definition_of_jobs ON definition (seq) WHERE wants_job_events = 1;

-- What became of times and events. Those whose source is gone are left to be forgotten, and shown to nobody.
CREATE TABLE firing (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  source INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  scheduled_at INTEGER NOT NULL,
  fired_at INTEGER NOT NULL,
  requested INTEGER NOT NULL,
  count INTEGER NOT NULL,
  job TEXT,
  event TEXT,
  error TEXT
);
CREATE INDEX firing_source ON firing (source);
CREATE INDEX firing_event ON firing (event) WHERE event IS NOT NULL;

-- received_at never falls as seq rises.
CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL,
  source TEXT NOT NULL,
  depth INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  webhook TEXT,
  replay_of TEXT,
  only_trigger TEXT,
  metadata TEXT,
  trace TEXT,
  payload BLOB NOT NULL
);
CREATE INDEX event_key ON event (key);
CREATE INDEX event_source ON event (source) WHERE source <> 'published';
CREATE INDEX event_webhook ON event (webhook) WHERE webhook IS NOT NULL;

-- Events up to this one are matched.
CREATE TABLE event_cursor (seq INTEGER NOT NULL);
INSERT INTO event_cursor (seq) VALUES (0);
`;
