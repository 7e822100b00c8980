import { RunnerState, SpanloomError, TaskState } from "@spanloom/protocol";
import type { Page, RunnerRecord } from "../store.ts";
import { knownUuids } from "./known-uuids.ts";
import type { ReadContext } from "./read-context.ts";
import type { Reader } from "./read-pool.ts";
import { statement } from "./statement.ts";

/** What a runner said of itself. */
type RunnerIdentity = Omit<RunnerRecord, "running" | "state" | "registeredAtUs" | "lastSeenAtUs">;

/** A runner that is silent and did not say goodbye is lost; `$1`: silent since then. */
const state = `CASE WHEN state <> ${RunnerState.STOPPED} AND last_seen_at < $1 THEN ${RunnerState.LOST} ELSE state END`;

const pageOfRunners = statement(
  "page_of_runners",
  `SELECT seq, body, state, registered_at, last_seen_at FROM
     (SELECT seq, body, (${state})::smallint AS state, registered_at, last_seen_at FROM runner
      WHERE body IS NOT NULL AND state <> ${RunnerState.UNSPECIFIED}) r
   WHERE seq < $2 AND ($3::smallint[] IS NULL OR state = ANY($3))
     AND ($4::text IS NULL OR body::jsonb -> 'queues' ? $4) ORDER BY seq DESC LIMIT $5`,
);

const runnerSeq = statement("runner_seq", "SELECT seq FROM runner WHERE id = $1");

/** Leases whose tasks have all been reported may still have rows, so the tasks are asked. */
const runningByRunner = statement(
  "running_by_runner",
  `SELECT l.runner, count(*) FROM lease l CROSS JOIN LATERAL unnest(l.tasks) AS leased (task)
   JOIN task t ON t.seq = leased.task AND t.lease = l.seq AND t.state = ${TaskState.RUNNING}
   WHERE l.runner = ANY($1::bigint[]) GROUP BY l.runner`,
);

/** Registered runners, newest first. Errors: RUNNER_NOT_FOUND for an unknown `after`. */
export function listRunners(
  { pool, nowUs, runnerLostMs }: ReadContext,
  query: { states?: readonly RunnerState[]; queue?: string },
  page: Page,
): Promise<readonly RunnerRecord[]> {
  return pool.snapshot(async (reader) => {
    const before = page.after === undefined ? Number.MAX_SAFE_INTEGER : await existingRunner(reader, page.after);
    const states = query.states === undefined || query.states.length === 0 ? null : query.states;
    const lostBeforeUs = nowUs() - runnerLostMs * 1000;
    const rows = await reader.rows(pageOfRunners, lostBeforeUs, before, states, query.queue ?? null, page.limit);
    const seqs = rows.map(([seq]) => seq as number);
    const running = new Map(
      seqs.length === 0 ? [] : ((await reader.rows(runningByRunner, seqs)) as [number, number][]),
    );
    return rows.map(([seq, body, now, registeredAt, lastSeenAt]) => ({
      ...(JSON.parse(body as string) as RunnerIdentity),
      running: running.get(seq as number) ?? 0,
      state: now as RunnerState,
      registeredAtUs: registeredAt as number,
      lastSeenAtUs: lastSeenAt as number,
    }));
  });
}

async function existingRunner(reader: Reader, id: string): Promise<number> {
  const [row] = knownUuids([id]).length === 0 ? [] : await reader.rows(runnerSeq, id);
  if (row !== undefined) return row[0] as number;
  throw new SpanloomError("RUNNER_NOT_FOUND", `cannot list runner: no runner has the id "${id}"`);
}
