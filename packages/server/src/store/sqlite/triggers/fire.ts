import { type FiredJob, newFiringRecord } from "../../firing-outcome.ts";
import type { FiringRecord, NewFiring, NewJob, ScheduleFirings } from "../../store.ts";
import type { Control } from "../control.ts";
import { submitJob } from "../submit.ts";
import { findFirings, insertFiring } from "./firings.ts";

/** What a firing is one of. */
export interface FiringSource {
  seq: number;
  id: string;
}

/** Firings by id that were made, or are met again in one call. */
export type KnownFirings = Map<string, FiringRecord>;

/** Fires schedules and moves them on; answers each in order, undefined when it is not where the caller saw it. */
export function fire(control: Control, schedules: readonly ScheduleFirings[]): (FiringRecord[] | undefined)[] {
  const known = knownFirings(
    control,
    schedules.flatMap(({ firings }) => firings),
  );
  return schedules.map((schedule) => {
    const source = moveOn(control, schedule);
    return source && schedule.firings.map((firing) => fireOne(control, source, { firing, known }));
  });
}

/** Those of some firings that were made before. */
export function knownFirings(control: Control, firings: readonly NewFiring[]): KnownFirings {
  return findFirings(
    control.db,
    firings.map(({ id }) => id),
  );
}

/** A schedule that is where its caller saw it. */
export function scheduleAt(control: Control, { scheduleId: id, advance }: ScheduleFirings): FiringSource | undefined {
  const sql = "SELECT seq FROM definition WHERE id = ? AND kind = 'schedule'";
  const row =
    advance === undefined
      ? control.db.row(sql, id)
      : control.db.row(`${sql} AND revision = ? AND next_at = ?`, id, advance.revision, advance.fromUs);
  return row && { seq: row[0] as number, id };
}

function moveOn(control: Control, schedule: ScheduleFirings): FiringSource | undefined {
  const { advance } = schedule;
  if (advance === undefined) return scheduleAt(control, schedule);
  const row = control.db.row(
    `UPDATE definition SET next_at = ?, last_at = max(coalesce(last_at, 0), ?)
     WHERE id = ? AND kind = 'schedule' AND revision = ? AND next_at = ? RETURNING seq`,
    advance.nextAtUs ?? null,
    advance.lastAtUs,
    schedule.scheduleId,
    advance.revision,
    advance.fromUs,
  );
  return row && { seq: row[0] as number, id: schedule.scheduleId };
}

/** Makes one firing, unless it was made before; answers it as it stands. */
export function fireOne(
  control: Control,
  source: FiringSource,
  { firing, known }: { firing: NewFiring; known: KnownFirings },
): FiringRecord {
  const before = known.get(firing.id);
  if (before !== undefined) return before;
  const job = "job" in firing.what ? submitFired(control, firing.what.job) : undefined;
  const { triggers, nowUs } = control;
  const facts = { seq: triggers.newFiring(), sourceId: source.id, firedAtUs: nowUs, job };
  const record = newFiringRecord(firing, facts);
  insertFiring(control, source.seq, record);
  noteOutcome(control, source, record);
  known.set(record.id, record);
  return record;
}

/** Submits the job of a firing. One that is there was made by a firing that has been forgotten. */
function submitFired(control: Control, job: NewJob): FiredJob {
  if (control.db.row("SELECT 1 FROM job WHERE id = ?", job.id) !== undefined) return { kind: "existed", jobId: job.id };
  const outcome = submitJob(control, job);
  switch (outcome.kind) {
    case "rejected":
      return { kind: "rejected", rule: job.concurrency!, holderId: holderOf(control, outcome.key) };
    case "conflict":
      return outcome;
    default:
      return { kind: outcome.kind, jobId: outcome.job.id };
  }
}

/** The first job that holds a place under a key. */
function holderOf({ db, jobAdmission }: Control, key: string): string | undefined {
  const seq = jobAdmission.firstHolder(key);
  return seq === undefined ? undefined : (db.row("SELECT id FROM job WHERE seq = ?", seq)?.[0] as string | undefined);
}

/** Keeps what failed last at its definition, until a firing succeeds. */
function noteOutcome(
  { db, triggers }: Control,
  { seq }: FiringSource,
  { outcome, error, firedAtUs }: FiringRecord,
): void {
  if (outcome === "failed") {
    db.run("UPDATE definition SET error = ?, error_at = ? WHERE seq = ?", error, firedAtUs, seq);
    triggers.failing.add(seq);
  } else if (outcome === "submitted" && triggers.failing.delete(seq)) {
    db.run("UPDATE definition SET error = NULL, error_at = NULL WHERE seq = ?", seq);
  }
}
