import { RunnerState, TaskState } from "@spanloom/protocol";
import type { QueueStatsRecord } from "../store.ts";
import type { ReadContext } from "./read-context.ts";
import type { Reader, SqlRow } from "./read-pool.ts";
import { statement } from "./statement.ts";

/** Queues named, or all that ever had tasks. */
const wanted = "($1::text[] IS NULL OR b.queue = ANY($1))";

const allQueues = statement("all_queues", "SELECT DISTINCT queue FROM bucket ORDER BY queue");

const queuedByQueue = statement(
  "queued_by_queue",
  `SELECT b.queue, sum(r.last - r.first + 1)::bigint, min(r.queued_at) FROM bucket b
   JOIN ready_line l ON l.bucket = b.seq JOIN ready r ON r.job = l.job AND r.bucket = l.bucket
   WHERE ${wanted} GROUP BY b.queue`,
);

const scheduledByQueue = statement(
  "scheduled_by_queue",
  `SELECT b.queue, count(DISTINCT t.seq) FROM timer m CROSS JOIN LATERAL
     (SELECT seq, spec FROM task WHERE seq BETWEEN m.first AND m.last AND state = ${TaskState.SCHEDULED}
      AND scheduled_at = m.at) t
   JOIN spec s ON s.seq = t.spec JOIN bucket b ON b.seq = s.bucket WHERE ${wanted} GROUP BY b.queue`,
);

const runningByQueue = statement(
  "running_by_queue",
  `SELECT b.queue, count(*) FROM lease l CROSS JOIN LATERAL unnest(l.tasks) AS leased (task)
   JOIN task t ON t.seq = leased.task AND t.lease = l.seq AND t.state = ${TaskState.RUNNING}
   JOIN spec s ON s.seq = t.spec JOIN bucket b ON b.seq = s.bucket WHERE ${wanted} GROUP BY b.queue`,
);

const runnersByQueue = statement(
  "runners_by_queue",
  `SELECT served.queue, count(*) FROM runner CROSS JOIN LATERAL jsonb_array_elements_text(body::jsonb -> 'queues')
     AS served (queue)
   WHERE body IS NOT NULL AND state = ANY('{${RunnerState.ACTIVE},${RunnerState.DRAINING}}') AND last_seen_at >= $2
     AND ($1::text[] IS NULL OR served.queue = ANY($1)) GROUP BY served.queue`,
);

/** Backlog by queue; all queues that ever had tasks when none are named. */
export function queueStats(context: ReadContext, queues: readonly string[]): Promise<readonly QueueStatsRecord[]> {
  return context.pool.snapshot(async (reader) => {
    const named = queues.length === 0 ? null : queues;
    const heardOfUs = context.nowUs() - context.runnerLostMs * 1000;
    const [queued, scheduled, running, runners, names] = await Promise.all([
      byQueue(reader.rows(queuedByQueue, named)),
      byQueue(reader.rows(scheduledByQueue, named)),
      byQueue(reader.rows(runningByQueue, named)),
      byQueue(reader.rows(runnersByQueue, named, heardOfUs)),
      named === null ? queueNames(reader) : [...new Set(queues)],
    ]);
    return names.map((queue) => {
      const oldest = queued.get(queue)?.[2];
      return {
        queue,
        queued: countOf(queued, queue),
        throttled: 0,
        scheduled: countOf(scheduled, queue),
        running: countOf(running, queue),
        ...(oldest !== undefined && { oldestQueuedAtUs: oldest as number }),
        runners: countOf(runners, queue),
      };
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
