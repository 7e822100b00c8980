import { RunnerState } from "@spanloom/protocol";
import { encodeProgress } from "../cells.ts";
import { sumProgress } from "../job-work.ts";
import type { Exchange, ExchangeOutcome, HeartbeatOutcome, Lease, ReportOutcome, RunningReport } from "../store.ts";
import { type ClaimWork, newClaim } from "./claim.ts";
import { complete, heldTask } from "./complete.ts";
import type { Control } from "./control.ts";
import type { RunnerWork } from "./runner-table.ts";
import type { TaskWork } from "./tasks.ts";

const NO_LEASES: readonly Lease[] = [];

/** Ends attempts and asks for tasks; the answer is complete once the claims of its round were served. */
export async function exchange(control: Control, request: Exchange): Promise<() => ExchangeOutcome> {
  const runner = presentRunner(control, request.runnerId);
  const reports: ReportOutcome[] = [];
  for (const report of request.reports) reports.push(await complete(control, runner, report));
  const drain = runner.state === RunnerState.DRAINING;
  const { claim: wanted } = request;
  let claim: ClaimWork | undefined;
  if (wanted !== undefined && wanted.limit > 0 && !drain) {
    claim = newClaim(wanted, runner);
    control.claims.push(claim);
  }
  return () => {
    const leases = claim?.leases ?? NO_LEASES;
    control.changes.leased += leases.length;
    return { reports, leases, cancellations: [...runner.stops.values()], drain };
  };
}

/** What a runner says of its attempts. */
export interface Beat {
  runnerId: string;
  running: readonly RunningReport[];
  leaseMs: number;
}

/** Extends leases and records progress. A lease never gets shorter. */
export function heartbeat(control: Control, { runnerId, running, leaseMs }: Beat): () => HeartbeatOutcome {
  const runner = presentRunner(control, runnerId);
  const extended: { taskId: string; attempt: number }[] = [];
  const lost: { taskId: string; attempt: number }[] = [];
  for (const report of running) {
    const { taskId, attempt } = report;
    const work = heldTask(control, report);
    if (work === undefined) {
      lost.push({ taskId, attempt });
      continue;
    }
    extend(control, work, control.nowUs + leaseMs * 1000);
    extended.push({ taskId, attempt });
    if (report.progress.length > 0) recordProgress(control, work, report);
  }
  const drain = runner.state === RunnerState.DRAINING;
  return () => ({ extended, lost, cancelled: [...runner.stops.values()], drain });
}

function extend(control: Control, work: TaskWork, expiresAtUs: number): void {
  if (expiresAtUs <= work.expiresAtUs!) return;
  work.expiresAtUs = expiresAtUs;
  control.tasks.touch(work, "extend");
}

function recordProgress(control: Control, work: TaskWork, { progress }: RunningReport): void {
  if (encodeProgress(progress) === encodeProgress(work.progress)) return;
  sumProgress(control, control.jobs.get(work.job), work.progress, progress);
  work.progress = progress;
  control.tasks.touch(work, "whole");
}

function presentRunner(control: Control, runnerId: string): RunnerWork {
  const runner = control.runners.obtain(runnerId, control.nowUs);
  if (runner.state !== RunnerState.DRAINING && runner.state !== RunnerState.ACTIVE) {
    // A runner that said goodbye, or was forgotten, and speaks again has not gone.
    runner.state = RunnerState.ACTIVE;
    control.runners.save(runner);
  }
  control.runners.seen(runner, control.nowUs);
  return runner;
}
