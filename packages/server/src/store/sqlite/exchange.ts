import { RunnerState } from "@spanloom/protocol";
import { sameToken } from "../../engine/lease.ts";
import { encodeProgress } from "../cells.ts";
import { sumProgress } from "../job-work.ts";
import type {
  CancellationRecord,
  Exchange,
  ExchangeOutcome,
  HeartbeatOutcome,
  Lease,
  RunningReport,
} from "../store.ts";
import { claim } from "./claim.ts";
import { complete } from "./complete.ts";
import type { Control } from "./control.ts";
import type { RunnerWork } from "./runner-table.ts";
import type { RunningWork } from "./running-attempts.ts";

const NO_LEASES: readonly Lease[] = [];

/** Ends attempts, then leases tasks. */
export function exchange(control: Control, { runnerId, reports, claim: wanted }: Exchange): ExchangeOutcome {
  const runner = presentRunner(control, runnerId);
  const outcomes = reports.map((report) => complete(control, report));
  const drain = runner.state === RunnerState.DRAINING;
  const wants = wanted !== undefined && wanted.limit > 0 && !drain;
  const leases = wants ? claim(control, wanted, runner) : NO_LEASES;
  control.changes.leased += leases.length;
  return { reports: outcomes, leases, cancellations: cancellationsOf(runner), drain };
}

/** Extends leases and records progress. A lease never gets shorter. */
export function heartbeat(
  control: Control,
  runnerId: string,
  running: readonly RunningReport[],
  leaseMs: number,
): HeartbeatOutcome {
  const runner = presentRunner(control, runnerId);
  const extended: { taskId: string; attempt: number }[] = [];
  const lost: { taskId: string; attempt: number }[] = [];
  for (const report of running) {
    const { taskId, attempt } = report;
    const work = control.running.get(taskId);
    if (work === undefined || work.attempt !== attempt || !sameToken(work.token, report.token)) {
      lost.push({ taskId, attempt });
      continue;
    }
    work.expiresAtUs = Math.max(work.expiresAtUs, control.nowUs + leaseMs * 1000);
    extended.push({ taskId, attempt });
    if (report.progress.length > 0) recordProgress(control, work, report);
  }
  return { extended, lost, cancelled: cancellationsOf(runner), drain: runner.state === RunnerState.DRAINING };
}

function recordProgress(control: Control, work: RunningWork, { progress }: RunningReport): void {
  const encoded = encodeProgress(progress);
  if (encoded === encodeProgress(work.progress)) return;
  control.db.run("UPDATE task SET progress = ? WHERE seq = ?", encoded, work.seq);
  sumProgress(control, control.jobs.get(work.job), work.progress, progress);
  work.progress = progress;
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

function cancellationsOf(runner: RunnerWork): CancellationRecord[] {
  const cancellations: CancellationRecord[] = [];
  for (const { taskId, attempt, stop } of runner.running) {
    if (stop !== undefined) cancellations.push({ taskId, attempt, reason: stop });
  }
  return cancellations;
}
