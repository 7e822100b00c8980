import { SpanloomError } from "@spanloom/protocol";
import type { NewJob } from "../../store.ts";
import type { NewFiring } from "../../trigger-store.ts";
import { type Control, flushAll } from "../control.ts";
import type { Operation } from "../group-commit.ts";
import type { Needs } from "../prefetch.ts";
import { statement } from "../statement.ts";
import { submitJobs } from "../submit.ts";

/** Runs an operation in a transaction. */
export type Write = <T>(operation: Operation<Needs, Control>) => Promise<T>;

const afterTrial = statement("after_trial", "SELECT 1");

/** What undoes a trial in which nothing went wrong. */
class TrialPassed extends SpanloomError {}

/**
 * Finds the jobs that a transaction fails by, with what it fails with: a defect in one shall not keep the others from being
 * submitted. They are tried in halves, and what was tried is undone.
 *
 * Errors: STORE_UNAVAILABLE and its like, which are nobody's fault.
 */
export async function blame(write: Write, jobs: readonly NewJob[]): Promise<Map<string, string>> {
  const failure = jobs.length === 0 ? undefined : await tryJobs(write, jobs);
  if (failure === undefined) return new Map();
  if (failure.retryable) throw failure;
  if (jobs.length === 1) return new Map([[jobs[0]!.id, failure.message]]);
  const half = jobs.length >> 1;
  const first = await blame(write, jobs.slice(0, half));
  return new Map([...first, ...(await blame(write, jobs.slice(half)))]);
}

async function tryJobs(write: Write, jobs: readonly NewJob[]): Promise<SpanloomError | undefined> {
  try {
    await write({
      needs: ({ submissions }) => void submissions.push(...jobs),
      run: async (control) => {
        await submitJobs(control, jobs);
        flushAll(control);
        // Fails with whatever failed before it.
        await control.sql.ask(afterTrial, []);
        throw new TrialPassed("INTERNAL", "cannot keep jobs: they were only tried");
      },
    });
  } catch (error) {
    return error instanceof TrialPassed ? undefined : (error as SpanloomError);
  }
  return undefined;
}

/** A firing whose job is to blame, as one of which no job can be made. */
export function withoutBlamed<Firing extends NewFiring>(firing: Firing, blamed: ReadonlyMap<string, string>): Firing {
  const error = "job" in firing.what ? blamed.get(firing.what.job.id) : undefined;
  return error === undefined ? firing : { ...firing, what: { error } };
}
