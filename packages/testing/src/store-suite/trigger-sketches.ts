import type {
  DefinitionRecord,
  EventRecord,
  FiringRecord,
  JobTrigger,
  NewDefinition,
  NewEventRecord,
  NewFiring,
  NewJob,
  ScheduleFirings,
  TriggerNews,
  TriggerStore,
} from "@spanloom/server/store";
import { expect } from "vitest";
import { type StoreDriver, taskSet } from "./driver.ts";

/** The part of a driver's store that keeps triggers. */
export function triggersOf({ store }: StoreDriver): TriggerStore {
  return store.triggers;
}

/** A definition in short. */
export function newDefinition(driver: StoreDriver, definition: Partial<NewDefinition> = {}): NewDefinition {
  return {
    kind: "schedule",
    id: driver.newId(),
    name: "nightly",
    body: Buffer.from("body"),
    paused: false,
    pauseReason: "",
    keepFirings: 100,
    ...definition,
  };
}

/** Makes a definition. */
export async function putNew(driver: StoreDriver, definition: Partial<NewDefinition> = {}): Promise<DefinitionRecord> {
  const record = await triggersOf(driver).put(newDefinition(driver, definition), 0);
  if (record === undefined) throw new Error(`cannot go on: ${definition.name} is there already`);
  return record;
}

/** Makes a trigger. */
export function putTrigger(driver: StoreDriver, definition: Partial<NewDefinition> = {}): Promise<DefinitionRecord> {
  return putNew(driver, { kind: "trigger", name: "orders", ...definition });
}

/** One that is there, as it stands. */
export async function current({ kind, name }: NewDefinition, driver: StoreDriver): Promise<DefinitionRecord> {
  const record = await triggersOf(driver).get(kind, name);
  if (record === undefined) throw new Error(`cannot go on: there is no ${kind} ${name}`);
  return record;
}

/** What set a job going of a schedule or trigger. */
export function triggerOf(source: DefinitionRecord, more: Partial<JobTrigger> = {}): JobTrigger {
  const { kind, id, name } = source;
  if (kind === "webhook") throw new Error("cannot go on: a webhook fires no jobs");
  return { type: kind === "schedule" ? "schedule" : "event", source: { kind, id, name }, depth: 0, ...more };
}

/** The firing of a job with one task. */
export function jobFiring(
  driver: StoreDriver,
  source: DefinitionRecord,
  { job = {}, ...more }: Partial<Omit<NewFiring, "what">> & { job?: Partial<NewJob> } = {},
): NewFiring {
  const id = more.id ?? driver.newId();
  const scheduledAtUs = more.scheduledAtUs ?? driver.clock.nowUs();
  const trigger = triggerOf(source, { scheduledAtUs, ...(more.eventId !== undefined && { eventId: more.eventId }) });
  const made = driver.newJob(taskSet({ name: "fired" }), { id, trigger, ...job });
  return { id, scheduledAtUs, requested: false, ...more, what: { job: made } };
}

/** A firing that submits nothing. */
export function idleFiring(
  driver: StoreDriver,
  what: { missed: number } | { error: string },
  more: Partial<NewFiring> = {},
): NewFiring {
  return { id: driver.newId(), scheduledAtUs: driver.clock.nowUs(), requested: false, ...more, what };
}

/** Fires, and has the jobs that were submitted checked after the test. */
export async function fire(
  driver: StoreDriver,
  ...schedules: readonly ScheduleFirings[]
): Promise<readonly (readonly FiringRecord[] | undefined)[]> {
  const fired = await triggersOf(driver).fire(schedules);
  keepJobs(
    driver,
    fired.flatMap((firings) => firings ?? []),
  );
  return fired;
}

/** The firings of a schedule that moves on from where it stands. */
export function advance(
  schedule: DefinitionRecord,
  firings: readonly NewFiring[],
  nextAtUs: number | undefined,
): ScheduleFirings {
  const fromUs = schedule.nextAtUs;
  if (fromUs === undefined) throw new Error(`cannot go on: ${schedule.name} is not due at any time`);
  return {
    scheduleId: schedule.id,
    advance: { revision: schedule.revision, fromUs, nextAtUs, lastAtUs: fromUs },
    firings,
  };
}

/** Publishes events; answers their ids. */
export async function publish(driver: StoreDriver, ...events: readonly Partial<NewEventRecord>[]): Promise<string[]> {
  const made = events.map((event) => newEvent(driver, event));
  await triggersOf(driver).publish(made);
  return made.map(({ id }) => id);
}

/** An event in short. */
export function newEvent(driver: StoreDriver, event: Partial<NewEventRecord> = {}): NewEventRecord {
  return {
    id: driver.newId(),
    key: "order.paid",
    payload: Buffer.from("{}"),
    metadata: {},
    trace: { traceparent: "", tracestate: "", baggage: "" },
    source: "published",
    webhook: "",
    replayOf: "",
    onlyTrigger: "",
    depth: 0,
    ...event,
  };
}

/** What settles every event that waits. */
export async function settleAll(
  driver: StoreDriver,
  ...firings: readonly { triggerId: string; firing: NewFiring }[]
): Promise<readonly FiringRecord[] | undefined> {
  const { fromSeq, events } = await unmatched(driver);
  const settled = await triggersOf(driver).settle({ fromSeq, toSeq: events.at(-1)?.seq ?? fromSeq, firings });
  keepJobs(driver, settled ?? []);
  return settled;
}

/** All events that wait to be matched. */
export function unmatched(driver: StoreDriver): Promise<{ fromSeq: number; events: readonly EventRecord[] }> {
  return triggersOf(driver).unmatched(100_000, Number.MAX_SAFE_INTEGER);
}

/** Firings of a definition, newest first. */
export function firingsOf(driver: StoreDriver, { id }: { id: string }): Promise<readonly FiringRecord[]> {
  return triggersOf(driver).listFirings({ sourceId: id }, { limit: 1_000 });
}

/** Hears the news of a store. */
export function newsOf(driver: StoreDriver): TriggerNews[] {
  const news: TriggerNews[] = [];
  triggersOf(driver).onNews((told) => news.push(told));
  return news;
}

/** Expects that of some jobs none was stored. */
export async function expectNoJobs(driver: StoreDriver, ...ids: readonly string[]): Promise<void> {
  expect(await driver.store.getJobs(ids, { includeOutputs: false })).toEqual([]);
}

function keepJobs(driver: StoreDriver, firings: readonly FiringRecord[]): void {
  for (const { jobId } of firings) if (jobId !== "" && !driver.jobIds.includes(jobId)) driver.jobIds.push(jobId);
}
