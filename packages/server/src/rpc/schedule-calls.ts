import { setImmediate as nextTurn } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  DeleteScheduleResponseSchema,
  GetScheduleResponseSchema,
  type IdGenerator,
  type Limits,
  type ListSchedulesRequest,
  ListSchedulesResponseSchema,
  type PauseScheduleRequest,
  PauseScheduleResponseSchema,
  type PreviewScheduleRequest,
  PreviewScheduleResponseSchema,
  type PutScheduleRequest,
  PutScheduleRequestSchema,
  PutScheduleResponseSchema,
  type ResumeScheduleRequest,
  ResumeScheduleResponseSchema,
  type Schedule,
  type ScheduleSpec,
  ScheduleSpecSchema,
  type TriggerService,
  timestampFromUs,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import { boundedText, checkLimit, invalidField, requiredText } from "../engine/field.ts";
import {
  canonicalSchedule,
  readSchedule,
  readTimes,
  type ScheduleDefinition,
} from "../engine/trigger/schedule-definition.ts";
import { nextFireTime } from "../engine/trigger/schedule-plan.ts";
import { nextTime } from "../engine/trigger/schedule-times.ts";
import type { Store } from "../store/store.ts";
import type { NewDefinition, TriggerStore } from "../store/trigger-store.ts";
import { changeDefinition, definitionOf, findDefinition } from "./definition-change.ts";
import { listDefinitions } from "./definition-page.ts";
import { tellJobStates } from "./firing-message.ts";
import { timeField } from "./request-field.ts";
import { scheduleRequest, timesAfter, toSchedule } from "./schedule-message.ts";
import type { Handlers } from "./service-route.ts";
import type { TriggerTester } from "./test-trigger.ts";

/** What TriggerService needs. */
export interface TriggerServiceOptions {
  triggers: TriggerStore;
  /** Tells how jobs stand that were fired. */
  store: Pick<Store, "jobStates">;
  clock: Clock;
  /** Time of day, which schedules follow: unlike the clock's it is set when the machine's is. */
  wallNowUs: () => number;
  limits: Limits;
  ids: Pick<IdGenerator, "next">;
  /** Tries expressions of triggers, where one that runs too long is ended. Without it TestTrigger is not served. */
  tester?: TriggerTester | undefined;
}

const MAX_PAUSE_REASON_BYTES = 1024;
const MAX_PREVIEW = 1_000;
const DEFAULT_PREVIEW = 10;
/** Times are found in some 20 microseconds each: after so many others are let in. */
const TIMES_PER_TURN = 100;

/** The calls about schedules that fire nothing. */
export function scheduleCalls(options: TriggerServiceOptions) {
  const { triggers, store, limits } = options;
  const nameOf = ({ name }: { name: string }) => requiredText("name", name, limits.maxNameBytes);
  return {
    putSchedule: (request) => putSchedule(request, options),
    async getSchedule(request) {
      const record = await findDefinition(triggers, "schedule", nameOf(request));
      const schedule = toSchedule(record);
      await tellJobStates(store, [schedule.lastFiring]);
      return create(GetScheduleResponseSchema, { schedule });
    },
    listSchedules: (request) => listSchedules(request, options),
    async deleteSchedule(request) {
      const deleted = await triggers.delete("schedule", nameOf(request));
      return create(DeleteScheduleResponseSchema, { deleted });
    },
    pauseSchedule: (request) => pauseSchedule(request, options),
    resumeSchedule: (request) => resumeSchedule(request, options),
    previewSchedule: (request) => previewSchedule(request, options),
  } satisfies Handlers<typeof TriggerService>;
}

async function putSchedule(request: PutScheduleRequest, options: TriggerServiceOptions) {
  const { triggers, limits, ids } = options;
  const definition = readSchedule(request, limits);
  const { name, keepFirings } = definition;
  const canonical = canonicalSchedule(request, definition);
  const body = toBinary(PutScheduleRequestSchema, canonical, { writeUnknownFields: false });
  checkLimit("job", body.length, limits.maxDefinitionBytes, "bytes with what is around it");
  const put = await changeDefinition(triggers, { kind: "schedule", name }, (existing) => {
    if (existing && Buffer.compare(existing.body, body) === 0) return undefined;
    const { id = ids.next(), paused = request.paused, pauseReason = "" } = existing ?? {};
    const isSame = existing !== undefined && isSameSpec(scheduleRequest(existing).spec, canonical.spec);
    const times = isSame ? existing : newTimes({ id, paused, definition, lastAtUs: existing?.lastAtUs }, options);
    const { nextAtUs, lastAtUs } = times;
    return { kind: "schedule", id, name, body, paused, pauseReason, keepFirings, nextAtUs, lastAtUs };
  });
  const { created, changed } = put;
  return create(PutScheduleResponseSchema, { schedule: toSchedule(put.record), created, changed });
}

interface Timed {
  id: string;
  paused: boolean;
  definition: Pick<ScheduleDefinition, "spec" | "jitterUs">;
  lastAtUs: number | undefined;
}

/** A schedule that is new, changed or resumed begins now: what is over by its times is nothing it missed. */
function newTimes(schedule: Timed, options: TriggerServiceOptions): Pick<NewDefinition, "nextAtUs" | "lastAtUs"> {
  const lastAtUs = Math.max(schedule.lastAtUs ?? 0, options.wallNowUs());
  const { spec, jitterUs } = schedule.definition;
  const nextAtUs = nextFireTime({ spec, jitterUs, scheduleId: schedule.id, lastTimeUs: lastAtUs });
  if (nextAtUs === undefined) throw invalidField("spec", "has no time to come: all of its times are over");
  return { lastAtUs, nextAtUs: schedule.paused ? undefined : nextAtUs };
}

function isSameSpec(one: ScheduleSpec | undefined, other: ScheduleSpec | undefined): boolean {
  const encoded = (spec: ScheduleSpec | undefined) => toBinary(ScheduleSpecSchema, spec ?? create(ScheduleSpecSchema));
  return Buffer.compare(encoded(one), encoded(other)) === 0;
}

async function listSchedules(request: ListSchedulesRequest, { triggers, store, limits }: TriggerServiceOptions) {
  const { records, nextPageToken } = await listDefinitions("schedule", request, { triggers, limits });
  const schedules: Schedule[] = [];
  for (const [i, record] of records.entries()) {
    if (i % (TIMES_PER_TURN / 5) === 0) await nextTurn();
    schedules.push(toSchedule(record));
  }
  await tellJobStates(
    store,
    schedules.map(({ lastFiring }) => lastFiring),
  );
  return create(ListSchedulesResponseSchema, { schedules, nextPageToken });
}

async function pauseSchedule(request: PauseScheduleRequest, { triggers, limits }: TriggerServiceOptions) {
  const pauseReason = boundedText("reason", request.reason, MAX_PAUSE_REASON_BYTES);
  const name = requiredText("name", request.name, limits.maxNameBytes);
  const { record } = await changeDefinition(triggers, { kind: "schedule", name }, (existing) => {
    if (!existing || (existing.paused && existing.pauseReason === pauseReason)) return undefined;
    return { ...definitionOf(existing), paused: true, pauseReason, nextAtUs: undefined };
  });
  return create(PauseScheduleResponseSchema, { schedule: toSchedule(record) });
}

async function resumeSchedule({ name: given }: ResumeScheduleRequest, options: TriggerServiceOptions) {
  const { triggers, limits, wallNowUs } = options;
  const name = requiredText("name", given, limits.maxNameBytes);
  const { record } = await changeDefinition(triggers, { kind: "schedule", name }, (existing) => {
    if (!existing?.paused) return undefined;
    const { id, lastAtUs: before = 0 } = existing;
    const lastAtUs = Math.max(before, wallNowUs());
    const { spec, jitterUs } = readTimes(scheduleRequest(existing).spec);
    const nextAtUs = nextFireTime({ spec, jitterUs, scheduleId: id, lastTimeUs: lastAtUs });
    return { ...definitionOf(existing), paused: false, pauseReason: "", lastAtUs, nextAtUs };
  });
  return create(ResumeScheduleResponseSchema, { schedule: toSchedule(record) });
}

async function previewSchedule(request: PreviewScheduleRequest, { wallNowUs }: TriggerServiceOptions) {
  const { spec } = readTimes(request.spec);
  if (request.count > MAX_PREVIEW) throw invalidField("count", `is ${request.count}, allowed 0..${MAX_PREVIEW}`);
  const count = request.count || DEFAULT_PREVIEW;
  let afterUs = timeField("after", request.after) ?? wallNowUs();
  const times: number[] = [];
  while (times.length < count && nextTime(spec, afterUs) !== undefined) {
    const more = timesAfter(spec, afterUs, Math.min(TIMES_PER_TURN, count - times.length));
    times.push(...more);
    afterUs = more.at(-1) ?? afterUs;
    await nextTurn();
  }
  return create(PreviewScheduleResponseSchema, { times: times.flatMap((us) => timestampFromUs(us) ?? []) });
}
