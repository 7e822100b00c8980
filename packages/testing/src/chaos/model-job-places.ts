import { CancellationReason } from "@spanloom/protocol";
import type { ConcurrencyRule } from "@spanloom/server/store";
import { doomJob, settleJob } from "./model-rules.ts";
import { jobHasEnded, type ModelJob, type ModelState } from "./model-state.ts";
import type { RuleContext } from "./rule-context.ts";

/** Places of jobs under concurrency keys, by counting. */

function jobsWith(state: ModelState, key: string, admitted: boolean): ModelJob[] {
  const jobs = [...state.jobs.values()].filter((job) => {
    return job.submitted.concurrency?.key === key && job.applied && job.admitted === admitted;
  });
  return jobs.filter(({ id }) => !jobHasEnded(state, id));
}

/** Whether a job that asks for a place now is refused. */
export function isJobRefused(state: ModelState, { key, limit, policy }: ConcurrencyRule): boolean {
  return policy === "rejectNew" && jobsWith(state, key, true).length + jobsWith(state, key, false).length >= limit;
}

/** Asks for a place for a job: it is let in or waits, and one that displaces cancels the longest-admitted. */
export function applyForPlace(context: RuleContext, job: ModelJob): void {
  const { state } = context;
  const rule = job.submitted.concurrency;
  job.applied = false;
  job.admitted = true;
  if (rule === undefined) return;
  const holders = jobsWith(state, rule.key, true).sort((a, b) => a.admittedOrder - b.admittedOrder);
  const waiting = jobsWith(state, rule.key, false);
  job.applied = true;
  job.admittedOrder = ++state.order;
  job.order = context.waitersByAge ? [...state.jobs.keys()].indexOf(job.id) : job.admittedOrder;
  job.admitted = waiting.length === 0 && holders.length < rule.limit;
  if (job.admitted) return;
  const displacing = [...waiting, job].filter(({ submitted }) => submitted.concurrency!.policy === "cancelRunning");
  for (const holder of holders.slice(0, displacing.length)) {
    if (holder.doom !== "none") continue;
    const cancelReason = `job ${job.id} took its place under concurrency key "${rule.key}"`;
    doomJob(context, holder, { doom: "cancelled", cancelReason, reason: CancellationReason.CONCURRENCY });
    settleJob(context, holder.id);
  }
}

/** Lets jobs in for which there is a place now: by priority, then in the order they asked, or were submitted. */
export function letJobsIn(state: ModelState): void {
  const keys = new Set([...state.jobs.values()].flatMap(({ submitted }) => submitted.concurrency?.key ?? []));
  for (const key of keys) {
    const waiting = jobsWith(state, key, false);
    waiting.sort((a, b) => b.submitted.priority - a.submitted.priority || a.order - b.order);
    for (const job of waiting) {
      if (jobsWith(state, key, true).length >= job.submitted.concurrency!.limit) break;
      job.admitted = true;
      job.admittedOrder = ++state.order;
    }
  }
}
