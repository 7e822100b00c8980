import { type Job, JobState } from "@spanloom/protocol";
import { errorText } from "../../rpc/error-text.ts";
import { showToast } from "../../state/toasts.ts";
import { isEnded } from "../../text/job-states.ts";

/** Some jobs, and what can be done to them. */
export interface ManyJobs {
  /** In the order of the list. */
  all: readonly Job[];
  /** Those that can be cancelled. */
  running: readonly Job[];
  /** Those that have something to run again. */
  failed: readonly Job[];
}

/** The chosen ones among the jobs that are shown. */
export function chosenJobs(shown: readonly Job[], chosen: ReadonlySet<string>): ManyJobs {
  const all = shown.filter(({ id }) => chosen.has(id));
  const isFailed = (state: JobState) => state === JobState.FAILED || state === JobState.CANCELLED;
  return {
    all,
    running: all.filter(({ state }) => !isEnded(state)),
    failed: all.filter(({ state }) => isFailed(state)),
  };
}

/** How many are dealt with at a time: more would queue in the browser. */
const AT_ONCE = 6;

/** What became of many calls. */
export interface Tally {
  done: number;
  /** Why the first that failed did. */
  problems: readonly unknown[];
}

/** Does something to each job, some at a time. Never rejects: what failed is in the tally. */
export async function forEachJob(jobs: readonly Job[], call: (job: Job) => Promise<unknown>): Promise<Tally> {
  const problems: unknown[] = [];
  const rest = [...jobs];
  const work = async () => {
    for (let job = rest.shift(); job; job = rest.shift()) {
      try {
        await call(job);
      } catch (error) {
        problems.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done: jobs.length - problems.length, problems };
}

/** Says in one message what became of many calls; `done` names what was done, such as `Cancelled`. */
export function showTally(done: string, tally: Tally): void {
  const text = `${done} ${countText(tally.done)}`;
  if (tally.problems.length === 0) showToast("good", text);
  else
    showToast(
      "bad",
      `${text}; ${countText(tally.problems.length)} could not be: ${errorText(tally.problems[0]).message}`,
    );
}

/** So many jobs. */
export function countText(count: number): string {
  return `${count.toLocaleString()} ${count === 1 ? "job" : "jobs"}`;
}
