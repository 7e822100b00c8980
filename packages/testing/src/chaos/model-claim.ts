import { TaskState } from "@spanloom/protocol";
import type { ClaimRequest, DependencyRecord, Lease } from "@spanloom/server/store";
import { taskStateText } from "./enum-names.ts";
import { isThrottled, makeRoom, mayBeUnaware, notePassedOver, noteStart, whyTooMany } from "./model-places.ts";
import { demand, type ModelTask } from "./model-state.ts";
import type { RuleContext } from "./rule-context.ts";

/**
 * What a claim may lease, by design protocol 4: matching, admission, priority, jobs in turn, deeper tasks first.
 *
 * The model does not choose: it is shown what the store leased and refuses what the rules do not allow.
 */

/** A claim and when it was made. */
export interface ClaimContext extends RuleContext {
  request: ClaimRequest;
}

/** Records leases that a claim was answered with. */
export function applyClaim(context: ClaimContext, leases: readonly Lease[]): void {
  const { state, request } = context;
  const eligible = [...state.tasks.values()].filter(
    (task) => task.state === TaskState.QUEUED && matches(context, task),
  );
  const keys = new Set(eligible.map(({ key }) => key));
  demand(leases.length <= request.limit, () => `${leases.length} leases for a claim of ${request.limit}`);
  const leased = leases.map((lease) => {
    const key = Buffer.from(lease.input).toString();
    const task = state.tasks.get(key);
    demand(task !== undefined, () => `leased task ${lease.taskId} is unknown`);
    demand(
      keys.delete(key),
      () => `task ${key} was leased: it is ${taskStateText(task.state)}, or not for this runner`,
    );
    return { lease, task };
  });
  const why = whyTooMany(
    context,
    leased.map(({ task }) => task),
  );
  demand(why === undefined, () => `too much was leased: ${why}`);
  for (const { task } of leased) start(context, task);
  for (const { lease, task } of leased) {
    checkLease(context, task, lease);
    task.attempts.at(-1)!.token = Buffer.from(lease.token).toString("hex");
    task.id ??= lease.taskId;
    state.byId.set(lease.taskId, task.key);
  }
  state.passedForWindow.clear();
  if (leases.length < request.limit) {
    notePassedOver(
      context,
      eligible.filter(({ key }) => keys.has(key)),
    );
  }
  const runner = state.runners.get(request.runnerId)!;
  const mustMatch = ({ spec }: ModelTask) => !runner.refusedBefore.has(identifierOf(spec));
  const left = eligible.filter(
    (task) =>
      keys.has(task.key) && mustMatch(task) && !mayBeUnaware(context, task) && isThrottled(context, task) === undefined,
  );
  for (const { task } of leased) {
    if (task.spec.concurrency !== undefined) makeRoom(context, task.spec.concurrency);
  }
  checkOrder(
    context,
    leased.map(({ task }) => task),
    left,
  );
}

function identifierOf({ name, major, minor }: ModelTask["spec"]): string {
  return `${name}@${major}.${minor}`;
}

function matches({ state, request }: ClaimContext, { spec }: ModelTask): boolean {
  const runner = state.runners.get(request.runnerId)!;
  if (runner.state !== "active" || !request.queues.includes(spec.queue)) return false;
  if (runner.refused.has(identifierOf(spec))) return false;
  return request.identifiers.some(
    ({ name, major, minor }) => name === spec.name && major === spec.major && minor >= spec.minor,
  );
}

function start({ state, nowUs, request }: ClaimContext, task: ModelTask): void {
  const { leaseMs, runnerId } = request;
  const job = state.jobs.get(task.jobId)!;
  const { attemptTimeoutMs } = task.spec;
  const timeoutUs = attemptTimeoutMs === undefined ? Infinity : nowUs + attemptTimeoutMs * 1000;
  const deadlineUs = Math.min(timeoutUs, job.deadlineUs ?? Infinity);
  task.state = TaskState.RUNNING;
  task.attempts.push({
    number: task.attempts.length + 1,
    runnerId,
    token: "",
    leasedAtUs: nowUs,
    endedAtUs: undefined,
    outcome: 0,
    failureType: undefined,
    reported: false,
  });
  task.lease = {
    expiresAtUs: nowUs + leaseMs * 1000,
    leaseMs,
    deadlineUs: deadlineUs === Infinity ? undefined : deadlineUs,
    stop: undefined,
    orStop: undefined,
    fenceAtUs: undefined,
    doomed: false,
    order: ++state.order,
  };
  job.started = true;
  noteStart({ state, nowUs }, task);
  state.touched.add(job.id);
}

function checkLease({ state, seen: shown }: ClaimContext, task: ModelTask, lease: Lease): void {
  const { retry } = task.spec;
  // Tasks made by an operation done at once with the claim are not known by their ids yet.
  const idOf = ({ id, key }: ModelTask) => id ?? shown(key)?.id;
  const parent = task.parent === undefined ? undefined : state.tasks.get(task.parent)!;
  const seen = {
    jobId: lease.jobId,
    parentId: lease.parentId,
    attempt: lease.attempt,
    attemptsLeft: lease.attemptsLeft,
    expiresAtUs: lease.expiresAtUs,
    deadlineUs: lease.deadlineUs,
    display: lease.display,
    queue: lease.queue,
    dependencies: lease.dependencies.map(dependencyText).sort().join(" "),
  };
  const wanted = {
    jobId: task.jobId,
    parentId: parent && idOf(parent),
    attempt: task.attempts.length,
    attemptsLeft: Math.max(0, retry.maxAttempts - task.counted - 1),
    expiresAtUs: task.lease!.expiresAtUs,
    deadlineUs: task.lease!.deadlineUs,
    display: task.display,
    queue: task.spec.queue,
    dependencies: task.dependsOn
      .map((key) => state.tasks.get(key)!)
      .map((dependency) => modelDependencyText(dependency, idOf(dependency)))
      .sort()
      .join(" "),
  };
  const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
  demand(a === b, () => `the lease of task ${task.key} reads ${a}, the model says ${b}`);
}

function dependencyText({ taskId, state, output }: DependencyRecord): string {
  return `${taskId}:${state}:${Buffer.from(output).toString()}`;
}

function modelDependencyText({ state, output }: ModelTask, id: string | undefined): string {
  return `${id}:${state}:${state === TaskState.SUCCEEDED ? output : ""}`;
}

function checkOrder(context: ClaimContext, leased: readonly ModelTask[], left: readonly ModelTask[]): void {
  const { request } = context;
  if (leased.length < request.limit) {
    demand(
      left.length === 0,
      () =>
        `${leased.length} of ${request.limit} were leased although ${left[0]!.key} of job ${left[0]!.jobId} is ready`,
    );
  }
  for (const waiting of left) {
    const { priority } = waiting.spec;
    const rivals = leased.filter((task) => task.spec.priority <= priority);
    const lower = rivals.find((task) => task.spec.priority < priority);
    demand(lower === undefined, () => `${lower!.key} was leased before ${waiting.key} of higher priority`);
    const shallow = rivals.find((task) => task.jobId === waiting.jobId && task.depth < waiting.depth);
    demand(shallow === undefined, () => `${shallow!.key} was leased before ${waiting.key}, deeper in the same job`);
  }
  checkTurns(context, leased, left);
}

/** No job is served twice while another, with as urgent a task, is not served once. */
function checkTurns({ state }: ClaimContext, leased: readonly ModelTask[], left: readonly ModelTask[]): void {
  for (const { jobId } of leased) {
    for (const name of state.passedOver.keys()) if (name.startsWith(jobId)) state.passedOver.delete(name);
  }
  const waiting = new Map(left.map(({ jobId, spec }) => [`${jobId} ${spec.priority}`, { jobId, spec }]));
  for (const [name, { jobId, spec }] of waiting) {
    const own = leased.filter((task) => task.jobId === jobId).length;
    const served = new Map<string, number>(state.passedOver.get(name));
    for (const task of leased) {
      if (task.jobId === jobId || task.spec.priority !== spec.priority) continue;
      served.set(task.jobId, (served.get(task.jobId) ?? 0) + 1);
    }
    const keys = (tasks: readonly ModelTask[]) =>
      tasks.map((task) => `${task.key} of ${task.jobId.slice(-6)}`).join(", ");
    for (const [other, times] of served) {
      demand(times <= own + 1, () => {
        return `job ${other} was served ${times} times while job ${jobId} was served ${own} times: leased ${keys(leased)}; left ${keys(left)}`;
      });
    }
    if (own === 0) state.passedOver.set(name, served);
  }
}
