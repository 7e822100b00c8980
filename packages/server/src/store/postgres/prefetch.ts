import { isUuid } from "@spanloom/protocol";
import type { NewJob } from "../store.ts";
import type { Control } from "./control.ts";
import { rememberEarlier } from "./jobs.ts";
import type { TaskWork } from "./tasks.ts";

/** What operations of one round will work on. */
export interface Needs {
  readonly taskIds: Set<string>;
  readonly jobIds: Set<string>;
  readonly runnerIds: Set<string>;
  readonly submissions: NewJob[];
  /** Schedules and triggers that fire. */
  readonly sourceIds: Set<string>;
  readonly firingIds: Set<string>;
  readonly eventIds: Set<string>;
}

/** Nothing yet. */
export function noNeeds(): Needs {
  return {
    taskIds: new Set(),
    jobIds: new Set(),
    runnerIds: new Set(),
    submissions: [],
    sourceIds: new Set(),
    firingIds: new Set(),
    eventIds: new Set(),
  };
}

/**
 * Looks for jobs submitted before.
 *
 * A hopeful transaction hopes that ids are new: one that is used again fails it, and is found when it runs again.
 */
export async function prefetchEarlier(control: Control, jobs: readonly NewJob[]): Promise<void> {
  const { earlier, sql } = control;
  const ids = sql.isHopeful ? [] : jobs.map(({ id }) => id).filter((id) => !earlier.byId.has(id));
  const keys = jobs.map(({ idempotencyKey }) => idempotencyKey).filter((key) => key !== "" && !earlier.byKey.has(key));
  if (ids.length + keys.length === 0) return;
  for (const job of await control.jobs.earlier(ids, keys)) rememberEarlier(earlier, job);
}

/** Reads everything that memory does not hold, in at most two round trips but for specs never seen before. */
export async function prefetch(control: Control, needs: Needs): Promise<void> {
  const { submissions } = needs;
  await Promise.all([
    control.arriving,
    seekSpecs(control, submissions),
    control.runners.loadByIds([...needs.runnerIds].filter(isUuid)),
    control.jobs.loadByIds([...needs.jobIds].filter(isUuid)),
    prefetchTasks(control, needs.taskIds),
    control.jobPlaces.load(submissions.flatMap(({ concurrency }) => concurrency ?? [])),
    control.triggers.load(needs.sourceIds, needs.firingIds),
    control.triggers.events.find(needs.eventIds),
  ]);
}

/** Of many submissions all at once; one asks for its specs itself. */
async function seekSpecs(control: Control, jobs: readonly NewJob[]): Promise<void> {
  if (jobs.length < 2) return;
  const sets = jobs.map(({ tasks, queue, priority }) => [tasks, { queue, priority }] as const);
  await control.specs.seek(sets, control.arriving);
}

async function prefetchTasks(control: Control, taskIds: Iterable<string>): Promise<void> {
  const unknown = [...taskIds].filter((id) => isUuid(id) && control.tasks.find(id) === undefined);
  if (unknown.length === 0) return;
  const places = [...(await control.tasks.places(unknown)).values()];
  await loadTasks(control, places);
}

/** Reads tasks with their groups, jobs and specs. What the open transaction changed must have been sent. */
export async function loadTasks(
  control: Control,
  places: readonly { seq: number; group: number; job?: number }[],
): Promise<TaskWork[]> {
  const missing = control.tasks.missing(places.map(({ seq }) => seq));
  const known = places.filter(({ job }) => job !== undefined).map(({ job }) => job!);
  const [rows] = await Promise.all([
    missing.length === 0 ? [] : control.tasks.read(missing),
    control.groups.load(places.map(({ group }) => group)),
    control.jobs.load(known),
  ]);
  const works = control.tasks.addRows(control.groups, rows);
  await Promise.all([
    control.specs.load(works.map(({ spec }) => spec)),
    control.jobs.load(works.map(({ job }) => job)),
  ]);
  return places.map(({ seq }) => control.tasks.get(seq));
}
