import { Client } from "pg";

/** What the store counts and what a scan of the record finds must be the same (I4); each query lists differences. */
const differences: Readonly<Record<string, string>> = {
  "open tasks of a group": `SELECT g.seq, g.open FROM task_group g WHERE g.open <>
    (SELECT count(*) FROM task t WHERE t.seq BETWEEN g.first AND g.first + g.count - 1 AND t.state <= 5)`,
  "tasks of a group": `SELECT t.seq FROM task t JOIN task_group g ON g.seq = t.task_group
    WHERE t.seq NOT BETWEEN g.first AND g.first + g.count - 1`,
  "groups a group waits for": `SELECT g.seq, g.waits FROM task_group g WHERE g.open > 0 AND g.waits <>
    (SELECT count(*) FROM group_edge e JOIN task_group d ON d.seq = e.dependency
     WHERE e.dependant = g.seq AND d.open > 0)`,
  "open groups of a parent": `SELECT p.seq, p.open_groups FROM task p WHERE p.state = 5 AND p.open_groups <>
    (SELECT count(*) FROM task_group g WHERE g.parent = p.seq AND g.open > 0)`,
  "blocked tasks of an unblocked group": `SELECT t.seq FROM task t JOIN task_group g ON g.seq = t.task_group
    WHERE t.state = 1 AND g.waits = 0`,
  "outputs of a group": `SELECT g.seq, g.output_bytes FROM task_group g WHERE (g.dependants > 0 OR g.parent IS NULL)
    AND g.output_bytes <>
    (SELECT coalesce(sum(octet_length(t.output)), 0) FROM task t
     WHERE t.seq BETWEEN g.first AND g.first + g.count - 1)`,
  "counters of a job": `SELECT j.seq, j.state FROM job j JOIN LATERAL (SELECT
      count(*) FILTER (WHERE t.state = 1) AS blocked, count(*) FILTER (WHERE t.state = 2) AS scheduled,
      count(*) FILTER (WHERE t.state = 3) AS queued, count(*) FILTER (WHERE t.state = 4) AS running,
      count(*) FILTER (WHERE t.state = 5) AS waiting, count(*) FILTER (WHERE t.state = 6) AS succeeded,
      count(*) FILTER (WHERE t.state = 7) AS failed, count(*) FILTER (WHERE t.state = 8) AS cancelled,
      count(*) FILTER (WHERE t.state = 9) AS skipped
      FROM task_group g JOIN task t ON t.task_group = g.seq WHERE g.job = j.seq) n ON true
    WHERE (j.blocked, j.scheduled, j.queued, j.running, j.waiting, j.succeeded, j.failed, j.cancelled, j.skipped) <>
      (n.blocked, n.scheduled, n.queued, n.running, n.waiting, n.succeeded, n.failed, n.cancelled, n.skipped)`,
  "scheduled tasks without a timer": `SELECT t.seq FROM task t WHERE t.state = 2 AND NOT EXISTS
    (SELECT 1 FROM timer m WHERE m.at = t.scheduled_at AND t.seq BETWEEN m.first AND m.last)`,
  "tasks on offer that are not queued": `SELECT r.job, t.seq, t.state FROM ready r
    JOIN task t ON t.seq BETWEEN r.first AND r.last WHERE t.state <> 3`,
  "tasks on offer twice": `SELECT t.seq FROM ready r JOIN task t ON t.seq BETWEEN r.first AND r.last
    GROUP BY t.seq HAVING count(*) > 1`,
  "runs on offer without a line": `SELECT r.job, r.bucket FROM ready r WHERE NOT EXISTS
    (SELECT 1 FROM ready_line l WHERE l.job = r.job AND l.bucket = r.bucket)`,
  "running tasks that no lease looks after": `SELECT t.seq FROM task t WHERE t.state = 4 AND NOT EXISTS
    (SELECT 1 FROM lease l WHERE l.seq = t.lease AND t.seq = ANY (l.tasks) AND l.due_at <= t.expires_at)`,
  "running tasks told to stop that do not run": `SELECT s.task FROM stop s LEFT JOIN task t ON t.seq = s.task
    WHERE t.state IS DISTINCT FROM 4 OR t.attempt IS DISTINCT FROM s.attempt`,
  "jobs of a runner that are not noted": `SELECT t.seq FROM task t JOIN task_group g ON g.seq = t.task_group
    WHERE t.runner IS NOT NULL AND NOT EXISTS
      (SELECT 1 FROM job_runner jr WHERE jr.runner = t.runner AND jr.job = g.job)`,
};

/** Rows that contradict each other, by what is wrong; empty when the record is consistent. */
export async function recordDifferences(url: string, schema = "spanloom"): Promise<Record<string, unknown[]>> {
  const client = new Client({ connectionString: url, options: `-c search_path=${schema}` });
  await client.connect();
  try {
    const found: Record<string, unknown[]> = {};
    for (const [what, sql] of Object.entries(differences)) {
      const { rows } = await client.query(`${sql} LIMIT 10`);
      if (rows.length > 0) found[what] = rows;
    }
    return found;
  } finally {
    await client.end();
  }
}
