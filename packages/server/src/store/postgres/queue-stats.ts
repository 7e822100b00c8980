import { type JobState, RunnerState, TaskState } from "@spanloom/protocol";
import type { BacklogRecord, QueueStatsRecord } from "../store.ts";
import type { ReadContext } from "./read-context.ts";
import type { Reader, SqlRow } from "./read-pool.ts";
import { statement } from "./statement.ts";

/** Queues named, or all that ever had tasks. */
const wanted = "($1::text[] IS NULL OR b.queue = ANY($1))";

const allQueues = statement("all_queues", "SELECT DISTINCT queue FROM bucket ORDER BY queue");

/**
 * Tasks on offer, and those of them that wait: for their job's place, or for room under their gate.
 *
 * `$2`: now. A window that is over has room for all; LEAST passes over what a gate does not limit.
 */
const queuedByQueue = statement(
  "queued_by_queue",
  `WITH line AS (
     SELECT b.queue, l.gate, l.held, sum(r.last - r.first + 1) AS tasks, min(r.queued_at) AS oldest FROM bucket b
     JOIN ready_line l ON l.bucket = b.seq JOIN ready r ON r.job = l.job AND r.bucket = l.bucket AND r.gate = l.gate
     WHERE ${wanted} GROUP BY b.queue, l.bucket, l.gate, l.held
   )
   SELECT queue, sum(tasks)::bigint, min(oldest),
     sum(CASE WHEN held THEN tasks ELSE greatest(0, tasks - coalesce(room, tasks)) END)::bigint
   FROM line LEFT JOIN LATERAL (
     SELECT greatest(0, least(g.places - (SELECT count(*) FROM holder h WHERE h.key = g.key),
       g.rate_limit - coalesce((SELECT w.used FROM rate_window w WHERE w.key = g.rate_key
         AND w.window_ms = g.window_ms AND $2::bigint BETWEEN w.start_at AND w.start_at + w.window_ms * 1000 - 1), 0)
     )) AS room FROM gate g WHERE g.seq = line.gate AND NOT line.held
   ) opening ON true GROUP BY queue`,
);

/** What is scheduled is looked at before it is named: else the planner may begin with every task of a queue's specs. */
const scheduledByQueue = statement(
  "scheduled_by_queue",
  `WITH scheduled AS MATERIALIZED (
     SELECT t.spec, count(DISTINCT t.seq) AS tasks FROM timer m CROSS JOIN LATERAL
       (SELECT seq, spec FROM task WHERE seq BETWEEN m.first AND m.last AND state = ${TaskState.SCHEDULED}
        AND scheduled_at = m.at OFFSET 0) t
     GROUP BY t.spec
   )
   SELECT b.queue, sum(c.tasks)::bigint FROM scheduled c JOIN spec s ON s.seq = c.spec JOIN bucket b ON b.seq = s.bucket
   WHERE ${wanted} GROUP BY b.queue`,
);

const runningByQueue = statement(
  "running_by_queue",
  `WITH running AS MATERIALIZED (
     SELECT t.spec, count(*) AS tasks FROM lease l CROSS JOIN LATERAL unnest(l.tasks) AS leased (task)
     CROSS JOIN LATERAL (SELECT spec FROM task WHERE seq = leased.task AND lease = l.seq
       AND state = ${TaskState.RUNNING} OFFSET 0) t
     GROUP BY t.spec
   )
   SELECT b.queue, sum(c.tasks)::bigint FROM running c JOIN spec s ON s.seq = c.spec JOIN bucket b ON b.seq = s.bucket
   WHERE ${wanted} GROUP BY b.queue`,
);

const runnersByQueue = statement(
  "runners_by_queue",
  `SELECT served.queue, count(*) FROM runner CROSS JOIN LATERAL jsonb_array_elements_text(body::jsonb -> 'queues')
     AS served (queue)
   WHERE body IS NOT NULL AND state = ANY('{${RunnerState.ACTIVE},${RunnerState.DRAINING}}') AND last_seen_at >= $2
     AND ($1::text[] IS NULL OR served.queue = ANY($1)) GROUP BY served.queue`,
);

const openByState = statement(
  "open_by_state",
  `SELECT state, count(*), sum(blocked)::bigint, sum(scheduled)::bigint, sum(queued)::bigint, sum(running)::bigint,
   sum(waiting)::bigint FROM job WHERE ended_at IS NULL GROUP BY state`,
);

/** States in the order of the statement's sums. */
const openStates: readonly TaskState[] = [
  TaskState.BLOCKED,
  TaskState.SCHEDULED,
  TaskState.QUEUED,
  TaskState.RUNNING,
  TaskState.WAITING,
];

/** What is open: rows of open jobs, of what is on offer and of leases are read, and no task but running ones. */
export function backlog(context: ReadContext): Promise<BacklogRecord> {
  return context.pool.snapshot(async (reader) => {
    const nowUs = context.nowUs();
    const [queued, running, runners, names, open] = await Promise.all([
      byQueue(reader.rows(queuedByQueue, null, nowUs)),
      byQueue(reader.rows(runningByQueue, null)),
      byQueue(reader.rows(runnersByQueue, null, nowUs - context.runnerLostMs * 1000)),
      queueNames(reader),
      reader.rows(openByState),
    ]);
    const sums = openStates.map((state, at) => {
      return [state, open.reduce((sum, row) => sum + ((row[at + 2] as number | null) ?? 0), 0)] as const;
    });
    return {
      queues: names.map((queue) => depthOf({ queued, running, runners }, queue)),
      jobs: new Map(open.map(([state, jobs]) => [state as JobState, jobs as number])),
      tasks: new Map(sums),
    };
  });
}

function depthOf(
  { queued, running, runners }: Record<"queued" | "running" | "runners", ReadonlyMap<string, SqlRow>>,
  queue: string,
) {
  const oldest = queued.get(queue)?.[2];
  return {
    queue,
    queued: countOf(queued, queue),
    throttled: (queued.get(queue)?.[3] as number | undefined) ?? 0,
    running: countOf(running, queue),
    ...(oldest !== undefined && { oldestQueuedAtUs: oldest as number }),
    runners: countOf(runners, queue),
  };
}

/** Backlog by queue; all queues that ever had tasks when none are named. */
export function queueStats(context: ReadContext, queues: readonly string[]): Promise<readonly QueueStatsRecord[]> {
  return context.pool.snapshot(async (reader) => {
    const named = queues.length === 0 ? null : queues;
    const nowUs = context.nowUs();
    const heardOfUs = nowUs - context.runnerLostMs * 1000;
    const [queued, scheduled, running, runners, names] = await Promise.all([
      byQueue(reader.rows(queuedByQueue, named, nowUs)),
      byQueue(reader.rows(scheduledByQueue, named)),
      byQueue(reader.rows(runningByQueue, named)),
      byQueue(reader.rows(runnersByQueue, named, heardOfUs)),
      named === null ? queueNames(reader) : [...new Set(queues)],
    ]);
    return names.map((queue) => {
      return { ...depthOf({ queued, running, runners }, queue), scheduled: countOf(scheduled, queue) };
    });
  });
}

async function queueNames(reader: Reader): Promise<string[]> {
  return (await reader.rows(allQueues)).map(([queue]) => queue as string);
}

async function byQueue(rows: Promise<readonly SqlRow[]>): Promise<ReadonlyMap<string, SqlRow>> {
  return new Map((await rows).map((row) => [row[0] as string, row]));
}

function countOf(rows: ReadonlyMap<string, SqlRow>, queue: string): number {
  return (rows.get(queue)?.[1] as number | undefined) ?? 0;
}
