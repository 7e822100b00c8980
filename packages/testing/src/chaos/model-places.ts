import { CancellationReason, TaskState } from "@spanloom/protocol";
import type { ConcurrencyRule, RateRule } from "@spanloom/server/store";
import type { ModelState, ModelTask } from "./model-state.ts";
import { type RuleContext, stopAttempt } from "./rule-context.ts";

/** Places of tasks under concurrency keys and windows of rate limits, by counting. */

function withKey(state: ModelState, key: string, taskState: TaskState): ModelTask[] {
  return [...state.tasks.values()].filter(
    (task) => task.state === taskState && task.spec.concurrency?.key === key && !state.rejected.has(task.key),
  );
}

/** Why a queued task may not be offered now; undefined when it may. */
export function isThrottled(
  { state, nowUs }: Pick<RuleContext, "state" | "nowUs">,
  task: ModelTask,
): string | undefined {
  const { concurrency, rateLimit } = task.spec;
  if (!state.jobs.get(task.jobId)!.admitted) return "its job has no place";
  if (concurrency !== undefined && isFull(state, concurrency)) return `key ${concurrency.key} is full`;
  if (rateLimit !== undefined && isUsedUp(state, rateLimit, nowUs)) return `the window of ${rateLimit.key} is used up`;
  return undefined;
}

function isFull(state: ModelState, { key, limit }: ConcurrencyRule): boolean {
  return withKey(state, key, TaskState.RUNNING).length >= limit;
}

function isUsedUp(state: ModelState, rule: RateRule, nowUs: number): boolean {
  const window = state.windows.get(nameOf(rule));
  return window !== undefined && window.startUs === windowStartUs(rule, nowUs) && window.used >= rule.limit;
}

function nameOf({ key, windowMs }: RateRule): string {
  return `${key} ${windowMs}`;
}

function windowStartUs({ windowMs }: RateRule, nowUs: number): number {
  return Math.floor(nowUs / (windowMs * 1000)) * windowMs * 1000;
}

/**
 * Whether a task may have to wait for its window although none of its starts must count: the window is over and the store
 * was not asked since to look at the clock, or it is one that was left behind.
 */
export function mayBeUnaware({ state, nowUs }: Pick<RuleContext, "state" | "nowUs">, { spec }: ModelTask): boolean {
  const { rateLimit } = spec;
  if (rateLimit === undefined) return false;
  const startUs = windowStartUs(rateLimit, nowUs);
  if (windowStartUs(rateLimit, state.maintainedUs) !== startUs) return true;
  const window = state.windows.get(nameOf(rateLimit));
  return window?.startUs === startUs && window.most >= rateLimit.limit;
}

/** Leaves behind the windows that are over: a store may forget their starts. */
export function leaveWindows({ windows }: ModelState, nowUs: number): void {
  for (const window of windows.values()) if (window.endUs <= nowUs) window.used = 0;
}

/** Counts a start under its rate limit. A clock that went back, too, is in another window. */
export function noteStart({ state, nowUs }: Pick<RuleContext, "state" | "nowUs">, { spec }: ModelTask): void {
  if (spec.rateLimit === undefined) return;
  const startUs = windowStartUs(spec.rateLimit, nowUs);
  const known = state.windows.get(nameOf(spec.rateLimit));
  const { used, most } = known?.startUs === startUs ? known : { used: 0, most: 0 };
  const endUs = startUs + spec.rateLimit.windowMs * 1000;
  state.windows.set(nameOf(spec.rateLimit), { startUs, endUs, used: used + 1, most: most + 1 });
}

/**
 * Why tasks may not all start now; undefined when they may. Rules that share a key may differ in their limit: there must
 * be an order in which each finds room by its own.
 */
export function whyTooMany(
  { state, nowUs }: Pick<RuleContext, "state" | "nowUs">,
  tasks: readonly ModelTask[],
): string | undefined {
  const outside = tasks.find(({ jobId }) => !state.jobs.get(jobId)!.admitted);
  if (outside !== undefined) return `job ${outside.jobId} of ${outside.key} has no place`;
  const places = new Map<string, number[]>();
  const starts = new Map<string, number[]>();
  const used = new Map<string, number>();
  for (const { spec } of tasks) {
    const { concurrency, rateLimit } = spec;
    if (concurrency !== undefined) addTo(places, concurrency.key, concurrency.limit);
    if (rateLimit === undefined) continue;
    addTo(starts, nameOf(rateLimit), rateLimit.limit);
    const window = state.windows.get(nameOf(rateLimit));
    used.set(nameOf(rateLimit), window?.startUs === windowStartUs(rateLimit, nowUs) ? window.used : 0);
  }
  for (const [key, limits] of places) {
    if (!findRoom(limits, withKey(state, key, TaskState.RUNNING).length)) return `key ${key} has not as many places`;
  }
  for (const [name, limits] of starts)
    if (!findRoom(limits, used.get(name)!)) return `${used.get(name)} of ${limits} started in the window of ${name}`;
  return undefined;
}

function addTo(lists: Map<string, number[]>, name: string, limit: number): void {
  lists.set(name, [...(lists.get(name) ?? []), limit]);
}

/** Whether as many as there are limits can follow after `taken`, those with the lowest limit first. */
function findRoom(limits: readonly number[], taken: number): boolean {
  return limits.toSorted((a, b) => a - b).every((limit, i) => taken + i < limit);
}

/** When the next window begins that a task waits for alone. A store learns that one does when a claim passes it over. */
export function nextWindowUs(state: ModelState, nowUs: number): number {
  let next = Infinity;
  for (const key of state.passedForWindow) {
    const task = state.tasks.get(key)!;
    const { concurrency, rateLimit } = task.spec;
    if (task.state !== TaskState.QUEUED || rateLimit === undefined || !isUsedUp(state, rateLimit, nowUs)) continue;
    if (!state.jobs.get(task.jobId)!.admitted || (concurrency !== undefined && isFull(state, concurrency))) continue;
    next = Math.min(next, windowStartUs(rateLimit, nowUs) + rateLimit.windowMs * 1000);
  }
  return next;
}

/** Whether a task that becomes ready for the first time is refused by its key. */
export function isRefused(state: ModelState, { key, spec }: ModelTask): boolean {
  if (spec.concurrency?.policy !== "rejectNew") return false;
  const name = spec.concurrency.key;
  const queued = withKey(state, name, TaskState.QUEUED).filter((task) => task.key !== key).length;
  return withKey(state, name, TaskState.RUNNING).length + queued >= spec.concurrency.limit;
}

/** Stops as many of a full key's longest-running holders as tasks wait that may displace them. */
export function makeRoom(context: RuleContext, rule: ConcurrencyRule): void {
  if (context.roomLater === undefined) makeRoomNow(context, rule);
  else context.roomLater.push(() => makeRoomNow(context, rule));
}

function makeRoomNow(context: RuleContext, rule: ConcurrencyRule): void {
  const { state } = context;
  if (!isFull(state, rule)) return;
  const displacing = withKey(state, rule.key, TaskState.QUEUED).filter(
    ({ spec }) => spec.concurrency!.policy === "cancelRunning",
  );
  const holders = withKey(state, rule.key, TaskState.RUNNING).sort((a, b) => a.lease!.order - b.lease!.order);
  for (const holder of holders.slice(0, displacing.length))
    stopAttempt(context, holder, CancellationReason.CONCURRENCY);
}

/** Stops holders of all keys, as a store that opens again does. */
export function makeRoomEverywhere(context: RuleContext): void {
  for (const { spec } of context.state.tasks.values()) {
    if (spec.concurrency !== undefined) makeRoom(context, spec.concurrency);
  }
}

/** Notes tasks that a claim had places for and that their rate limit held back. Those of jobs without a place are not looked at. */
export function notePassedOver({ state, nowUs }: RuleContext, tasks: readonly ModelTask[]): void {
  for (const { key, jobId, spec } of tasks) {
    if (!state.jobs.get(jobId)!.admitted) continue;
    if (spec.rateLimit !== undefined && isUsedUp(state, spec.rateLimit, nowUs)) state.passedForWindow.add(key);
  }
}
