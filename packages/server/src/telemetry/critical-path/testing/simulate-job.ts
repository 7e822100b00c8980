import { type PathAttempt, type PathJob, type PathTask, Siblings } from "../path-task.ts";

/** How long the phases of an attempt take, in microseconds. */
export interface AttemptPlan {
  backoffUs: number;
  queuedUs: number;
  runUs: number;
}

/** A task to be run, and what it submits when its last attempt succeeds. */
export interface TaskPlan {
  attempts: readonly [AttemptPlan, ...AttemptPlan[]];
  /** Places of earlier tasks of the same submission, taken modulo how many there are. */
  after: readonly number[];
  children: readonly TaskPlan[];
}

/** Runs a plan with as many runners as it takes; times are exact, nothing is lost between its phases. */
export function simulateJob(plans: readonly TaskPlan[]): { job: PathJob; tasks: PathTask[] } {
  const run = new Simulation();
  const roots = run.submit(plans, 0);
  const endedUs = Math.max(0, ...roots.tasks.map((task) => task.endedUs));
  return { job: { row: 0, endedUs, roots }, tasks: run.tasks };
}

class Simulation {
  readonly tasks: PathTask[] = [];
  #row = 0;

  submit(plans: readonly TaskPlan[], atUs: number): Siblings {
    const siblings = new Siblings();
    for (const plan of plans) {
      const earlier = siblings.tasks.slice();
      const waits = new Set(earlier.length === 0 ? [] : plan.after.map((place) => earlier[place % earlier.length]!));
      const unblockedUs = Math.max(atUs, ...[...waits].map(({ endedUs }) => endedUs));
      const dependencies = new Set([...waits].map(({ row }) => row));
      siblings.tasks.push(this.#run(plan, { createdUs: atUs, unblockedUs, siblings, dependencies }));
    }
    return siblings;
  }

  #run(
    plan: TaskPlan,
    place: Pick<PathTask, "createdUs" | "siblings" | "dependencies"> & { unblockedUs: number },
  ): PathTask {
    const row = ++this.#row;
    const attempts: PathAttempt[] = [];
    let atUs = place.unblockedUs;
    for (const { backoffUs, queuedUs, runUs } of plan.attempts) {
      const waitedUs = attempts.length === 0 ? 0 : backoffUs;
      const leasedUs = atUs + waitedUs + queuedUs;
      const endedUs = leasedUs + runUs;
      attempts.push({
        row: ++this.#row,
        number: attempts.length + 1,
        queuedUs,
        backoffUs: waitedUs,
        leasedUs,
        endedUs,
      });
      atUs = endedUs;
    }
    const children = this.submit(plan.children, atUs);
    const endedUs = Math.max(atUs, ...children.tasks.map((task) => task.endedUs));
    const events = { lastQueuedUs: undefined, lastRetryUs: undefined };
    const task: PathTask = { row, ...place, ...events, endedUs, attempts, children };
    this.tasks.push(task);
    return task;
  }
}

/** The same job as its spans were at a moment before its end: what had not happened yet is not there. */
export function cutAt({ job }: { job: PathJob }, nowUs: number): PathJob {
  return { ...job, endedUs: nowUs, roots: cutSiblings(job.roots, nowUs) };
}

function cutSiblings({ tasks }: Siblings, nowUs: number): Siblings {
  const cut = new Siblings();
  for (const task of tasks) if (task.createdUs <= nowUs) cut.tasks.push(cutTask(task, nowUs, cut));
  return cut;
}

function cutTask(task: PathTask, nowUs: number, siblings: Siblings): PathTask {
  const later = (us: number) => (us > nowUs ? Number.POSITIVE_INFINITY : us);
  const attempts = task.attempts
    .filter(({ leasedUs }) => leasedUs <= nowUs)
    .map((attempt) => ({ ...attempt, endedUs: later(attempt.endedUs) }));
  const { unblockedUs } = task;
  const next = task.attempts[attempts.length];
  const readyUs = next && next.leasedUs - next.queuedUs;
  const isQueued = readyUs !== undefined && readyUs <= nowUs && attempts.at(-1)?.endedUs !== Number.POSITIVE_INFINITY;
  const isPutOff = next && next.backoffUs > 0 && attempts.at(-1)?.endedUs !== Number.POSITIVE_INFINITY;
  return {
    ...task,
    siblings,
    attempts,
    endedUs: later(task.endedUs),
    unblockedUs: unblockedUs !== undefined && unblockedUs <= nowUs ? unblockedUs : undefined,
    lastQueuedUs: isQueued ? readyUs : attempts.length === 0 ? undefined : task.lastQueuedUs,
    lastRetryUs: isPutOff ? attempts.at(-1)?.endedUs : undefined,
    children: cutSiblings(task.children, nowUs),
  };
}
