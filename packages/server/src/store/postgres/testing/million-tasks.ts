import type { Client } from "pg";

/**
 * Fills a migrated schema with a million tasks as months of use leave them, in some ten seconds.
 *
 * 60,000 ended jobs of ten tasks, a sixth of which were tried twice; one job of 200,000, half of them blocked; 20,000 jobs
 * of which nine tasks are queued and one is scheduled. All of it is in the queue `backlog`; nothing of it is ever due, so
 * that tests work beside it. A tenth of the ended jobs were set going by schedules, of which there are 10,000 with ten
 * firings each; 100,000 events were matched. Statistics are up to date.
 */
export async function loadMillionTasks(client: Client): Promise<void> {
  for (const sql of load) await client.query(sql);
}

const ENDED_JOBS = 60_000;
const GIANT = ENDED_JOBS + 1;
const OPEN_JOBS = 20_000;
const LAST_JOB = GIANT + OPEN_JOBS;
const GIANT_HALF = 100_000;
const RUNNERS = 1_000;

/** First tasks of the three kinds of jobs: ten for each ended one; the giant's; ten for each open one. */
const GIANT_FIRST = ENDED_JOBS * 10 + 1;
const OPEN_FIRST = GIANT_FIRST + 2 * GIANT_HALF;
const LAST_TASK = OPEN_FIRST + OPEN_JOBS * 10 - 1;

const SCHEDULES = 10_000;
const LAST_FIRING = 100_000;
const LAST_EVENT = 100_000;

const T0 = "1760000000000000";
/** When the first of its timers is due, in microseconds. */
export const neverUs = 4_000_000_000_000_000;
const NEVER = String(neverUs);
const BUCKETS = 50;

/** Ids of rows by number; those of groups leave room for the ids of their tasks. */
const jobId = (seq: string): string => `('0199c000-0000-7000-9000-' || lpad(to_hex(${seq}), 12, '0'))::uuid`;
const firingId = (seq: string): string => `('0199c000-0000-7000-c000-' || lpad(to_hex(${seq}), 12, '0'))::uuid`;
const runnerId = (seq: string): string => `('0199c000-0000-7000-a000-' || lpad(to_hex(${seq}), 12, '0'))::uuid`;
const firstId = (group: string, first: string): string =>
  `(lpad(to_hex(26843545600 + ${group}), 12, '0')::text || '7000' || '8000' || lpad(to_hex(${first}), 12, '0'))::uuid`;

const scheduleId = (seq: string): string => `('0199c000-0000-7000-b000-' || lpad(to_hex(${seq}), 12, '0'))::uuid`;

const bucketOf = (seq: string): string => `(1 + ${seq} % ${BUCKETS})`;

const groupColumns = `seq, job, parent, parent_id, parent_attempt, depth, spec, first_id, first, count, open, spoiled, waits,
  created_at, unblocked_at, input_bytes, output_bytes, dependency_bytes, dependants, depends_on`;

/** Groups are numbered: two for each ended job, three for the giant, one for each open job. */
const GIANT_GROUP = ENDED_JOBS * 2 + 1;

const load: readonly string[] = [
  `INSERT INTO bucket (seq, queue, name, major, minor, priority) SELECT b, 'backlog', 'task-' || b, 1, 0, 0 FROM generate_series(1, ${BUCKETS}) b`,
  `INSERT INTO spec (seq, digest, bucket, gate, body) SELECT b, sha256(b::text::bytea), b, 0, json_build_object('name', 'task-' || b, 'major', 1, 'minor', 0,
     'queue', 'backlog', 'priority', 0, 'optional', false, 'retry', json_build_object('maxAttempts', 3, 'initialDelayMs', 1000,
     'factor', 2, 'maxDelayMs', 60000, 'jitter', 0, 'nonRetryableTypes', json_build_array()))::text
   FROM generate_series(1, ${BUCKETS}) b`,
  `INSERT INTO runner (seq, id, body, state, registered_at, last_seen_at)
   SELECT r, ${runnerId("r")}, json_build_object('id', ${runnerId("r")}, 'host', 'host', 'pid', r, 'sdkName', '',
     'sdkVersion', '', 'serviceName', '', 'serviceVersion', '', 'queues', json_build_array('backlog'), 'identifiers',
     json_build_array(), 'capacity', 10)::text, 1, ${T0}, ${NEVER} FROM generate_series(1, ${RUNNERS}) r`,
  `INSERT INTO job (seq, id, name, state, tags, queue, priority, created_at, started_at, ended_at, trace, attempts, succeeded,
     failed, projected, trigger)
   SELECT j, ${jobId("j")}, 'job-' || j % 1000, 4 + j % 2, jsonb_build_object('team', 'team-' || j % 100, 'run', j::text),
     'backlog', 0, ${T0} + j * 1000, ${T0} + j * 1000, ${T0} + j * 1000, '{}', 11, 9 + j % 2, 1 - j % 2, true,
     CASE WHEN j % 10 = 0 THEN jsonb_build_object('type', 'schedule', 'depth', 0, 'source', jsonb_build_object(
       'kind', 'schedule', 'id', ${scheduleId("j")}, 'name', 'schedule-' || j % 1000)) END
   FROM generate_series(1, ${ENDED_JOBS}) j`,
  `INSERT INTO job (seq, id, name, state, queue, priority, created_at, started_at, trace, attempts, blocked, queued, succeeded)
   VALUES (${GIANT}, ${jobId(String(GIANT))}, 'giant', 2, 'backlog', 0, ${T0}, ${T0}, '{}', ${GIANT_HALF / 2},
     ${GIANT_HALF}, ${GIANT_HALF / 2}, ${GIANT_HALF / 2})`,
  `INSERT INTO job (seq, id, name, state, queue, priority, created_at, trace, scheduled, queued)
   SELECT j, ${jobId("j")}, 'open-' || j % 1000, 1, 'backlog', 0, ${T0} + j * 1000, '{}', 1, 9
   FROM generate_series(${GIANT + 1}, ${LAST_JOB}) j`,
  `INSERT INTO task_group (${groupColumns})
   SELECT 2 * j - 1, j, NULL, NULL, 0, 0, ${bucketOf("j")}, ${firstId("2 * j - 1", "10 * j - 9")}, 10 * j - 9, 1, 0, false, 0,
     ${T0}, ${T0}, 100, 100, 0, 1, NULL FROM generate_series(1, ${ENDED_JOBS}) j`,
  `INSERT INTO task_group (${groupColumns})
   SELECT 2 * j, j, 10 * j - 9, ${firstId("2 * j - 1", "10 * j - 9")}, 1, 1, ${bucketOf("j")},
     ${firstId("2 * j", "10 * j - 8")}, 10 * j - 8, 9, 0, false, 0, ${T0}, ${T0}, 900, 900, 0, 0, NULL
   FROM generate_series(1, ${ENDED_JOBS}) j`,
  `INSERT INTO task_group (${groupColumns})
   SELECT ${GIANT_GROUP} + h, ${GIANT}, NULL, NULL, 0, 0, 1, ${firstId(`(${GIANT_GROUP} + h)`, `(${GIANT_FIRST} + h * ${GIANT_HALF})`)},
     ${GIANT_FIRST} + h * ${GIANT_HALF}, ${GIANT_HALF}, ${GIANT_HALF} / (2 - h), false, h, ${T0},
     CASE h WHEN 0 THEN ${T0}::bigint END, 0, 0, 0, 1 - h, CASE h WHEN 1 THEN ARRAY[${GIANT_GROUP}]::bigint[] END
   FROM generate_series(0, 1) h`,
  `INSERT INTO task_group (${groupColumns})
   SELECT ${GIANT_GROUP} + 1 + o, ${GIANT} + o, NULL, NULL, 0, 0, ${bucketOf("o")},
     ${firstId(`(${GIANT_GROUP} + 1 + o)`, `(${OPEN_FIRST} + 10 * (o - 1))`)}, ${OPEN_FIRST} + 10 * (o - 1), 10, 10, false, 0,
     ${T0}, ${T0}, 1000, 0, 0, 0, NULL FROM generate_series(1, ${OPEN_JOBS}) o`,
  `INSERT INTO group_edge (dependency, dependant) SELECT 2 * j - 1, 2 * j FROM generate_series(1, ${ENDED_JOBS}) j
   UNION ALL SELECT ${GIANT_GROUP}, ${GIANT_GROUP} + 1`,
  `INSERT INTO task (seq, task_group, spec, state, attempt, outcome, counted, runner, token, leased_at, expires_at,
     attempt_ended_at, started_at, ended_at, input, output)
   SELECT t, CASE WHEN t % 10 = 1 THEN 2 * ((t + 9) / 10) - 1 ELSE 2 * ((t + 9) / 10) END, ${bucketOf("((t + 9) / 10)")}, 6,
     1 + (t % 6 = 0)::integer, 1, 1 + (t % 6 = 0)::integer, 1 + (t + 9) / 10 % ${RUNNERS}, '\\x00', ${T0} + t, ${T0} + t,
     ${T0} + t + 1, CASE WHEN t % 6 = 0 THEN ${T0} + t END, ${T0} + t + 1, '\\x01', '\\x02'
   FROM generate_series(1, ${ENDED_JOBS * 10}) t`,
  `INSERT INTO attempt (task, number, runner, token, outcome, leased_at, ended_at, queued_at, backoff_us, dropped)
   SELECT t, 1, 1 + (t + 9) / 10 % ${RUNNERS}, '\\x00', 2, ${T0} + t, ${T0} + t, ${T0} + t, 0, 0
   FROM generate_series(6, ${ENDED_JOBS * 10}, 6) t`,
  `INSERT INTO job_runner (runner, job) SELECT 1 + j % ${RUNNERS}, j FROM generate_series(1, ${ENDED_JOBS}) j`,
  `INSERT INTO task (seq, task_group, spec, state, attempt, outcome, counted, runner, token, leased_at, expires_at,
     attempt_ended_at, ended_at, input)
   SELECT t, ${GIANT_GROUP}, 1, 6, 1, 1, 1, 1, '\\x00', ${T0}, ${T0}, ${T0}, ${T0}, '\\x01'
   FROM generate_series(${GIANT_FIRST}, ${GIANT_FIRST + GIANT_HALF / 2 - 1}) t`,
  `INSERT INTO task (seq, task_group, spec, state, input)
   SELECT t, ${GIANT_GROUP} + (t >= ${GIANT_FIRST + GIANT_HALF})::integer, 1,
     CASE WHEN t >= ${GIANT_FIRST + GIANT_HALF} THEN 1 ELSE 3 END, '\\x01'
   FROM generate_series(${GIANT_FIRST + GIANT_HALF / 2}, ${OPEN_FIRST - 1}) t`,
  `INSERT INTO task (seq, task_group, spec, state, scheduled_at, input)
   SELECT t, ${GIANT_GROUP} + 2 + (t - ${OPEN_FIRST}) / 10, ${bucketOf(`(1 + (t - ${OPEN_FIRST}) / 10)`)},
     CASE (t - ${OPEN_FIRST}) % 10 WHEN 9 THEN 2 ELSE 3 END, CASE (t - ${OPEN_FIRST}) % 10 WHEN 9 THEN ${NEVER} + t END, '\\x01'
   FROM generate_series(${OPEN_FIRST}, ${LAST_TASK}) t`,
  `INSERT INTO timer (at, first, last) SELECT ${NEVER} + t, t, t FROM generate_series(${OPEN_FIRST + 9}, ${LAST_TASK}, 10) t`,
  `INSERT INTO ready (job, bucket, gate, depth, last, first, task_group, spec, queued_at)
   SELECT ${GIANT} + o, ${bucketOf("o")}, 0, 0, ${OPEN_FIRST} + 10 * o - 2, ${OPEN_FIRST} + 10 * (o - 1), ${GIANT_GROUP} + 1 + o,
     ${bucketOf("o")}, ${T0} FROM generate_series(1, ${OPEN_JOBS}) o
   UNION ALL SELECT ${GIANT}, 1, 0, 0, ${GIANT_FIRST + GIANT_HALF - 1}, ${GIANT_FIRST + GIANT_HALF / 2}, ${GIANT_GROUP}, 1, ${T0}`,
  "INSERT INTO ready_line (job, bucket, gate, turn) SELECT job, bucket, 0, job FROM ready",
  `INSERT INTO queue_timer (at, first, last) SELECT ${NEVER} + r.last, r.first, r.last FROM ready r`,
  `INSERT INTO holder (task, key, leased_at) SELECT t, 'backlog-' || t % 100, ${T0} FROM generate_series(1, 20000) t`,
  `INSERT INTO job_place (job, key, places, policy, priority, admitted_at)
   SELECT j, 'backlog-' || j % 100, 1000, 'wait', 0, ${T0} + j FROM generate_series(${GIANT + 1}, ${LAST_JOB}) j`,
  `SELECT setval('job_seq', ${LAST_JOB}), setval('group_seq', ${GIANT_GROUP + 1 + OPEN_JOBS}), setval('task_seq', ${LAST_TASK}),
     setval('spec_seq', ${BUCKETS}), setval('bucket_seq', ${BUCKETS}), setval('runner_seq', ${RUNNERS}), setval('lease_seq', 1)`,
  `INSERT INTO definition (id, kind, name, body, paused, pause_reason, next_at, wants_job_events, keep_firings, revision,
     created_at, updated_at)
   SELECT ${scheduleId("s")}, 1, '~schedule-' || s, '\\x00', false, '', ${NEVER} + s, false, 100, 1, ${T0}, ${T0}
   FROM generate_series(1, ${SCHEDULES}) s`,
  `INSERT INTO firing (seq, id, source, outcome, scheduled_at, fired_at, event, requested, count)
   SELECT f, ${firingId("f")}, ${scheduleId(`(1 + f % ${SCHEDULES})`)}, CASE WHEN f % 100 = 0 THEN 4 ELSE 1 END, ${T0}, ${T0},
     CASE WHEN f % 2 = 0 THEN 'event-' || f END, false, 1 FROM generate_series(1, ${LAST_FIRING}) f`,
  `INSERT INTO event (seq, id, key, payload, source, depth, received_at)
   SELECT e, 'event-' || e, 'bulk.key-' || e % 1000, '\\x7b7d', 1, 0, ${T0} + e FROM generate_series(1, ${LAST_EVENT}) e`,
  `INSERT INTO meta (key, value) VALUES ('matched_event', ${LAST_EVENT})`,
  `SELECT setval('firing_seq', ${LAST_FIRING}), setval('event_seq', ${LAST_EVENT})`,
  "VACUUM ANALYZE",
];

/** Deletes what a case made of schedules, triggers and events, so that the next one finds names free and nothing to match. */
export async function forgetTriggers(client: Client): Promise<void> {
  await client.query(`DELETE FROM definition WHERE name NOT LIKE '~%'`);
  await client.query(`DELETE FROM firing WHERE seq > ${LAST_FIRING}`);
  await client.query(`DELETE FROM event WHERE seq > ${LAST_EVENT}`);
  await client.query(`UPDATE meta SET value = ${LAST_EVENT} WHERE key = 'matched_event'`);
}

/** Something of each kind to ask for. */
export const inMillionTasks = {
  endedJobSeq: 100,
  endedJobId: "0199c000-0000-7000-9000-000000000064",
  giantJobId: `0199c000-0000-7000-9000-${GIANT.toString(16).padStart(12, "0")}`,
  runnerId: "0199c000-0000-7000-a000-00000000000a",
} as const;
