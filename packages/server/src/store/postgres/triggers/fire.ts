import { type FiredJob, newFiringRecord } from "../../firing-outcome.ts";
import type { NewJob } from "../../store.ts";
import type { EventSettlement, FiringRecord, NewFiring, ScheduleFirings } from "../../trigger-store.ts";
import { texts } from "../bulk.ts";
import type { Control } from "../control.ts";
import type { Needs } from "../prefetch.ts";
import { statement } from "../statement.ts";
import { type Submitted, submitJobs } from "../submit.ts";

/** Names the rows that firings are about. */
export function needFirings(needs: Needs, sourceIds: Iterable<string>, firings: Iterable<NewFiring>): void {
  for (const id of sourceIds) needs.sourceIds.add(id);
  for (const { id, what } of firings) {
    needs.firingIds.add(id);
    if ("job" in what) needs.submissions.push(what.job);
  }
}

/** Fires schedules that are where their caller saw them; see TriggerStore.fire. */
export async function fireSchedules(
  control: Control,
  schedules: readonly ScheduleFirings[],
): Promise<(readonly FiringRecord[] | undefined)[]> {
  const { triggers } = control;
  // A definition that changed earlier in this transaction is read again.
  await triggers.load(
    schedules.map(({ scheduleId }) => scheduleId),
    schedules.flatMap(({ firings }) => firings.map(({ id }) => id)),
  );
  const accepted = schedules.filter((each) => moveOn(control, each));
  const fired = await fireAll(
    control,
    accepted.flatMap(({ scheduleId, firings }) => firings.map((firing) => ({ sourceId: scheduleId, firing }))),
  );
  const answers = new Set(accepted);
  let next = 0;
  return schedules.map((each) => {
    if (!answers.has(each)) return undefined;
    next += each.firings.length;
    return fired.slice(next - each.firings.length, next);
  });
}

/** Moves a schedule on; false when it is gone or not where its caller saw it. */
function moveOn({ triggers }: Control, { scheduleId, advance }: ScheduleFirings): boolean {
  const schedule = triggers.source("schedule", scheduleId);
  if (schedule === undefined) return false;
  if (advance === undefined) return true;
  if (advance.revision !== schedule.revision || advance.fromUs !== schedule.nextAtUs) return false;
  triggers.move(schedule, advance.nextAtUs, advance.lastAtUs);
  return true;
}

/** Fires what events matched and moves the cursor; see TriggerStore.settle. */
export async function settleEvents(
  control: Control,
  { fromSeq, toSeq, firings }: EventSettlement,
): Promise<readonly FiringRecord[] | undefined> {
  const { triggers } = control;
  await triggers.load(
    firings.map(({ triggerId }) => triggerId),
    firings.map(({ firing }) => firing.id),
  );
  if ((await triggers.cursor()) !== fromSeq) return undefined;
  triggers.moveCursor(toSeq);
  const live = firings.filter(({ triggerId }) => triggers.source("trigger", triggerId) !== undefined);
  return fireAll(
    control,
    live.map(({ triggerId, firing }) => ({ sourceId: triggerId, firing })),
  );
}

interface OwnFiring {
  sourceId: string;
  firing: NewFiring;
}

/** Submits the jobs of firings that were not made before, all together, and stores what became of them. */
async function fireAll(control: Control, firings: readonly OwnFiring[]): Promise<FiringRecord[]> {
  const { triggers, numbers, nowUs } = control;
  const jobs = new Map<string, NewJob>();
  for (const { firing } of firings) {
    const { id, what } = firing;
    if ("job" in what && triggers.firing(id) === undefined) jobs.set(id, what.job);
  }
  const submitted = await submitJobs(control, [...jobs.values()]);
  const holders = await firstHolders(control, submitted);
  const outcomes = new Map([...jobs.values()].map((job, i) => [job.id, toFiredJob(job, submitted[i]!, holders)]));
  return firings.map(({ sourceId, firing }) => {
    const before = triggers.firing(firing.id);
    if (before !== undefined) return before;
    const job = "job" in firing.what ? outcomes.get(firing.what.job.id) : undefined;
    const record = newFiringRecord(firing, { seq: numbers.take("firing"), sourceId, firedAtUs: nowUs, job });
    triggers.addFiring(record);
    return record;
  });
}

const firstHoldersOf = statement(
  "first_holders",
  `SELECT u.key, j.id FROM unnest($1::text[]) AS u (key) CROSS JOIN LATERAL (
     SELECT job FROM job_place WHERE key = u.key AND admitted_at IS NOT NULL ORDER BY admitted_at, job LIMIT 1) h
   JOIN job j ON j.seq = h.job`,
);

/** The first job that holds a place under each key that was full, by key. */
async function firstHolders({ sql }: Control, submitted: readonly Submitted[]): Promise<ReadonlyMap<string, string>> {
  const keys = new Set(submitted.flatMap((each) => (each.kind === "rejected" ? each.key : [])));
  if (keys.size === 0) return new Map();
  // Those that are submitted here as well have no row yet.
  const holders = new Map<string, string>();
  for (const each of submitted) {
    const key = each.kind === "created" ? each.job.concurrency?.key : undefined;
    if (each.kind === "created" && key !== undefined && !holders.has(key)) holders.set(key, each.job.id);
  }
  const rows = (await sql.ask(firstHoldersOf, [texts(keys)])) as unknown as [string, string][];
  for (const [key, id] of rows) holders.set(key, id);
  return holders;
}

function toFiredJob(job: NewJob, submitted: Submitted, holders: ReadonlyMap<string, string>): FiredJob {
  switch (submitted.kind) {
    case "created":
      return { kind: "created", jobId: submitted.job.id };
    case "rejected":
      return { kind: "rejected", rule: job.concurrency!, holderId: holders.get(submitted.key) };
    // The id follows from what is fired: a job that has it was made by an earlier try.
    default:
      return submitted.jobId === job.id ? { kind: "existed", jobId: job.id } : submitted;
  }
}
