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
 *     No two are let in at the same time: who is to make way first is told by it.
 * I2. Tasks of a job that waits are on offer in lines that are held: they are in no claim's way.
 */

/** Whether a newcomer with this rule is refused. */
export async function isRefused(control: Control, rule: ConcurrencyRule): Promise<boolean> {
  await leavePlaces(control);
  await control.jobPlaces.load([rule]);
  return control.jobPlaces.refuses(rule);
}

/**
 * Gives a new or retried job its place, or holds its tasks until there is one. To be called before any is ready; whoever
 * has to make way for it is told by {@link displaceJobs}.
 */
export async function applyForPlace(control: Control, job: JobWork): Promise<void> {
  const rule = job.concurrency!;
  await leavePlaces(control);
  await control.jobPlaces.load([rule]);
  control.jobPlaces.enter(job, control.nowUs);
  control.jobs.touch(job);
}

/** Tells holders to make way for newcomers. */
export async function displaceJobs(control: Control): Promise<void> {
  const displaced = await control.jobPlaces.displaced();
  await control.jobs.load(displaced.map(([holder]) => holder));
  for (const [holder, newcomer] of displaced) makeWay(control, control.jobs.get(holder), newcomer);
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
  `SELECT job, places, h.holders, h.last FROM job_place CROSS JOIN (
     SELECT count(*) AS holders, coalesce(max(admitted_at), 0) AS last FROM job_place
     WHERE key = $1::text AND admitted_at IS NOT NULL) h
   WHERE key = $1::text AND admitted_at IS NULL ORDER BY priority DESC, job LIMIT $2::integer`,
);
const admitJobs = statement(
  "admit_jobs",
  `UPDATE job_place p SET admitted_at = $2::bigint + u.place - 1
   FROM unnest($1::bigint[]) WITH ORDINALITY AS u (job, place) WHERE p.job = u.job`,
);
const letInLines = statement(
  "let_in_lines",
  "UPDATE ready_line SET held = false, parked = false WHERE job = ANY($1::bigint[]) AND held",
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
  control.jobPlaces.flush();
  control.sql.send(deletePlaces, [numbers(gone.map(({ seq }) => seq))]);
  const admitted = new Map<number, number>();
  for (const key of new Set(gone.map(({ concurrency }) => concurrency!.key))) {
    await letIn(control, key, admitted);
    control.jobPlaces.left(key);
  }
  if (admitted.size > 0) await announce(control, admitted);
}

const PAGE = 100;

/** Lets jobs in for which there is a place; notes when each was. */
async function letIn(control: Control, key: string, admitted: Map<number, number>): Promise<void> {
  for (;;) {
    const rows = (await control.sql.ask(nextInLine, [key, PAGE])) as unknown as [number, number, number, number][];
    // Jobs go in line: one that finds its places taken keeps those behind it waiting.
    const stopped = rows.findIndex(([, places, holders], i) => holders + i >= places);
    const jobs = rows.slice(0, stopped < 0 ? rows.length : stopped).map(([job]) => job);
    if (jobs.length > 0) {
      const atUs = Math.max(control.nowUs, rows[0]![3] + 1);
      control.sql.send(admitJobs, [numbers(jobs), atUs]);
      for (const [i, job] of jobs.entries()) admitted.set(job, atUs + i);
    }
    if (jobs.length < PAGE) return;
  }
}

async function announce(control: Control, admitted: ReadonlyMap<number, number>): Promise<void> {
  const jobs = numbers(admitted.keys());
  await control.jobs.load(admitted.keys());
  for (const [seq, atUs] of admitted) {
    const job = control.jobs.get(seq);
    job.place = "holds";
    job.admittedAtUs = atUs;
    control.jobs.touch(job);
    control.changes.jobs.add(job.id);
  }
  // Lines of the open transaction are to be let in, too.
  control.ready.flush();
  control.sql.send(letInLines, [jobs]);
  control.ready.forgetEmpty();
  for (const [bucket, tasks] of await control.sql.ask(onOffer, [jobs])) {
    control.changes.addReady(control.specs.bucket(bucket as number).queue, tasks as number);
  }
}
