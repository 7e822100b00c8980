import { CancellationReason } from "@spanloom/protocol";
import type { ConcurrencyRule } from "../store.ts";
import { numbers } from "./bulk.ts";
import type { Control } from "./control.ts";
import { doomJob } from "./doom.ts";
import type { JobWork } from "./jobs.ts";
import { statement } from "./statement.ts";

/**
 * Which jobs hold a place under a concurrency key of their own, and which wait for one.
 *
 * I1. A job holds its place from its admission until it ends; jobs wait by priority, then in the order they came.
 * I2. Tasks of a job that waits are on offer in lines that are held: they are in no claim's way.
 */

const standing = statement(
  "standing_under_key",
  `SELECT (SELECT count(*) FROM (SELECT 1 FROM job_place WHERE key = $1::text AND admitted_at IS NOT NULL
     LIMIT $2::integer) h),
   (SELECT count(*) FROM (SELECT 1 FROM job_place WHERE key = $1::text AND admitted_at IS NULL LIMIT $2::integer) w)`,
);

async function standingUnder(control: Control, rule: ConcurrencyRule): Promise<{ holders: number; waiting: number }> {
  const [row] = await control.sql.ask(standing, [rule.key, rule.limit]);
  const [holders, waiting] = row as readonly [number, number];
  return { holders, waiting };
}

/** Whether a newcomer with this rule is refused. */
export async function isRefused(control: Control, rule: ConcurrencyRule): Promise<boolean> {
  if (rule.policy !== "rejectNew") return false;
  await leavePlaces(control);
  const { holders, waiting } = await standingUnder(control, rule);
  return holders + waiting >= rule.limit;
}

/** Later than any admission under the key before, as the order of holders is read from these times. */
const admissionTime = (nowUs: string, key: string) =>
  `greatest(${nowUs}::bigint, 1 + (SELECT max(admitted_at) FROM job_place WHERE key = ${key}::text AND admitted_at IS NOT NULL))`;

const insertPlace = statement(
  "insert_job_place",
  `INSERT INTO job_place (job, key, places, policy, priority, admitted_at)
   SELECT $1::bigint, $2::text, $3::integer, $4::text, $5::integer,
     CASE WHEN $6::bigint IS NOT NULL THEN ${admissionTime("$6", "$2")} END`,
);
const displacedJobs = statement(
  "displaced_jobs",
  `UPDATE job_place p SET leaving = true FROM (
     SELECT job FROM job_place WHERE key = $1::text AND admitted_at IS NOT NULL ORDER BY admitted_at, job
     LIMIT (SELECT count(*) FROM job_place WHERE key = $1::text AND admitted_at IS NULL AND policy = 'cancelRunning')
   ) h WHERE p.job = h.job AND NOT p.leaving RETURNING p.job`,
);

/** Gives a new or retried job its place, or holds its tasks until there is one. To be called before any is ready. */
export async function applyForPlace(control: Control, job: JobWork): Promise<void> {
  const rule = job.concurrency!;
  await leavePlaces(control);
  const { holders, waiting } = await standingUnder(control, rule);
  const isAdmitted = waiting === 0 && holders < rule.limit;
  job.place = isAdmitted ? "holds" : "waits";
  job.admittedAtUs = isAdmitted ? control.nowUs : undefined;
  control.jobs.touch(job);
  const { key, limit, policy } = rule;
  control.sql.send(insertPlace, [job.seq, key, limit, policy, job.priority, job.admittedAtUs ?? null]);
  if (isAdmitted) return;
  const leaving = (await control.sql.send(displacedJobs, [key])).map(([seq]) => seq as number);
  await control.jobs.load(leaving);
  for (const seq of leaving.sort((a, b) => a - b)) makeWay(control, control.jobs.get(seq), job);
}

function makeWay(control: Control, holder: JobWork, newcomer: JobWork): void {
  if (holder.doom !== "none") return;
  doomJob(control, holder, {
    doom: "cancelled",
    failure: undefined,
    failedTaskId: undefined,
    cancelReason: `job ${newcomer.id} took its place under concurrency key "${newcomer.concurrency!.key}"`,
    stop: CancellationReason.CONCURRENCY,
  });
}

const deletePlaces = statement("delete_job_places", "DELETE FROM job_place WHERE job = ANY($1::bigint[])");
const nextInLine = statement(
  "next_in_line",
  `SELECT job, places, (SELECT count(*) FROM job_place h WHERE h.key = $1::text AND h.admitted_at IS NOT NULL)
   FROM job_place WHERE key = $1::text AND admitted_at IS NULL ORDER BY priority DESC, job LIMIT $2::integer`,
);
const admitJobs = statement(
  "admit_jobs",
  `UPDATE job_place p SET admitted_at = t.at + u.place FROM unnest($1::bigint[]) WITH ORDINALITY AS u (job, place),
   (SELECT ${admissionTime("$2", "$3")} AS at) t WHERE p.job = u.job`,
);
const letInLines = statement(
  "let_in_lines",
  "UPDATE ready_line SET held = false WHERE job = ANY($1::bigint[]) AND held",
);
const onOffer = statement(
  "on_offer_of_jobs",
  "SELECT bucket, sum(last - first + 1)::bigint FROM ready WHERE job = ANY($1::bigint[]) GROUP BY bucket",
);

/** Takes the places of jobs that have ended, and lets in those whose turn it is. */
export async function leavePlaces(control: Control): Promise<void> {
  const gone = control.jobs.leaving();
  if (gone.length === 0) return;
  for (const job of gone) job.place = "none";
  control.sql.send(deletePlaces, [numbers(gone.map(({ seq }) => seq))]);
  const admitted: number[] = [];
  for (const key of new Set(gone.map(({ concurrency }) => concurrency!.key)))
    admitted.push(...(await letIn(control, key)));
  if (admitted.length > 0) await announce(control, admitted);
}

const PAGE = 100;

async function letIn(control: Control, key: string): Promise<number[]> {
  const admitted: number[] = [];
  for (;;) {
    const rows = (await control.sql.ask(nextInLine, [key, PAGE])) as unknown as [number, number, number][];
    // Jobs go in line: one that finds its places taken keeps those behind it waiting.
    const stopped = rows.findIndex(([, places, holders], i) => holders + i >= places);
    const jobs = rows.slice(0, stopped < 0 ? rows.length : stopped).map(([job]) => job);
    if (jobs.length > 0) control.sql.send(admitJobs, [numbers(jobs), control.nowUs, key]);
    admitted.push(...jobs);
    if (jobs.length < PAGE) return admitted;
  }
}

async function announce(control: Control, admitted: readonly number[]): Promise<void> {
  await control.jobs.load(admitted);
  for (const seq of admitted) {
    const job = control.jobs.get(seq);
    job.place = "holds";
    job.admittedAtUs = control.nowUs;
    control.jobs.touch(job);
    control.changes.jobs.add(job.id);
  }
  // Lines of the open transaction are to be let in, too.
  control.ready.flush();
  control.sql.send(letInLines, [numbers(admitted)]);
  control.ready.forgetEmpty();
  for (const [bucket, tasks] of await control.sql.ask(onOffer, [numbers(admitted)])) {
    control.changes.addReady(control.specs.bucket(bucket as number).queue, tasks as number);
  }
}
